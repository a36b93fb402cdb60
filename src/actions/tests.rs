//! Actions over a store in memory: what changes, what is refused, what the trail says.

mod accounts;
mod crash;
mod declared;
mod hostile;
mod invitations;
mod mailbox;
mod messages;
mod pace;
mod passwords;
mod profile;
mod races;
mod recovery;
mod registration;
mod restarts;
mod setup;
mod stipulations;
mod trail;
mod trusted;
