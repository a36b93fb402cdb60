//! `[[clients]]`: OAuth clients declared in the file.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    config::{
        fields::{Hidden, Texts},
        ledger::Ledger,
        secret_files,
        units::Period,
    },
    crypto::jose::Algorithm,
    domain::{
        client::{AuthMethod, ClientId, ClientKind, Consent, Grant, Lifetimes, Registration},
        fault::Field,
    },
    idp::oauth2::Declared,
    values::secret::Secret,
};

/// One `[[clients]]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ClientSection {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) author: String,
    pub(crate) author_url: String,
    pub(crate) kind: String,
    pub(crate) secret: Hidden,
    pub(crate) secret_file: String,
    pub(crate) old_secret: Hidden,
    pub(crate) old_secret_file: String,
    pub(crate) redirect_uris: Texts,
    pub(crate) grants: Texts,
    pub(crate) scopes: Texts,
    pub(crate) consent: String,
    pub(crate) pkce: bool,
    pub(crate) auth_methods: Texts,
    pub(crate) id_token_alg: String,
    pub(crate) id_token_always: bool,
    pub(crate) access_token: Option<Period>,
    pub(crate) refresh_idle: Option<Period>,
    pub(crate) refresh_token: Option<Period>,
    pub(crate) id_token: Option<Period>,
    pub(crate) disabled: bool,
}

impl Default for ClientSection {
    fn default() -> Self {
        let fresh = Registration::default();
        Self {
            id: String::new(),
            name: String::new(),
            author: String::new(),
            author_url: String::new(),
            kind: fresh.kind.as_str().to_owned(),
            secret: Hidden::default(),
            secret_file: String::new(),
            old_secret: Hidden::default(),
            old_secret_file: String::new(),
            redirect_uris: Texts::default(),
            grants: words(fresh.grants.iter().map(|grant| grant.as_str())),
            scopes: words(fresh.scopes.iter().map(String::as_str)),
            consent: fresh.consent.as_str().to_owned(),
            pkce: fresh.pkce,
            auth_methods: words(fresh.auth_methods.iter().map(|method| method.as_str())),
            id_token_alg: fresh.algorithm.as_str().to_owned(),
            id_token_always: fresh.id_token_always,
            access_token: None,
            refresh_idle: None,
            refresh_token: None,
            id_token: None,
            disabled: !fresh.enabled,
        }
    }
}

fn words<'a>(words: impl Iterator<Item = &'a str>) -> Texts {
    crate::config::fields::Several(words.map(str::to_owned).collect())
}

/// All of them, in order.
pub(crate) fn settle(sections: &[ClientSection], ledger: &mut Ledger) -> Option<Vec<Declared>> {
    let mut taken = BTreeMap::new();
    let mut clients = Vec::with_capacity(sections.len());
    for (index, section) in sections.iter().enumerate() {
        let path = format!("clients[{index}]");
        let client = section.settle(&path, ledger);
        if let Some(earlier) = client.as_ref().and_then(|client| taken.insert(client.id.clone(), index)) {
            ledger.refuse(&format!("{path}.id"), format!("is the same as that of clients[{earlier}]"));
        }
        clients.push(client);
    }
    clients.into_iter().collect()
}

/// Shorter secrets are not 256 random bits in any usual spelling (security.md OAU-8).
const SHORTEST_SECRET: usize = 43;

impl ClientSection {
    fn settle(&self, path: &str, ledger: &mut Ledger) -> Option<Declared> {
        let id = ClientId::parse(&self.id);
        if id.is_none() {
            let message = "must be 1 to 64 letters, digits, -, _, . or ~, and no UUID";
            ledger.refuse(&format!("{path}.id"), message);
        }
        let registration = self.registration(path, ledger);
        let secrets = [
            ("secret", &self.secret, &self.secret_file),
            ("old_secret", &self.old_secret, &self.old_secret_file),
        ];
        let secrets: Vec<_> = secrets
            .into_iter()
            .filter_map(|(name, direct, file)| {
                let secret = secret_files::secret(path, name, direct, file, ledger)?;
                strong(&format!("{path}.{name}"), &secret, ledger);
                Some(secret)
            })
            .collect();
        let registration = registration?;
        match (registration.kind, secrets.is_empty()) {
            (ClientKind::Public, false) => {
                ledger.refuse_with(
                    &format!("{path}.kind"),
                    "a public client has no secret",
                    "anybody can read what is in it; kind = \"confidential\" if it runs on a server",
                );
            }
            (ClientKind::Confidential, true) if registration.enabled => {
                ledger.refuse_key(
                    &format!("{path}.secret"),
                    "is missing",
                    Some("make one with: openssl rand -hex 32; or kind = \"public\"".to_owned()),
                );
            }
            _ => {}
        }
        Some(Declared { id: id?, registration, secrets })
    }

