//! The ID token (`OpenID` Connect Core 2, federation.md section 5.2; simple-auth.md 2.5: claims are added, none removed).

use crate::domain::fault::OAuthCode as Code;
use serde::Serialize;

use super::{Engine, refusal::Refusal};
use crate::{
    crypto::jose::Algorithm,
    domain::{
        account::ACCOUNTS,
        call::Call,
        caller::{Level, Strength},
        client::Registration,
        fault::Fault,
        token::AuthorizationRecord,
    },
    values::{id::AccountId, secret::Secret, time::Timestamp},
};

/// What an ID token is about.
pub(super) struct About<'a> {
    pub(super) account: AccountId,
    pub(super) record: &'a AuthorizationRecord,
    pub(super) scopes: &'a [String],
    pub(super) access: &'a Secret<String>,
}

#[derive(Serialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: String,
    exp: u64,
    iat: u64,
    /// Of a program that speaks for somebody nobody knows when that person signed in.
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_time: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<String>,
    at_hash: String,
    amr: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    preferred_username: Option<String>,
}

impl Engine {
    pub(super) async fn id_token(
        &self,
        call: &Call,
        client: &Registration,
        about: About<'_>,
    ) -> Result<Secret<String>, Refusal> {
        let account = self.0.store.read(|tx| ACCOUNTS.get(tx, &about.account))?;
        let account = account.ok_or_else(|| {
            Refusal::new(Code::InvalidGrant, "the code is unknown, used, too old, or not for this request")
        })?;
        let has = |scope: &str| about.scopes.iter().any(|granted| granted == scope);
        // Simple Auth's `username` scope gives the name; `profile` is the standard's.
        let names = has("username") || has("profile");
        let settings = self.settings();
        let claims = Claims {
            iss: settings.issuer.clone(),
            sub: about.account.to_string(),
            aud: about.record.client.to_string(),
            exp: (call.now + settings.lifetimes.of(client).id_token).secs(),
            iat: call.now.secs(),
            auth_time: about.record.strength.last_proof().map(Timestamp::secs),
            nonce: about.record.nonce.clone(),
            at_hash: client.algorithm.half_hash(about.access.expose()),
            amr: methods(&about.record.strength),
            email: account.email.filter(|_| has("email")),
            name: names.then_some(account.display_name),
            preferred_username: names.then_some(account.username),
        };
        self.signed(call, client.algorithm, claims).await.map_err(Refusal::from)
    }

    async fn signed(
        &self,
        call: &Call,
        algorithm: Algorithm,
        claims: Claims,
    ) -> Result<Secret<String>, Fault> {
        let signer = self.signer(algorithm, call.now).await?;
        // RSA takes about a millisecond, the others a fiftieth of that (security.md OPS-3).
        let token = match algorithm {
            Algorithm::Rs256 => {
                let signing = tokio::task::spawn_blocking(move || signer.sign("JWT", &claims));
                signing.await.map_err(Fault::broken)?
            }
            Algorithm::Es256 | Algorithm::EdDsa => signer.sign("JWT", &claims),
        };
        token.map(Secret::new).map_err(Fault::broken)
    }
}

/// How the person was proven (RFC 8176).
fn methods(strength: &Strength) -> Vec<&'static str> {
    let mut methods: Vec<_> = strength.proofs.iter().map(|proof| proof.factor.amr()).collect();
    if strength.level() == Level::SecondFactor {
        methods.push("mfa");
    }
    methods.sort_unstable();
    methods.dedup();
    methods
}
