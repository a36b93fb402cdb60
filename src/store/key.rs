//! Keys: bytes whose order is the order of what they stand for, and the ranges over them.

use std::{cmp::Ordering, fmt, ops::Bound};

use crate::values::{
    id::{
        AccountId, AuditId, AuthorizationId, ChallengeId, GroupId, MessageId, SessionId, TenantId,
        UserDomainId,
    },
    time::Timestamp,
};

/// A value that can be a key, or part of one.
///
/// Comparing the written bytes gives the same answer as comparing the values, also when several are
/// written one after the other, and [`read`](Self::read) gives back what was written.
pub trait Key: Sized {
    /// Appends the key.
    fn write(&self, out: &mut KeyBuf);

    /// Takes the key off the front; `None` when the bytes are no such key.
    fn take(from: &mut KeyReader<'_>) -> Option<Self>;

    /// The key that these bytes are, the whole of them.
    fn read(bytes: &[u8]) -> Option<Self> {
        let mut reader = KeyReader(bytes);
        let key = Self::take(&mut reader)?;
        reader.0.is_empty().then_some(key)
    }
}

/// A key being built, part by part.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyBuf(Vec<u8>);

impl KeyBuf {
    /// An empty key.
    pub fn new() -> Self {
        Self(Vec::with_capacity(48))
    }

    /// The whole key of `key`.
    pub fn of(key: &impl Key) -> Self {
        let mut out = Self::new();
        key.write(&mut out);
        out
    }

    /// The bytes so far.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Text of any length. It carries its own end, so more may follow; texts sort by their UTF-8
    /// bytes, a prefix before what it begins.
    pub fn text(&mut self, text: &str) -> &mut Self {
        self.text_start(text);
        self.0.extend([0, 0]);
        self
    }

    /// The beginning of a text, for a [`Span::prefix`] over all texts that start so. Nothing may follow.
    pub fn text_start(&mut self, text: &str) -> &mut Self {
        // A zero inside is written 0x00 0xFF and the end 0x00 0x00, so that the end sorts lowest.
        for byte in text.bytes() {
            self.0.push(byte);
            if byte == 0 {
                self.0.push(0xff);
            }
        }
        self
    }

    /// Bytes as they are. Only for fixed lengths: what follows could not be told apart otherwise.
    pub fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// The sixteen bytes of an id.
    pub fn id(&mut self, id: &[u8; 16]) -> &mut Self {
        self.bytes(id)
    }

    /// One byte.
    pub fn u8(&mut self, number: u8) -> &mut Self {
        self.bytes(&[number])
    }

    /// A number, big-endian.
    pub fn u32(&mut self, number: u32) -> &mut Self {
        self.bytes(&number.to_be_bytes())
    }

    /// A number, big-endian.
    pub fn u64(&mut self, number: u64) -> &mut Self {
        self.bytes(&number.to_be_bytes())
    }

    /// A time in whole seconds, rounded down: keys that begin so land on the same few pages when
    /// written together, and expiry is the removal of a range.
    pub fn time(&mut self, at: Timestamp) -> &mut Self {
        self.u64(at.secs())
    }

    /// Any other key.
    pub fn key(&mut self, key: &impl Key) -> &mut Self {
        key.write(self);
        self
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

impl fmt::Debug for KeyBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.escape_ascii())
    }
}

/// A stored key being taken apart.
pub struct KeyReader<'a>(&'a [u8]);

impl KeyReader<'_> {
    /// A text written with [`KeyBuf::text`].
    pub fn text(&mut self) -> Option<String> {
        let mut text = Vec::new();
        loop {
            match self.u8()? {
                0 => match self.u8()? {
                    0 => return String::from_utf8(text).ok(),
                    0xff => text.push(0),
                    _ => return None,
                },
                byte => text.push(byte),
            }
        }
    }

    /// `N` bytes.
    pub fn bytes<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (bytes, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*bytes)
    }

    /// One byte.
    pub fn u8(&mut self) -> Option<u8> {
        self.bytes().map(u8::from_be_bytes)
    }

    /// A big-endian number.
    pub fn u32(&mut self) -> Option<u32> {
        self.bytes().map(u32::from_be_bytes)
    }

    /// A big-endian number.
    pub fn u64(&mut self) -> Option<u64> {
        self.bytes().map(u64::from_be_bytes)
    }

    /// A time in whole seconds.
    pub fn time(&mut self) -> Option<Timestamp> {
        self.u64().map(Timestamp::from_secs)
    }
}

