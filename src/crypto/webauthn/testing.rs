//! An authenticator in software, of another make than the code it tests: it shows what a browser would send.

use std::pin::Pin;

use passkey::{
    authenticator::{Authenticator, UiHint, UserCheck, UserValidationMethod},
    client::{Client, DefaultClientData},
    crypto::rust_crypto::RustCryptoBackend,
    types::{Passkey, ctap2::Aaguid, ctap2::Ctap2Error},
};
use serde_json::Value;
use url::Url;

use super::{Known, Registered};
use crate::crypto::text;

/// A device with at most one passkey, in a browser on a page of `origin`.
#[derive(Clone)]
pub(crate) struct Device {
    pub(crate) origin: String,
    /// Whether it can tell its user from others.
    pub(crate) verifies: bool,
    /// Whether the passkey that it makes counts how often it is shown.
    pub(crate) counts: bool,
    pub(crate) passkey: Option<Passkey>,
}

struct Finger(bool);

type Checked<'f> = Pin<Box<dyn Future<Output = Result<UserCheck, Ctap2Error>> + Send + 'f>>;

// The trait is written with a macro that this crate does not use; this is what it becomes.
impl UserValidationMethod for Finger {
    type PasskeyItem = Passkey;

    fn check_user<'a, 'life0, 'async_trait>(
        &'life0 self,
        _: UiHint<'a, Passkey>,
        presence: bool,
        _: bool,
    ) -> Checked<'async_trait>
    where
        'a: 'async_trait,
        'life0: 'async_trait,
        Self: 'async_trait,
    {
        let verification = self.0;
        Box::pin(async move { Ok(UserCheck { presence, verification }) })
    }

    fn is_presence_enabled(&self) -> bool {
        true
    }

    fn is_verification_enabled(&self) -> Option<bool> {
        self.0.then_some(true)
    }
}

impl Device {
    pub(crate) fn new(origin: &str) -> Self {
        Self { origin: origin.to_owned(), verifies: true, counts: true, passkey: None }
    }

    fn origin(&self) -> Url {
        Url::parse(&self.origin).unwrap()
    }

    fn authenticator(&self) -> Authenticator<Option<Passkey>, Finger, RustCryptoBackend> {
        let finger = Finger(self.verifies);
        let mut made =
            Authenticator::new(Aaguid::from([7; 16]), self.passkey.clone(), finger, RustCryptoBackend);
        made.set_make_credentials_with_signature_counter(self.counts);
        made
    }

    /// A device that cannot verify its user answers without, whatever is asked: it is for the other side to notice.
    fn within_reach(&self, options: &str) -> String {
        if self.verifies { options.to_owned() } else { asking_for("discouraged", options) }
    }

    /// Makes a passkey; what `navigator.credentials.create` gives.
    pub(crate) async fn create(&mut self, options: &str) -> String {
        let request = serde_json::from_str(&self.within_reach(options)).unwrap();
        let mut client = Client::new(self.authenticator());
        let made = client.register(&self.origin(), request, DefaultClientData).await.unwrap();
        self.passkey = client.authenticator().store().clone();
        as_browsers_write(serde_json::to_value(&made).unwrap()).to_string()
    }

    /// The same under an id that somebody else's passkey has: without attestation nothing is signed here.
    pub(crate) async fn create_as(&mut self, options: &str, id: &[u8]) -> String {
        let mut made: Value = serde_json::from_str(&self.create(options).await).unwrap();
        let own = self.passkey.as_ref().unwrap().credential_id.to_vec();
        assert_eq!(own.len(), id.len());
        let object = made["response"]["attestationObject"].as_str().unwrap();
        let mut object = text::decode_up_to(object, 10_000).unwrap();
        let at = object.windows(own.len()).position(|part| part == own).unwrap();
        object[at..at + id.len()].copy_from_slice(id);
        made["response"]["attestationObject"] = text::encode(&object).into();
        (made["id"], made["rawId"]) = (text::encode(id).into(), text::encode(id).into());
        made.to_string()
    }

    /// Shows the passkey; what `navigator.credentials.get` gives.
    pub(crate) async fn get(&mut self, options: &str) -> String {
        let request = serde_json::from_str(&self.within_reach(options)).unwrap();
        let mut client = Client::new(self.authenticator());
        let shown = client.authenticate(&self.origin(), request, DefaultClientData).await.unwrap();
        self.passkey = client.authenticator().store().clone();
        as_browsers_write(serde_json::to_value(&shown).unwrap()).to_string()
    }
}

/// This authenticator's library writes bytes as numbers, browsers as base64url.
fn as_browsers_write(value: Value) -> Value {
    match value {
        Value::Array(items) if !items.is_empty() && items.iter().all(Value::is_u64) => {
            let bytes: Vec<u8> =
                items.iter().map(|item| u8::try_from(item.as_u64().unwrap()).unwrap()).collect();
            text::encode(&bytes).into()
        }
        Value::Array(items) => items.into_iter().map(as_browsers_write).collect(),
        Value::Object(members) => {
            members.into_iter().map(|(name, value)| (name, as_browsers_write(value))).collect()
        }
        other => other,
    }
}

/// The same options, asking for something else about the user.
pub(crate) fn asking_for(verification: &str, options: &str) -> String {
    let mut options: Value = serde_json::from_str(options).unwrap();
    options["publicKey"]["userVerification"] = verification.into();
    if let Some(selection) = options["publicKey"].get_mut("authenticatorSelection") {
        selection["userVerification"] = verification.into();
    }
    options.to_string()
}

/// The credential as it is known after it was made.
pub(crate) fn known(made: &Registered) -> Known<'_> {
    Known {
        id: &made.id,
        key: &made.key,
        counter: made.counter,
        verified: made.verified,
        backup_eligible: made.backup_eligible,
    }
}
