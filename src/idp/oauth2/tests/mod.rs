//! The engine over a store in memory: requests, grants, tokens, and what is left of them.

mod clients;
mod codes;
mod endings;
mod flood;
mod knowing;
mod meanwhile;
mod races;
mod refreshing;
mod requests;
