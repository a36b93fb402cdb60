//! Golden encodings: files that hold what earlier programs wrote, so that this one provably reads it.
//!
//! A record's test calls [`check`] with a path such as `src/domain/account/golden/account.v1.hex`.
//! When a record gains fields or a version, its old file stays and is read with [`reads`], and a new
//! file (`account.v1b.hex`, `account.v2.hex`) is begun with `check`. A file that does not exist yet is
//! written, and the test fails once so that somebody looks at it before committing.

use std::{fmt::Debug, fs, path::Path};

use super::{Record, decode, encode};

/// This program writes `record` exactly as the file has it, and reads it back.
#[track_caller]
pub(crate) fn check<R: Record + PartialEq + Debug>(path: &str, record: &R) {
    let written = encode(record).expect("the record encodes");
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if !file.exists() {
        fs::create_dir_all(file.parent().expect("a file lies in a folder")).expect("the folder is writable");
        fs::write(&file, hex(&written) + "\n").expect("the folder is writable");
        panic!("{path} is new: look at it, commit it, run again");
    }
    assert_eq!(hex(&written), hex(&stored(path)), "what is written differs from {path}");
    reads(path, record);
}

/// This program reads `record` out of the file, whoever wrote it.
#[track_caller]
pub(crate) fn reads<R: Record + PartialEq + Debug>(path: &str, record: &R) {
    let read = decode::<R>(&stored(path));
    assert_eq!(read.as_ref(), Ok(record), "what {path} holds reads differently");
}

fn stored(path: &str) -> Vec<u8> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    let text = fs::read_to_string(file).expect("the golden file is there");
    let digits: Vec<u32> =
        text.chars().filter(|c| !c.is_whitespace()).map(|c| c.to_digit(16).expect("hex digits")).collect();
    digits.chunks(2).map(|pair| u8::try_from(pair[0] * 16 + pair[1]).expect("two digits")).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

#[derive(Debug, PartialEq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
struct Sample {
    #[n(0)]
    name: String,
    #[cbor(n(1), with = "minicbor::bytes")]
    hash: [u8; 4],
    #[n(3)]
    until: Option<u64>,
}

impl Record for Sample {
    type Key = u64;
    const SPACE: &'static str = "samples";
}

#[test]
fn the_mechanism_itself_has_a_golden_file() {
    let sample = Sample { name: "ann".to_owned(), hash: [1, 2, 3, 4], until: Some(1_700_000_000) };
    check("src/store/golden/sample.v1.hex", &sample);
}

/// An older program's record, without the field that came later.
#[test]
fn a_field_that_came_later_is_none() {
    let sample = Sample { name: "ann".to_owned(), hash: [1, 2, 3, 4], until: None };
    reads("src/store/golden/sample.v1-before-until.hex", &sample);
}
