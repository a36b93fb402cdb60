//! Stipulations: what is still asked of a person before an account may be used, or before it may be used in full.
//!
//! **Responsibility.** The open stipulations of each account, and which terms an account has accepted.
//!
//! **Invariants.** One account has one stipulation of a kind at most. A satisfied stipulation is gone. Adding and satisfying stand in
//! the audit trail, and so does a refused attempt to satisfy. No stipulation is shown to anybody before the right password or link.
//!
//! **Not here.** The link that confirms an address (`domain::challenge`); what a restricted session may open (`web::pages`).
//!
//! **Start reading at** [`Stipulation`], then [`blocking`] and [`interactive`].

mod model;
mod records;
mod terms;

pub use self::{
    model::{Open, Stipulation, StipulationError},
    records::{
        Lapsed, STIPULATIONS, StipulationRecord, add, blocking, forget, interactive, lapse, open, remove,
        remove_all, satisfy,
    },
    terms::{accept_terms, has_accepted},
};

#[cfg(test)]
mod tests;
