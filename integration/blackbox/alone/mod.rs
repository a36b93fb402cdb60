//! The house by itself, without a proxy before it.

mod commands;
mod crash;
mod factors;
mod mail;
mod oauth2;
mod programs;
mod reload;
mod session;
mod surfaces;
mod vouch;

use crate::kit::Answer;
use regex::Regex;

/// Compares a whole answer with the one kept in `snapshots/`; times, ports, ids and secrets are put out of sight.
/// New ones are written by `INSTA_UPDATE=always cargo test --test blackbox`, and looked at before they are committed.
fn snapshot(name: &str, answer: &Answer) {
    let mut text = answer.to_string();
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    for (what, instead) in [
        (r"(?m)^date: .*$", "date: [date]"),
        (r"127\.0\.0\.1:\d+", "[gateway]"),
        (r"([?&;]re=)\d+", "$1[time]"),
        (r"([?&;]rs=)[A-Za-z0-9_-]{22}", "$1[mac]"),
        (r"(?m)^(set-cookie: [^=]+)=[^;]+", "$1=[value]"),
        (r"(?m)^(x-request-id): .*$", "$1: [id]"),
        (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "[uuid]"),
    ] {
        text = Regex::new(what).expect("a pattern").replace_all(&text, instead).into_owned();
    }
    settings.bind(|| insta::assert_snapshot!(name.to_owned(), text));
}
