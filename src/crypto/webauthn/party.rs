//! The relying party: us, as authenticators know us. Begins ceremonies and judges their answers.

use std::time::Duration;

use serde::{Serialize, de::DeserializeOwned};
use webauthn_rs_core::{
    WebauthnCore,
    error::WebauthnError,
    proto::{
        AllowCredentials, AttestationConveyancePreference, AuthenticationState, AuthenticatorTransport,
        COSEAlgorithm, Credential, PublicKeyCredential, PublicKeyCredentialDescriptor,
        RegisterPublicKeyCredential, RegistrationState, RequestRegistrationExtensions,
        ResidentKeyRequirement, UserVerificationPolicy,
    },
};

use super::wire::{AuthenticatorData, ClientData, auth_data};
use crate::{
    crypto::text,
    values::{random::Random, url::WebUrl},
};

/// Longest answer of a browser that is looked at, in bytes of its JSON text. Attestation certificates, which nobody asks for, would be
/// the largest part.
pub const LONGEST_RESPONSE: usize = 24 * 1024;

/// Longest credential id (specification, section 4).
const LONGEST_ID: usize = 1023;

/// How long a browser is told to wait for its user (security.md section 2).
const TIMEOUT: Duration = Duration::from_mins(5);

/// Whether the authenticator has to know its user, by a PIN, a finger, a face.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verification {
    /// It has to.
    Required,
    /// It should if it can. What did so once has to from then on.
    Preferred,
}

impl Verification {
    const fn policy(self) -> UserVerificationPolicy {
        match self {
            Self::Required => UserVerificationPolicy::Required,
            Self::Preferred => UserVerificationPolicy::Preferred,
        }
    }
}

/// For whom a credential is made.
#[derive(Clone, Copy, Debug)]
pub struct UserEntity<'a> {
    /// The user handle: says nothing to anybody but us.
    pub handle: &'a [u8],
    /// The name to sign in with, as the authenticator lists it.
    pub name: &'a str,
    /// What people call the person.
    pub display_name: &'a str,
}

/// A ceremony that began.
#[derive(Clone, Debug)]
pub struct Ceremony {
    /// What the page hands to `navigator.credentials`, as JSON (`{"publicKey":{…}}`).
    pub options: String,
    /// What is needed to judge the answer. Not secret, but to be kept where nobody can change it.
    pub state: Vec<u8>,
}

/// A credential that may answer.
#[derive(Clone, Copy, Debug)]
pub struct Allowed<'a> {
    /// Its id.
    pub id: &'a [u8],
    /// How it can be reached, as it said when it was made.
    pub transports: &'a [String],
}

/// A credential that was made, as plain facts and in the library's own form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registered {
    /// Its id, 1023 bytes at most.
    pub id: Vec<u8>,
    /// The signature counter; zero for those that do not count.
    pub counter: u32,
    /// Whether the user was verified.
    pub verified: bool,
    /// Whether it may be synchronised (BE); this never changes.
    pub backup_eligible: bool,
    /// Whether it is synchronised now (BS).
    pub backed_up: bool,
    /// The model of the authenticator, all zero when it does not tell.
    pub aaguid: [u8; 16],
    /// How it can be reached: words of the standard only.
    pub transports: Vec<String>,
    /// Whether the authenticator finds it without being told its id, as far as the browser knows.
    pub discoverable: Option<bool>,
    /// The library's own form, which holds the public key.
    pub opaque: Vec<u8>,
}

/// A credential as it is known at this moment.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// The library's own form.
    pub opaque: &'a [u8],
    /// The signature counter of its last use.
    pub counter: u32,
}

/// What an answer claims. Nothing of it is proven.
#[derive(Clone, Debug)]
pub struct Claim {
    response: PublicKeyCredential,
}

impl Claim {
    /// Which credential it says it is.
    pub fn credential(&self) -> &[u8] {
        &self.response.raw_id
    }

    /// Whose it says it is.
    pub fn user_handle(&self) -> Option<&[u8]> {
        self.response.response.user_handle.as_deref()
    }
}

/// That the holder of a credential answered. Only [`RelyingParty::finish_assertion`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asserted {
    credential: Vec<u8>,
    counter: u32,
    verified: bool,
    backed_up: bool,
}

impl Asserted {
    /// Which credential.
    pub fn credential(&self) -> &[u8] {
        &self.credential
    }

    /// Its counter now.
    pub const fn counter(&self) -> u32 {
        self.counter
    }

    /// Whether the user was verified.
    pub const fn verified(&self) -> bool {
        self.verified
    }

    /// Whether it is synchronised now.
    pub const fn backed_up(&self) -> bool {
        self.backed_up
    }
}

