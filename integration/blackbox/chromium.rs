//! Real Chromium through the doors: the script in `integration/browser` does what a person does.

use crate::{
    doors::{Door, Nginx, Traefik},
    kit::{
        Place,
        config::{PASSWORD, QUICK, people},
        house::House,
        tls,
    },
};
use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn through_nginx() {
    visit::<Nginx>().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn through_traefik() {
    visit::<Traefik>().await;
}

/// To the app and out again on separate hosts under one parent domain, with and without scripts.
async fn visit<D: Door>() {
    let place = Place::<D>::open().await;
    let shots = shots(D::NAME);
    let mut script = driver("sign-in.mjs");
    script
        .env("PORTAL", place.portal(""))
        .env("APP", place.app(""))
        .env("ADMIN", place.admin(""))
        .env("PASSWORD", PASSWORD)
        .env("CERTIFICATE", &tls::shared().certificate)
        .env("SHOTS", &shots);
    run(script, D::NAME, &shots).await;
}

/// Passkeys as second factor and alone, with Chromium's virtual authenticator. On `localhost`, because an address has no passkeys.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn passkeys() {
    let house = House::start(|gateway, api| {
        let port = gateway.port();
        format!(
            "[gateway]\nlisten = \"{gateway}\"\npublic_url = \"http://localhost:{port}\"\n[api]\nlisten = \"{api}\"\n{QUICK}\n{}",
            people()
        )
    })
    .await;
    let shots = shots("passkeys");
    let mut script = driver("passkeys.mjs");
    script
        .env("PORTAL", format!("http://localhost:{}", house.gateway.port()))
        .env("PASSWORD", PASSWORD)
        .env("SHOTS", &shots);
    run(script, "localhost", &shots).await;
}

/// Where a test leaves its screenshots.
fn shots(name: &str) -> PathBuf {
    let shots = Path::new(env!("CARGO_TARGET_TMPDIR")).join("chromium").join(name);
    let _ = fs::remove_dir_all(&shots);
    fs::create_dir_all(&shots).expect("target is writable");
    shots
}

/// A script of `integration/browser`, ready to run.
fn driver(script: &str) -> Command {
    let driver = installed();
    fs::copy(source().join(script), driver.join(script)).expect("the driver's folder is writable");
    // coreutils' timeout ends node, and node's end closes the browser; a hung page must not hang the run.
    let mut command = Command::new("timeout");
    command.args(["180", "node", script]).current_dir(&driver).stdin(Stdio::null());
    command
}

async fn run(mut script: Command, name: &str, shots: &Path) {
    let ran = tokio::task::spawn_blocking(move || script.output()).await.expect("no panic in there");
    let ran = ran.expect("timeout and node are installed");
    assert!(
        ran.status.success(),
        "through {name}; screenshots in {}\n{}{}",
        shots.display(),
        String::from_utf8_lossy(&ran.stdout),
        String::from_utf8_lossy(&ran.stderr)
    );
}

pub fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("integration/browser")
}

/// Where `integration/test` put playwright-core.
pub fn installed() -> PathBuf {
    let place = env::var_os("BROWSER_DIR").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("target/integration/browser"),
        PathBuf::from,
    );
    assert!(
        place.join("node_modules/playwright-core").exists(),
        "no playwright-core in {}; run integration/test prepare",
        place.display()
    );
    place
}
