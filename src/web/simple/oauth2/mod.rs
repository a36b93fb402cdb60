//! `/auth/oauth2/…`: what clients and the consent page of Simple Auth ask, and the keys that sign.
//!
//! Refusals of the four endpoints that speak OAuth (`client/{client_id}`, `grant`, `POST token`, `token_info`) are OAuth's own
//! (`answer`); those of the two that a person asks (the list, `DELETE token`) are the family's.

mod answer;
mod bodies;
mod client;
mod grant;
mod token;

pub(super) use self::{
    client::{keys, show as show_client},
    grant::{grant, list, revoke},
    token::{introspect, issue},
};

#[cfg(test)]
mod tests;
