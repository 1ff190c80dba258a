//! A real server process with real models, for tests that must see it from outside.
#![allow(clippy::unwrap_used, reason = "a test helper: a panic fails the test")]
#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]

pub mod ports;
pub mod redis;
pub mod slow;
pub mod socket;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;
use visavis_client::Server;

/// A running `visavis serve`; killed when dropped.
pub struct Live {
    pub process: Child,
    pub server: Server,
    pub address: String,
    /// Its own folder, for all that it keeps: contexts of calls, unless in a Redis, and below it speech, jobs and uploads.
    pub store: TempDir,
    /// Its arguments, but for the address.
    arguments: Vec<String>,
    /// The only certificate that it trusts; none: those of the system.
    trusted: Option<PathBuf>,
}

pub fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_visavis"))
}

/// Longest wait for what a server does by itself.
const PATIENCE: Duration = Duration::from_secs(60);

pub fn free_port() -> u16 {
    ports::free()
}

impl Live {
    /// Starts the `tiny` profile on free ports and waits until it is ready.
    pub async fn start(more: &[&str]) -> Self {
        let mut live = Self::begin(more);
        live.until_ready().await;
        live
    }

    /// Starts one that shares a Redis with others, and waits until it is ready.
    pub async fn start_sharing(redis: &str, more: &[&str]) -> Self {
        let kept = format!("store.url={redis}");
        let mut live = Self::begin_with(tempfile::tempdir().unwrap(), &kept, more, None);
        live.until_ready().await;
        live
    }

    /// The same, and it trusts no certificate but this one.
    pub async fn start_trusting(certificate: &Path, redis: &str, more: &[&str]) -> Self {
        let kept = format!("store.url={redis}");
        let mut live = Self::begin_with(tempfile::tempdir().unwrap(), &kept, more, Some(certificate));
        live.until_ready().await;
        live
    }

    /// Kills it and starts it again, with what it has kept, on the same address; returns once it is ready.
    pub async fn kill_and_start_again(&mut self) {
        self.process.kill().unwrap();
        self.start_again().await;
    }

    /// Starts it again when it has ended.
    pub async fn start_again(&mut self) {
        self.process.wait().unwrap();
        self.process = spawn(&self.address, &self.arguments, self.store.path(), self.trusted.as_deref());
        self.until_ready().await;
    }

