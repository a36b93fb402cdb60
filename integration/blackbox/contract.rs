//! The API against its own document, asked by a program that knows nothing else: Schemathesis, with all its checks. Where
//! the seed's own answer is not what a check expects, `contract/exceptions.toml` says so and why.

use std::{env, fs, process::Command};

use serde_json::Value;

use crate::kit::{Ask, house::House};

const SERVICE: &str = "Hq7wB2nV9sKx4tLzR8mYc3DfG6jPa1Eu";

/// What has to be switched on so that every endpoint is there.
const EVERYTHING: &str = r#"
account_failures = 100
block_after = 100
ceiling = 100
source_failures = 100000
[simple]
credentials_check = "secret"
service_secret = "Hq7wB2nV9sKx4tLzR8mYc3DfG6jPa1Eu"
[registration]
enabled = true
[mail]
delivery = "file"
from = "login@example.com"
"#;

/// No undocumented status, no answer of another shape, no 5xx; wrong data is refused and right data taken; other methods are told which
/// there are; nobody comes in without proof.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_document_tells_the_truth() {
    let program = env::var_os("SCHEMATHESIS_BIN").expect("run integration/test, which prepares it");
    let house = House::alone(EVERYTHING).await;
    house.command(&["account", "add", "dora", "--email", "dora@example.com", "--no-password"]);
    let shown: Value = serde_json::from_str(&house.command(&["--json", "account", "show", "dora"])).unwrap();
    let dora = shown["id"].as_str().unwrap().to_owned();
    house.command(&[
        "client",
        "add",
        "The Wiki",
        "--id",
        "wiki",
        "--redirect-uri",
        "https://wiki.example.com/cb",
    ]);
    let scopes = [
        "--scope",
        "public",
        "--scope",
        "read",
        "--scope",
        "write",
        "--scope",
        "credentials",
        "--scope",
        "grant",
    ];
    let key = house.command(&[&["apikey", "add", "contract"][..], &scopes[..]].concat());
    let cookie = house.sign_in("alice").await;
    let folder = house.folder().join("contract");
    fs::create_dir(&folder).unwrap();
    let config = format!(
        "[auth.openapi.ApiKeyAuth]\napi_key = \"SharedKey {}\"\n[auth.openapi.ActingFor]\napi_key = \"{dora}\"\n\
         [auth.openapi.SessionAuth]\napi_key = \"{}\"\n[auth.openapi.ServiceAuth]\nbearer = \"{SERVICE}\"\n\n{}",
        key.trim(),
        cookie.cookie("auth").expect("a session cookie").value,
        include_str!("contract/exceptions.toml"),
    );
    fs::write(folder.join("schemathesis.toml"), config).unwrap();
    let document = format!("http://{}/openapi/simple.json", house.api);
    Ask::get(&document).send().await.expect(200);
    let hooks = concat!(env!("CARGO_MANIFEST_DIR"), "/integration/blackbox/contract");
    let ran = Command::new(program)
        .args(["--no-color", "run", &document, "--url", &house.url("")])
        .args(["--phases", "examples,coverage,fuzzing,stateful", "--max-examples", "40"])
        .args(["--seed", "20", "--generation-deterministic", "--continue-on-failure", "--workers", "1"])
        .env("SCHEMATHESIS_HOOKS", "hooks")
        .env("PYTHONPATH", hooks)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .current_dir(&folder)
        .output()
        .expect("the program starts");
    let said = format!("{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{said}\n{}", house.log());
    for phase in ["✅ Coverage", "✅ Fuzzing"] {
        assert!(said.contains(phase), "a phase did not run:\n{said}");
    }
}
