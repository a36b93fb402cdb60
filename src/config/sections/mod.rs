//! One file per table of the configuration: its keys and defaults (`…Section`), and `settle`, which
//! turns them into settings.

pub(crate) mod accounts;
pub(crate) mod apps;
pub(crate) mod cache;
pub(crate) mod clients;
pub(crate) mod gateway;
pub(crate) mod limits;
pub(crate) mod listeners;
pub(crate) mod log;
pub(crate) mod oauth2;
pub(crate) mod passkeys;
pub(crate) mod password;
pub(crate) mod people;
pub(crate) mod portal;
pub(crate) mod proxies;
pub(crate) mod second_factors;
pub(crate) mod session;
pub(crate) mod simple;
pub(crate) mod throttle;
pub(crate) mod vouch;
// Messages.
pub(crate) mod mail;
pub(crate) mod outgoing;
pub(crate) mod sms;
mod templates;

use std::fmt::Display;

use super::ledger::Ledger;

/// Complains when a value lies outside its bounds.
pub(crate) fn within<T: PartialOrd + Display>(
    ledger: &mut Ledger,
    key: &str,
    value: &T,
    least: &T,
    most: &T,
) {
    if value < least {
        ledger.refuse(key, format!("{value} is less than {least}, the least allowed"));
    } else if value > most {
        ledger.refuse(key, format!("{value} is more than {most}, the most allowed"));
    }
}
