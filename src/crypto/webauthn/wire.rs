//! What an authenticator sends, read strictly before anybody believes it: client data (section 5.8.1 of the specification),
//! authenticator data (6.1) and the attestation object (6.5.4).

use std::collections::BTreeMap;

use serde::Deserialize;

/// Maps and lists inside each other; attestation statements have two.
const DEEPEST: u8 = 6;

/// Members of a key; the kinds that are read have five at most.
const MOST_MEMBERS: u64 = 16;

const USER_PRESENT: u8 = 0x01;
const USER_VERIFIED: u8 = 0x04;
const BACKUP_ELIGIBLE: u8 = 0x08;
const BACKED_UP: u8 = 0x10;
const HAS_CREDENTIAL: u8 = 0x40;
const HAS_EXTENSIONS: u8 = 0x80;

/// What the browser says about the ceremony. Members may be added to it by the standard, so others are passed over; of these none is there twice.
#[derive(Debug, Deserialize)]
pub(super) struct ClientData {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) challenge: String,
    pub(super) origin: String,
    #[serde(rename = "crossOrigin", default)]
    pub(super) cross_origin: Option<bool>,
    #[serde(rename = "topOrigin", default)]
    pub(super) top_origin: Option<String>,
}

impl ClientData {
    pub(super) fn read(json: &[u8]) -> Option<Self> {
        serde_json::from_slice(json).ok()
    }
}

/// Authenticator data that is well formed to its last byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct AuthenticatorData<'a> {
    /// SHA-256 of the domain that the authenticator believes it answers.
    pub(super) rp_id_hash: &'a [u8; 32],
    flags: u8,
    pub(super) counter: u32,
    /// What was made, in a registration.
    pub(super) credential: Option<Attested<'a>>,
}

/// A new credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Attested<'a> {
    /// The model's id.
    pub(super) aaguid: &'a [u8; 16],
    pub(super) id: &'a [u8],
    /// A well-formed CBOR item.
    pub(super) key: &'a [u8],
}

impl<'a> AuthenticatorData<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        let (rp_id_hash, rest) = bytes.split_first_chunk::<32>()?;
        let (&flags, rest) = rest.split_first()?;
        let (counter, mut rest) = rest.split_first_chunk::<4>()?;
        let mut credential = None;
        if flags & HAS_CREDENTIAL != 0 {
            let (aaguid, after) = rest.split_first_chunk::<16>()?;
            let (length, after) = after.split_first_chunk::<2>()?;
            let (id, after) = after.split_at_checked(u16::from_be_bytes(*length).into())?;
            rest = item(after, DEEPEST)?;
            credential = Some(Attested { aaguid, id, key: &after[..after.len() - rest.len()] });
        }
        if flags & HAS_EXTENSIONS != 0 {
            let (MAP, ..) = head(rest)? else { return None };
            rest = item(rest, DEEPEST)?;
        }
        let counter = u32::from_be_bytes(*counter);
        rest.is_empty().then_some(Self { rp_id_hash, flags, counter, credential })
    }

    pub(super) const fn present(&self) -> bool {
        self.flags & USER_PRESENT != 0
    }

    pub(super) const fn verified(&self) -> bool {
        self.flags & USER_VERIFIED != 0
    }

    pub(super) const fn backup_eligible(&self) -> bool {
        self.flags & BACKUP_ELIGIBLE != 0
    }

    pub(super) const fn backed_up(&self) -> bool {
        self.flags & BACKED_UP != 0
    }
}

/// The authenticator data in an attestation object: a map to its last byte, with this member once.
pub(super) fn auth_data(object: &[u8]) -> Option<&[u8]> {
    if !item(object, DEEPEST)?.is_empty() {
        return None;
    }
    let (kind, members, mut rest) = head(object)?;
    if kind != MAP {
        return None;
    }
    let mut found = None;
    for _ in 0..members {
        let (key, value) = string(rest, TEXT)?;
        rest = item(value, DEEPEST)?;
        if key == b"authData" && found.replace(string(value, BYTES)?.0).is_some() {
            return None;
        }
    }
    found
}

/// What stands in a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Item<'a> {
    Number(i64),
    Bytes(&'a [u8]),
    Other,
}

