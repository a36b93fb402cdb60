//! Black-box tests: the real program on real sockets, behind real proxies, used by people.
//!
//! `kit` has the house (our program), the people and the applications; `doors` has one file for each proxy; `scenarios` is the one
//! list that every door must pass; `alone` has what needs no proxy. Nothing here reaches into the library: what a test knows, a client could know.
//!
//! Environment, all set by `integration/test`: `TRAEFIK_BIN`, `BROWSER_DIR` (where playwright-core is installed).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::disallowed_methods,
    clippy::missing_panics_doc,
    missing_docs,
    unreachable_pub,
    reason = "a test stops at the first surprise and says where; it reads its environment, runs its own tasks, and is used by nobody"
)]

mod alone;
mod chromium;
mod contract;
mod doors;
mod kit;
mod scenarios;
