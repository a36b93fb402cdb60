//! What is counted: failures of a subject, of a subject from one origin, of a source.

use std::net::IpAddr;

use minicbor::{Decode, Encode};

use crate::{
    crypto::digest::sha256,
    store::{Key, KeyBuf, KeyReader, Record},
    values::{id::AccountId, net::SourceKey, time::Timestamp},
};

/// Whom an attempt is about, by account when the name is known and by digest when it is not: both are
/// throttled alike, so that throttling tells nothing (THR-8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Subject([u8; 16]);

impl Subject {
    /// A known account.
    pub const fn account(id: AccountId) -> Self {
        Self(*id.bytes())
    }

    /// A name nobody has; spelled in canonical form so that its variants share a counter.
    pub fn unknown(canonical: &str) -> Self {
        Self(short_digest(&format!("unknown name\0{canonical}")))
    }
}

/// Somebody who brings what many people typed at a form of its own, and has proven to be who it is: an OAuth client with the `password`
/// grant, a program with an API key or the service secret. Where it calls from says nothing about any of these people, so it is a source by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Relay([u8; 16]);

impl Relay {
    /// A confidential OAuth client, by its id.
    pub fn client(id: &str) -> Self {
        Self(short_digest(&format!("relay\0oauth client\0{id}")))
    }

    /// A program with an API key, by the key's name.
    pub fn program(name: &str) -> Self {
        Self(short_digest(&format!("relay\0api key\0{name}")))
    }

    /// The programs with the service secret, all together: they have one and the same name.
    pub fn service() -> Self {
        Self(short_digest("relay\0service"))
    }
}

/// Where an attempt comes from: a browser that signed in to this account before, somebody else's form, or just an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// A device that proves an earlier sign-in to this very account.
    KnownDevice([u8; 16]),
    /// A form of somebody who has proven to be who it is.
    Relay(Relay),
    /// An address (IPv4 /32, IPv6 /64).
    Source(SourceKey),
}

/// Names one counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct CounterKey(#[cbor(n(0), with = "minicbor::bytes")] [u8; 33]);

impl CounterKey {
    const PAIR: u8 = b'p';
    const SUBJECT: u8 = b'a';
    const SOURCE: u8 = b's';
    // A source as a program or an OAuth client: what the people behind it do wrong must not shut it out, it has its own proof.
    const CLIENT_SOURCE: u8 = b'c';
    // A source that redeems codes and refresh tokens as a client without a secret, for each such client.
    const REDEEMING_SOURCE: u8 = b'r';
    // What people typed wrong at the form of a relay, all of them.
    const RELAY: u8 = b'o';
    // The first two again for second factors: whoever guesses at one must not use up what the password has left, nor the other way.
    const SECOND_PAIR: u8 = b'q';
    const SECOND_SUBJECT: u8 = b'b';

    /// Failures of a subject from one origin.
    pub fn pair(subject: &Subject, origin: &Origin) -> Self {
        Self::new(Self::PAIR, &subject.0, &origin_bytes(origin))
    }

    /// Failures of a subject from everywhere.
    pub fn subject(subject: &Subject) -> Self {
        Self::new(Self::SUBJECT, &subject.0, &[0; 16])
    }

    /// Failures of a source with everybody; `None` where there is no address. A relay counts wherever it calls from.
    pub fn source(origin: &Origin, client: Option<IpAddr>) -> Option<Self> {
        let source = match origin {
            Origin::Source(source) => *source,
            Origin::KnownDevice(_) => SourceKey::of(client),
            Origin::Relay(relay) => return Some(Self::new(Self::RELAY, &relay.0, &[0; 16])),
        };
        Self::of_source(Self::SOURCE, &[0; 16], &source)
    }

    /// Failures of a source in proving to be a program or a client, whichever; `None` where there is no address.
    pub fn client_source(source: &SourceKey) -> Option<Self> {
        Self::of_source(Self::CLIENT_SOURCE, &[0; 16], source)
    }

