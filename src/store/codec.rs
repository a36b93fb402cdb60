//! How a record becomes bytes: one version byte, then CBOR with numbered fields.
//!
//! New fields are `Option` with a new number, so old and new programs read each other's records. A
//! change that cannot be told so bumps [`Record::VERSION`] and converts in [`Record::upgrade`].

use super::{
    error::StoreError,
    index::Index,
    key::{Key, KeyBuf},
};

/// A stored shape: which space it lives in, under which key, found by which indexes.
pub trait Record: Sized + minicbor::Encode<()> + for<'b> minicbor::Decode<'b, ()> + 'static {
    /// What it is stored under.
    type Key: Key;

    /// The name of its space; unique in the program and never changed.
    const SPACE: &'static str;

    /// The version this program writes. It reads this one and what [`upgrade`](Self::upgrade) knows.
    const VERSION: u8 = 1;

    /// The indexes kept with it.
    const INDEXES: &'static [Index<Self>] = &[];

    /// Reads the body of an older version.
    fn upgrade(version: u8, body: &[u8]) -> Result<Self, DecodeError> {
        let _ = body;
        Err(DecodeError::Unknown { found: version, known: Self::VERSION })
    }
}

/// A few fields of a record, under the same numbers, for readers that look at many and need little of each. The rest is passed over.
pub trait Glimpse<R: Record>: for<'b> minicbor::Decode<'b, ()> + From<R> {}

/// Why stored bytes are no record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Not even a version byte.
    #[error("it is empty")]
    Empty,
    /// A later program wrote it.
    #[error("a newer program wrote it (record version {found}, this program knows {known})")]
    Newer {
        /// The version found.
        found: u8,
        /// The newest version this program knows.
        known: u8,
    },
    /// A version that no program ever wrote, or one too old to read.
    #[error("its version {found} cannot be read (this program writes {known})")]
    Unknown {
        /// The version found.
        found: u8,
        /// The newest version this program knows.
        known: u8,
    },
    /// The body is not what the version promises.
    #[error("{0}")]
    Malformed(String),
}

impl From<minicbor::decode::Error> for DecodeError {
    fn from(error: minicbor::decode::Error) -> Self {
        Self::Malformed(error.to_string())
    }
}

/// Reads one CBOR value that fills `body` to its end.
pub fn decode_body<T: for<'b> minicbor::Decode<'b, ()>>(body: &[u8]) -> Result<T, DecodeError> {
    let mut decoder = minicbor::Decoder::new(body);
    let value = decoder.decode()?;
    if decoder.position() == body.len() {
        Ok(value)
    } else {
        Err(DecodeError::Malformed("there are bytes behind its end".to_owned()))
    }
}

/// The stored form of a record.
pub fn encode<R: Record>(record: &R) -> Result<Vec<u8>, StoreError> {
    let mut bytes = vec![R::VERSION];
    minicbor::encode(record, &mut bytes).map_err(|error| {
        StoreError::Corrupt(format!("a record of `{}` cannot be written: {error}", R::SPACE))
    })?;
    Ok(bytes)
}

/// The record that a stored form is.
pub fn decode<R: Record>(bytes: &[u8]) -> Result<R, DecodeError> {
    let (&version, body) = bytes.split_first().ok_or(DecodeError::Empty)?;
    match version {
        known if known == R::VERSION => decode_body(body),
        newer if newer > R::VERSION => Err(DecodeError::Newer { found: newer, known: R::VERSION }),
        older => R::upgrade(older, body),
    }
}

/// What [`decode`] gives, cut down to a glimpse; a record of an older version is read whole.
pub(super) fn glimpse_at<R: Record, G: Glimpse<R>>(key: &[u8], bytes: &[u8]) -> Result<G, StoreError> {
    match bytes.split_first() {
        Some((&version, body)) if version == R::VERSION => {
            decode_body(body).map_err(|error| damaged::<R>(key, &error.to_string()))
        }
        _ => decode_at::<R>(key, bytes).map(G::from),
    }
}

/// [`decode`] with an error that says which record it was.
pub(super) fn decode_at<R: Record>(key: &[u8], bytes: &[u8]) -> Result<R, StoreError> {
    decode(bytes).map_err(|error| damaged::<R>(key, &error.to_string()))
}

/// The key that stored bytes are.
pub(super) fn key_at<R: Record>(key: &[u8]) -> Result<R::Key, StoreError> {
    R::Key::read(key).ok_or_else(|| damaged::<R>(key, "its key is malformed"))
}

pub(super) fn damaged<R: Record>(key: &[u8], what: &str) -> StoreError {
    // Keys hold names and hashes of secrets, never secrets; they may be shown to an operator.
    let mut shown = KeyBuf::new();
    shown.bytes(key);
    StoreError::Corrupt(format!("`{}` at {shown:?}: {what}", R::SPACE))
}
