//! Our own keys: one per purpose, derived from the master key that lies beside the store, not in it (security.md OPS-8).

use crate::{
    crypto::{
        keys::MasterKey,
        mac::{MacKey, framed},
        seal::SealKey,
        text,
    },
    domain::credential::Version,
    values::{
        id::{AccountId, SessionId},
        time::Timestamp,
    },
};

/// The derived keys. Cheap to clone by `Arc`; never printed.
pub struct Keyring {
    forms: MacKey,
    returns: MacKey,
    devices: MacKey,
    loops: MacKey,
    // Messages and the codes in them.
    outbox: SealKey,
    // OAuth 2.0.
    tickets: MacKey,
    signing: SealKey,
    requests: MacKey,
    // Second factors.
    factors: SealKey,
    trust: MacKey,
    codes: MacKey,
}

/// What a form's token is bound to.
#[derive(Clone, Copy, Debug)]
pub enum FormBinding<'a> {
    /// Before sign-in: the browser's flow cookie.
    Flow(&'a str),
    /// After sign-in: the session.
    Session(SessionId),
    /// The session, and exactly what is decided (security.md OAU-15).
    Decision(SessionId, &'a str),
}

impl Keyring {
    /// Derives all keys.
    pub fn new(master: &MasterKey) -> Self {
        Self {
            forms: master.mac_key("form token v1"),
            returns: master.mac_key("return address v1"),
            devices: master.mac_key("known device v1"),
            loops: master.mac_key("redirect counter v1"),
            outbox: master.seal_key("outbox v1"),
            tickets: master.mac_key("oauth ticket v1"),
            signing: master.seal_key("signing key v1"),
            requests: master.mac_key("oauth request v1"),
            factors: master.seal_key("second factors v1"),
            trust: master.mac_key("trusted device v1"),
            codes: master.mac_key("challenge code v1"),
        }
    }

    /// Marks authorization codes and refresh tokens as ours, so that others are refused before any lookup.
    pub const fn tickets(&self) -> &MacKey {
        &self.tickets
    }

    /// Seals the private halves of the keys that sign tokens.
    pub const fn signing(&self) -> &SealKey {
        &self.signing
    }

    /// The mark on an authorization request whose browser was sent to sign in at this moment (security.md OAU-17).
    pub fn request_mark(&self, since: Timestamp, request: &str) -> String {
        let mut bytes = since.millis().to_be_bytes().to_vec();
        bytes.extend_from_slice(&self.requests.sign_short(&request_message(since, request)));
        text::encode(&bytes)
    }

    /// When that was, if the mark is ours and of this very request.
    pub fn read_request_mark(&self, mark: &str, request: &str) -> Option<Timestamp> {
        let bytes: [u8; 24] = text::decode(mark)?;
        let (since, tag) = bytes.split_first_chunk::<8>()?;
        let since = Timestamp::from_millis(u64::from_be_bytes(*since));
        let tag = tag.try_into().ok()?;
        self.requests.verify_short(&request_message(since, request), tag).then_some(since)
    }

    /// Seals what is filled into queued messages.
    pub(in crate::domain) const fn outbox(&self) -> &SealKey {
        &self.outbox
    }

    /// The key under which short codes are kept, for [`challenge`](crate::domain::challenge).
    pub const fn codes(&self) -> &MacKey {
        &self.codes
    }

    /// The token a form carries (security.md WEB-1).
    pub fn form_token(&self, binding: FormBinding<'_>) -> String {
        text::encode(&self.forms.sign_short(&form_message(binding)))
    }

    /// Whether a form's token is the one that belongs to this browser.
    pub fn form_token_matches(&self, binding: FormBinding<'_>, given: &str) -> bool {
        text::decode(given).is_some_and(|tag| self.forms.verify_short(&form_message(binding), &tag))
    }

    /// The seal on a return address.
    pub fn return_mac(&self, message: &[u8]) -> [u8; 16] {
        self.returns.sign_short(message)
    }

    /// The value of the cookie that counts redirects to one place.
    pub fn loop_mark(&self, count: u8, since: Timestamp, place: &str) -> String {
        let mut bytes = vec![count];
        bytes.extend_from_slice(&since.secs().to_be_bytes());
        bytes.extend_from_slice(&self.loops.sign_short(&loop_message(count, since, place)));
        text::encode(&bytes)
    }

    /// How often, since when, if the mark is ours and about this place.
    pub fn read_loop_mark(&self, mark: &str, place: &str) -> Option<(u8, Timestamp)> {
        let bytes: [u8; 25] = text::decode(mark)?;
        let (count, rest) = bytes.split_first()?;
        let (since, tag) = rest.split_first_chunk::<8>()?;
        let since = Timestamp::from_secs(u64::from_be_bytes(*since));
        let tag = tag.try_into().ok()?;
        self.loops.verify_short(&loop_message(*count, since, place), tag).then_some((*count, since))
    }

    /// The value of the cookie that lets a device have its own failure counter for one account (security.md THR-4).
    /// It is bound to this very password: whoever changes it makes all devices unknown again.
    pub fn device_mark(
        &self,
        account: AccountId,
        password: Version,
        device: &[u8; 16],
        until: Timestamp,
    ) -> String {
        let mut bytes = device.to_vec();
        bytes.extend_from_slice(&until.secs().to_be_bytes());
        bytes.extend_from_slice(&self.devices.sign_short(&device_message(account, password, device, until)));
        text::encode(&bytes)
    }

    /// Which device a mark stands for, if it was made for this account and is not out of date.
    pub fn known_device(
        &self,
        account: AccountId,
        password: Version,
        mark: &str,
        now: Timestamp,
    ) -> Option<[u8; 16]> {
        let bytes: [u8; 40] = text::decode(mark)?;
        let (device, rest) = bytes.split_first_chunk::<16>()?;
        let (until, tag) = rest.split_first_chunk::<8>()?;
        let until = Timestamp::from_secs(u64::from_be_bytes(*until));
        let right = self
            .devices
            .verify_short(&device_message(account, password, device, until), tag.try_into().ok()?);
        (right && now < until).then_some(*device)
    }

    /// What second factors are sealed with.
    pub const fn factors(&self) -> &SealKey {
        &self.factors
    }

    /// The value of the cookie by which a device is trusted for one account: bound to its password and to a generation that rises when all its
    /// devices are to be strangers. `since` is when the second factor was given there.
    pub fn trust_mark(
        &self,
        account: AccountId,
        password: Option<Version>,
        generation: u64,
        since: Timestamp,
    ) -> String {
        let mut bytes = since.millis().to_be_bytes().to_vec();
        bytes.extend_from_slice(&self.trust.sign(&trust_message(account, password, generation, since)));
        text::encode(&bytes)
    }

    /// Since when the device that shows this mark is trusted for the account, if it is. How long that lasts is for the caller to
    /// know; a moment to come is none.
    pub fn trusted_since(
        &self,
        account: AccountId,
        password: Option<Version>,
        generation: u64,
        mark: &str,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let bytes: [u8; 40] = text::decode(mark)?;
        let (since, tag) = bytes.split_first_chunk::<8>()?;
        let since = Timestamp::from_millis(u64::from_be_bytes(*since));
        let right =
            self.trust.verify(&trust_message(account, password, generation, since), tag.try_into().ok()?);
        (right && since <= now).then_some(since)
    }
}

fn trust_message(
    account: AccountId,
    password: Option<Version>,
    generation: u64,
    since: Timestamp,
) -> Vec<u8> {
    let password = password.map(Version::bytes);
    let password = password.as_ref().map_or(&[][..], |bytes| &bytes[..]);
    framed(&[account.bytes(), password, &generation.to_be_bytes(), &since.millis().to_be_bytes()])
}

fn form_message(binding: FormBinding<'_>) -> Vec<u8> {
    match binding {
        FormBinding::Flow(flow) => framed(&[b"flow", flow.as_bytes()]),
        FormBinding::Session(id) => framed(&[b"session", id.bytes()]),
        FormBinding::Decision(id, what) => framed(&[b"decision", id.bytes(), what.as_bytes()]),
    }
}

fn device_message(account: AccountId, password: Version, device: &[u8; 16], until: Timestamp) -> Vec<u8> {
    framed(&[account.bytes(), &password.bytes(), device, &until.secs().to_be_bytes()])
}

fn request_message(since: Timestamp, request: &str) -> Vec<u8> {
    framed(&[&since.millis().to_be_bytes(), request.as_bytes()])
}

fn loop_message(count: u8, since: Timestamp, place: &str) -> Vec<u8> {
    framed(&[&[count], &since.secs().to_be_bytes(), place.as_bytes()])
}
