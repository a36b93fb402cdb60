//! The parameters of a request: each name once, empty ones absent, unknown ones ignored (RFC 6749, section 3.1 and 3.2).

use crate::domain::fault::OAuthCode as Code;
use zeroize::Zeroize as _;

use super::refusal::Refusal;

/// Every name that means something at one of the endpoints. Of these, none may come twice (security.md OAU-3).
const KNOWN: &[&str] = &[
    "client_id",
    "client_secret",
    "client_assertion",
    "client_assertion_type",
    "grant_type",
    "response_type",
    "response_mode",
    "redirect_uri",
    "scope",
    "state",
    "nonce",
    "code",
    "code_challenge",
    "code_challenge_method",
    "code_verifier",
    "refresh_token",
    "username",
    "password",
    "totp",
    "token",
    "token_type_hint",
    "auto",
    "prompt",
    "max_age",
    "claims",
    MARK,
    "request",
    "request_uri",
    "registration",
];

/// What an authorization request is made of.
const CARRIED: &[&str] = &[
    "client_id",
    "response_type",
    "response_mode",
    "redirect_uri",
    "scope",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
    "prompt",
    "max_age",
    "claims",
    "request",
    "request_uri",
    "registration",
    MARK,
];

/// Not the client's: our own mark that the browser was sent to sign in for this request (see [`anew`](super::anew)).
pub(super) const MARK: &str = "vouchsafe_since";

/// More parameters than this has no request.
const MOST: usize = 64;

/// What came in, decoded once. Not printable: some of it is secret.
#[derive(Clone, Default)]
pub struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// From decoded pairs. Refuses far too many.
    pub fn new(pairs: impl IntoIterator<Item = (String, String)>) -> Result<Self, Refusal> {
        let mut found = Self::default();
        for pair in pairs {
            if found.0.len() == MOST {
                return Err(Refusal::new(Code::InvalidRequest, "there are too many parameters"));
            }
            found.0.push(pair);
        }
        Ok(found)
    }

    /// Whether a name came more than once.
    pub(super) fn is_repeated(&self, name: &str) -> bool {
        self.0.iter().filter(|(known, _)| known == name).count() > 1
    }

    /// Refuses when any parameter that means something came twice.
    pub(super) fn each_once(&self) -> Result<(), Refusal> {
        match KNOWN.iter().find(|name| self.is_repeated(name)) {
            Some(name) => Err(Refusal::about(name, "is there more than once")),
            None => Ok(()),
        }
    }

    /// The value of a name that came once and not empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let (_, value) = self.0.iter().find(|(known, _)| known == name)?;
        (!value.is_empty()).then_some(value)
    }

    /// The same, of a length.
    pub(super) fn bounded(&self, name: &'static str, longest: usize) -> Result<Option<&str>, Refusal> {
        match self.get(name) {
            Some(value) if value.len() > longest => Err(Refusal::about(name, "is too long")),
            value => Ok(value),
        }
    }

    /// The same, when it must be there.
    pub(super) fn required(&self, name: &'static str, longest: usize) -> Result<&str, Refusal> {
        self.bounded(name, longest)?.ok_or_else(|| Refusal::about(name, "is missing"))
    }

    /// Whether anything came at all.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The same with this value under this name and no other.
    pub(super) fn with(&self, name: &str, value: &str) -> Self {
        let mut pairs = self.0.clone();
        pairs.retain(|(known, _)| known != name);
        pairs.push((name.to_owned(), value.to_owned()));
        Self(pairs)
    }

    /// An authorization request as one text, apart from our own mark.
    pub(super) fn spelled(&self) -> String {
        let pairs = self.carried().filter(|(name, _)| *name != MARK);
        url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
    }

    /// The names that make an authorization request.
    pub fn carried_names() -> impl Iterator<Item = &'static str> {
        CARRIED.iter().copied()
    }

    /// The pairs that make an authorization request, to be carried through our own pages. In one order, so that one request has
    /// one spelling.
    pub fn carried(&self) -> impl Iterator<Item = (&str, &str)> {
        let pairs = |name: &'static str| self.0.iter().filter(move |(known, _)| known == name);
        CARRIED.iter().copied().flat_map(pairs).map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// Scopes of a `scope` parameter: separated by spaces, each of the grammar of RFC 6749, section 3.3.
pub(super) fn scopes(text: &str) -> Result<Vec<&str>, Refusal> {
    let scopes: Vec<&str> = text.split(' ').filter(|scope| !scope.is_empty()).collect();
    if scopes.iter().all(|scope| crate::domain::client::is_scope(scope)) {
        Ok(scopes)
    } else {
        Err(Refusal::new(Code::InvalidScope, "scope is malformed"))
    }
}

impl Drop for Parameters {
    fn drop(&mut self) {
        for (_, value) in &mut self.0 {
            value.zeroize();
        }
    }
}
