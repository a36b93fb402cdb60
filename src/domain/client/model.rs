//! What a client is registered with, and what is wrong with a registration.

use std::{fmt, time::Duration};

use minicbor::{Decode, Encode};

use super::redirect;
use crate::{
    crypto::jose::Algorithm,
    domain::fault::{Field, Flaw},
    values::{id::AccountId, url::WebUrl},
};

/// The public name of a client: 1 to 64 letters, digits, `-`, `_`, `.` or `~`, so that it needs no encoding anywhere
/// (federation.md section 3). It is no UUID, so it never equals the `sub` of a person (security.md OAU-24).
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientId(String);

impl ClientId {
    /// Reads a client id; `None` when no client can have it.
    pub fn parse(text: &str) -> Option<Self> {
        let letters = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'.' | b'~');
        let shape = (1..=64).contains(&text.len()) && text.bytes().all(letters);
        (shape && text.parse::<AccountId>().is_err()).then(|| Self(text.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClientId({})", self.0)
    }
}

impl<C> Encode<C> for ClientId {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut minicbor::Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.str(&self.0)?;
        Ok(())
    }
}

impl<'b, C> Decode<'b, C> for ClientId {
    fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        Self::parse(d.str()?).ok_or_else(|| minicbor::decode::Error::message("not a client id"))
    }
}

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $number:literal, $word:literal;)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
        #[cbor(index_only)]
        pub enum $name {$($(#[$variant_doc])* #[n($number)] $variant,)*}

        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The word in the configuration and on the wire.
            pub const fn as_str(self) -> &'static str {
                match self {$(Self::$variant => $word,)*}
            }

            /// The one of this word, spelled exactly so.
            pub fn parse(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|known| known.as_str() == word)
            }
        }
    )*};
}

words! {
    /// Whether a client can keep a secret.
    ClientKind {
        /// It runs on a server and has a secret.
        Confidential = 0, "confidential";
        /// It runs in a browser or on a device: anybody can read whatever is in it.
        Public = 1, "public";
    }

    /// A way to tokens that a client may take (security.md OAU-7).
    Grant {
        /// A person agrees in the browser.
        AuthorizationCode = 0, "authorization_code";
        /// Tokens are renewed without the person.
        RefreshToken = 1, "refresh_token";
        /// The client acts for itself.
        ClientCredentials = 2, "client_credentials";
        /// The client handles the person's password. Only for old clients that cannot do otherwise.
        Password = 3, "password";
    }

    /// Whether people are asked (security.md OAU-15).
    Consent {
        /// Once for each set of scopes.
        Remember = 0, "remember";
        /// Every time.
        Always = 1, "always";
        /// Never: the operator's own client.
        Skip = 2, "skip";
    }

    /// How a confidential client sends its secret (federation.md section 3).
    AuthMethod {
        /// In an `Authorization: Basic` header.
        Basic = 0, "client_secret_basic";
        /// In the body.
        Post = 1, "client_secret_post";
    }
}

/// How long what a client gets is good for. `None` stands for the house's own lifetime.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Lifetimes {
    /// An access token, in seconds.
    #[n(0)]
    pub access: Option<u64>,
    /// A refresh token that is not used, in seconds.
    #[n(1)]
    pub refresh_idle: Option<u64>,
    /// A family of refresh tokens from its first to its last, in seconds.
    #[n(2)]
    pub refresh: Option<u64>,
    /// An ID token, in seconds.
    #[n(3)]
    pub id_token: Option<u64>,
}

/// Everything that is settled about a client, but its secrets.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Registration {
    /// What people read on the consent page.
    #[n(0)]
    pub name: String,
    /// Who made it.
    #[n(1)]
    pub author: String,
    /// Where its author is found: https.
    #[n(2)]
    pub author_url: Option<String>,
    /// Whether it can keep a secret.
    #[n(3)]
    pub kind: ClientKind,
    /// Where codes may be sent to, compared letter by letter.
    #[n(4)]
    pub redirect_uris: Vec<String>,
    /// Its ways to tokens.
    #[n(5)]
    pub grants: Vec<Grant>,
    /// What it may ask for.
    #[n(6)]
    pub scopes: Vec<String>,
    /// Whether people are asked.
    #[n(7)]
    pub consent: Consent,
    /// Codes are proven with PKCE (RFC 7636). Only a confidential client can do without.
    #[n(8)]
    pub pkce: bool,
    /// How it sends its secret.
    #[n(9)]
    pub auth_methods: Vec<AuthMethod>,
    /// What signs its ID tokens.
    #[n(10)]
    pub algorithm: Algorithm,
    /// It gets an ID token without asking for `openid`, as Simple Auth's clients expect.
    #[n(11)]
    pub id_token_always: bool,
    /// Its own lifetimes.
    #[n(12)]
    pub lifetimes: Lifetimes,
    /// It may be used.
    #[n(13)]
    pub enabled: bool,
}

