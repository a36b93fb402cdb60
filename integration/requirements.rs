//! Keeps `integration/requirements.md` honest: every requirement is listed once, every named test exists and says that it proves it.
//!
//! `UPDATE_REQUIREMENTS=1 cargo test --test requirements` rewrites the list's third column from what the tests say of themselves.
//! `integration/races.md` is kept in the same way.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test stops at the first surprise"
)]

#[path = "requirements/races.rs"]
mod races;
#[path = "requirements/tree.rs"]
mod tree;

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    ops::RangeInclusive,
    path::{Path, PathBuf},
};

use tree::{files, package, test_below};

/// What the list must have, each id exactly once.
const REQUIRED: &[(&str, &[RangeInclusive<u8>])] = &[
    ("VCH", &[1..=19]),
    ("HDR", &[1..=9]),
    ("URL", &[1..=9]),
    ("SES", &[1..=14]),
    ("WEB", &[1..=12]),
    ("PWD", &[1..=10]),
    ("THR", &[1..=13]),
    ("OPS", &[2..=6, 8..=8, 10..=22]),
];

/// What it may have besides: the other ids that security.md knows.
const OTHERS: &[(&str, RangeInclusive<u8>)] = &[
    ("OPS", 1..=24),
    ("OTP", 1..=10),
    ("WAN", 1..=7),
    ("ENR", 1..=9),
    ("OAU", 1..=26),
    ("JWT", 1..=7),
    ("SML", 1..=15),
    ("CAS", 1..=10),
    ("OUT", 1..=4),
    ("REL", 1..=6),
    ("API", 1..=9),
];

const LIST: &str = "integration/requirements.md";
/// How the last column begins: the requirement belongs to a feature to come, is shown by something that is no test, or is proven but
/// for a part. Only the first two stand in for a test.
const LATER: [&str; 2] = ["later: ", "elsewhere: "];
const REST: &str = "rest: ";
/// What stands in a cell that says nothing.
const NOTHING: &str = "–";

/// `VCH-9`. Sorts by number, not by spelling.
type Id = (String, u8);

/// A test function in a file; for scripts the file alone.
type Test = (PathBuf, Option<String>);

fn id(text: &str) -> Option<Id> {
    let (area, number) = text.split_once('-')?;
    Some((area.to_owned(), number.parse().ok()?))
}

fn shown((area, number): &Id) -> String {
    format!("{area}-{number}")
}

fn required() -> BTreeSet<Id> {
    let ids = |(area, ranges): &(&str, &'static [RangeInclusive<u8>])| {
        let area = (*area).to_owned();
        ranges.iter().cloned().flatten().map(move |number| (area.clone(), number)).collect::<Vec<_>>()
    };
    REQUIRED.iter().flat_map(ids).collect()
}

fn is_known(id: &Id) -> bool {
    required().contains(id) || OTHERS.iter().any(|(area, range)| *area == id.0 && range.contains(&id.1))
}

// ---- what the tests say of themselves ---------------------------------------------------------------------------------------

/// The ids of a marker line: a comment that begins with the word.
fn marker(line: &str) -> Option<&str> {
    let comment = line.trim_start();
    let text = ["/// ", "// ", "# "].iter().find_map(|sign| comment.strip_prefix(sign))?;
    text.strip_prefix("Proves:")
}

/// Who proves what, and what is wrong with the markers.
fn proofs() -> (BTreeMap<Id, BTreeSet<Test>>, Vec<String>) {
    let files = files();
    let scenarios =
        files.get(Path::new("integration/blackbox/scenarios/mod.rs")).cloned().unwrap_or_default();
    let (mut proofs, mut complaints) = (BTreeMap::<Id, BTreeSet<Test>>::new(), Vec::new());
    for (path, text) in &files {
        let lines: Vec<&str> = text.lines().collect();
        for (at, ids) in lines.iter().enumerate().filter_map(|(at, line)| Some((at, marker(line)?))) {
            let place = format!("{}:{}", path.display(), at + 1);
            let function = if path.extension().is_some_and(|extension| extension == "rs") {
                match test_below(&lines, at, &scenarios) {
                    Ok(name) => Some(name),
                    Err(complaint) => {
                        complaints.push(format!("{place} {complaint}"));
                        continue;
                    }
                }
            } else {
                None
            };
            for text in ids.split(',').map(str::trim) {
                match id(text).filter(is_known) {
                    Some(id) => {
                        proofs.entry(id).or_default().insert((path.clone(), function.clone()));
                    }
                    None => complaints.push(format!("{place} names {text}, which security.md does not know")),
                }
            }
        }
    }
    (proofs, complaints)
}

// ---- the list ---------------------------------------------------------------------------------------------------------------

struct Row {
    id: Id,
    asks: String,
    proven_by: String,
    later: String,
}

fn row(line: &str) -> Option<Row> {
    let cells: Vec<&str> = line.strip_prefix("| ")?.strip_suffix(" |")?.split(" | ").collect();
    let [name, asks, proven_by, later] = cells[..] else { return None };
    Some(Row { id: id(name)?, asks: asks.into(), proven_by: proven_by.into(), later: later.into() })
}

fn list() -> String {
    fs::read_to_string(package().join(LIST)).unwrap()
}

/// `` `src/a.rs` one_test, another; `src/b.rs` third ``
fn cell(tests: &BTreeSet<Test>) -> String {
    let mut by_file = BTreeMap::<&Path, Vec<&str>>::new();
    for (file, function) in tests {
        by_file.entry(file).or_default().extend(function.as_deref());
    }
    let parts = by_file.iter().map(|(file, functions)| {
        format!("`{}` {}", file.display(), functions.join(", ")).trim_end().to_owned()
    });
    let text = parts.collect::<Vec<_>>().join("; ");
    if text.is_empty() { NOTHING.to_owned() } else { text }
}

