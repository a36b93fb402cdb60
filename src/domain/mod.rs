//! What is true: accounts, credentials, sessions, policy.

pub mod fault;
pub mod policy;
