//! `VOUCHSAFE_SECTION__KEY` variables, laid over the file.
//!
//! Every key outside arrays of tables has one: sections and keys in capitals, joined by two
//! underscores (`VOUCHSAFE_SESSION__COOKIE__NAME`). The value is read as the key's type wants it:
//! texts as they are, lists comma-separated (or a TOML list), free tables as an inline TOML table.

use std::{collections::BTreeMap, ffi::OsString};

use toml::{Table, Value};

use super::{
    at,
    complaint::{Complaint, Place},
    ledger::{Layer, Ledger},
    nearest::nearest,
    raw::Raw,
    source::join,
};

const PREFIX: &str = "VOUCHSAFE_";

/// Variables of ours that are not settings: the command line reads them.
const NOT_SETTINGS: [&str; 1] = ["VOUCHSAFE_CONFIG"];

/// Lays the variables over the values of the file.
pub(crate) fn lay_over(
    values: &mut Table,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
    ledger: &mut Ledger,
) {
    let defaults = Raw::defaults();
    let known = variables(&defaults);
    let mut ours: Vec<(String, OsString)> = environment
        .into_iter()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
        .filter(|(name, _)| {
            name.starts_with(PREFIX) && !NOT_SETTINGS.contains(&name.as_str()) && !is_service_link(name)
        })
        .collect();
    // The order of the environment is arbitrary; that of complaints should not be.
    ours.sort();
    for (name, value) in ours {
        let Some((path, default)) = known.get(&name) else {
            ledger.add(unknown(&name, &known));
            continue;
        };
        let key = path.iter().fold(String::new(), |text, step| join(&text, step));
        let read = value
            .into_string()
            .map_err(|_| "not UTF-8 text".to_owned())
            .and_then(|text| read(&text, default));
        ledger.overridden(&key, Layer::Environment, Place::Variable(name));
        match read {
            Ok(value) => put(values, path, value),
            Err(message) => ledger.refuse(&key, message),
        }
    }
}

