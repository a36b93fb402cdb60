//! The house by itself, without a proxy before it.

mod commands;
mod crash;
mod reload;
mod session;