    /// Codes and refresh tokens of a source, brought as this client that has nothing to prove, that were not good.
    pub fn redeeming_source(client: &str, source: &SourceKey) -> Option<Self> {
        Self::of_source(Self::REDEEMING_SOURCE, &short_digest(&format!("oauth client\0{client}")), source)
    }

    fn of_source(kind: u8, whose: &[u8; 16], source: &SourceKey) -> Option<Self> {
        // Who comes through a Unix socket without an address is not one source but all of them.
        (*source != SourceKey::Local).then(|| Self::new(kind, whose, &source_bytes(source)))
    }

    /// Failures of a subject's second factor from one origin.
    fn second_pair(subject: &Subject, origin: &Origin) -> Self {
        Self::new(Self::SECOND_PAIR, &subject.0, &origin_bytes(origin))
    }

    /// Failures of a subject's second factor from everywhere.
    pub(super) fn second_subject(subject: &Subject) -> Self {
        Self::new(Self::SECOND_SUBJECT, &subject.0, &[0; 16])
    }

    /// Where the pairs of a subject begin.
    pub(super) fn first_pair(subject: &Subject) -> Self {
        Self::new(Self::PAIR, &subject.0, &[0; 16])
    }

    /// Where those of its second factor begin.
    pub(super) fn first_second_pair(subject: &Subject) -> Self {
        Self::new(Self::SECOND_PAIR, &subject.0, &[0; 16])
    }

    /// Whether both are of one kind and one subject.
    pub(super) fn is_akin(&self, other: &Self) -> bool {
        self.0[..17] == other.0[..17]
    }

    /// Whether it counts a pair.
    pub(super) const fn is_pair(&self) -> bool {
        matches!(self.0[0], Self::PAIR | Self::SECOND_PAIR)
    }

    /// Whether it counts a relay's failures, which is done by other rules than an address's.
    pub(super) const fn is_relay(&self) -> bool {
        self.0[0] == Self::RELAY
    }

    /// The account it is about, if its subject is one.
    pub(super) fn account(&self) -> Option<AccountId> {
        let ([kind, subject @ ..], _) = self.0.split_first_chunk::<17>()?;
        let of_source =
            matches!(*kind, Self::SOURCE | Self::CLIENT_SOURCE | Self::REDEEMING_SOURCE | Self::RELAY);
        (!of_source).then(|| AccountId::from_bytes(*subject))
    }

    fn new(kind: u8, first: &[u8; 16], second: &[u8; 16]) -> Self {
        let mut bytes = [kind; 33];
        bytes[1..17].copy_from_slice(first);
        bytes[17..].copy_from_slice(second);
        Self(bytes)
    }
}

impl Key for CounterKey {
    fn write(&self, out: &mut KeyBuf) {
        out.bytes(&self.0);
    }

    fn take(from: &mut KeyReader<'_>) -> Option<Self> {
        from.bytes().map(Self)
    }
}

/// A counter as stored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct CounterRecord {
    /// Failures since the last success or the last quiet window.
    #[n(0)]
    pub failures: u32,
    /// When the latest one happened; of a relay, when the last of its failures will be forgotten.
    #[n(1)]
    pub latest: Timestamp,
    /// Blocks so far in this run.
    #[n(2)]
    pub blocks: u32,
    /// Failures since the last success, however long ago (the ceiling counts these).
    #[n(3)]
    pub consecutive: u32,
}

impl Record for CounterRecord {
    type Key = CounterKey;
    const SPACE: &'static str = "login-failures";
}

/// The counters one attempt stands under.
#[derive(Clone, Copy, Debug)]
pub struct Counters {
    /// Subject and origin.
    pub pair: CounterKey,
    /// The subject.
    pub subject: CounterKey,
    /// The same two for the name as it was typed, when that is not the subject itself: what the one who types may be told
    /// about (see [`Verdict::Hidden`](super::Verdict::Hidden)).
    pub typed: Option<(CounterKey, CounterKey)>,
    /// The source, where there is one.
    pub source: Option<CounterKey>,
    /// The attempt comes from a known device.
    pub known_device: bool,
}

