//! Actions over a store in memory: what changes, what is refused, what the trail says.

mod accounts;
mod crash;
mod declared;
mod hostile;
mod passwords;
mod restarts;
mod setup;
mod trail;
