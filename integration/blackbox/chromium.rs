//! Real Chromium through the doors: the script in `integration/browser` does what a person does.

use crate::{
    doors::{Door, Nginx, Traefik},
    kit::{Place, config::PASSWORD, tls},
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
    let driver = installed();
    fs::copy(source().join("sign-in.mjs"), driver.join("sign-in.mjs"))
        .expect("the driver's folder is writable");
    let shots = Path::new(env!("CARGO_TARGET_TMPDIR")).join("chromium").join(D::NAME);
    let _ = fs::remove_dir_all(&shots);
    fs::create_dir_all(&shots).expect("target is writable");
    // coreutils' timeout ends node, and node's end closes the browser; a hung page must not hang the run.
    let mut script = Command::new("timeout");
    script
        .args(["180", "node", "sign-in.mjs"])
        .current_dir(&driver)
        .env("PORTAL", place.portal(""))
        .env("APP", place.app(""))
        .env("ADMIN", place.admin(""))
        .env("PASSWORD", PASSWORD)
        .env("CERTIFICATE", &tls::shared().certificate)
        .env("SHOTS", &shots)
        .stdin(Stdio::null());
    let ran = tokio::task::spawn_blocking(move || script.output()).await.expect("no panic in there");
    let ran = ran.expect("timeout and node are installed");
    assert!(
        ran.status.success(),
        "through {}; screenshots in {}\n{}{}",
        D::NAME,
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
