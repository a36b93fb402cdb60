//! Keeps `integration/races.md` honest: whatever is good once, or counted, has a test in which 64 want it at the same moment.
//!
//! A test says so itself in a line of its documentation, `Races: refresh token`; several things are separated by semicolons. The first two
//! columns of the list are kept by hand, so that a new thing has to be thought of; the third is written by `UPDATE_REQUIREMENTS=1`.

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
};

use crate::{
    NOTHING, Test, cell, none, tests_in,
    tree::{files, package, test_below},
};

const LIST: &str = "integration/races.md";
/// How the second column begins where there is no race, and why.
const EXCUSE: &str = "not raced: ";
/// One of these is in every race: so many at once.
const MANY: [&str; 6] = ["race(", "0..64", "0..200", "0..RACERS", "take(64)", "for _ in 0..64"];

/// The things of a marker line.
fn marker(line: &str) -> Option<impl Iterator<Item = &str>> {
    let things = line.trim_start().strip_prefix("/// Races:")?;
    Some(things.split(';').map(str::trim).filter(|thing| !thing.is_empty()))
}

/// Which tests race for what, and what is wrong with the markers.
fn raced() -> (BTreeMap<String, BTreeSet<Test>>, Vec<String>) {
    let (mut raced, mut complaints) = (BTreeMap::<String, BTreeSet<Test>>::new(), Vec::new());
    for (path, text) in files().iter().filter(|(path, _)| path.extension().is_some_and(|end| end == "rs")) {
        let lines: Vec<&str> = text.lines().collect();
        for (at, things) in lines.iter().enumerate().filter_map(|(at, line)| Some((at, marker(line)?))) {
            let place = format!("{}:{}", path.display(), at + 1);
            match test_below(&lines, at, "") {
                Ok(name) if is_many(&lines[at..]) => {
                    for thing in things {
                        raced.entry(thing.to_owned()).or_default().insert((path.clone(), Some(name.clone())));
                    }
                }
                Ok(name) => complaints.push(format!("{place}: {name} does not have many at once")),
                Err(complaint) => complaints.push(format!("{place} {complaint}")),
            }
        }
    }
    (raced, complaints)
}

/// Whether the function that stands below a marker, of which these are the lines, has many of something.
fn is_many(lines: &[&str]) -> bool {
    let depth = |line: &str| line.len() - line.trim_start().len();
    let end = lines.iter().position(|line| line.trim() == "}" && depth(line) == depth(lines[0]));
    lines[..end.unwrap_or(lines.len())].iter().any(|line| MANY.iter().any(|many| line.contains(many)))
}

struct Row<'l> {
    thing: &'l str,
    outcome: &'l str,
    tests: &'l str,
}

fn row(line: &str) -> Option<Row<'_>> {
    let cells: Vec<&str> = line.strip_prefix("| ")?.strip_suffix(" |")?.split(" | ").collect();
    let [thing, outcome, tests] = cells[..] else { return None };
    (thing != "what" && thing != "---").then_some(Row { thing, outcome, tests })
}

fn list() -> String {
    fs::read_to_string(package().join(LIST)).unwrap()
}

#[test]
fn every_race_is_for_something_on_the_list_and_everything_on_it_is_raced() {
    let (raced, mut complaints) = raced();
    let by = |thing: &str| raced.get(thing).cloned().unwrap_or_default();
    if env::var_os("UPDATE_REQUIREMENTS").is_some() {
        let line = |line: &str| match row(line) {
            Some(Row { thing, outcome, .. }) => format!("| {thing} | {outcome} | {} |\n", cell(&by(thing))),
            None => format!("{line}\n"),
        };
        fs::write(package().join(LIST), list().lines().map(line).collect::<String>()).unwrap();
    }
    let list = list();
    let mut seen = BTreeSet::new();
    for Row { thing, outcome, tests } in list.lines().filter_map(row) {
        if !seen.insert(thing) {
            complaints.push(format!("{thing}: listed twice"));
        }
        if tests_in(tests) != by(thing) {
            complaints
                .push(format!("{thing}: other tests race for it (UPDATE_REQUIREMENTS=1 writes them down)"));
        }
        if tests == NOTHING && !outcome.starts_with(EXCUSE) {
            complaints.push(format!("{thing}: nothing races for it"));
        }
    }
    let unknown = raced.keys().filter(|thing| !seen.contains(thing.as_str()));
    complaints.extend(unknown.map(|thing| format!("{thing}: raced for, and not on the list")));
    none(&complaints, LIST);
}

/// The reader of markers itself.
#[test]
fn a_race_has_many_at_once() {
    let things = |line: &'static str| marker(line).map(Iterator::collect::<Vec<_>>);
    assert_eq!(
        things("    /// Races: setup link; code, of any kind"),
        Some(vec!["setup link", "code, of any kind"])
    );
    assert_eq!(things("// Races: setup link"), None);
    assert!(is_many(&["#[test]", "fn a() {", "    for _ in 0..64 {", "}"]));
    assert!(!is_many(&["fn a() {", "    for _ in 0..3 {", "}", "fn b() {", "    race(&desk);", "}"]));
    assert!(row("| what | of 64 at once | raced by |").is_none() && row("| --- | --- | --- |").is_none());
}