fn tests_in(cell: &str) -> BTreeSet<Test> {
    let mut tests = BTreeSet::new();
    for part in cell.split("; ").filter(|part| *part != NOTHING) {
        let Some((file, functions)) = part.strip_prefix('`').and_then(|rest| rest.split_once('`')) else {
            panic!("{LIST}: cannot read {part:?}");
        };
        let mut names = functions.split(',').map(str::trim).filter(|name| !name.is_empty()).peekable();
        if names.peek().is_none() {
            tests.insert((file.into(), None));
        }
        tests.extend(names.map(|name| (file.into(), Some(name.to_owned()))));
    }
    tests
}

/// The list with its third column made from the markers; rows for ids that are proven beyond what is asked are added at the end.
fn rewritten(list: &str, proofs: &BTreeMap<Id, BTreeSet<Test>>) -> String {
    let none = BTreeSet::new();
    let mut seen = BTreeSet::new();
    let mut lines: Vec<String> = Vec::new();
    for line in list.lines() {
        lines.push(match row(line) {
            Some(Row { id, asks, later, .. }) => {
                let proven = cell(proofs.get(&id).unwrap_or(&none));
                let line = format!("| {} | {asks} | {proven} | {later} |", shown(&id));
                seen.insert(id);
                line
            }
            None => line.to_owned(),
        });
    }
    for (id, tests) in proofs.iter().filter(|(id, _)| !seen.contains(*id)) {
        lines.push(format!("| {} | {NOTHING} | {} | {NOTHING} |", shown(id), cell(tests)));
    }
    lines.join("\n") + "\n"
}

fn none(complaints: &[String], what: &str) {
    assert!(complaints.is_empty(), "{what}:\n  {}", complaints.join("\n  "));
}

// ---- the tests --------------------------------------------------------------------------------------------------------------

#[test]
fn every_marker_stands_above_a_test_and_names_a_requirement() {
    none(&proofs().1, "markers that prove nothing");
}

#[test]
fn the_list_is_complete_and_true() {
    let (proofs, _) = proofs();
    if env::var_os("UPDATE_REQUIREMENTS").is_some() {
        fs::write(package().join(LIST), rewritten(&list(), &proofs)).unwrap();
    }
    let list = list();
    let rows: Vec<Row> = list.lines().filter_map(row).collect();
    let mut complaints = Vec::new();
    let mut seen = BTreeSet::new();
    for Row { id, proven_by, later, .. } in &rows {
        let name = shown(id);
        if later != NOTHING && !LATER.iter().chain([&REST]).any(|word| later.starts_with(word)) {
            complaints.push(format!("{name}: the last column begins with {LATER:?} or {REST:?}"));
        }
        if !is_known(id) {
            complaints.push(format!("{name}: security.md does not know it"));
        }
        if !seen.insert(id.clone()) {
            complaints.push(format!("{name}: listed twice"));
        }
        let listed = tests_in(proven_by);
        let marked = proofs.get(id).cloned().unwrap_or_default();
        for (file, function) in &listed {
            let text = fs::read_to_string(package().join(file)).unwrap_or_default();
            let there = function.as_ref().is_none_or(|function| text.contains(&format!("fn {function}(")));
            if text.is_empty() || !there {
                complaints.push(format!("{name}: there is no {function:?} in {}", file.display()));
            } else if !marked.contains(&(file.clone(), function.clone())) {
                complaints.push(format!("{name}: {function:?} in {} does not say so itself", file.display()));
            }
        }
        for (file, function) in marked.difference(&listed) {
            complaints.push(format!("{name}: {function:?} in {} is not listed", file.display()));
        }
    }
    let missing = required().into_iter().chain(proofs.keys().cloned()).filter(|id| !seen.contains(id));
    complaints.extend(missing.collect::<BTreeSet<_>>().iter().map(|id| format!("{}: not listed", shown(id))));
    none(&complaints, "the list is not true (UPDATE_REQUIREMENTS=1 writes the third column anew)");
}

#[test]
fn every_requirement_is_proven_or_belongs_to_a_later_feature() {
    let (proofs, _) = proofs();
    let open: Vec<String> = list()
        .lines()
        .filter_map(row)
        .filter(|row| !proofs.contains_key(&row.id) && !LATER.iter().any(|word| row.later.starts_with(word)))
        .map(|row| format!("{}: {}", shown(&row.id), row.asks))
        .collect();
    none(&open, "requirements without a test and without a later feature");
}

/// The reader of markers itself: what it takes for a test, and what it does not.
#[test]
fn markers_are_read_strictly() {
    let read = |text: &str, scenarios: &str| {
        let lines: Vec<&str> = text.lines().collect();
        let at = lines.iter().position(|line| marker(line).is_some()).expect("a marker");
        test_below(&lines, at, scenarios).ok()
    };
    let sign = "/// Proves";
    assert_eq!(read(&format!("{sign}: VCH-1\n#[test]\nfn a() {{"), ""), Some("a".into()));
    assert_eq!(read(&format!("#[tokio::test]\n{sign}: VCH-1\nasync fn b() {{"), ""), Some("b".into()));
    assert_eq!(read(&format!("{sign}: VCH-1\npub async fn c<D: Door>("), "entering::c,"), Some("c".into()));
    assert_eq!(read(&format!("{sign}: VCH-1\npub async fn c<D: Door>("), ""), None);
    assert_eq!(read(&format!("{sign}: VCH-1\n#[test]\n#[ignore]\nfn d() {{"), ""), None);
    assert_eq!(read(&format!("{sign}: VCH-1\n\n#[test]\nfn e() {{"), ""), None);
    assert_eq!(marker("let text = \"/// Proves: VCH-1\";"), None);
}
