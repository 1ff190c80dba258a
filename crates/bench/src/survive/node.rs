//! Servers that are started, killed and stopped: processes of `visavis serve`, each with a log in the scratch folder.

use std::fs::File;
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::person::is_ready;
use visavis_client::Server;

/// Models are loaded, on a small machine perhaps by two servers at once.
const READY_WITHIN: Duration = Duration::from_secs(180);
/// How precisely it is known when a server is ready.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// `server.drain_seconds` and what the engines take.
const ENDS_WITHIN: Duration = Duration::from_secs(60);
/// Lines of a log that are shown when its server fails.
const LINES: usize = 5;
/// Ports below those that the kernel gives to others.
const PORTS: std::ops::Range<u16> = 20_000..32_000;

/// What all servers of a measurement have in common.
#[derive(Debug, Clone)]
pub(super) struct Build {
    /// `visavis`.
    pub(super) program: PathBuf,
    /// Arguments of `visavis serve`, but for addresses and the store.
    pub(super) arguments: Vec<String>,
    /// The folder for stores and logs.
    pub(super) scratch: PathBuf,
}

/// A server. Killed when dropped.
#[derive(Debug)]
pub(super) struct Node {
    build: Build,
    /// Its own arguments.
    arguments: Vec<String>,
    log: PathBuf,
    process: Child,
    /// Where it is.
    pub(super) server: Server,
    /// `HOST:PORT`.
    pub(super) address: String,
}

impl Node {
    /// Starts one with its own store.
    pub(super) fn alone(build: &Build) -> anyhow::Result<Self> {
        let store = build.scratch.join("store");
        Self::start(build, "server", &[format!("store.path={}", store.display())])
    }

    /// Starts one with these settings.
    pub(super) fn start(build: &Build, name: &str, settings: &[String]) -> anyhow::Result<Self> {
        let address = format!("127.0.0.1:{}", free_port()?);
        let mut arguments: Vec<String> = ["--listen", &address, "--udp", &address].map(str::to_owned).into();
        for setting in settings {
            arguments.extend(["--set".to_owned(), setting.clone()]);
        }
        let log = build.scratch.join(format!("{name}.log"));
        let process = spawn(build, &arguments, &log)?;
        let server = Server::new(&format!("http://{address}"))?;
        Ok(Self { build: build.clone(), arguments, log, process, server, address })
    }

    /// Waits until it is ready, and returns when that was.
    pub(super) async fn until_ready(&mut self) -> anyhow::Result<Instant> {
        let began = Instant::now();
        loop {
            if is_ready(&self.server).await {
                return Ok(Instant::now());
            }
            if let Some(status) = self.process.try_wait()? {
                bail!("the server ended ({status}) before it was ready: {}", tail(&self.log));
            }
            let seconds = READY_WITHIN.as_secs();
            ensure!(
                began.elapsed() < READY_WITHIN,
                "the server was not ready within {seconds} s: {}",
                tail(&self.log)
            );
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Kills it (SIGKILL).
    pub(super) async fn kill(&mut self) -> anyhow::Result<()> {
        self.process.kill().await.context("the server cannot be killed")
    }

    /// Tells it to stop (SIGTERM), and waits until it has ended.
    pub(super) async fn stop(&mut self) -> anyhow::Result<()> {
        let Some(pid) = self.process.id() else { return Ok(()) };
        signal("-TERM", pid)?;
        let ended = timeout(ENDS_WITHIN, self.process.wait()).await;
        ended.with_context(|| format!("SIGTERM did not end it within {} s", ENDS_WITHIN.as_secs()))??;
        Ok(())
    }

    /// Starts it again on the same address when it has ended.
    pub(super) fn start_again(&mut self) -> anyhow::Result<()> {
        self.process = spawn(&self.build, &self.arguments, &self.log)?;
        Ok(())
    }
}

fn spawn(build: &Build, arguments: &[String], log: &Path) -> anyhow::Result<Child> {
    let file = File::options().create(true).append(true).open(log)?;
    Command::new(&build.program)
        .arg("serve")
        .args(&build.arguments)
        .args(arguments)
        // Speech and jobs are its own, not those of the user or of another node.
        .env("XDG_DATA_HOME", log.with_extension("data"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(file)
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("{} cannot be run", build.program.display()))
}

/// The last lines of a log.
fn tail(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LINES)..].join("\n")
}

/// Sends a signal such as `-TERM`.
///
/// # Errors
/// When the process is gone, or another user's.
pub(super) fn signal(signal: &str, pid: u32) -> anyhow::Result<()> {
    let done = std::process::Command::new("kill").args([signal, &pid.to_string()]).status()?;
    ensure!(done.success(), "process {pid} cannot be signalled with {signal}");
    Ok(())
}

/// A port of the loopback address that is free for TCP and for UDP, and was not given before by this program.
///
/// # Errors
/// When none is free.
pub(super) fn free_port() -> anyhow::Result<u16> {
    static GIVEN: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let count = u32::from(PORTS.end - PORTS.start);
    for _ in 0..count {
        let number = GIVEN.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let place = std::process::id().wrapping_mul(31).wrapping_add(number) % count;
        let port = PORTS.start + place as u16;
        let at = (Ipv4Addr::LOCALHOST, port);
        if TcpListener::bind(at).is_ok() && UdpSocket::bind(at).is_ok() {
            return Ok(port);
        }
    }
    bail!("no port from {} to {} is free", PORTS.start, PORTS.end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_given_once() {
        let ports: std::collections::BTreeSet<u16> = (0..20).map(|_| free_port().unwrap()).collect();
        assert_eq!(ports.len(), 20);
        assert!(ports.iter().all(|port| PORTS.contains(port)));
    }

    #[test]
    fn of_a_log_its_last_lines_are_shown() {
        let log = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(log.path(), (0..9).map(|n| format!("line {n}\n")).collect::<String>()).unwrap();
        assert_eq!(tail(log.path()), "line 4\nline 5\nline 6\nline 7\nline 8");
        assert_eq!(tail(Path::new("/nowhere")), "");
    }
}
