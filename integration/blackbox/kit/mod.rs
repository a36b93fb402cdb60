//! What the tests stand on: the house, the people who visit it, the applications it guards.

pub mod apps;
pub mod browser;
pub mod client;
pub mod config;
pub mod forms;
pub mod hook;
pub mod house;
pub mod place;
pub mod ports;
pub mod process;
pub mod smtp;
pub mod tls;
pub mod wait;
pub mod websocket;

pub use browser::Browser;
pub use client::{Answer, Ask};
pub use place::Place;
