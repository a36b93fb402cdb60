//! Fills a store before the server opens it, and writes down the cookie values.
//!
//!     preload STORE PEOPLE SESSIONS COOKIES [STRANGERS FILE]
//!
//! STRANGERS well-formed values that were never stored go to FILE.

use std::{
    env,
    error::Error,
    fs::File,
    io::{BufWriter, Write},
};
use vouchsafe::{
    domain::session::SessionKey,
    store::{Settings, Store},
    values::time::Timestamp,
};
use vouchsafe_bench::{Dice, now, people, sessions};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [path, accounts, count, cookies, rest @ ..] = arguments.as_slice() else {
        return Err("preload STORE PEOPLE SESSIONS COOKIES [STRANGERS FILE]".into());
    };
    let mut dice = Dice::new(42);
    let store = Store::open(&Settings::at(path)).map_err(|error| format!("{error}"))?;
    let mut out = BufWriter::new(File::create(cookies)?);
    let people = people(&store, &mut dice, accounts.parse()?)?;
    sessions(&store, &mut dice, &people, count.parse()?, |value| writeln!(out, "{value}"))?;
    out.flush()?;
    store.close();
    if let [strangers, file] = rest {
        let mut out = BufWriter::new(File::create(file)?);
        for n in 0..strangers.parse::<u64>()? {
            let born = Timestamp::from_secs(now().secs() - n % 1200);
            writeln!(out, "{}", SessionKey::mint(born, dice.bytes()).text())?;
        }
        out.flush()?;
    }
    Ok(())
}
