//! Starts an engine as a child, or connects to one that runs elsewhere, and looks after both.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::transport::Channel;

use super::grpc;
use super::monitor::{EngineStatus, Life, Monitor};
use super::sockets::Sockets;
use super::supervisor::{Program, Supervisor};
use super::watchdog::Watchdog;

/// The way to an engine.
#[derive(Debug, Clone)]
pub struct Link {
    /// The connection, made when first used and again when lost.
    pub channel: Channel,
    /// Ends requests when the engine is wedged.
    pub watchdog: Watchdog,
    /// The lives of a child's process; none of an engine that runs elsewhere.
    pub life: Option<watch::Receiver<Life>>,
}

/// An engine that was started or connected to.
#[derive(Debug)]
pub struct Launched {
    /// For its requests.
    pub link: Link,
    /// What is known of it.
    pub status: watch::Receiver<EngineStatus>,
}

/// Starts engines, or connects to those that run elsewhere.
pub struct Launcher {
    tasks: TaskTracker,
    token: CancellationToken,
    sockets: Arc<Sockets>,
    confine: bool,
}

impl Launcher {
    /// Nothing started yet; `confine`: children may do no more than they need.
    ///
    /// # Errors
    /// When there is no directory for sockets.
    pub fn new(confine: bool) -> anyhow::Result<Self> {
        let sockets = Arc::new(Sockets::new(&std::env::temp_dir())?);
        Ok(Self { tasks: TaskTracker::new(), token: CancellationToken::new(), sockets, confine })
    }

    /// Connects to the engine at `url`, or starts one with these arguments when it is empty.
    ///
    /// # Errors
    /// When the program is not there or the address is wrong.
    pub fn launch(&self, name: &'static str, url: &str, arguments: Vec<String>) -> anyhow::Result<Launched> {
        let (status, known) = watch::channel(EngineStatus::not_ready("starts"));
        let (wedged, found) = watch::channel(None);
        let link = |url: &str, life: Option<&watch::Receiver<Life>>| -> anyhow::Result<Link> {
            let watchdog = Watchdog::new(found.clone());
            Ok(Link { channel: grpc::connect(url)?, watchdog, life: life.cloned() })
        };
        let (link, channel, life) = if url.is_empty() {
            let (life, lives) = watch::channel(Life::Down);
            let address = format!("unix:{}", self.sockets.of(name).display());
            let path = program_beside(&format!("visavis-{name}"))?;
            let mut all = vec!["--listen".into(), address.clone(), "--exit-with-stdin".into()];
            if !self.confine {
                all.push("--unconfined".into());
            }
            all.extend(arguments);
            let supervisor = Supervisor {
                program: Program { name, path, arguments: all },
                sockets: self.sockets.clone(),
                life,
                status: known.clone(),
                wedged: found.clone(),
            };
            self.tasks.spawn(supervisor.run(self.token.clone()));
            (link(&address, Some(&lives))?, grpc::connect(&address)?, Some(lives))
        } else {
            let wrong = || format!("{name}.url");
            (link(url, None).with_context(wrong)?, grpc::connect(url).with_context(wrong)?, None)
        };
        let monitor = Monitor { name, channel, life, status, wedged };
        self.tasks.spawn(monitor.run(self.token.clone()));
        Ok(Launched { link, status: known })
    }

    /// Ends the children and waits for them.
    pub async fn stop(&self) {
        self.token.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// Another program of ours, which lies beside this one.
///
/// # Errors
/// When it does not.
pub fn program_beside(name: &str) -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe().context("where does this program lie?")?;
    let directory = own.parent().context("a program lies in a directory")?;
    // Test programs lie one directory below.
    let candidates = [Some(directory), directory.parent()];
    let found =
        candidates.into_iter().flatten().map(|directory| directory.join(name)).find(|path| path.is_file());
    found.with_context(|| {
        format!("{name} is not beside {}: build it with `cargo build --release --workspace`", own.display())
    })
}