/// Why an answer is refused. It repeats nothing of the answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It cannot be read.
    #[error("malformed: {0}")]
    Malformed(&'static str),
    /// It was made for another site.
    #[error("made for another origin")]
    Origin,
    /// The signature counter did not rise: there may be a copy of the credential.
    #[error("the signature counter did not rise")]
    Counter,
    /// The user was not verified, and had to be.
    #[error("the user was not verified")]
    Unverified,
    /// Something else is wrong with it.
    #[error("{0}")]
    Wrong(String),
}

impl From<WebauthnError> for Refusal {
    fn from(error: WebauthnError) -> Self {
        match error {
            WebauthnError::CredentialPossibleCompromise => Self::Counter,
            WebauthnError::UserNotVerified => Self::Unverified,
            WebauthnError::InvalidRPOrigin => Self::Origin,
            // These carry a parser's words, which can repeat what was sent.
            WebauthnError::ParseJSONFailure(_) | WebauthnError::ParseCBORFailure(_) => {
                Self::Malformed("a part of it")
            }
            other => Self::Wrong(other.to_string()),
        }
    }
}

/// Us, as authenticators know us (security.md WAN-5).
#[derive(Clone, Debug)]
pub struct RelyingParty {
    core: WebauthnCore,
    id: String,
    origins: Vec<String>,
}

impl RelyingParty {
    /// Of the domain `id`, shown as `name`, with pages at `origins` and nowhere else.
    pub fn new(name: &str, id: &str, origins: &[WebUrl]) -> Self {
        let origins: Vec<String> = origins.iter().map(WebUrl::origin).collect();
        let urls = origins.iter().filter_map(|origin| url::Url::parse(origin).ok()).collect();
        let core = WebauthnCore::new_unsafe_experts_only(name, id, urls, TIMEOUT, Some(false), Some(false));
        Self { core, id: id.to_owned(), origins }
    }

