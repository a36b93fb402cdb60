//! vouchsafe guards web applications.

pub mod domain;
pub mod serve;
pub mod store;
pub mod values;