/// The members of a map that is labelled with numbers, each there once, and ends with the last byte.
pub(super) fn entries(map: &[u8]) -> Option<BTreeMap<i64, Item<'_>>> {
    let (MAP, members @ 0..=MOST_MEMBERS, mut rest) = head(map)? else { return None };
    let mut found = BTreeMap::new();
    for _ in 0..members {
        let (label, value) = number(rest)?;
        rest = item(value, DEEPEST)?;
        let value = if let Some((number, _)) = number(value) {
            Item::Number(number)
        } else if let Some((bytes, _)) = string(value, BYTES) {
            Item::Bytes(bytes)
        } else {
            Item::Other
        };
        if found.insert(label, value).is_some() {
            return None;
        }
    }
    rest.is_empty().then_some(found)
}

const UNSIGNED: u8 = 0;
const NEGATIVE: u8 = 1;
const BYTES: u8 = 2;
const TEXT: u8 = 3;
const LIST: u8 = 4;
const MAP: u8 = 5;

/// The major type and the argument of a CBOR item (RFC 8949, section 3), and what follows. Items without a length up front, which
/// CTAP 2 forbids, have none.
fn head(bytes: &[u8]) -> Option<(u8, u64, &[u8])> {
    let (&first, rest) = bytes.split_first()?;
    let (argument, rest) = match first & 0x1f {
        small @ 0..=23 => (u64::from(small), rest),
        24 => rest.split_first().map(|(&byte, rest)| (u64::from(byte), rest))?,
        25 => rest.split_first_chunk::<2>().map(|(bytes, rest)| (u16::from_be_bytes(*bytes).into(), rest))?,
        26 => rest.split_first_chunk::<4>().map(|(bytes, rest)| (u32::from_be_bytes(*bytes).into(), rest))?,
        27 => rest.split_first_chunk::<8>().map(|(bytes, rest)| (u64::from_be_bytes(*bytes), rest))?,
        _ => return None,
    };
    Some((first >> 5, argument, rest))
}

/// A whole number, and what follows.
fn number(bytes: &[u8]) -> Option<(i64, &[u8])> {
    let (kind, argument, rest) = head(bytes)?;
    let argument = i64::try_from(argument).ok()?;
    match kind {
        UNSIGNED => Some((argument, rest)),
        NEGATIVE => Some((-1 - argument, rest)),
        _ => None,
    }
}

fn string(bytes: &[u8], kind: u8) -> Option<(&[u8], &[u8])> {
    let (found, length, rest) = head(bytes)?;
    if found != kind {
        return None;
    }
    rest.split_at_checked(usize::try_from(length).ok()?)
}

