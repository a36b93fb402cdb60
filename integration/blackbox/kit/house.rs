//! The program under test: its configuration, its start, its end, its start again.

use super::{
    Ask, Browser,
    config::{PASSWORD, QUICK, people},
    ports,
    process::Program,
    wait,
};
use rustix::process::Signal;
use std::{
    fs,
    net::SocketAddr,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};
use tempfile::TempDir;

/// A running `vouchsafe` with a folder of its own.
pub struct House {
    pub gateway: SocketAddr,
    pub api: SocketAddr,
    config: PathBuf,
    program: Option<Program>,
    folder: TempDir,
}

impl House {
    /// Starts it as it runs without a proxy: portal and built-in application on one loopback address, three people.
    pub async fn alone(more: &str) -> Self {
        Self::start(|gateway, api| {
            format!(
                r#"
[gateway]
listen = "{gateway}"
[api]
listen = "{api}"
{QUICK}
{more}
[[apps]]
name = "whoami"
hosts = ["{gateway}"]
upstream = "whoami"
{}
"#,
                people()
            )
        })
        .await
    }

    /// Starts it as behind a proxy that only the test plays: `public_url` is where browsers would find the portal.
    pub async fn behind(public_url: &str, more: &str) -> Self {
        Self::start(|gateway, api| {
            format!(
                "[gateway]\nlisten = \"{gateway}\"\npublic_url = \"{public_url}\"\n[api]\nlisten = \"{api}\"\n{QUICK}\n{more}\n{}",
                people()
            )
        })
        .await
    }

    /// An address of the gateway listener.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.gateway)
    }

    /// Starts it with a configuration built by `config` from the addresses it may listen on, and waits until it is ready.
    pub async fn start(config: impl FnOnce(SocketAddr, SocketAddr) -> String) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (gateway, api) = (ports::free(), ports::free());
        let path = folder.path().join("vouchsafe.toml");
        fs::write(&path, config(gateway, api)).expect("the folder is ours");
        // Password hashes are in it, and the program says so when others may read them.
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("the file is ours");
        let mut house = Self { gateway, api, config: path, program: None, folder };
        house.open().await;
        house
    }

    /// Starts it (again) on the same ports with the same data.
    pub async fn open(&mut self) {
        let mut command = binary();
        command
            .arg("serve")
            .arg("--config")
            .arg(&self.config)
            .arg("--data-dir")
            .arg(self.folder.path().join("data"));
        let mut program = Program::start(&mut command, &self.folder.path().join("vouchsafe.log"));
        let ready = format!("http://{}/readyz", self.api);
        let up = wait::until(|| {
            // Ended already: no use in waiting for it.
            let ended = program.has_ended();
            let ready = &ready;
            async move {
                if ended.is_some() {
                    return Some(false);
                }
                let answer = Ask::get(ready).try_send().await.ok()?;
                (answer.status == 200).then_some(true)
            }
        })
        .await;
        assert_eq!(up, Some(true), "vouchsafe did not become ready:\n{}", program.log());
        self.program = Some(program);
    }

    /// Ends it in good order; it must say so with exit status 0.
    pub async fn close(&mut self) {
        let mut program = self.program.take().expect("it was running");
        let status = program.stop().await;
        assert!(status.success(), "vouchsafe ended with {status}:\n{}", program.log());
    }

    /// Ends it as a power cut would.
    pub async fn crash(&mut self) {
        self.program.take().expect("it was running").kill().await;
    }

    /// Replaces the configuration and asks for it to be read again.
    pub fn reload(&self, config: &str) {
        fs::write(&self.config, config).expect("the folder is ours");
        self.program.as_ref().expect("it is running").signal(Signal::HUP);
    }

    /// Runs another of the program's commands against this house and returns its standard output.
    pub fn command(&self, arguments: &[&str]) -> String {
        let ran = self.run(arguments, None);
        assert!(ran.0, "{arguments:?} failed:\n{}{}", ran.1, ran.2);
        ran.1
    }

    /// The same, whatever comes of it: success, standard output, standard error.
    pub fn run(&self, arguments: &[&str], input: Option<&Path>) -> (bool, String, String) {
        let mut command = binary();
        command
            .args(arguments)
            .arg("--config")
            .arg(&self.config)
            .arg("--data-dir")
            .arg(self.folder.path().join("data"));
        command.stdin(
            input.map_or_else(Stdio::null, |path| fs::File::open(path).expect("an input file").into()),
        );
        let ran = command.output().expect("the program starts");
        (
            ran.status.success(),
            String::from_utf8_lossy(&ran.stdout).into_owned(),
            String::from_utf8_lossy(&ran.stderr).into_owned(),
        )
    }

    /// Signs somebody in by the session endpoint.
    pub async fn sign_in(&self, name: &str) -> Browser {
        let mut browser = Browser::new();
        browser.ask(self.sign_in_request(name, PASSWORD)).await.expect(200);
        browser
    }

    pub fn sign_in_request(&self, name: &str, password: &str) -> Ask {
        let body = serde_json::json!({ "username": name, "password": password }).to_string();
        Ask::post(&self.url("/auth/session"), "application/json", body)
    }

    pub fn config(&self) -> String {
        fs::read_to_string(&self.config).expect("we wrote it")
    }

    pub fn log(&self) -> String {
        self.program.as_ref().map(Program::log).unwrap_or_default()
    }

    /// The folder of its configuration, data and log.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

/// The program as Cargo built it for this test run.
fn binary() -> Command {
    let mut command = Command::new(
        std::env::var_os("VOUCHSAFE_BIN").unwrap_or_else(|| env!("CARGO_BIN_EXE_vouchsafe").into()),
    );
    // A variable of the developer's must not change what is tested.
    for (name, _) in
        std::env::vars_os().filter(|(name, _)| name.as_encoded_bytes().starts_with(b"VOUCHSAFE_"))
    {
        command.env_remove(name);
    }
    command
}