/// Name of each variable → path of its key and the default that tells its type.
fn variables(defaults: &Table) -> BTreeMap<String, (Vec<String>, Value)> {
    fn walk(path: &[String], table: &Table, found: &mut BTreeMap<String, (Vec<String>, Value)>) {
        for (key, value) in table {
            let here: Vec<String> = path.iter().cloned().chain([key.clone()]).collect();
            match value {
                Value::Table(inner) if !inner.is_empty() => walk(&here, inner, found),
                _ if ARRAYS_OF_TABLES.contains(&key.as_str()) => {}
                _ => {
                    let name = format!("{PREFIX}{}", here.join("__").to_ascii_uppercase());
                    found.insert(name, (here, value.clone()));
                }
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(&[], defaults, &mut found);
    found
}

const ARRAYS_OF_TABLES: [&str; 2] = ["apps", "accounts"];

/// A text in the type that the default has.
fn read(text: &str, default: &Value) -> Result<Value, String> {
    match default {
        Value::Boolean(_) => text.parse().map(Value::Boolean).map_err(|_| "must be true or false".to_owned()),
        Value::Integer(_) => {
            text.parse().map(Value::Integer).map_err(|_| "must be a whole number".to_owned())
        }
        Value::Array(_) if text.trim_start().starts_with('[') => {
            inline(text).ok_or("not a TOML list".to_owned())
        }
        Value::Array(_) => {
            let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
            Ok(Value::Array(items.map(|item| Value::String(item.to_owned())).collect()))
        }
        Value::Table(_) => inline(text)
            .filter(Value::is_table)
            .ok_or("must be a TOML table like { X-User = \"user\" }".to_owned()),
        _ => Ok(Value::String(text.to_owned())),
    }
}

fn inline(text: &str) -> Option<Value> {
    // A value with a line break in it could smuggle in further keys.
    let mut table: Table = toml::from_str(&format!("value = {}", text.trim())).ok()?;
    let value = table.remove("value")?;
    table.is_empty().then_some(value)
}

/// Sets the value, making sections on the way. When the file holds something else where a section
/// should be, nothing happens: that mistake is complained about when the whole is read.
fn put(values: &mut Table, path: &[String], value: Value) {
    let Some((last, sections)) = path.split_last() else { return };
    let mut table = values;
    for section in sections {
        let entry = table.entry(section.clone()).or_insert_with(|| Value::Table(Table::new()));
        let Value::Table(inner) = entry else { return };
        table = inner;
    }
    table.insert(last.clone(), value);
}

fn unknown(name: &str, known: &BTreeMap<String, (Vec<String>, Value)>) -> Complaint {
    let inside = format!("{name}__");
    let single = |name: &str| name.replace("__", "_");
    let in_list = ARRAYS_OF_TABLES
        .iter()
        .find(|list| name.starts_with(&format!("{PREFIX}{}", list.to_ascii_uppercase())));
    let hint = if let Some(list) = in_list {
        format!("[[{list}]] are written in the file only")
    } else if known.keys().any(|key| key.starts_with(&inside)) {
        format!("this is a section; its keys are {inside}…")
    } else if let Some(near) = nearest(name, known.keys().map(String::as_str)) {
        format!("did you mean {near}?")
    } else if let Some(near) = known.keys().find(|key| single(key) == single(name)) {
        format!("did you mean {near}?")
    } else {
        "VOUCHSAFE_, the section and the key, joined by two underscores, like VOUCHSAFE_SESSION__IDLE"
            .to_owned()
    };
    Complaint { hint: Some(hint), ..at(Place::Variable(name.to_owned()), "no setting has this variable") }
}

/// Kubernetes puts `VOUCHSAFE_PORT=tcp://…` and its kin into every container beside a service named
/// `vouchsafe`; a start must not fail on them. None of them is a setting.
fn is_service_link(name: &str) -> bool {
    let rest = name.strip_prefix(PREFIX).unwrap_or_default();
    rest == "PORT" || rest == "SERVICE_HOST" || rest.starts_with("SERVICE_PORT") || is_port_link(rest)
}

fn is_port_link(rest: &str) -> bool {
    let mut parts = rest.split('_');
    parts.next() == Some("PORT")
        && parts.next().is_some_and(|port| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()))
        && matches!(parts.next(), Some("TCP" | "UDP" | "SCTP"))
        && matches!((parts.next(), parts.next()), (None | Some("PROTO" | "PORT" | "ADDR"), None))
}

#[cfg(test)]
mod tests {
    use super::{Raw, is_service_link, variables};

    #[test]
    fn the_links_of_kubernetes_are_not_settings() {
        for link in [
            "PORT",
            "SERVICE_HOST",
            "SERVICE_PORT",
            "SERVICE_PORT_HTTP",
            "PORT_8080_TCP",
            "PORT_8080_TCP_ADDR",
        ] {
            let name = format!("VOUCHSAFE_{link}");
            assert!(is_service_link(&name), "{name}");
            assert!(!variables(&Raw::defaults()).contains_key(&name), "{name}");
        }
        for other in ["PORTAL__TITLE", "PORT_", "PORT_80", "PORT_80_TCP_ADDR_X", "SERVICE"] {
            assert!(!is_service_link(&format!("VOUCHSAFE_{other}")), "{other}");
        }
    }

    #[test]
    fn every_key_outside_arrays_has_a_variable() {
        let known = variables(&Raw::defaults());
        for name in [
            "VOUCHSAFE_DATA_DIR",
            "VOUCHSAFE_SESSION__COOKIE__NAME",
            "VOUCHSAFE_PROXIES__SECRET_FILE",
            "VOUCHSAFE_VOUCH__CUSTOM_HEADERS",
        ] {
            assert!(known.contains_key(name), "{name}");
        }
        assert!(!known.keys().any(|name| name.contains("APPS__") || name.contains("ACCOUNTS")));
    }
}