impl Counters {
    /// The counters for an attempt on `subject`, typed as `typed`, from `origin` at address `client`.
    pub fn of(subject: &Subject, typed: Option<&Subject>, origin: &Origin, client: Option<IpAddr>) -> Self {
        let typed = typed.filter(|typed| *typed != subject);
        Self {
            pair: CounterKey::pair(subject, origin),
            subject: CounterKey::subject(subject),
            typed: typed.map(|typed| (CounterKey::pair(typed, origin), CounterKey::subject(typed))),
            source: CounterKey::source(origin, client),
            known_device: matches!(origin, Origin::KnownDevice(_)),
        }
    }

    /// The counters for proving to be a program that names nobody (an API key, the service secret): by source alone, and apart from what
    /// people type wrong there.
    pub fn of_program(client: Option<IpAddr>) -> Self {
        let source = SourceKey::of(client);
        let subject = Subject::unknown(&format!("program\0{source:?}"));
        Self {
            source: CounterKey::client_source(&source),
            ..Self::of(&subject, None, &Origin::Source(source), client)
        }
    }

    /// The counters for proving to be a client called `id`: by client and source, and by source. Not by client alone: whoever knows
    /// a client's public id could lock it out.
    pub fn of_client(id: &str, client: Option<IpAddr>) -> Self {
        let (subject, source) = (Subject::unknown(&format!("oauth client\0{id}")), SourceKey::of(client));
        Self {
            pair: CounterKey::pair(&subject, &Origin::Source(source)),
            subject: CounterKey::subject(&subject),
            typed: None,
            source: CounterKey::client_source(&source),
            known_device: true,
        }
    }

    /// The counters for a second factor of `subject` from `origin` at address `client`. The source is the same as for passwords.
    pub fn of_second(subject: &Subject, origin: &Origin, client: Option<IpAddr>) -> Self {
        Self {
            pair: CounterKey::second_pair(subject, origin),
            subject: CounterKey::second_subject(subject),
            typed: None,
            source: CounterKey::source(origin, client),
            known_device: matches!(origin, Origin::KnownDevice(_)),
        }
    }

    /// Those that a complete success clears: all but the source's (security.md THR-5).
    pub fn cleared(&self) -> Vec<CounterKey> {
        self.keys().filter(|key| Some(*key) != self.source).collect()
    }

    /// Those alone that the one who types may be told about.
    #[must_use]
    pub fn open(&self) -> Self {
        match self.typed {
            Some((pair, subject)) => Self { pair, subject, typed: None, ..*self },
            None => *self,
        }
    }

    /// All of them.
    pub fn keys(&self) -> impl Iterator<Item = CounterKey> + use<> {
        let (pair, subject) = self.typed.unzip();
        [Some(self.pair), Some(self.subject), pair, subject, self.source].into_iter().flatten()
    }
}

fn origin_bytes(origin: &Origin) -> [u8; 16] {
    match origin {
        Origin::KnownDevice(device) => *device,
        Origin::Relay(relay) => relay.0,
        Origin::Source(source) => source_bytes(source),
    }
}

fn short_digest(text: &str) -> [u8; 16] {
    let mut short = [0; 16];
    short.copy_from_slice(&sha256(text.as_bytes())[..16]);
    short
}

fn source_bytes(source: &SourceKey) -> [u8; 16] {
    let mut bytes = [0; 16];
    match source {
        SourceKey::V4(address) => bytes[..4].copy_from_slice(address),
        SourceKey::V6(network) => {
            bytes[0] = 6;
            bytes[1..9].copy_from_slice(network);
        }
        SourceKey::Local => bytes[0] = 0xff,
    }
    bytes
}
