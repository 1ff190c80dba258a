//! A real Redis on a Unix socket, for servers that share it. Without one installed, tests say so and are skipped.

use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(60);

/// A running Redis; killed when dropped.
pub struct Redis {
    process: Child,
    socket: PathBuf,
    _folder: TempDir,
}

impl Redis {
    /// Starts one; `None`, with a word on standard error, where none is installed.
    pub fn start() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("redis.sock");
        // Debian's redis-tools holds the whole server, under another name.
        let run = |program: &str| {
            let mut command = Command::new(program);
            command.arg0("redis-server").arg("--dir").arg(folder.path());
            command.args(["--save", "", "--port", "0", "--unixsocket"]).arg(&socket);
            command.stdout(Stdio::null()).spawn()
        };
        let started = match run("redis-server") {
            Err(error) if error.kind() == ErrorKind::NotFound => run("redis-check-rdb"),
            other => other,
        };
        let process = match started {
            Ok(process) => process,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                eprintln!(
                    "SKIPPED: no redis-server is installed; `apt-get install redis-tools`, as ./test does"
                );
                return None;
            }
            Err(error) => panic!("redis-server cannot be run: {error}"),
        };
        let redis = Self { process, socket, _folder: folder };
        let began = Instant::now();
        while !redis.answers() {
            assert!(began.elapsed() < PATIENCE, "Redis does not answer");
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(redis)
    }

    fn answers(&self) -> bool {
        let mut answer = [0; 5];
        UnixStream::connect(&self.socket).is_ok_and(|mut line| {
            line.write_all(b"PING\r\n").is_ok() && line.read_exact(&mut answer).is_ok() && answer == *b"+PONG"
        })
    }

    /// Kills it (SIGKILL), with all that it has.
    pub fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("redis+unix://{}", self.socket.display())
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        _ = self.process.kill();
        _ = self.process.wait();
    }
}
