//! The headers that tell an app who is there (forward-auth.md section 15).

use std::collections::HashSet;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use percent_encoding::{AsciiSet, CONTROLS, percent_encode};

use super::refusal::mark_private;
use crate::gate::Person;

/// One fact about a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdentityField {
    /// The user name.
    User,
    /// Group names, sorted, joined by commas.
    Groups,
    /// The e-mail address.
    Email,
    /// The display name.
    Name,
    /// The account's id.
    Id,
}

/// What becomes of text outside ASCII.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HeaderText {
    /// Sent as UTF-8 bytes (DESIGN.md ruling 12).
    #[default]
    Utf8,
    /// Percent-encoded, and so are percent signs.
    Percent,
    /// The header is sent empty.
    Omit,
}

/// A named set of headers that other programs know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preset {
    /// `Remote-User`, `-Groups`, `-Email`, `-Name`.
    Remote,
    /// `X-Auth-Request-User`, `-Groups`, `-Email`, `-Preferred-Username`.
    XAuthRequest,
    /// `X-Forwarded-User`, `-Groups`, `-Email`, `-Preferred-Username`.
    XForwarded,
}

impl Preset {
    /// The headers of this preset.
    pub fn headers(self) -> Vec<(HeaderName, IdentityField)> {
        use IdentityField::{Email, Groups, Name, User};
        let named = |list: [(&'static str, IdentityField); 4]| {
            list.map(|(name, field)| (HeaderName::from_static(name), field)).to_vec()
        };
        match self {
            Self::Remote => named([
                ("remote-user", User),
                ("remote-groups", Groups),
                ("remote-email", Email),
                ("remote-name", Name),
            ]),
            Self::XAuthRequest => named([
                ("x-auth-request-user", User),
                ("x-auth-request-groups", Groups),
                ("x-auth-request-email", Email),
                ("x-auth-request-preferred-username", User),
            ]),
            Self::XForwarded => named([
                ("x-forwarded-user", User),
                ("x-forwarded-groups", Groups),
                ("x-forwarded-email", Email),
                ("x-forwarded-preferred-username", User),
            ]),
        }
    }
}

/// The configured set: which headers, filled with what.
#[derive(Clone, Debug)]
pub struct IdentityHeaders {
    headers: Vec<(HeaderName, IdentityField)>,
    text: HeaderText,
    guarded: HashSet<String>,
    /// The headers of a pass, with every identity header empty: copying a ready map is cheaper than making one.
    blank: HeaderMap,
    /// Which field goes into which of those headers, in the order in which a copy of the map shows them.
    plan: Vec<Option<IdentityField>>,
}

/// A stored value cannot stand in a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unwritable;

impl IdentityHeaders {
    /// A set of headers; of several with one name the last counts.
    pub fn new(headers: Vec<(HeaderName, IdentityField)>, text: HeaderText) -> Self {
        let mut distinct: Vec<(HeaderName, IdentityField)> = Vec::with_capacity(headers.len());
        for (name, field) in headers {
            match distinct.iter_mut().find(|(known, _)| *known == name) {
                Some(entry) => entry.1 = field,
                None => distinct.push((name, field)),
            }
        }
        let ours = distinct.iter().map(|(name, _)| name.as_str());
        let guarded = ours.chain(KNOWN_IDENTITY_HEADERS.iter().copied()).map(plain).collect();
        let mut blank = HeaderMap::with_capacity(distinct.len() + HEADERS_BESIDE);
        mark_private(&mut blank);
        for (name, _) in &distinct {
            blank.insert(name.clone(), HeaderValue::from_static(""));
        }
        let field_of =
            |name: &HeaderName| distinct.iter().find(|(known, _)| known == name).map(|(_, field)| *field);
        let plan = blank.clone().keys().map(field_of).collect();
        Self { headers: distinct, text, guarded, blank, plan }
    }

    /// The names, for documentation and proxies' configuration.
    pub fn names(&self) -> impl Iterator<Item = &HeaderName> {
        self.headers.iter().map(|(name, _)| name)
    }

