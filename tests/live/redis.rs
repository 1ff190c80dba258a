//! A real Redis on a Unix socket, for servers that share it. Without one installed, tests say so and are skipped.

use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::ports;

const PATIENCE: Duration = Duration::from_secs(60);

/// A running Redis; killed when dropped.
pub struct Redis {
    process: Child,
    socket: PathBuf,
    tls: Option<Tls>,
    _folder: TempDir,
}

/// Its second door.
struct Tls {
    port: u16,
    certificate: PathBuf,
    key: PathBuf,
}

impl Tls {
    /// One with a certificate of its own, in this folder.
    fn of(folder: &Path) -> Self {
        let (certificate, key) = (folder.join("cert.pem"), folder.join("key.pem"));
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        std::fs::write(&certificate, made.cert.pem()).unwrap();
        std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        Self { port: ports::free(), certificate, key }
    }

    fn arguments(&self) -> Vec<String> {
        let path = |path: &Path| path.display().to_string();
        let settings = [
            ("--tls-port", self.port.to_string()),
            ("--tls-cert-file", path(&self.certificate)),
            ("--tls-key-file", path(&self.key)),
            ("--tls-ca-cert-file", path(&self.certificate)),
            ("--tls-auth-clients", "no".to_owned()),
            ("--bind", "127.0.0.1".to_owned()),
        ];
        settings.into_iter().flat_map(|(key, value)| [key.to_owned(), value]).collect()
    }
}

impl Redis {
    /// Starts one; `None`, with a word on standard error, where none is installed.
    pub fn start() -> Option<Self> {
        Self::started(tempfile::tempdir().unwrap(), None)
    }

    /// Starts one that listens for TLS as well; `None`, with a word on standard error, where none is installed or it has no TLS.
    pub fn start_with_tls() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let tls = Tls::of(folder.path());
        Self::started(folder, Some(tls))
    }

    fn started(folder: TempDir, tls: Option<Tls>) -> Option<Self> {
        let more = tls.as_ref().map(Tls::arguments).unwrap_or_default();
        let socket = folder.path().join("redis.sock");
        // Debian's redis-tools holds the whole server, under another name.
        let run = |program: &str| {
            let mut command = Command::new(program);
            command.arg0("redis-server").arg("--dir").arg(folder.path());
            command.args(["--save", "", "--port", "0", "--unixsocket"]).arg(&socket).args(&more);
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
        let mut redis = Self { process, socket, tls, _folder: folder };
        let began = Instant::now();
        while !redis.answers() {
            if redis.tls.is_some() && redis.process.try_wait().unwrap().is_some() {
                eprintln!("SKIPPED: this redis-server does not listen for TLS, so it was built without");
                return None;
            }
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

    /// Its address by TLS.
    pub fn tls_url(&self) -> String {
        format!("rediss://127.0.0.1:{}", self.tls.as_ref().expect("it listens for TLS").port)
    }

    /// The file with the certificate that it shows.
    pub fn certificate(&self) -> &Path {
        &self.tls.as_ref().expect("it listens for TLS").certificate
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        _ = self.process.kill();
        _ = self.process.wait();
    }
}