    fn registration(&self, path: &str, ledger: &mut Ledger) -> Option<Registration> {
        let kind = word(path, "kind", &self.kind, ClientKind::ALL, ClientKind::as_str, ledger);
        let consent = word(path, "consent", &self.consent, Consent::ALL, Consent::as_str, ledger);
        let algorithm =
            word(path, "id_token_alg", &self.id_token_alg, &Algorithm::ALL, Algorithm::as_str, ledger);
        let grants = list(path, "grants", &self.grants, Grant::ALL, Grant::as_str, ledger);
        let methods =
            list(path, "auth_methods", &self.auth_methods, AuthMethod::ALL, AuthMethod::as_str, ledger);
        let seconds = |period: Option<Period>| period.map(|period| period.0.as_secs());
        let registration = Registration {
            name: if self.name.is_empty() { self.id.clone() } else { self.name.clone() },
            author: self.author.clone(),
            author_url: (!self.author_url.is_empty()).then(|| self.author_url.clone()),
            kind: kind?,
            redirect_uris: self.redirect_uris.0.clone(),
            grants: grants?,
            scopes: self.scopes.0.clone(),
            consent: consent?,
            pkce: self.pkce,
            auth_methods: methods?,
            algorithm: algorithm?,
            id_token_always: self.id_token_always,
            lifetimes: Lifetimes {
                access: seconds(self.access_token),
                refresh_idle: seconds(self.refresh_idle),
                refresh: seconds(self.refresh_token),
                id_token: seconds(self.id_token),
            },
            enabled: !self.disabled,
        };
        for flaw in registration.flaws() {
            if let Field::Named(name) = flaw.field {
                ledger.refuse(&format!("{path}.{name}"), flaw.message);
            }
        }
        Self::warn(path, &registration, ledger);
        Some(registration)
    }

    fn warn(path: &str, registration: &Registration, ledger: &mut Ledger) {
        if registration.may(Grant::Password) {
            ledger.warn(
                &format!("{path}.grants"),
                "this client sees the passwords of its people",
                "use authorization_code, so that they sign in here",
            );
        }
        if !registration.pkce && registration.kind == ClientKind::Confidential {
            ledger.warn(
                &format!("{path}.pkce"),
                "without PKCE a code that leaks can be brought into somebody else's session",
                "nearly every client library knows PKCE",
            );
        }
    }
}

/// Long enough, of an alphabet that needs no encoding in a header, and drawn at random as far as one can see.
fn strong(key: &str, secret: &Secret<String>, ledger: &mut Ledger) {
    let text = secret.expose();
    let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte));
    let different = text.bytes().collect::<std::collections::BTreeSet<_>>().len();
    if text.len() < SHORTEST_SECRET || text.len() > 128 || !plain || different < 10 {
        ledger.refuse_with(
            key,
            "must be 256 random bits: 43 to 128 letters, digits, -, _, . or ~",
            "make one with: openssl rand -hex 32",
        );
    }
}

fn word<T: Copy>(
    path: &str,
    key: &str,
    text: &str,
    all: &[T],
    as_str: fn(T) -> &'static str,
    ledger: &mut Ledger,
) -> Option<T> {
    let found = all.iter().copied().find(|known| as_str(*known) == text);
    if found.is_none() {
        ledger.refuse(&format!("{path}.{key}"), none_of(text, all, as_str));
    }
    found
}

fn list<T: Copy>(
    path: &str,
    key: &str,
    texts: &Texts,
    all: &[T],
    as_str: fn(T) -> &'static str,
    ledger: &mut Ledger,
) -> Option<Vec<T>> {
    let mut found = Vec::new();
    for (index, text) in texts.iter().enumerate() {
        match all.iter().copied().find(|known| as_str(*known) == text) {
            Some(one) => found.push(one),
            None => ledger.refuse(&format!("{path}.{key}[{index}]"), none_of(text, all, as_str)),
        }
    }
    (found.len() == texts.0.len()).then_some(found)
}

fn none_of<T: Copy>(text: &str, all: &[T], as_str: fn(T) -> &'static str) -> String {
    let names: Vec<String> = all.iter().map(|known| format!("\"{}\"", as_str(*known))).collect();
    format!("\"{text}\" is none of {}", names.join(", "))
}
