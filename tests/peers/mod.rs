//! Third-party servers as separate processes, which die when a test wants it.
//!
//! - this file: the process
//! - `routed`: engines behind a route to two of them
#![allow(clippy::unwrap_used, reason = "a test helper: a panic fails the test")]

pub(crate) mod routed;

use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The signal that ends a process at once.
const KILL: i32 = 9;

/// Longest wait for a process that dies in its work.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running `dying_server.py`: a language model, a voice and a recogniser. It ends when this is dropped, or with the test's
/// process.
pub(crate) struct Peer {
    process: Child,
    port: u16,
}

impl Peer {
    /// Starts it with these arguments and waits until it listens.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        // Not one that the kernel picks, which may be another's by the time of a restart.
        Self::listening(crate::live::free_port(), arguments)
    }

    fn listening(port: u16, arguments: &[&str]) -> Self {
        let mut process = Command::new("python3")
            // Without packages it starts three times as fast.
            .args(["-I", "-S"])
            .arg("tests/peers/dying_server.py")
            .args(["--port", &port.to_string()])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("run ./test, or install python3 first");
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line.trim().parse::<u16>(), Ok(port), "it prints its port once it listens");
        Self { process, port }
    }

    /// Waits until it was killed in the middle of its work, and starts another one at its address, which lives.
    pub(crate) fn restart(&mut self) {
        self.assert_killed();
        *self = Self::listening(self.port, &[]);
    }

    /// Its address, as the configuration names it.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/v1", self.port)
    }

    /// Waits until it was killed in the middle of its work. A process that still runs then ends normally, since its standard input
    /// closes.
    pub(crate) fn assert_killed(&mut self) {
        // To wait for a process closes its standard input, which would end it before it is killed.
        let until = Instant::now() + PATIENCE;
        while self.process.try_wait().unwrap().is_none() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(10));
        }
        let ended = self.process.wait().unwrap();
        assert_eq!(ended.signal(), Some(KILL), "no request met the moment at which it dies: {ended}");
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        _ = self.process.kill();
        _ = self.process.wait();
    }
}
