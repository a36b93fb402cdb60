//! nginx with the files of `nginx/`, `site.include` carrying the test's values.

use super::{Door, Site, put, shipped};
use crate::kit::{process::Program, tls};
use std::{fs, path::Path, process::Command};
use tempfile::TempDir;

/// What the distribution's `nginx.conf` would say, as far as a test needs it. Every path is in the test's folder.
const MAIN: &str = "
daemon off;
worker_processes 2;
pid nginx.pid;
error_log stderr notice;
events { worker_connections 512; }
http {
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    include vouchsafe/vouchsafe.conf;
}
";

/// Guarded here, unknown to the house.
const STRAY: &str = "
server {
    listen HTTPS ssl http2;
    server_name stray.example.com;
    include vouchsafe/vouch.include;
    location / {
        include vouchsafe/protect.include;
        proxy_pass http://app;
    }
}
";

pub struct Nginx {
    program: Option<Program>,
    folder: TempDir,
}

impl Door for Nginx {
    const NAME: &'static str = "nginx";
    const CUTS_COOKIE: bool = true;

    async fn open(site: &Site) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let files = folder.path().join("vouchsafe");
        fs::create_dir(&files).expect("the folder is ours");
        for entry in fs::read_dir(shipped("nginx")).expect("the checkout has it") {
            let entry = entry.expect("a readable folder");
            fs::copy(entry.path(), files.join(entry.file_name())).expect("the folder is ours");
        }
        replace_site(&files.join("site.include"), site);
        fs::write(folder.path().join("nginx.conf"), MAIN).expect("the folder is ours");
        let mut nginx = Self { program: None, folder };
        nginx.reopen().await;
        nginx
    }

    async fn close(&mut self) {
        self.program.take().expect("it was running").stop().await;
    }

    async fn reopen(&mut self) {
        let folder = self.folder.path();
        // As root nginx gives its workers another user, who could not enter a folder of ours; on a developer's machine it has
        // no choice and only says so.
        let user = if rustix::process::geteuid().is_root() { "user root; " } else { "" };
        let mut command = Command::new("nginx");
        command.args(["-p"]).arg(folder).args(["-c", "nginx.conf", "-e", "stderr", "-g"]).arg(user);
        let path = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{path}:/usr/sbin"));
        self.program = Some(Program::start(&mut command, &folder.join("nginx.log")));
    }
}

fn replace_site(file: &Path, site: &Site) {
    let text = fs::read_to_string(file).expect("shipped");
    let tls = tls::shared();
    let (vouchsafe, app, admin, https, http) = (
        site.vouchsafe.to_string(),
        site.app.to_string(),
        site.admin.to_string(),
        site.https.to_string(),
        site.http.to_string(),
    );
    let text = put(
        text,
        &[
            ("server 127.0.0.1:8080;", &format!("server {vouchsafe};")),
            ("server 127.0.0.1:3000;", &format!("server {app};")),
            ("server 127.0.0.1:3001;", &format!("server {admin};")),
            ("listen 443 ", &format!("listen {https} ")),
            ("listen 80;", &format!("listen {http};")),
            ("/etc/ssl/certs/example.com.pem", &tls.certificate.to_string_lossy()),
            ("/etc/ssl/private/example.com.key", &tls.key.to_string_lossy()),
        ],
    );
    fs::write(file, text + &STRAY.replace("HTTPS", &https)).expect("the folder is ours");
}