impl Key for String {
    fn write(&self, out: &mut KeyBuf) {
        out.text(self);
    }

    fn take(from: &mut KeyReader<'_>) -> Option<Self> {
        from.text()
    }
}

impl Key for u32 {
    fn write(&self, out: &mut KeyBuf) {
        out.u32(*self);
    }

    fn take(from: &mut KeyReader<'_>) -> Option<Self> {
        from.u32()
    }
}

impl Key for u64 {
    fn write(&self, out: &mut KeyBuf) {
        out.u64(*self);
    }

    fn take(from: &mut KeyReader<'_>) -> Option<Self> {
        from.u64()
    }
}

/// In whole seconds: what is read back has lost its milliseconds.
impl Key for Timestamp {
    fn write(&self, out: &mut KeyBuf) {
        out.time(*self);
    }

    fn take(from: &mut KeyReader<'_>) -> Option<Self> {
        from.time()
    }
}

impl<const N: usize> Key for [u8; N] {
    fn write(&self, out: &mut KeyBuf) {
        out.bytes(self);
    }

    fn take(from: &mut KeyReader<'_>) -> Option<Self> {
        from.bytes()
    }
}

/// The key of a record there is only one of.
impl Key for () {
    fn write(&self, _: &mut KeyBuf) {}

    fn take(_: &mut KeyReader<'_>) -> Option<Self> {
        Some(())
    }
}

macro_rules! tuples {
    ($(($($part:ident $at:tt),+);)*) => {$(
        impl<$($part: Key),+> Key for ($($part,)+) {
            fn write(&self, out: &mut KeyBuf) {
                $(self.$at.write(out);)+
            }

            fn take(from: &mut KeyReader<'_>) -> Option<Self> {
                Some(($($part::take(from)?,)+))
            }
        }
    )*};
}

tuples! {
    (A 0, B 1);
    (A 0, B 1, C 2);
    (A 0, B 1, C 2, D 3);
}

macro_rules! ids {
    ($($id:ident)*) => {$(
        impl Key for $id {
            fn write(&self, out: &mut KeyBuf) {
                out.id(self.bytes());
            }

            fn take(from: &mut KeyReader<'_>) -> Option<Self> {
                from.bytes().map(Self::from_bytes)
            }
        }
    )*};
}

ids! { TenantId UserDomainId GroupId AccountId SessionId AuditId ChallengeId MessageId AuthorizationId }

/// Which way to walk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the smallest key up.
    Forward,
    /// From the largest key down.
    Backward,
}

/// A range of keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    from: Bound<Vec<u8>>,
    to: Bound<Vec<u8>>,
}

impl Span {
    /// Every key.
    pub const fn all() -> Self {
        Self { from: Bound::Unbounded, to: Bound::Unbounded }
    }

    /// Every key that begins with `prefix`.
    pub fn prefix(prefix: &KeyBuf) -> Self {
        let from = prefix.as_bytes().to_vec();
        // The first key behind all that share the prefix: the prefix with its last byte that can
        // grow grown by one. A prefix of nothing but 0xFF has none.
        let last = from.iter().rposition(|byte| *byte != 0xff);
        let to = last.map_or(Bound::Unbounded, |last| {
            let mut end: Vec<u8> = from.iter().copied().take(last + 1).collect();
            if let Some(byte) = end.last_mut() {
                *byte += 1;
            }
            Bound::Excluded(end)
        });
        Self { from: Bound::Included(from), to }
    }

    /// Only what also lies behind `key`, without it.
    #[must_use]
    pub fn after(mut self, key: &[u8]) -> Self {
        if from_cmp(&self.from, key) != Ordering::Greater {
            self.from = Bound::Excluded(key.to_vec());
        }
        self
    }

    /// Only what also lies at or behind `key`.
    #[must_use]
    pub fn starting(mut self, key: &[u8]) -> Self {
        if from_cmp(&self.from, key) == Ordering::Less {
            self.from = Bound::Included(key.to_vec());
        }
        self
    }

