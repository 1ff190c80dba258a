//! A Redis of the measurement's own, on a Unix socket.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::process::{Child, Command};

use super::node::signal;

const STARTS_WITHIN: Duration = Duration::from_secs(20);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A running Redis that writes what it has to its folder, as docs/deployment.md has it. Killed when dropped.
#[derive(Debug)]
pub(super) struct Redis {
    process: Child,
    folder: PathBuf,
}

impl Redis {
    /// Starts one, and waits until it answers.
    pub(super) async fn start(folder: &Path) -> anyhow::Result<Self> {
        let redis = Self { process: spawn(folder)?, folder: folder.to_owned() };
        redis.until_answers().await?;
        Ok(redis)
    }

    /// The setting of a server that uses it.
    pub(super) fn setting(&self) -> String {
        format!("store.url=redis+unix://{}", socket(&self.folder).display())
    }

    /// Stops it (SIGSTOP): it hangs.
    pub(super) fn hang(&self) -> anyhow::Result<()> {
        signal("-STOP", self.process.id().context("Redis has ended")?)
    }

    /// Lets it go on.
    pub(super) fn go_on(&self) -> anyhow::Result<()> {
        signal("-CONT", self.process.id().context("Redis has ended")?)
    }

    /// Kills it (SIGKILL).
    pub(super) async fn kill(&mut self) -> anyhow::Result<()> {
        self.process.kill().await.context("Redis cannot be killed")
    }

    /// Starts it again with what it has written, when it has ended.
    pub(super) async fn start_again(&mut self) -> anyhow::Result<()> {
        self.process = spawn(&self.folder)?;
        self.until_answers().await
    }

    async fn until_answers(&self) -> anyhow::Result<()> {
        let began = Instant::now();
        while !answers(&socket(&self.folder)).await {
            let seconds = STARTS_WITHIN.as_secs();
            ensure!(began.elapsed() < STARTS_WITHIN, "Redis did not answer within {seconds} s");
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(())
    }
}

fn socket(folder: &Path) -> PathBuf {
    folder.join("redis.sock")
}

async fn answers(socket: &Path) -> bool {
    let asked = async {
        let mut line = UnixStream::connect(socket).await?;
        line.write_all(b"PING\r\n").await?;
        let mut answer = [0; 5];
        line.read_exact(&mut answer).await?;
        Ok::<bool, std::io::Error>(answer == *b"+PONG")
    };
    matches!(tokio::time::timeout(Duration::from_secs(1), asked).await, Ok(Ok(true)))
}

fn spawn(folder: &Path) -> anyhow::Result<Child> {
    // Debian's redis-tools holds the whole server, under another name.
    let run = |program: &str| {
        Command::new(program)
            .arg0("redis-server")
            .arg("--dir")
            .arg(folder)
            .args(["--save", "", "--appendonly", "yes", "--maxmemory-policy", "noeviction"])
            .args(["--port", "0", "--unixsocket"])
            .arg(socket(folder))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
    };
    let started = match run("redis-server") {
        Err(error) if error.kind() == ErrorKind::NotFound => run("redis-check-rdb"),
        other => other,
    };
    started.context("redis-server cannot be run; `apt-get install redis-tools` has it")
}
