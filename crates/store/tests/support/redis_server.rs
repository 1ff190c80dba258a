//! A real Redis on a Unix socket in a folder of its own. Without one installed, tests say so and are skipped.

use std::io::{self, ErrorKind};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use redis::aio::MultiplexedConnection;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use visavis_store::Remote;

#[path = "../../../../tests/live/ports.rs"]
mod ports;
use super::until;

/// Where it listens.
enum Door {
    Socket(PathBuf),
    /// A cluster of one node, which talks to others on a second port.
    Cluster {
        port: u16,
        bus: u16,
    },
}

/// A running Redis, which keeps what it was told over a restart; killed when dropped.
pub struct Redis {
    door: Door,
    folder: TempDir,
    process: Option<Child>,
}

impl Redis {
    /// Starts one; `None`, with a word on standard error, where none is installed.
    pub async fn start() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("redis.sock");
        Self { door: Door::Socket(socket), folder, process: None }.started().await
    }

    /// Starts a cluster of one node.
    pub async fn start_cluster() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let [port, bus] = [(); 2].map(|()| ports::free());
        let redis = Self { door: Door::Cluster { port, bus }, folder, process: None }.started().await?;
        let mut slots = redis::cmd("CLUSTER");
        slots.arg("ADDSLOTSRANGE").arg(0).arg(16_383);
        let mut connection = redis.connection().await.unwrap();
        slots.exec_async(&mut connection).await.unwrap();
        until("the cluster is up", async || {
            let about = redis::cmd("CLUSTER").arg("INFO").query_async::<String>(&mut connection).await;
            about.is_ok_and(|about| about.contains("cluster_state:ok"))
        })
        .await;
        Some(redis)
    }

    async fn started(mut self) -> Option<Self> {
        match self.run_again().await {
            Ok(()) => Some(self),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                eprintln!(
                    "SKIPPED: no redis-server is installed; `apt-get install redis-tools`, as ./test does"
                );
                None
            }
            Err(error) => panic!("redis-server cannot be run: {error}"),
        }
    }

    /// Starts the server anew, with what it knew before.
    pub async fn run_again(&mut self) -> io::Result<()> {
        // Debian's redis-tools holds the whole server, under another name; the package redis-server would start a service.
        let run = |program: &str| {
            let mut command = Command::new(program);
            command.arg0("redis-server").arg("--dir").arg(self.folder.path());
            // Without fsync, behind which Redis itself would wait on a busy disk: its end alone is survived, not the machine's.
            command.args(["--save", "", "--appendonly", "yes", "--appendfsync", "no"]);
            match &self.door {
                Door::Socket(socket) => command.args(["--port", "0", "--unixsocket"]).arg(socket),
                Door::Cluster { port, bus } => {
                    let ports = ["--port".into(), port.to_string(), "--cluster-port".into(), bus.to_string()];
                    command.args(ports).args(["--bind", "127.0.0.1", "--cluster-enabled", "yes"])
                }
            };
            command.stdout(Stdio::null()).spawn()
        };
        let process = match run("redis-server") {
            Err(error) if error.kind() == ErrorKind::NotFound => run("redis-check-rdb")?,
            other => other?,
        };
        self.process = Some(process);
        until("Redis answers", async || match self.connection().await {
            Ok(mut connection) => redis::cmd("PING").exec_async(&mut connection).await.is_ok(),
            Err(_) => false,
        })
        .await;
        Ok(())
    }

    /// Stops the server; what it was told stays on its disk.
    pub fn stop(&mut self) {
        self.signal(Signal::TERM);
        self.process.take().unwrap().wait().unwrap();
    }

    /// Lets it hang: connections stay open, nothing is answered.
    pub fn hang(&self) {
        self.signal(Signal::STOP);
    }

    /// Lets it go on.
    pub fn go_on(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(self.process.as_ref().unwrap()), signal).unwrap();
    }

    /// Its address.
    pub fn url(&self) -> String {
        match &self.door {
            Door::Socket(socket) => format!("redis+unix://{}", socket.display()),
            Door::Cluster { port, .. } => format!("redis://127.0.0.1:{port}"),
        }
    }

    /// The store in it.
    pub fn store(&self) -> Arc<Remote> {
        Arc::new(Remote::new(&self.url(), matches!(self.door, Door::Cluster { .. })).unwrap())
    }

    /// A connection for what another program would do.
    pub async fn connection(&self) -> redis::RedisResult<MultiplexedConnection> {
        redis::Client::open(self.url())?.get_multiplexed_async_connection().await
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            _ = process.kill();
            _ = process.wait();
        }
    }
}
