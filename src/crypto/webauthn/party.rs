//! The relying party: us, as authenticators know us. Begins ceremonies and judges their answers.

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    answer::{Answer, Assertion, Attestation},
    key::{OFFERED, PublicKey},
    model::{Allowed, Asserted, Ceremony, Known, Refusal, Registered, UserEntity, Verification},
    wire::{AuthenticatorData, ClientData, auth_data},
};
use crate::{
    crypto::{digest::sha256, text},
    values::{random::Random, url::WebUrl},
};

/// How long a browser is told to wait for its user (security.md section 2).
const TIMEOUT: Duration = Duration::from_mins(5);

/// What an answer claims. Nothing of it is proven.
#[derive(Clone, Debug)]
pub struct Claim {
    answer: Answer<Assertion>,
}

impl Claim {
    /// Which credential it says it is.
    pub fn credential(&self) -> &[u8] {
        &self.answer.raw_id.0
    }

    /// Whose it says it is. A handle has a byte at least; an empty one says nothing.
    pub fn user_handle(&self) -> Option<&[u8]> {
        let handle = self.answer.response.user_handle.as_ref()?;
        Some(handle.0.as_slice()).filter(|handle| !handle.is_empty())
    }
}

/// Us, as authenticators know us (security.md WAN-5).
#[derive(Clone, Debug)]
pub struct RelyingParty {
    name: String,
    id: String,
    origins: Vec<String>,
}

impl RelyingParty {
    /// Of the domain `id`, shown as `name`, with pages at `origins` and nowhere else.
    pub fn new(name: &str, id: &str, origins: &[WebUrl]) -> Self {
        let origins = origins.iter().map(WebUrl::origin).collect();
        Self { name: name.to_owned(), id: id.to_owned(), origins }
    }

