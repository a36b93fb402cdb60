//! vouchsafe guards web applications.

pub mod domain;
pub mod store;
pub mod values;
