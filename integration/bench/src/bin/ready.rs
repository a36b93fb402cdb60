//! From the start of a program to its first 200 on /readyz.
//!
//!     ready ADDRESS COMMAND ARGUMENT…       prints milliseconds; the program is then asked to end

use std::{
    env,
    error::Error,
    io::{Read, Write},
    net::TcpStream,
    process::{Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [address, program, rest @ ..] = arguments.as_slice() else {
        return Err("ready ADDRESS COMMAND…".into());
    };
    let began = Instant::now();
    let mut child = Command::new(program)
        .args(rest)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    while !is_ready(address) {
        if began.elapsed() > Duration::from_secs(120) || child.try_wait()?.is_some() {
            let _ = child.kill();
            return Err("it never became ready".into());
        }
        sleep(Duration::from_millis(1));
    }
    println!("{:.1}", began.elapsed().as_secs_f64() * 1000.0);
    let pid = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw).ok_or("a pid")?;
    rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
    child.wait()?;
    Ok(())
}

fn is_ready(address: &str) -> bool {
    let ask = || -> std::io::Result<bool> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(2)))?;
        stream.write_all(
            format!("GET /readyz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").as_bytes(),
        )?;
        let mut start = [0; 12];
        stream.read_exact(&mut start)?;
        Ok(start.ends_with(b"200"))
    };
    ask().unwrap_or(false)
}
