//! Accounts: who there is, and whether they may enter.
//!
//! **Responsibility.** One account per person, its names and addresses, its groups, its status with a reason.
//!
//! **Invariants.** User names are unique per user domain, e-mail and mobile per tenant, all by canonical form (security.md ENR-5).
//! A deleted user name rests before it can be given again (ENR-6). Locked and disabled always carry a reason.
//!
//! **Not here.** Passwords (`domain::credential`) and sessions (`domain::session`).
//!
//! **Start reading at** [`AccountRecord`], then [`Status`].

mod confirm;
mod model;
mod records;
mod resting;

pub use self::{
    confirm::{confirm_email, confirm_mobile},
    model::{Hindrance, NewAccount, Status},
    records::{
        ACCOUNTS, AccountRecord, all_after, any_account, by_email, by_login, create, email_is_free,
        index_managed, is_free, managed, members_of, mobile_is_free, name_is_free, named, readdress, remove,
        remove_unused, save,
    },
    resting::DELETED_NAMES_REST,
};
