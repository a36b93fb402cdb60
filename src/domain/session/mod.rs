//! Browser sessions: what a cookie stands for on our side.
//!
//! **Responsibility.** The cookie's value and the hash it is found by, the limits a session lives under, and the records.
//!
//! **Invariants.** The cookie's secret is never stored. A session belongs to one account for ever. A session dies at the earliest
//! of idle limit, absolute limit, its account's end, an explicit end, or a restore of an older store (security.md SES, OPS-14).
//!
//! **Not here.** Cookies as header text (`web::edge::cookies`), caching (`gate`).
//!
//! **Start reading at** [`SessionKey`], then [`Lifetimes`].

mod key;
mod lifetimes;
mod records;

pub use self::{
    key::{SessionHash, SessionKey},
    lifetimes::{Lifetimes, Liveness},
    records::{
        Begun, NewSession, SESSIONS, SessionFacts, SessionRecord, begin, end, end_all, is_alive, of_account,
        raise, sweep, touch, widen,
    },
};
