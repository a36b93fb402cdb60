//! A program started by a test: stopped when the test ends, its output kept for the moment something goes wrong.

use super::wait;
use rustix::process::{Pid, Signal, kill_process};
use std::{
    fs::{self, File, OpenOptions},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread,
};

/// A running program and the file its output goes to.
pub struct Program {
    child: Child,
    log: PathBuf,
}

impl Program {
    /// Starts `command` with both outputs appended to `log`.
    pub fn start(command: &mut Command, log: &Path) -> Self {
        let open = || -> File {
            OpenOptions::new().create(true).append(true).open(log).expect("the test's folder is writable")
        };
        let child =
            command.stdin(Stdio::null()).stdout(open()).stderr(open()).spawn().unwrap_or_else(|error| {
                panic!("cannot start {command:?}: {error}; run integration/test prepare")
            });
        Self { child, log: log.to_owned() }
    }

    /// Asks politely (SIGTERM) and waits for the end.
    pub async fn stop(&mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        self.ended()
            .await
            .unwrap_or_else(|| panic!("still running long after SIGTERM; its log:\n{}", self.log()))
    }

    /// Ends it as a power cut would.
    pub async fn kill(&mut self) {
        let _ = self.child.kill();
        self.ended().await.expect("SIGKILL ends every process");
    }

    /// Sends a signal; a program that has ended already is no error.
    pub fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).expect("a child has a pid");
        let _ = kill_process(pid, signal);
    }

    /// Whether it has ended, without waiting.
    pub fn has_ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("our own child")
    }

    /// What it has written so far.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    async fn ended(&mut self) -> Option<ExitStatus> {
        let child = &mut self.child;
        wait::until(|| {
            let ended = child.try_wait().expect("our own child");
            async move { ended }
        })
        .await
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        // A failed test shows what the program had to say; a passed one stays quiet.
        if thread::panicking() {
            eprintln!("---- {}\n{}", self.log.display(), self.log());
        }
    }
}