    /// Only what also lies before `key`, without it.
    #[must_use]
    pub fn before(mut self, key: &[u8]) -> Self {
        let tighter = match &self.to {
            Bound::Unbounded => true,
            Bound::Included(to) | Bound::Excluded(to) => key <= to.as_slice(),
        };
        if tighter {
            self.to = Bound::Excluded(key.to_vec());
        }
        self
    }

    /// Only what lies beyond `key` when walking in `direction`, without it: how a cursor goes on.
    #[must_use]
    pub fn beyond(self, key: &[u8], direction: Direction) -> Self {
        match direction {
            Direction::Forward => self.after(key),
            Direction::Backward => self.before(key),
        }
    }

    /// Both ends, as the standard library's maps take them.
    pub(super) fn bounds(&self) -> (Bound<&[u8]>, Bound<&[u8]>) {
        (borrow(&self.from), borrow(&self.to))
    }

    /// Whether no key can be in it. Asked first, because ordered maps panic on reversed ranges.
    pub(super) fn is_empty(&self) -> bool {
        match self.bounds() {
            (Bound::Included(from), Bound::Included(to)) => from > to,
            (Bound::Included(from) | Bound::Excluded(from), Bound::Excluded(to))
            | (Bound::Excluded(from), Bound::Included(to)) => from >= to,
            _ => false,
        }
    }
}

/// How the lower bound compares with one that starts exactly at `key`.
fn from_cmp(from: &Bound<Vec<u8>>, key: &[u8]) -> Ordering {
    match from {
        Bound::Unbounded => Ordering::Less,
        Bound::Included(from) => from.as_slice().cmp(key),
        Bound::Excluded(from) => from.as_slice().cmp(key).then(Ordering::Greater),
    }
}

fn borrow(bound: &Bound<Vec<u8>>) -> Bound<&[u8]> {
    match bound {
        Bound::Included(key) => Bound::Included(key),
        Bound::Excluded(key) => Bound::Excluded(key),
        Bound::Unbounded => Bound::Unbounded,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Direction, Key, KeyBuf, Span};
    use crate::values::{id::AccountId, random::Random, time::Timestamp};

    #[test]
    fn keys_read_back_and_refuse_what_they_are_not() {
        let id = AccountId::mint(Timestamp::from_secs(7), Random::new([3; 10]));
        let key = (Timestamp::from_secs(9), id);
        assert_eq!(Key::read(KeyBuf::of(&key).as_bytes()), Some(key));
        assert_eq!(<(Timestamp, AccountId)>::read(&[0; 23]), None);
        assert_eq!(<(Timestamp, AccountId)>::read(&[0; 25]), None);
        assert_eq!(String::read(b"no end"), None);
        assert_eq!(String::read(b"bad\0\x01"), None);
    }

    #[test]
    fn a_prefix_of_all_ones_reaches_the_end() {
        let span = Span::prefix(KeyBuf::new().bytes(&[0xff, 0xff]));
        assert_eq!(span, Span::all().starting(&[0xff, 0xff]));
    }

    #[test]
    fn a_span_only_ever_shrinks() {
        let span = Span::prefix(KeyBuf::new().bytes(b"b"));
        assert_eq!(span.clone().after(b"a"), span);
        assert_eq!(span.clone().starting(b"a"), span);
        assert_eq!(span.clone().before(b"d"), span);
        assert!(span.clone().after(b"c").is_empty());
        assert!(span.clone().beyond(b"b", Direction::Backward).is_empty());
        assert!(span.after(b"b5").before(b"b5").is_empty());
    }

    proptest! {
        #[test]
        fn key_order_is_value_order(a: (String, u64, String), b: (String, u64, String)) {
            let (left, right) = (KeyBuf::of(&a), KeyBuf::of(&b));
            prop_assert_eq!(left.cmp(&right), a.cmp(&b));
            prop_assert_eq!(Key::read(left.as_bytes()), Some(a));
        }

        #[test]
        fn a_prefix_holds_exactly_what_begins_with_it(prefix: Vec<u8>, key: Vec<u8>) {
            let span = Span::prefix(KeyBuf::new().bytes(&prefix));
            let inside = std::ops::RangeBounds::<[u8]>::contains(&span.bounds(), key.as_slice());
            prop_assert_eq!(inside, key.starts_with(&prefix));
        }

        #[test]
        fn reading_any_bytes_never_panics(bytes: Vec<u8>) {
            let _ = <(String, u64, [u8; 4])>::read(&bytes);
        }
    }
}
