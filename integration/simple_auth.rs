//! Keeps `integration/simple-auth.md` honest: what the original gets wrong (simple-auth.md section 9) and the tests that show it right here.
//!
//! A test says so itself in a line of its documentation that begins `simple-auth.md 9.A6`; several items are separated by commas.
//! `UPDATE_REQUIREMENTS=1 cargo test --test simple-auth` rewrites the list's third column from what the tests say.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test stops at the first surprise"
)]

#[path = "requirements/tree.rs"]
mod tree;

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::{Path, PathBuf},
};

use tree::{files, package, test_below};

const LIST: &str = "integration/simple-auth.md";
/// The items of each part.
const PARTS: &[(char, u8)] = &[('A', 15), ('B', 5), ('C', 7), ('D', 10), ('E', 4), ('F', 3), ('G', 6)];
/// How the last column begins where no test is needed: the item belongs to a feature to come, or is shown by something that is no test.
const EXCUSES: [&str; 2] = ["later: ", "elsewhere: "];
const NOTHING: &str = "–";

/// `A6`. Sorts by number, not by spelling.
type Item = (char, u8);
type Test = (PathBuf, String);

fn items() -> BTreeSet<Item> {
    PARTS.iter().flat_map(|(part, most)| (1..=*most).map(|number| (*part, number))).collect()
}

fn item(text: &str) -> Option<Item> {
    let name = text.trim().strip_prefix("9.")?;
    let part = name.chars().next()?;
    let digits: String = name.chars().skip(1).take_while(char::is_ascii_digit).collect();
    Some((part, digits.parse().ok()?))
}

/// Which tests name which item, and what is wrong with the markers.
fn named() -> (BTreeMap<Item, BTreeSet<Test>>, Vec<String>) {
    let files = files();
    let scenarios =
        files.get(Path::new("integration/blackbox/scenarios/mod.rs")).cloned().unwrap_or_default();
    let (mut named, mut complaints) = (BTreeMap::<Item, BTreeSet<Test>>::new(), Vec::new());
    for (path, text) in files.iter().filter(|(path, _)| path.extension().is_some_and(|end| end == "rs")) {
        let lines: Vec<&str> = text.lines().collect();
        for (at, line) in lines.iter().enumerate() {
            let Some(told) = line.trim_start().strip_prefix("/// simple-auth.md ") else { continue };
            if !told.starts_with("9.") {
                continue;
            }
            let place = format!("{}:{}", path.display(), at + 1);
            let told = told.split_once(':').map_or(told, |(items, _)| items);
            // Above anything but a test it says why the code is as it is, which proves nothing.
            let Ok(test) = test_below(&lines, at, &scenarios) else { continue };
            for text in told.split(',') {
                match item(text).filter(|item| items().contains(item)) {
                    Some(item) => {
                        named.entry(item).or_default().insert((path.clone(), test.clone()));
                    }
                    None => complaints.push(format!("{place} names {text}, which there is not")),
                }
            }
        }
    }
    (named, complaints)
}

/// `` `src/a.rs` one_test, another; `src/b.rs` third ``
fn cell(tests: Option<&BTreeSet<Test>>) -> String {
    let mut by_file = BTreeMap::<&Path, Vec<&str>>::new();
    for (file, test) in tests.into_iter().flatten() {
        by_file.entry(file).or_default().push(test);
    }
    let parts: Vec<_> =
        by_file.iter().map(|(file, tests)| format!("`{}` {}", file.display(), tests.join(", "))).collect();
    if parts.is_empty() { NOTHING.to_owned() } else { parts.join("; ") }
}

#[test]
fn the_list_says_what_the_tests_say() {
    let (named, complaints) = named();
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
    let text = fs::read_to_string(package().join(LIST)).unwrap();
    let (mut seen, mut wrong, mut written) = (BTreeSet::new(), Vec::new(), String::new());
    for line in text.lines() {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let row = line.starts_with("| 9.").then(|| item(cells[0])).flatten();
        let Some(id) = row else {
            written.push_str(line);
            written.push('\n');
            continue;
        };
        let [name, what, proven, excuse] = cells[..] else { panic!("{line} has not four cells") };
        assert!(seen.insert(id), "{name} is listed twice");
        let said = cell(named.get(&id));
        if proven != said {
            wrong.push(format!("{name} is shown by {said}"));
        }
        let excused = EXCUSES.iter().any(|word| excuse.starts_with(word));
        if said == NOTHING && !excused {
            wrong.push(format!("{name} has no test"));
        }
        written.push_str(&["| ", name, " | ", what, " | ", &said, " | ", excuse, " |\n"].concat());
    }
    assert_eq!(seen, items(), "every item is in the list");
    if env::var_os("UPDATE_REQUIREMENTS").is_some() {
        fs::write(package().join(LIST), written).unwrap();
        wrong.retain(|complaint| complaint.ends_with("has no test"));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
