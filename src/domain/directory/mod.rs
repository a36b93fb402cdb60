//! Where people live: tenants, user domains and groups.
//!
//! **Responsibility.** One tenant with one user domain by default, and the groups that rules name.
//!
//! **Invariants.** A group's name is unique in its tenant by canonical form; its id is for ever, its name may change.
//!
//! **Not here.** Membership: an account lists its own groups (`domain::account`).
//!
//! **Start reading at** [`found`].

mod records;

pub use self::records::{
    ADMINS, GROUPS, GroupNames, GroupRecord, Home, TENANTS, TenantRecord, USER_DOMAINS, UserDomainRecord,
    ensure_group, found, group_named, home, names_of, rename_group,
};