    async fn until_ready(&mut self) {
        let began = Instant::now();
        while !self.ready().await {
            assert!(
                self.process.try_wait().unwrap().is_none(),
                "run ./test, or `visavis models fetch --profile tiny` first"
            );
            assert!(began.elapsed() < Duration::from_secs(120), "not ready in two minutes");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Starts it without waiting.
    pub fn begin(more: &[&str]) -> Self {
        let store = tempfile::tempdir().unwrap();
        let kept = format!("store.path={}", store.path().display());
        Self::begin_with(store, &kept, more, None)
    }

    fn begin_with(store: TempDir, kept: &str, more: &[&str], trusted: Option<&Path>) -> Self {
        let address = format!("127.0.0.1:{}", free_port());
        let speech = format!("speech_api.dir={}", store.path().join("speech").display());
        let jobs = format!("jobs.dir={}", store.path().join("jobs").display());
        let own =
            ["--set", "store.enabled=true", "--set", kept, "--set", speech.as_str(), "--set", jobs.as_str()];
        let arguments: Vec<String> = own.iter().chain(more).map(|argument| (*argument).to_owned()).collect();
        let process = spawn(&address, &arguments, store.path(), trusted);
        let server = Server::new(&format!("http://{address}")).unwrap();
        Self { process, server, address, store, arguments, trusted: trusted.map(Path::to_path_buf) }
    }

    pub async fn ready(&self) -> bool {
        let answer = self.server.http().get(self.server.url("ready")).send().await;
        answer.is_ok_and(|answer| answer.status().is_success())
    }

    /// Waits until the engines behind routes are ready as well: a call needs only one of each kind.
    pub async fn all_ready(&self) {
        let began = Instant::now();
        loop {
            let answer = self.server.http().get(self.server.url("ready")).send().await.unwrap();
            let status: Value = answer.json().await.unwrap();
            let backends = status["backends"].as_array().expect("there are routes");
            if backends.iter().all(|backend| backend["ready"] == true) {
                return;
            }
            assert!(began.elapsed() < PATIENCE, "not all are ready: {status}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until the store has all that calls have left for it until now.
    pub async fn until_stored(&self) {
        let began = Instant::now();
        loop {
            let answer = self.server.http().get(self.server.url("ready")).send().await.unwrap();
            let status: Value = answer.json().await.unwrap();
            if status["store"]["waiting"] == 0 {
                return;
            }
            assert!(began.elapsed() < PATIENCE, "it is never stored: {status}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The process of an engine.
    pub fn engine(&self, name: &str) -> Option<u32> {
        let wanted = format!("visavis-{name}");
        children(self.process.id())
            .into_iter()
            .find(|(_, program)| program.ends_with(&wanted))
            .map(|(pid, _)| pid)
    }

    pub fn signal(&self, signal: &str, pid: u32) {
        assert!(Command::new("kill").args([signal, &pid.to_string()]).status().unwrap().success());
    }

    /// A counter or gauge of `/metrics`, summed over its labels.
    pub async fn metric(&self, name: &str) -> f64 {
        let text =
            self.server.http().get(self.server.url("metrics")).send().await.unwrap().text().await.unwrap();
        let lines = text
            .lines()
            .filter(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' '])));
        lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    }

    /// Waits until a counter or gauge satisfies a condition, and returns it. The server counts what has happened a little after a
    /// client has seen it happen.
    pub async fn metric_when(&self, name: &str, holds: impl Fn(f64) -> bool) -> f64 {
        let began = Instant::now();
        loop {
            let value = self.metric(name).await;
            if holds(value) {
                return value;
            }
            assert!(began.elapsed() < PATIENCE, "{name} is {value}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// Starts a server whose log is shown. What has no folder in its arguments is in `data`, and not in the user's home.
fn spawn(address: &str, arguments: &[String], data: &Path, trusted: Option<&Path>) -> Child {
    let mut process = program()
        .envs(trusted.map(|certificate| ("SSL_CERT_FILE", certificate)))
        .args(["serve", "--profile", "tiny", "--listen", address, "--udp", address])
        .args(arguments)
        .env("XDG_DATA_HOME", data)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let log = process.stderr.take().unwrap();
    std::thread::spawn(move || {
        BufReader::new(log).lines().map_while(Result::ok).for_each(|line| eprintln!("{line}"))
    });
    process
}

impl Drop for Live {
    fn drop(&mut self) {
        _ = self.process.kill();
        _ = self.process.wait();
    }
}

/// Children of a process with the paths of their programs.
pub fn children(parent: u32) -> Vec<(u32, String)> {
    let stat = |pid: u32| -> Option<(u32, String)> {
        let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let after = text.rsplit_once(") ")?.1;
        let ppid: u32 = after.split(' ').nth(1)?.parse().ok()?;
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        let program = String::from_utf8_lossy(line.split(|byte| *byte == 0).next()?).into_owned();
        (ppid == parent).then_some((pid, program))
    };
    let pids = std::fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    pids.filter_map(stat).collect()
}

/// Recorded speech.
pub fn speech(name: &str) -> PathBuf {
    fetched(&format!("speech/{name}"))
}

/// A model file that the profile of these tests lacks.
pub fn model(name: &str) -> PathBuf {
    fetched(name)
}

fn fetched(name: &str) -> PathBuf {
    let models =
        visavis::config::load(&visavis::config::Sources::from_process(None, Vec::new())).unwrap().models.dir;
    let path = models.join(name);
    assert!(path.is_file(), "{} is missing: run ./test first", path.display());
    path
}