    /// The domain that credentials are bound to.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Begins to make a credential; none is made on an authenticator that holds one of `exclude` (security.md WAN-3).
    ///
    /// # Errors
    /// When the library does not like the names; ours are never empty.
    pub fn begin_registration(
        &self,
        user: &UserEntity<'_>,
        exclude: &[Allowed<'_>],
        verification: Verification,
        chance: Random<32>,
    ) -> Result<Ceremony, Refusal> {
        let extensions = RequestRegistrationExtensions {
            cred_protect: None,
            uvm: None,
            // Not to be trusted, but worth showing: whether it can be used without a name.
            cred_props: Some(true),
            min_pin_length: None,
            hmac_create_secret: None,
        };
        let builder = self
            .core
            .new_challenge_register_builder(user.handle, user.name, user.display_name)?
            .attestation(AttestationConveyancePreference::None)
            .credential_algorithms(vec![COSEAlgorithm::ES256, COSEAlgorithm::RS256])
            .user_verification_policy(verification.policy())
            .exclude_credentials(Some(exclude.iter().map(|one| one.id.to_vec()).collect()))
            .extensions(Some(extensions));
        let (mut options, state) = self.core.generate_challenge_register(builder)?;
        let public = &mut options.public_key;
        public.challenge = chance.bytes().to_vec();
        if let Some(selection) = &mut public.authenticator_selection {
            selection.resident_key = Some(ResidentKeyRequirement::Preferred);
        }
        public.exclude_credentials = Some(exclude.iter().map(descriptor).collect());
        Ok(Ceremony { options: json(&options)?, state: stored(&state, chance)? })
    }

    /// Judges a credential that was made.
    ///
    /// # Errors
    /// Every reason of specification section 7.1, as security.md WAN-1 and WAN-3 have it.
    pub fn finish_registration(&self, state: &[u8], response: &str) -> Result<Registered, Refusal> {
        let state: RegistrationState = restored(state)?;
        let response: RegisterPublicKeyCredential = read(response)?;
        named(&response.id, &response.raw_id, &response.type_)?;
        self.check_client(&response.response.client_data_json, "webauthn.create")?;
        let data = auth_data(&response.response.attestation_object).and_then(AuthenticatorData::read);
        let data = data.ok_or(Refusal::Malformed("the attestation object"))?;
        let (aaguid, id) = data.credential.ok_or(Refusal::Malformed("no credential in it"))?;
        if id != response.raw_id {
            return Err(Refusal::Wrong("two ids for one credential".to_owned()));
        }
        let credential = self.core.register_credential(&response, &state, None)?;
        let discoverable = response.extensions.cred_props.as_ref().and_then(|properties| properties.rk);
        let transports = response.response.transports.unwrap_or_default();
        let mut words: Vec<String> = transports
            .iter()
            .filter(|word| !matches!(word, AuthenticatorTransport::Unknown | AuthenticatorTransport::Test))
            .map(ToString::to_string)
            .collect();
        words.sort_unstable();
        words.dedup();
        Ok(Registered {
            id: id.to_vec(),
            counter: data.counter,
            verified: data.verified(),
            backup_eligible: data.backup_eligible(),
            backed_up: data.backed_up(),
            aaguid: *aaguid,
            transports: words,
            discoverable,
            opaque: serde_json::to_vec(&credential).map_err(|_| Refusal::Malformed("the credential"))?,
        })
    }

    /// Begins to ask for one of these credentials; with none, for any that an authenticator has for us, so that nobody learns who has
    /// which (security.md THR-9).
    ///
    /// # Errors
    /// None that ours can cause.
    pub fn begin_assertion(
        &self,
        allowed: &[Allowed<'_>],
        verification: Verification,
        chance: Random<32>,
    ) -> Result<Ceremony, Refusal> {
        let builder = self
            .core
            .new_challenge_authenticate_builder(Vec::new(), Some(verification.policy()))?
            .allow_backup_eligible_upgrade(false);
        let (mut options, state) = self.core.generate_challenge_authenticate(builder)?;
        options.public_key.challenge = chance.bytes().to_vec();
        options.public_key.allow_credentials = allowed.iter().map(allow).collect();
        Ok(Ceremony { options: json(&options)?, state: stored(&state, chance)? })
    }

    /// Reads an answer, to find the credential it claims.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read_claim(response: &str) -> Result<Claim, Refusal> {
        let response: PublicKeyCredential = read(response)?;
        named(&response.id, &response.raw_id, &response.type_)?;
        Ok(Claim { response })
    }

    /// Judges an answer by the credential it claims.
    ///
    /// # Errors
    /// Every reason of specification section 7.2, as security.md WAN-1 and WAN-2 have it.
    pub fn finish_assertion(
        &self,
        state: &[u8],
        claim: &Claim,
        known: &Known<'_>,
    ) -> Result<Asserted, Refusal> {
        let state: AuthenticationState = restored(state)?;
        let mut credential: Credential = restored(known.opaque)?;
        credential.counter = known.counter;
        let response = &claim.response;
        self.check_client(&response.response.client_data_json, "webauthn.get")?;
        let data = AuthenticatorData::read(&response.response.authenticator_data);
        if data.is_none_or(|data| data.credential.is_some()) {
            return Err(Refusal::Malformed("the authenticator data"));
        }
        let result = self.core.authenticate_single_credential(response, &state, &credential)?;
        Ok(Asserted {
            credential: credential.cred_id,
            counter: result.counter(),
            verified: result.user_verified(),
            backed_up: result.backup_state(),
        })
    }

    /// What the library does not look at, or looks at less strictly.
    fn check_client(&self, json: &[u8], kind: &str) -> Result<(), Refusal> {
        let data = ClientData::read(json).ok_or(Refusal::Malformed("the client data"))?;
        if data.kind != kind {
            return Err(Refusal::Wrong("made in another ceremony".to_owned()));
        }
        if !self.origins.contains(&data.origin) {
            return Err(Refusal::Origin);
        }
        if data.cross_origin == Some(true) || data.top_origin.is_some() {
            return Err(Refusal::Wrong("made inside a page of another origin".to_owned()));
        }
        Ok(())
    }
}

fn read<T: DeserializeOwned>(response: &str) -> Result<T, Refusal> {
    if response.len() > LONGEST_RESPONSE {
        return Err(Refusal::Malformed("too long"));
    }
    serde_json::from_str(response).map_err(|_| Refusal::Malformed("no credential"))
}

fn named(id: &str, raw: &[u8], kind: &str) -> Result<(), Refusal> {
    let fits = !raw.is_empty() && raw.len() <= LONGEST_ID && id == text::encode(raw) && kind == "public-key";
    if fits { Ok(()) } else { Err(Refusal::Malformed("its id or type")) }
}

/// The library draws its own challenge; ours takes its place, so that all chance comes from one source.
fn stored(state: &impl Serialize, chance: Random<32>) -> Result<Vec<u8>, Refusal> {
    let bad = |_| Refusal::Malformed("the state");
    let mut state = serde_json::to_value(state).map_err(bad)?;
    if let Some(challenge) = state.get_mut("challenge") {
        *challenge = text::encode(chance.bytes()).into();
    }
    serde_json::to_vec(&state).map_err(bad)
}

fn restored<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(bytes).map_err(|_| Refusal::Malformed("what was kept of it"))
}

fn json(options: &impl Serialize) -> Result<String, Refusal> {
    serde_json::to_string(options).map_err(|_| Refusal::Malformed("the options"))
}

fn allow(one: &Allowed<'_>) -> AllowCredentials {
    let PublicKeyCredentialDescriptor { type_, id, transports } = descriptor(one);
    AllowCredentials { type_, id, transports }
}

fn descriptor(one: &Allowed<'_>) -> PublicKeyCredentialDescriptor {
    let transports: Vec<_> = one.transports.iter().filter_map(|word| word.parse().ok()).collect();
    PublicKeyCredentialDescriptor {
        type_: "public-key".to_owned(),
        id: one.id.to_vec(),
        transports: (!transports.is_empty()).then_some(transports),
    }
}
