//! Where answers are cut off: at one server, or at the first of two with one Redis behind nginx.

use std::time::Instant;

use anyhow::{Context, ensure};

use super::node::{Build, Node};
use super::proxy::Proxy;
use super::redis::Redis;
use visavis_client::Server;

/// The servers. Stopped when dropped.
#[derive(Debug)]
pub(super) struct Site {
    nodes: Vec<Node>,
    /// The one that was killed.
    down: Option<usize>,
    beside: Option<Beside>,
}

/// What stands beside several servers.
#[derive(Debug)]
struct Beside {
    proxy: Proxy,
    /// Used by the servers as long as they run.
    _redis: Redis,
}

impl Site {
    /// Starts one server with a store of its own.
    ///
    /// # Errors
    /// When the server cannot be run.
    pub(super) fn of_one(build: &Build) -> anyhow::Result<Self> {
        Ok(Self { nodes: vec![Node::alone(build)?], down: None, beside: None })
    }

    /// Starts two servers with one Redis behind nginx, and waits until they are ready.
    ///
    /// # Errors
    /// When a program is missing, or a server does not start.
    pub(super) async fn of_two(build: &Build) -> anyhow::Result<Self> {
        let redis = Redis::start(&build.scratch).await?;
        let settings = [redis.setting(), "server.trusted_proxies=[\"127.0.0.1\"]".to_owned()];
        let mut nodes = Vec::new();
        for name in ["a", "b"] {
            let mut node = Node::start(build, name, &settings)?;
            node.until_ready().await?;
            nodes.push(node);
        }
        let addresses: Vec<String> = nodes.iter().map(|node| node.address.clone()).collect();
        let proxy = Proxy::start(&build.scratch, &addresses, 1).await?;
        Ok(Self { nodes, down: None, beside: Some(Beside { proxy, _redis: redis }) })
    }

    /// Starts again what was killed, waits until all servers are ready, and returns when the last was.
    ///
    /// # Errors
    /// When a server does not start.
    pub(super) async fn until_ready(&mut self) -> anyhow::Result<Instant> {
        if let Some(down) = self.down.take() {
            self.nodes[down].start_again()?;
        }
        let mut ready = Instant::now();
        for node in &mut self.nodes {
            ready = node.until_ready().await?;
        }
        Ok(ready)
    }

    /// Where callers find it.
    pub(super) fn server(&self) -> &Server {
        self.beside.as_ref().map_or(&self.nodes[0].server, |beside| &beside.proxy.servers[0])
    }

    /// Kills (SIGKILL) the server that has the one call.
    ///
    /// # Errors
    /// When none of them has it.
    pub(super) async fn kill(&mut self) -> anyhow::Result<()> {
        let mut owner = None;
        for (number, node) in self.nodes.iter().enumerate() {
            if calls(&node.server).await? > 0 {
                ensure!(owner.is_none(), "both servers have calls: the last call has not ended");
                owner = Some(number);
            }
        }
        let owner = owner.context("no server has the call")?;
        self.down = Some(owner);
        self.nodes[owner].kill().await
    }

    /// Tells all to stop, and waits until they have ended.
    ///
    /// # Errors
    /// When one does not end.
    pub(super) async fn stop(&mut self) -> anyhow::Result<()> {
        for node in &mut self.nodes {
            node.stop().await?;
        }
        Ok(())
    }
}

/// How many calls are in progress at a server.
async fn calls(server: &Server) -> anyhow::Result<u64> {
    let answer = server.http().get(server.url("health")).send().await?.error_for_status()?;
    let status: serde_json::Value = answer.json().await?;
    status["calls"].as_u64().context("/health does not tell how many calls there are")
}