/// What follows one well-formed CBOR item that is not nested too deeply. Tags, which CTAP 2 forbids, are not well formed here.
fn item(bytes: &[u8], depth: u8) -> Option<&[u8]> {
    let (kind, argument, mut rest) = head(bytes)?;
    match kind {
        BYTES | TEXT => rest.get(usize::try_from(argument).ok()?..),
        LIST | MAP => {
            let depth = depth.checked_sub(1)?;
            let items = if kind == MAP { argument.checked_mul(2)? } else { argument };
            // However many are announced, each takes a byte at least.
            for _ in 0..items {
                rest = item(rest, depth)?;
            }
            Some(rest)
        }
        UNSIGNED | NEGATIVE | 7 => Some(rest),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Attested, AuthenticatorData, DEEPEST, Item, auth_data, entries, item};

    fn data(flags: u8, tail: &[u8]) -> Vec<u8> {
        let mut bytes = vec![7; 32];
        bytes.push(flags);
        bytes.extend_from_slice(&9_u32.to_be_bytes());
        bytes.extend_from_slice(tail);
        bytes
    }

    /// Proves: WAN-7
    #[test]
    fn authenticator_data_ends_where_it_says() {
        assert_eq!(AuthenticatorData::read(&data(0x05, &[])).unwrap().counter, 9);
        assert_eq!(AuthenticatorData::read(&data(0x05, &[0])), None, "a trailing byte");
        assert_eq!(AuthenticatorData::read(&data(0x85, &[])), None, "extensions announced and absent");
        assert!(AuthenticatorData::read(&data(0x85, &[0xa0])).is_some());
        assert_eq!(AuthenticatorData::read(&data(0x85, &[0xa0, 0])), None);
        assert_eq!(AuthenticatorData::read(&data(0x85, &[0])), None, "extensions that are no map");
        let mut credential = vec![1; 16];
        credential.extend_from_slice(&[0, 2, 5, 6, 0xa0]);
        let bytes = data(0x45, &credential);
        let read = AuthenticatorData::read(&bytes).unwrap();
        assert_eq!(read.credential, Some(Attested { aaguid: &[1; 16], id: &[5, 6], key: &[0xa0] }));
        let extended = data(0xc5, &[&credential[..], &[0xa1, 0x61, b'x', 2]].concat());
        let read = AuthenticatorData::read(&extended).unwrap();
        assert_eq!(read.credential.unwrap().key, [0xa0], "the key ends where the extensions begin");
        for cut in 37..bytes.len() {
            assert_eq!(AuthenticatorData::read(&bytes[..cut]), None, "cut at {cut}");
        }
    }

    /// Proves: WAN-7
    #[test]
    fn an_attestation_object_is_one_map_with_one_authenticator_data() {
        let member = b"\x68authData\x42ab";
        let object = |members: &[&[u8]]| {
            let mut bytes = vec![0xa0 | u8::try_from(members.len()).unwrap()];
            bytes.extend(members.concat());
            bytes
        };
        assert_eq!(auth_data(&object(&[b"\x63fmt\x64none", member])), Some(&b"ab"[..]));
        assert_eq!(auth_data(&object(&[member, member])), None, "twice");
        assert_eq!(auth_data(&object(&[b"\x63fmt\x64none"])), None, "absent");
        let mut trailing = object(&[member]);
        trailing.push(0);
        assert_eq!(auth_data(&trailing), None);
        assert_eq!(auth_data(&object(&[b"\x68authData\x61a"])), None, "text where bytes belong");
        assert_eq!(auth_data(b"\xbf\x68authData\x42ab\xff"), None, "without a length up front");
    }

    /// Proves: WAN-7
    #[test]
    fn depth_and_announced_lengths_are_bounded() {
        let nested = |levels: usize| {
            let mut bytes = vec![0x81; levels];
            bytes.push(0);
            bytes
        };
        assert!(item(&nested(DEEPEST.into()), DEEPEST).is_some());
        assert!(item(&nested(usize::from(DEEPEST) + 1), DEEPEST).is_none());
        assert!(item(&nested(60_000), DEEPEST).is_none());
        assert!(item(b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff\x00", DEEPEST).is_none(), "a list of 2^64");
        assert!(item(b"\x5b\xff\xff\xff\xff\xff\xff\xff\xff\x00", DEEPEST).is_none(), "a string of 2^64");
        assert!(item(b"\xc0\x00", DEEPEST).is_none(), "a tag");
    }

    /// Proves: WAN-7
    #[test]
    fn a_key_is_one_map_with_each_label_once() {
        let read = entries(b"\xa3\x01\x02\x20\x41a\x26\xf4").unwrap();
        assert_eq!(
            read.into_iter().collect::<Vec<_>>(),
            [(-7, Item::Other), (-1, Item::Bytes(b"a")), (1, Item::Number(2))]
        );
        assert_eq!(entries(b"\xa1\x39\x01\x00\x00").unwrap().keys().copied().collect::<Vec<_>>(), [-257]);
        for bad in [
            &b"\xa2\x01\x02\x01\x02"[..], // twice
            b"\xa1\x01\x02\x00",          // something behind it
            b"\xa1\x61a\x02",             // a name for a label
            b"\xa2\x01\x02",              // less than announced
            b"\x81\x01",
            b"\xbb\xff\xff\xff\xff\xff\xff\xff\xff",
            b"\xa1\x3b\xff\xff\xff\xff\xff\xff\xff\xff\x00", // -2^64
            b"",
        ] {
            assert_eq!(entries(bad), None, "{bad:?}");
        }
        let mut many = vec![0xb8, 17];
        many.extend((0..17).flat_map(|label| [label, 0]));
        assert_eq!(entries(&many), None, "more than any key has");
    }

    proptest! {
        /// Proves: WAN-7
        #[test]
        fn nothing_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = AuthenticatorData::read(&bytes);
            let _ = auth_data(&bytes);
            let _ = entries(&bytes);
        }
    }
}
