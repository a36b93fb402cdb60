//! Replies as text or JSON.

use super::{Failure, args::Args, client};
use crate::web::control::{
    AccountView, AuditView, GroupView, MessageView, Reply, SessionView, StipulationView,
};

pub(super) fn show(args: &Args, reply: &Reply) -> Result<(), Failure> {
    if args.json {
        say!("{}", serde_json::to_string_pretty(&plain(reply)?)?);
        return Ok(());
    }
    match reply {
        Reply::Done(text) => say!("{text}"),
        Reply::Account(account) => show_account(account),
        Reply::Accounts(accounts) => list(&["USER", "STATUS", "GROUPS", "NAME", "ID"], accounts, account_row),
        Reply::Sessions(sessions) => {
            list(&["ID", "BEGAN", "LAST USE", "FROM", "BROWSER"], sessions, session_row);
        }
        Reply::Groups(groups) => list(&["GROUP", "MEMBERS", "ID"], groups, group_row),
        Reply::Clients(clients) => client::table(clients),
        Reply::Client(found) => client::show(found),
        Reply::ClientSecret(made) => client::show_secret(made),
        Reply::Audit(entries) => entries.iter().for_each(show_entry),
        Reply::Stipulations(open) => {
            list(&["ASKED", "EFFECT", "SINCE", "ADDRESS", "LAPSES"], open, stipulation_row);
        }
        Reply::Link(link) => say!("{link}"),
        Reply::Invited(invited) => {
            say!("{}", invited.link);
            if !invited.mailed {
                eprintln!("There is no [mail], so nobody was written to: pass the link on.");
            }
        }
        Reply::Imported(view) => say!("{}: {}", view.username, view.outcome),
        Reply::ApiKeys(keys) => super::apikey::show(keys),
        Reply::Factors(factors) => super::factor::show(factors),
        Reply::Explanation(value) => show_explanation(value),
        Reply::Messages(messages) => {
            list(&["ID", "STATE", "MESSAGE", "TO", "AT", "TRIES", "LAST ERROR"], messages, message_row);
        }
    }
    Ok(())
}

fn list<T>(titles: &[&str], values: &[T], row: fn(&T) -> Vec<String>) {
    table(titles, values.iter().map(row).collect());
}

fn account_row(account: &AccountView) -> Vec<String> {
    let AccountView { id, username, name, groups, status, .. } = account;
    vec![username.clone(), status.clone(), groups.join(","), name.clone(), id.clone()]
}

fn session_row(session: &SessionView) -> Vec<String> {
    let SessionView { id, created, last_seen, client, agent, .. } = session;
    vec![id.clone(), created.clone(), last_seen.clone(), client.clone().unwrap_or_default(), agent.clone()]
}

fn group_row(group: &GroupView) -> Vec<String> {
    vec![group.name.clone(), group.members.join(","), group.id.clone()]
}

fn stipulation_row(open: &StipulationView) -> Vec<String> {
    let effect = if open.blocks { "blocks" } else { "at the next sign-in" };
    let address = open.address.clone().unwrap_or_default();
    vec![
        open.what.clone(),
        effect.to_owned(),
        open.since.clone(),
        address,
        open.lapses.clone().unwrap_or_default(),
    ]
}

fn message_row(message: &MessageView) -> Vec<String> {
    let MessageView { id, state, template, to, at, attempts, error, .. } = message;
    let error = error.clone().unwrap_or_default();
    vec![id.clone(), state.clone(), template.clone(), to.clone(), at.clone(), attempts.to_string(), error]
}

/// The value alone, without the tag that the socket needs.
fn plain(reply: &Reply) -> Result<serde_json::Value, Failure> {
    Ok(match serde_json::to_value(reply)? {
        serde_json::Value::Object(tagged) => tagged.into_values().next().unwrap_or_default(),
        bare => bare,
    })
}

fn show_account(account: &AccountView) {
    let mut lines = vec![
        ("id", account.id.clone()),
        ("user", account.username.clone()),
        ("name", account.name.clone()),
        ("e-mail", account.email.clone().unwrap_or_default()),
        ("mobile", account.mobile.clone().unwrap_or_default()),
        ("groups", account.groups.join(", ")),
        ("status", account.status.clone()),
    ];
    if let Some(reason) = &account.status_reason {
        lines.push(("because", reason.clone()));
    }
    lines.push(("created", account.created.clone()));
    lines.push(("password", if account.has_password { "set" } else { "none" }.to_owned()));
    lines.push(("declared", if account.declared { "in the configuration" } else { "no" }.to_owned()));
    for (name, value) in lines {
        say!("{name:<9} {}", safe(&value));
    }
}

fn show_entry(entry: &AuditView) {
    let subject = entry.subject.as_deref().unwrap_or("-");
    let client = entry.client.as_deref().unwrap_or("-");
    say!(
        "{:>6} {} {:<5} {:<10} {} ({}) by {} on {subject} from {client}{}",
        entry.number,
        entry.at,
        entry.level,
        entry.module,
        entry.message,
        entry.outcome,
        safe(&entry.actor),
        if entry.detail.is_empty() { String::new() } else { format!(": {}", safe(&entry.detail)) },
    );
}

fn show_explanation(value: &serde_json::Value) {
    let text = |name: &str| match value.get(name) {
        Some(serde_json::Value::String(text)) => safe(text),
        Some(serde_json::Value::Null) | None => "-".to_owned(),
        Some(other) => other.to_string(),
    };
    say!("{}: {}", text("outcome"), text("reason"));
    say!("app     {}", text("app"));
    say!("rule    {}", text("rule"));
    say!("access  {}", text("access"));
    let list =
        |name: &str| value.get(name).and_then(serde_json::Value::as_array).cloned().unwrap_or_default();
    for fact in list("facts") {
        let part = |at: usize| fact.get(at).and_then(serde_json::Value::as_str).map(safe).unwrap_or_default();
        say!("fact    {} = {}", part(0), part(1));
    }
    for reading in list("readings") {
        let part = |name: &str| match reading.get(name) {
            Some(serde_json::Value::String(text)) => safe(text),
            Some(serde_json::Value::Null) | None => "-".to_owned(),
            Some(other) => other.to_string(),
        };
        say!("reading {} -> {} (rule {}, {})", part("path"), part("outcome"), part("rule"), part("access"));
    }
}

pub(super) fn table(titles: &[&str], rows: Vec<Vec<String>>) {
    let rows: Vec<Vec<String>> =
        rows.into_iter().map(|row| row.iter().map(|cell| safe(cell)).collect()).collect();
    let width = |at: usize| {
        let cells = rows.iter().filter_map(|row| row.get(at)).map(|cell| cell.chars().count());
        cells.chain(titles.get(at).map(|title| title.len())).max().unwrap_or(0)
    };
    let line = |cells: Vec<&str>| {
        let padded = cells.iter().enumerate().map(|(at, cell)| {
            let fill = width(at).saturating_sub(cell.chars().count());
            format!("{cell}{}", " ".repeat(fill))
        });
        say!("{}", padded.collect::<Vec<_>>().join("  ").trim_end());
    };
    line(titles.to_vec());
    for row in &rows {
        line(row.iter().map(String::as_str).collect());
    }
}

/// What others typed must not steer the terminal.
pub(super) fn safe(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}