    /// The headers of a pass: every header of the set, empty where nothing is known (security.md VCH-6), and what tells caches that the
    /// answer is private.
    pub fn pass(&self, person: Option<&Person>) -> Result<HeaderMap, Unwritable> {
        let mut headers = self.blank.clone();
        let Some(person) = person else { return Ok(headers) };
        for (value, field) in headers.values_mut().zip(&self.plan) {
            if let Some(field) = field {
                *value = self.value(fact(person, *field))?;
            }
        }
        Ok(headers)
    }

    /// The first header that a CGI-style app could take for a forwarding or identity header because of its underscores
    /// (security.md HDR-4).
    pub fn disguised<'h>(&self, headers: &'h HeaderMap) -> Option<&'h str> {
        headers.keys().map(HeaderName::as_str).find(|name| {
            name.contains('_') && {
                let plain = plain(name);
                self.names_somebody(&plain)
                    || plain.starts_with("x-forwarded-")
                    || plain.starts_with("x-original-")
            }
        })
    }

    /// Whether an app would take a client's header of this name for ours: the gateway drops it (HDR-7).
    pub fn is_ours(&self, name: &str) -> bool {
        self.names_somebody(&plain(name))
    }

    fn names_somebody(&self, plain: &str) -> bool {
        self.guarded.contains(plain) || IDENTITY_FAMILIES.iter().any(|family| plain.starts_with(family))
    }

    fn value(&self, fact: &Bytes) -> Result<HeaderValue, Unwritable> {
        if fact.is_empty() {
            return Ok(HeaderValue::from_static(""));
        }
        if self.text == HeaderText::Utf8 {
            return HeaderValue::from_maybe_shared(fact.clone()).map_err(|_| Unwritable);
        }
        let as_it_is = fact.is_ascii() && (self.text != HeaderText::Percent || !fact.contains(&b'%'));
        match self.text {
            _ if as_it_is => HeaderValue::from_maybe_shared(fact.clone()).map_err(|_| Unwritable),
            HeaderText::Percent => {
                HeaderValue::from_str(&percent_encode(fact, PERCENT).to_string()).map_err(|_| Unwritable)
            }
            HeaderText::Utf8 | HeaderText::Omit => Ok(HeaderValue::from_static("")),
        }
    }
}

/// What an answer carries besides: who may keep it, and its body's type.
const HEADERS_BESIDE: usize = 4;

const PERCENT: &AsciiSet = &CONTROLS.add(b'%');

fn fact(person: &Person, field: IdentityField) -> &Bytes {
    match field {
        IdentityField::User => &person.username,
        IdentityField::Groups => &person.groups_joined,
        IdentityField::Email => &person.email,
        IdentityField::Name => &person.display_name,
        IdentityField::Id => &person.id_text,
    }
}

fn plain(name: &str) -> String {
    name.to_ascii_lowercase().replace('_', "-")
}

/// What programs of this field call such headers, and names that applications are set up to believe; a client must not get any
/// of them through (forward-auth.md 15.1, 15.4 and 16). Lower case, dashes.
const KNOWN_IDENTITY_HEADERS: &[&str] = &[
    "auth-user",
    "remote-user",
    "remote-groups",
    "remote-email",
    "remote-name",
    "remote-sub",
    "remote-user-id",
    "x-remote-user",
    "x-remote-group",
    "x-auth-username",
    "x-auth-email",
    "x-auth-roles",
    "x-auth-groups",
    "x-auth-subject",
    "x-auth-userid",
    "x-auth-token",
    "x-forwarded-access-token",
    "x-forwarded-email",
    "x-forwarded-groups",
    "x-forwarded-login",
    "x-forwarded-name",
    "x-forwarded-preferred-username",
    "x-forwarded-user",
    "x-goog-iap-jwt-assertion",
    "x-token-subject",
    "x-user-id",
];

