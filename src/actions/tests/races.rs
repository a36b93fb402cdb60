//! What is good once, or counted, with 64 who want it at the same moment (`integration/races.md`).

mod accounts;
mod addresses;
mod codes;
mod factors;
mod pace;
mod programs;
mod sessions;
