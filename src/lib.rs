//! vouchsafe guards web applications.

pub mod actions;
pub mod boot;
pub mod chores;
pub mod cli;
pub mod config;
pub mod crypto;
pub mod domain;
pub mod gate;
pub mod serve;
pub mod store;
pub mod values;
pub mod web;
pub mod world;