/// Families of such headers whose members nobody can list: claims, and whatever a program adds to its own.
const IDENTITY_FAMILIES: &[&str] = &[
    "cf-access-",
    "oidc-",
    "tailscale-user-",
    "x-amzn-oidc-",
    "x-auth-request-",
    "x-authentik-",
    "x-forwarded-user-",
    "x-goog-authenticated-user-",
    "x-ms-client-principal",
    "x-pomerium-",
    "x-token-user-",
    "x-vouch-",
    "x-webauth-",
];

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderMap, HeaderName, HeaderValue};

    use std::collections::HashSet;

    use super::{HeaderText, IDENTITY_FAMILIES, IdentityHeaders, KNOWN_IDENTITY_HEADERS, Preset};

    fn set() -> IdentityHeaders {
        IdentityHeaders::new(Preset::Remote.headers(), HeaderText::Utf8)
    }

    /// Every name that we know is dropped by the files that people copy and asked for by the test that runs through all doors; of a
    /// family, where a proxy knows no patterns, the members that programs are known to use.
    ///
    /// Proves: HDR-7
    #[test]
    fn shipped_proxies_know_every_name() {
        let here = |path: &str| {
            std::fs::read_to_string(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
        };
        let words = |text: &str| -> HashSet<String> {
            text.split(|end: char| !(end.is_ascii_alphanumeric() || end == '-'))
                .map(str::to_ascii_lowercase)
                .collect()
        };
        for file in [
            "nginx/protect.include",
            "traefik/dynamic/vouchsafe.yml",
            "integration/blackbox/scenarios/forging.rs",
        ] {
            let known = words(&here(file));
            for name in KNOWN_IDENTITY_HEADERS {
                assert!(
                    known.contains(*name) || set().headers.iter().any(|(ours, _)| ours == name),
                    "{file} lacks {name}"
                );
            }
            for family in IDENTITY_FAMILIES {
                assert!(known.iter().any(|name| name.starts_with(family)), "{file} lacks {family}*");
            }
        }
    }

    /// Proves: VCH-6
    #[test]
    fn an_anonymous_pass_has_every_header_once_and_empty() {
        let headers = set().pass(None).unwrap();
        for name in ["remote-user", "remote-groups", "remote-email", "remote-name"] {
            assert_eq!(headers.get_all(name).iter().collect::<Vec<_>>(), [""]);
        }
    }

    /// Proves: VCH-6
    #[test]
    fn every_field_goes_under_its_own_name() {
        let presets = [Preset::XForwarded, Preset::Remote, Preset::XAuthRequest];
        let set = IdentityHeaders::new(
            presets.iter().flat_map(|preset| preset.headers()).collect(),
            HeaderText::Utf8,
        );
        for _ in 0..3 {
            let copy = set.blank.clone();
            assert_eq!(copy.len(), set.plan.len());
            for (name, planned) in copy.keys().zip(&set.plan) {
                let field = set.headers.iter().find(|(known, _)| known == name).map(|(_, field)| *field);
                assert_eq!(field, *planned, "{name}");
            }
        }
    }

    /// Proves: HDR-4, HDR-7
    #[test]
    fn underscores_do_not_hide_a_header() {
        for (name, disguised) in [
            ("remote_user", true),
            ("x_forwarded_uri", true),
            ("x-forwarded_host", true),
            ("x_original_url", true),
            ("x_auth_request_user", true),
            ("remote-user", false),
            ("x_my_header", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static("x"));
            assert_eq!(set().disguised(&headers), disguised.then_some(name));
        }
        assert!(set().is_ours("Remote_User") && set().is_ours("X-WEBAUTH-USER") && !set().is_ours("accept"));
    }

    /// Everything that forward-auth.md 15.1 lists, in each spelling.
    ///
    /// Proves: HDR-4, HDR-7
    #[test]
    fn no_name_that_a_program_of_this_field_uses_gets_through() {
        let listed = "Remote-User Remote-Groups Remote-Name Remote-Email Remote-Sub Remote-User-Id \
            X-Auth-Request-User X-Auth-Request-Email X-Auth-Request-Groups X-Auth-Request-Preferred-Username \
            X-Auth-Request-Access-Token X-Forwarded-User X-Forwarded-Email X-Forwarded-Groups \
            X-Forwarded-Preferred-Username X-Forwarded-Access-Token X-Vouch-User X-Vouch-Success \
            X-Vouch-IdP-Claims-Family-Name X-Vouch-IdP-AccessToken X-Vouch-IdP-IdToken X-Vouch-Jwt X-Vouch-Err \
            X-Vouch-Failcount X-authentik-username X-authentik-groups X-authentik-entitlements X-authentik-email \
            X-authentik-name X-authentik-uid X-authentik-jwt X-authentik-meta-outpost X-authentik-meta-provider \
            X-authentik-meta-app X-authentik-meta-version X-authentik-meta-jwks x-forwarded-user-roles \
            x-forwarded-user-groups x-forwarded-user-email x-forwarded-user-email-verified \
            x-forwarded-user-given-name x-forwarded-user-family-name x-forwarded-user-mfa X-Pomerium-Jwt-Assertion \
            X-Pomerium-Claim-Email X-Pomerium-Jwt-Assertion-For X-Auth-Username X-Auth-Email X-Auth-Roles \
            X-Auth-Groups X-Auth-Subject X-Auth-Userid X-Auth-Token X-Token-User-Name X-Token-User-Email \
            X-Token-User-Roles X-Token-Subject Auth-User OIDC_CLAIM_sub OIDC_CLAIM_email Cf-Access-Jwt-Assertion \
            Cf-Access-Authenticated-User-Email X-Goog-IAP-JWT-Assertion x-amzn-oidc-data x-amzn-oidc-identity \
            X-MS-CLIENT-PRINCIPAL-NAME Tailscale-User-Login \
            X-WEBAUTH-USER X-WEBAUTH-EMAIL X-WEBAUTH-FULLNAME X-Forwarded-Login X-Forwarded-Name";
        // Whatever of them is configured to be ours.
        let set = IdentityHeaders::new(Vec::new(), HeaderText::Utf8);
        for name in listed.split_whitespace() {
            for spelling in [name.to_owned(), name.to_uppercase(), name.replace('-', "_")] {
                assert!(set.is_ours(&spelling), "{spelling}");
                let mut headers = HeaderMap::new();
                let lower = spelling.to_ascii_lowercase();
                headers
                    .insert(HeaderName::from_bytes(lower.as_bytes()).unwrap(), HeaderValue::from_static("x"));
                assert_eq!(set.disguised(&headers).is_some(), spelling.contains('_'), "{spelling}");
            }
        }
        for name in
            ["accept", "authorization", "x-requested-with", "x-csrf-token", "x-forwarded-for", "user-agent"]
        {
            assert!(!set.is_ours(name), "{name}");
        }
    }

    #[test]
    fn text_outside_ascii_follows_the_setting() {
        let value = |text, fact: &'static str| {
            let set = IdentityHeaders::new(Preset::Remote.headers(), text);
            set.value(&Bytes::from_static(fact.as_bytes())).map(|value| value.as_bytes().to_vec())
        };
        assert_eq!(value(HeaderText::Utf8, "Zo\u{eb}"), Ok("Zo\u{eb}".as_bytes().to_vec()));
        assert_eq!(value(HeaderText::Percent, "Zo\u{eb} 5%"), Ok(b"Zo%C3%AB 5%25".to_vec()));
        assert_eq!(value(HeaderText::Omit, "Zo\u{eb}"), Ok(Vec::new()));
    }

    /// Proves: VCH-8
    #[test]
    fn a_value_that_would_split_a_header_is_refused() {
        assert!(set().value(&Bytes::from_static(b"a\r\nRemote-Groups: admins")).is_err());
        assert!(set().value(&Bytes::from_static(b"a\0")).is_err());
    }
}
