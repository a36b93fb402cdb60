//! The proxies, each started from the configuration that people copy. One file for each.

mod caddy;
mod haproxy;
mod nginx;
mod traefik;

pub use caddy::{Caddy, LenientCaddy};
pub use haproxy::Haproxy;
pub use nginx::Nginx;
pub use traefik::Traefik;

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

/// What a site's owner decides, and the shipped files therefore leave open.
#[derive(Clone, Debug)]
pub struct Site {
    pub vouchsafe: SocketAddr,
    pub app: SocketAddr,
    pub admin: SocketAddr,
    pub https: SocketAddr,
    pub http: SocketAddr,
}

/// A proxy that guards `app.example.com` and `admin.example.com`, shows the portal at `auth.example.com`, and besides
/// guards `stray.example.com`, of which the house knows nothing.
pub trait Door: Send + Sync + Sized + 'static {
    const NAME: &'static str;
    /// Whether this proxy can keep the session cookie from the application.
    const CUTS_COOKIE: bool;

    async fn open(site: &Site) -> Self;
    async fn close(&mut self);
    async fn reopen(&mut self);
}

/// A folder at the top of the checkout.
fn shipped(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)
}

/// `text` with each of the pairs put in, one after the other: each shipped value is written with what delimits it, so that it cannot
/// be part of one put in before. A value that the shipped file no longer has means that test and file have
/// parted, and stops the test.
fn put(mut text: String, values: &[(&str, &str)]) -> String {
    for (shipped, ours) in values {
        assert!(text.contains(shipped), "the shipped configuration has no {shipped:?} any more");
        text = text.replace(shipped, ours);
    }
    text
}