    /// The domain that credentials are bound to.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Begins to make a credential; none is made on an authenticator that holds one of `exclude` (security.md WAN-3).
    pub fn begin_registration(
        &self,
        user: &UserEntity<'_>,
        exclude: &[Allowed<'_>],
        verification: Verification,
        chance: Random<32>,
    ) -> Ceremony {
        let offered: Vec<Value> =
            OFFERED.iter().map(|algorithm| json!({ "type": "public-key", "alg": algorithm })).collect();
        let options = json!({ "publicKey": {
            "rp": { "id": self.id, "name": self.name },
            "user": {
                "id": text::encode(user.handle),
                "name": user.name,
                "displayName": user.display_name,
            },
            "challenge": text::encode(chance.bytes()),
            "pubKeyCredParams": offered,
            "timeout": milliseconds(TIMEOUT),
            "attestation": "none",
            "excludeCredentials": descriptors(exclude),
            "authenticatorSelection": {
                "residentKey": "preferred",
                "requireResidentKey": false,
                "userVerification": verification.as_str(),
            },
            // Not to be trusted, but worth showing: whether it can be used without a name.
            "extensions": { "credProps": true },
        } });
        let state = State { kind: Kind::Create, verification, challenge: *chance.bytes() };
        Ceremony { options: options.to_string(), state: state.write() }
    }

    /// Judges a credential that was made.
    ///
    /// The attestation statement says who made the authenticator. Nobody asked, nothing rests on it, and it is not looked at
    /// (security.md WAN-3: `none` is the default).
    ///
    /// # Errors
    /// Every reason of specification section 7.1, as security.md WAN-1 and WAN-3 have it.
    pub fn finish_registration(&self, state: &[u8], response: &str) -> Result<Registered, Refusal> {
        let state = State::read(state, Kind::Create)?;
        let answer: Answer<Attestation> = Answer::read(response)?;
        self.check_client(&answer.response.client_data.0, &state)?;
        let data = auth_data(&answer.response.object.0).and_then(AuthenticatorData::read);
        let data = data.ok_or(Refusal::Malformed("the attestation object"))?;
        let made = data.credential.ok_or(Refusal::Malformed("no credential in it"))?;
        if made.id != answer.raw_id.0 {
            return Err(Refusal::Wrong("two ids for one credential"));
        }
        self.check_authenticator(&data)?;
        if state.verification == Verification::Required && !data.verified() {
            return Err(Refusal::Unverified);
        }
        if PublicKey::read(made.key).is_none() {
            return Err(Refusal::Wrong("no key of a kind that was offered"));
        }
        Ok(Registered {
            id: made.id.to_vec(),
            counter: data.counter,
            verified: data.verified(),
            backup_eligible: data.backup_eligible(),
            backed_up: data.backed_up(),
            aaguid: *made.aaguid,
            transports: answer.response.transports(),
            discoverable: answer.discoverable(),
            key: made.key.to_vec(),
        })
    }

    /// Begins to ask for one of these credentials; with none, for any that an authenticator has for us, so that nobody learns who has
    /// which (security.md THR-9).
    pub fn begin_assertion(
        &self,
        allowed: &[Allowed<'_>],
        verification: Verification,
        chance: Random<32>,
    ) -> Ceremony {
        let options = json!({ "publicKey": {
            "challenge": text::encode(chance.bytes()),
            "timeout": milliseconds(TIMEOUT),
            "rpId": self.id,
            "allowCredentials": descriptors(allowed),
            "userVerification": verification.as_str(),
        } });
        let state = State { kind: Kind::Get, verification, challenge: *chance.bytes() };
        Ceremony { options: options.to_string(), state: state.write() }
    }

    /// Reads an answer, to find the credential it claims.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read_claim(response: &str) -> Result<Claim, Refusal> {
        Ok(Claim { answer: Answer::read(response)? })
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
        let state = State::read(state, Kind::Get)?;
        if claim.credential() != known.id {
            return Err(Refusal::Wrong("another credential"));
        }
        let response = &claim.answer.response;
        self.check_client(&response.client_data.0, &state)?;
        let data = AuthenticatorData::read(&response.authenticator_data.0);
        let data = data.filter(|data| data.credential.is_none());
        let data = data.ok_or(Refusal::Malformed("the authenticator data"))?;
        self.check_authenticator(&data)?;
        // What verified its user when it was made has to go on doing so.
        if (state.verification == Verification::Required || known.verified) && !data.verified() {
            return Err(Refusal::Unverified);
        }
        if data.backup_eligible() != known.backup_eligible {
            return Err(Refusal::Wrong("its backup eligibility has changed"));
        }
        let key = PublicKey::read(known.key).ok_or(Refusal::Malformed("what was kept of it"))?;
        let signed = [&response.authenticator_data.0[..], &sha256(&response.client_data.0)].concat();
        if !key.verifies(&signed, &response.signature.0) {
            return Err(Refusal::Wrong("the signature is not its own"));
        }
        // Only of what it signed: everybody else could make the owner doubt it.
        if (data.counter != 0 || known.counter != 0) && data.counter <= known.counter {
            return Err(Refusal::Counter);
        }
        Ok(Asserted {
            credential: known.id.to_vec(),
            counter: data.counter,
            verified: data.verified(),
            backed_up: data.backed_up(),
        })
    }

    /// What a browser vouches for: that the person was on a page of ours, for this ceremony.
    fn check_client(&self, json: &[u8], state: &State) -> Result<(), Refusal> {
        let data = ClientData::read(json).ok_or(Refusal::Malformed("the client data"))?;
        if data.kind != state.kind.as_str() {
            return Err(Refusal::Wrong("made in another ceremony"));
        }
        if data.challenge != text::encode(&state.challenge) {
            return Err(Refusal::Wrong("made for another challenge"));
        }
        // By its spelling: a browser writes an origin in one way only.
        if !self.origins.contains(&data.origin) {
            return Err(Refusal::Origin);
        }
        if data.cross_origin == Some(true) || data.top_origin.is_some() {
            return Err(Refusal::Wrong("made inside a page of another origin"));
        }
        Ok(())
    }

    /// What an authenticator vouches for, in both ceremonies.
    fn check_authenticator(&self, data: &AuthenticatorData<'_>) -> Result<(), Refusal> {
        if *data.rp_id_hash != sha256(self.id.as_bytes()) {
            return Err(Refusal::Wrong("made for another domain"));
        }
        if !data.present() {
            return Err(Refusal::Wrong("nobody was there"));
        }
        if data.backed_up() && !data.backup_eligible() {
            return Err(Refusal::Wrong("a backup of what has no backup eligibility"));
        }
        Ok(())
    }
}

/// Which of the two ceremonies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Create,
    Get,
}

impl Kind {
    /// As client data names it.
    const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "webauthn.create",
            Self::Get => "webauthn.get",
        }
    }
}

/// What a ceremony that began has to be judged by.
struct State {
    kind: Kind,
    verification: Verification,
    challenge: [u8; 32],
}

impl State {
    fn write(&self) -> Vec<u8> {
        let flags = [u8::from(self.kind == Kind::Get), u8::from(self.verification == Verification::Required)];
        [&flags[..], &self.challenge].concat()
    }

    /// That of one kind only: what began as the other is none.
    fn read(bytes: &[u8], kind: Kind) -> Result<Self, Refusal> {
        let read = || {
            let (&[get, required], challenge) = bytes.split_first_chunk::<2>()?;
            let verification = if required == 0 { Verification::Preferred } else { Verification::Required };
            let matches = (get != 0) == (kind == Kind::Get);
            let challenge = challenge.try_into().ok()?;
            matches.then_some(Self { kind, verification, challenge })
        };
        read().ok_or(Refusal::Malformed("what was kept of it"))
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn descriptors(list: &[Allowed<'_>]) -> Vec<Value> {
    let descriptor = |one: &Allowed<'_>| {
        let mut descriptor = json!({ "type": "public-key", "id": text::encode(one.id) });
        if !one.transports.is_empty() {
            descriptor["transports"] = one.transports.into();
        }
        descriptor
    };
    list.iter().map(descriptor).collect()
}
