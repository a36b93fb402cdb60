//! HAProxy with the files of `integration/proxies/haproxy`, everything given by the environment.

use super::{Door, Site, shipped};
use crate::kit::{process::Program, tls};
use std::{fs, process::Command};
use tempfile::TempDir;

pub struct Haproxy {
    program: Option<Program>,
    site: Site,
    folder: TempDir,
}

impl Door for Haproxy {
    const NAME: &'static str = "HAProxy";
    const CUTS_COOKIE: bool = false;

    async fn open(site: &Site) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let read = |path| fs::read_to_string(path).expect("openssl wrote it");
        let tls = tls::shared();
        fs::write(folder.path().join("tls.pem"), read(&tls.certificate) + &read(&tls.key))
            .expect("the folder is ours");
        let mut haproxy = Self { program: None, site: site.clone(), folder };
        haproxy.reopen().await;
        haproxy
    }

    async fn close(&mut self) {
        self.program.take().expect("it was running").stop().await;
    }

    async fn reopen(&mut self) {
        let (site, folder, files) = (&self.site, self.folder.path(), shipped("integration/proxies/haproxy"));
        let path = std::env::var("PATH").unwrap_or_default();
        let mut command = Command::new("haproxy");
        command
            .arg("-db")
            .arg("-f")
            .arg(files.join("haproxy.cfg"))
            .env("PATH", format!("{path}:/usr/sbin"))
            .env("VOUCHSAFE", site.vouchsafe.to_string())
            .env("APP", site.app.to_string())
            .env("ADMIN", site.admin.to_string())
            .env("HTTP_BIND", site.http.to_string())
            .env("HTTPS_BIND", site.https.to_string())
            .env("TLS_PEM", folder.join("tls.pem"))
            .env("VOUCH_LUA", files.join("vouch.lua"));
        self.program = Some(Program::start(&mut command, &folder.join("haproxy.log")));
    }
}
