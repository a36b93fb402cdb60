//! Merged values → [`Raw`], with every value that does not fit put into words.

use toml::Table;

use super::{complaint::MOST, ledger::Ledger, nearest::nearest, raw::Raw, source::join};

/// Reads the values. serde stops at the first one that does not fit; so that one is noted, taken
/// out, and the rest is read again, until one look has shown every mistake. The default stands in
/// for what was taken out.
pub(crate) fn read(mut values: Table, ledger: &mut Ledger) -> Raw {
    let defaults = Raw::defaults();
    while ledger.count() <= MOST {
        let (path, message) = match fill(values.clone()) {
            Ok(raw) => return raw,
            Err(misfit) => misfit,
        };
        let Some(taken) = take_out(&mut values, &path) else {
            ledger.refuse("", &message);
            break;
        };
        refuse(ledger, &taken, &path, &message, &defaults);
    }
    Raw::default()
}

/// The values as they are declared, or the first that does not fit: where it is and what serde says about it.
fn fill(values: Table) -> Result<Raw, (Vec<Step>, String)> {
    let mut track = serde_path_to_error::Track::new();
    let values = serde_path_to_error::Deserializer::new(values, &mut track);
    // Erased, because each section would otherwise be compiled once more for every way toml can hand it over: a megabyte.
    let mut values = <dyn erased_serde::Deserializer<'_>>::erase(values);
    let result = erased_serde::deserialize(&mut values);
    drop(values);
    result.map_err(|error| {
        let path: Vec<Step> = track.path().iter().filter_map(Step::of).collect();
        let message = without_place(&error.to_string(), &path).to_owned();
        (path, message)
    })
}

/// What serde said, without the lines in which toml repeats the keys on the way there, the outermost last.
fn without_place<'s>(said: &'s str, path: &[Step]) -> &'s str {
    path.iter().fold(said.trim_end(), |said, step| match step {
        Step::Key(key) => said.strip_suffix(&format!("\nin `{key}`")).map_or(said, str::trim_end),
        Step::Index(_) => said,
    })
}

/// A step of a path into the values.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Key(String),
    Index(usize),
}

impl Step {
    fn of(segment: &serde_path_to_error::Segment) -> Option<Self> {
        match segment {
            serde_path_to_error::Segment::Seq { index } => Some(Self::Index(*index)),
            serde_path_to_error::Segment::Map { key } => Some(Self::Key(key.clone())),
            _ => None,
        }
    }
}

fn spell(path: &[Step]) -> String {
    path.iter().fold(String::new(), |text, step| match step {
        Step::Key(key) => join(&text, key),
        Step::Index(index) => format!("{text}[{index}]"),
    })
}

/// Removes the innermost key on the path (never an element of a list: that would renumber the
/// others) and returns the path up to it. `None` when the path leads nowhere.
fn take_out(values: &mut Table, path: &[Step]) -> Option<Vec<Step>> {
    let end = path.iter().rposition(|step| matches!(step, Step::Key(_)))?;
    let (leading, last) = (path.get(..end)?, path.get(end)?);
    let mut table = values;
    let mut steps = leading.iter().peekable();
    while let Some(Step::Key(key)) = steps.next() {
        let mut here = table.get_mut(key)?;
        while let Some(Step::Index(index)) = steps.peek() {
            here = here.as_array_mut()?.get_mut(*index)?;
            steps.next();
        }
        table = here.as_table_mut()?;
    }
    let Step::Key(key) = last else { return None };
    table.remove(key)?;
    path.get(..=end).map(<[Step]>::to_vec)
}

/// Puts serde's words into ours.
fn refuse(ledger: &mut Ledger, taken: &[Step], path: &[Step], message: &str, defaults: &Table) {
    let known = expected(message);
    let Some((Step::Key(last), parent)) = taken.split_last() else { return };
    if message.starts_with("unknown field `") {
        let near = nearest(last, known.iter().copied()).map(|near| join(&spell(parent), near));
        let hint = near.or_else(|| elsewhere(defaults, last)).map(|near| format!("did you mean `{near}`?"));
        let hint = hint.unwrap_or_else(|| format!("the keys here are {}", known.join(", ")));
        return ledger.refuse_key(&spell(taken), "unknown key", Some(hint));
    }
    if let Some(word) = message.strip_prefix("unknown variant `").and_then(|rest| rest.split('`').next()) {
        let hint = nearest(word, known.iter().copied()).map(|near| format!("did you mean \"{near}\"?"));
        let choices: Vec<_> = known.iter().map(|name| format!("\"{name}\"")).collect();
        let message = match choices.as_slice() {
            [only] => format!("must be {only}, not \"{word}\""),
            _ => format!("\"{word}\" is none of {}", choices.join(", ")),
        };
        return ledger.refuse_shape(&spell(path), &spell(taken), message, hint);
    }
    let hint = match (last.as_str(), parent) {
        ("apps" | "accounts" | "clients", []) => {
            Some(format!("each one begins with [[{last}]], in two brackets"))
        }
        _ => None,
    };
    ledger.refuse_shape(&spell(path), &spell(taken), in_plain_words(message), hint);
}

/// The names serde lists after its last "expected".
fn expected(message: &str) -> Vec<&str> {
    let list = message.rsplit_once("`, expected ").map_or("", |(_, list)| list);
    list.split('`').skip(1).step_by(2).collect()
}

/// "invalid type: integer, expected struct" → "must be a table, not the number 5".
fn in_plain_words(message: &str) -> String {
    let found_and_wanted = message
        .strip_prefix("invalid type: ")
        .or_else(|| message.strip_prefix("invalid value: "))
        .and_then(|rest| rest.rsplit_once(", expected "));
    let Some((found, wanted)) = found_and_wanted else { return message.to_owned() };
    let wanted = match wanted {
        "a sequence" => "a list",
        "a string" => "a text in quotes",
        "a boolean" => "true or false",
        "u32" => "a whole number, not negative",
        "a map" => "a table",
        wanted if wanted.starts_with("struct ") => "a table",
        wanted => wanted,
    };
    let (kind, value) = found.split_once(['`', '"']).unwrap_or((found, ""));
    let value = value.strip_suffix(['`', '"']).unwrap_or(value);
    let found = match kind.trim() {
        "map" => "a table".to_owned(),
        "sequence" => "a list".to_owned(),
        "string" => format!("the text \"{value}\""),
        "integer" | "floating point" => format!("the number {value}"),
        "boolean" => value.to_owned(),
        _ => found.to_owned(),
    };
    format!("must be {wanted}, not {found}")
}

/// A key of exactly this name in another section.
fn elsewhere(defaults: &Table, name: &str) -> Option<String> {
    fn search(path: &str, table: &Table, name: &str) -> Option<String> {
        table.iter().find_map(|(key, value)| {
            let here = join(path, key);
            if key == name {
                return Some(here);
            }
            value.as_table().and_then(|inner| search(&here, inner, name))
        })
    }
    search("", defaults, name)
}
