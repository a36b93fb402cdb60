//! Everything the fuzzers ever found interesting, again, in every test run.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    missing_docs,
    unreachable_pub,
    reason = "a test stops at the first surprise"
)]

mod properties;

use std::{fs, path::Path};

/// Proves: URL-9, VCH-10
#[test]
fn every_corpus_still_holds() {
    for (name, property) in properties::ALL {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("integration/fuzz/corpus").join(name);
        let mut count = 0;
        for entry in fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
            let path = entry.expect("a readable folder").path();
            let data = fs::read(&path).expect("a readable file");
            let held = std::panic::catch_unwind(|| property(&data));
            assert!(held.is_ok(), "{name} does not hold for {}", path.display());
            count += 1;
        }
        assert!(count > 0, "the corpus {name} is empty");
    }
}