/// The scopes that mean something here. Others are the client's and its resource servers' own business.
pub const SCOPES: [&str; 5] = ["openid", "profile", "email", "username", "offline_access"];

impl Default for Registration {
    /// A confidential client with codes and refresh tokens (security.md OAU-7), asked about once, with PKCE.
    fn default() -> Self {
        Self {
            name: String::new(),
            author: String::new(),
            author_url: None,
            kind: ClientKind::Confidential,
            redirect_uris: Vec::new(),
            grants: vec![Grant::AuthorizationCode, Grant::RefreshToken],
            scopes: ["openid", "profile", "email", "username"].map(str::to_owned).to_vec(),
            consent: Consent::Remember,
            pkce: true,
            auth_methods: AuthMethod::ALL.to_vec(),
            algorithm: Algorithm::Rs256,
            id_token_always: false,
            lifetimes: Lifetimes::default(),
            enabled: true,
        }
    }
}

/// Longest access token lifetime (security.md section 2 recommends an hour at most).
pub(crate) const LONGEST_ACCESS: Duration = Duration::from_hours(24);
const LONGEST_ID_TOKEN: Duration = Duration::from_hours(1);
const LONGEST_REFRESH: Duration = Duration::from_hours(24 * 365);

impl Registration {
    /// Whether a client may take this way.
    pub fn may(&self, grant: Grant) -> bool {
        self.grants.contains(&grant)
    }

    /// Those of the asked scopes that it may have, each once, in the order asked.
    pub fn permitted<'a>(&self, asked: impl IntoIterator<Item = &'a str>) -> Vec<String> {
        let mut permitted: Vec<String> = Vec::new();
        for scope in asked {
            if self.scopes.iter().any(|known| known == scope) && !permitted.iter().any(|known| known == scope)
            {
                permitted.push(scope.to_owned());
            }
        }
        permitted
    }

    /// Everything that is wrong with it; the fields carry the names of the configuration.
    pub fn flaws(&self) -> Vec<Flaw> {
        let mut flaws = Vec::new();
        let mut flaw = |field: &'static str, message: String| {
            flaws.push(Flaw { field: Field::Named(field), message });
        };
        let line = |text: &str| text.chars().count() <= 100 && !text.chars().any(char::is_control);
        if self.name.trim().is_empty() || !line(&self.name) {
            flaw("name", "must be one line of 1 to 100 characters".to_owned());
        }
        if !line(&self.author) {
            flaw("author", "must be one line of at most 100 characters".to_owned());
        }
        if let Some(url) = &self.author_url
            && !(url.starts_with("https://") && WebUrl::parse(url).is_ok())
        {
            flaw("author_url", "must be an https address without query (security.md WEB-7)".to_owned());
        }
        let public = self.kind == ClientKind::Public;
        for uri in &self.redirect_uris {
            if let Err(error) = redirect::check(uri, self.kind) {
                flaw("redirect_uris", format!("\"{}\" {error}", uri.escape_debug()));
            }
        }
        if self.may(Grant::AuthorizationCode) && self.redirect_uris.is_empty() {
            flaw("redirect_uris", "at least one is needed for the grant authorization_code".to_owned());
        }
        if self.grants.is_empty() {
            flaw("grants", "without any the client can do nothing".to_owned());
        }
        if public && self.may(Grant::ClientCredentials) {
            flaw("grants", "client_credentials needs a client that can keep a secret".to_owned());
        }
        if public && !self.pkce {
            flaw("pkce", "a public client cannot do without (security.md OAU-6)".to_owned());
        }
        if !public && self.auth_methods.is_empty() {
            flaw("auth_methods", "a confidential client needs at least one".to_owned());
        }
        for scope in &self.scopes {
            if !is_scope(scope) {
                flaw("scopes", format!("\"{}\" cannot be a scope", scope.escape_debug()));
            }
        }
        self.lifetimes.flaws(&mut flaw);
        flaws
    }
}

impl Lifetimes {
    fn flaws(&self, flaw: &mut impl FnMut(&'static str, String)) {
        let bounds = [
            ("access_token", self.access, LONGEST_ACCESS),
            ("id_token", self.id_token, LONGEST_ID_TOKEN),
            ("refresh_idle", self.refresh_idle, LONGEST_REFRESH),
            ("refresh_token", self.refresh, LONGEST_REFRESH),
        ];
        for (name, seconds, most) in bounds {
            if seconds.is_some_and(|seconds| seconds == 0 || seconds > most.as_secs()) {
                flaw(name, format!("must be between one second and {} hours", most.as_secs() / 3600));
            }
        }
    }
}

/// Whether a text can be one scope (RFC 6749, section 3.3).
pub(crate) fn is_scope(text: &str) -> bool {
    let allowed = |byte: u8| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
    (1..=100).contains(&text.len()) && text.bytes().all(allowed)
}
