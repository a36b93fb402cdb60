//! Logins with a password and an authenticator code, by somebody whose codes `oathtool` makes.
//!
//!     second ADDRESS HOST ORIGIN enrol FILE      gives bench0 … bench63 an authenticator app; their secrets go to FILE
//!     second ADDRESS HOST ORIGIN login FILE      each signs in once, two at a time; prints "succeeded other"
//!
//! A code is good once, and so is a step of thirty seconds: `login` waits for one that is not used up.

use std::{
    env, fs,
    process::Command,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use vouchsafe_bench::portal::{Client, Portal, Problem};

const STEP: u64 = 30;

#[tokio::main]
async fn main() -> Result<(), Problem> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [address, host, origin, what, file] = arguments.as_slice() else {
        return Err("second ADDRESS HOST ORIGIN enrol|login FILE".into());
    };
    let portal = Portal { address: address.clone(), host: host.clone(), origin: origin.clone() };
    match what.as_str() {
        "enrol" => enrol(portal, file).await,
        "login" => login(portal, file).await,
        _ => Err("enrol or login".into()),
    }
}

fn step() -> Result<u64, Problem> {
    Ok(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs() / STEP)
}

fn code(secret: &str, step: u64) -> Result<String, Problem> {
    let ran = Command::new("oathtool")
        .args(["--totp", "--base32", "--now", &format!("@{}", step * STEP), secret])
        .output()?;
    if !ran.status.success() {
        return Err(String::from_utf8_lossy(&ran.stderr).into_owned().into());
    }
    Ok(String::from_utf8(ran.stdout)?.trim().to_owned())
}

/// The last step that was used stands on the first line, the secrets below.
fn keep(file: &str, used: u64, secrets: &[String]) -> Result<(), Problem> {
    Ok(fs::write(file, format!("{used}\n{}\n", secrets.join("\n")))?)
}

async fn enrol(portal: Portal, file: &str) -> Result<(), Problem> {
    let mut client = Client::new(portal);
    let mut secrets = Vec::new();
    for number in 0..64 {
        let answer = client.sign_in(number, None).await?;
        let session = answer.session().ok_or("no session")?.to_owned();
        let secret = client.ask("GET", "/local/2fa", &session, String::new()).await?;
        let secret = secret.text("secret").ok_or("no secret")?;
        let body = format!(r#"{{"secret":"{secret}","code":"{}"}}"#, code(&secret, step()?)?);
        let confirmed = client.ask("POST", "/local/2fa", &session, body).await?;
        if confirmed.status != 200 {
            return Err(format!("{}: {}", confirmed.status, String::from_utf8_lossy(&confirmed.body)).into());
        }
        secrets.push(secret);
    }
    keep(file, step()?, &secrets)
}

async fn login(portal: Portal, file: &str) -> Result<(), Problem> {
    let kept = fs::read_to_string(file)?;
    let mut lines = kept.lines();
    let step = lines.next().ok_or("an empty file")?.parse::<u64>()?.max(step()? - 1) + 1;
    let secrets: Vec<String> = lines.map(str::to_owned).collect();
    let codes = secrets.iter().map(|secret| code(secret, step)).collect::<Result<Vec<_>, _>>()?;
    // The clock of an app may be a step ahead.
    while self::step()? + 1 < step {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let halves = [0, 1].map(|half| {
        let (mut client, codes) = (Client::new(portal.clone()), codes.clone());
        tokio::spawn(async move {
            let mut good = 0;
            for (number, code) in (0_u64..).zip(&codes).skip(half).step_by(2) {
                good += u64::from(client.sign_in(number, Some(code)).await?.status == 200);
            }
            Ok::<_, Problem>(good)
        })
    });
    let mut good = 0;
    for half in halves {
        good += half.await??;
    }
    println!("{good} {}", codes.len() as u64 - good);
    keep(file, step, &secrets)
}
