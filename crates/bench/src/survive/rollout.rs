//! Two servers with one Redis behind nginx, stopped and started again one after the other while callers speak.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use serde::Serialize;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::caller::{Talk, Tally, converse};
use super::node::{Build, Node};
use super::person::Person;
use super::proxy::Proxy;
use super::redis::Redis;
use crate::statistics::{Summary, summarise};

/// Callers at once.
const CALLS: usize = 4;
/// How long callers go on after a server is back.
const REST: Duration = Duration::from_secs(10);
/// How long all first turns may take together.
const BEGUN_WITHIN: Duration = Duration::from_secs(300);

/// The results.
#[derive(Debug, Clone, Serialize)]
pub struct RolloutReport {
    /// Callers at once.
    pub calls: usize,
    /// What became of their turns.
    #[serde(flatten)]
    pub tally: Tally,
    /// From the loss of a connection until the call went on, in ms.
    pub back: Option<Summary>,
    /// The same until the agent was heard, where something was due.
    pub sound: Option<Summary>,
    /// From each SIGTERM until the server was ready again, in seconds.
    pub restarts_s: Vec<f64>,
    /// Whether every call moved and nothing was lost.
    pub passed: bool,
}

/// Callers who speak until they are told to stop.
pub(super) struct Callers {
    running: JoinSet<Tally>,
    begun: mpsc::Receiver<()>,
    stop: watch::Sender<bool>,
}

impl Callers {
    /// Begins a call at each of these servers.
    pub(super) fn begin(servers: Vec<visavis_client::Server>, person: &Arc<Person>) -> Self {
        let (stop, stopped) = watch::channel(false);
        let (began, begun) = mpsc::channel(servers.len());
        let mut running = JoinSet::new();
        for (number, server) in servers.into_iter().enumerate() {
            let (person, begun, stop) = (person.clone(), began.clone(), stopped.clone());
            running.spawn(converse(Talk { server, person, number, begun, stop }));
        }
        Self { running, begun, stop }
    }

    /// Waits until each has had a turn.
    pub(super) async fn until_begun(&mut self) -> anyhow::Result<()> {
        let all = async {
            for _ in 0..self.running.len() {
                // All have ended, which their faults explain.
                if self.begun.recv().await.is_none() {
                    break;
                }
            }
        };
        tokio::time::timeout(BEGUN_WITHIN, all).await.context("the first turns took too long")
    }

    /// Lets each ask once more, and says what became of all turns.
    pub(super) async fn end(self) -> Tally {
        self.stop.send_replace(true);
        let mut all = Tally::default();
        self.running.join_all().await.into_iter().for_each(|tally| all.add(tally));
        all
    }
}

/// Restarts both servers.
///
/// # Errors
/// When a program is missing, or a server does not start.
pub(super) async fn run(
    build: &Build,
    person: &Arc<Person>,
    tell: &mut dyn FnMut(&str),
) -> anyhow::Result<RolloutReport> {
    let redis = Redis::start(&build.scratch).await?;
    let settings = [redis.setting(), "server.trusted_proxies=[\"127.0.0.1\"]".to_owned()];
    let mut nodes = Vec::new();
    for name in ["a", "b"] {
        let mut node = Node::start(build, name, &settings)?;
        node.until_ready().await?;
        nodes.push(node);
    }
    let addresses: Vec<String> = nodes.iter().map(|node| node.address.clone()).collect();
    let proxy = Proxy::start(&build.scratch, &addresses, CALLS).await?;
    let mut callers = Callers::begin(proxy.servers.clone(), person);
    callers.until_begun().await?;
    let mut restarts_s = Vec::new();
    for node in &mut nodes {
        tell(&format!("SIGTERM to {}", node.address));
        let began = Instant::now();
        node.stop().await?;
        node.start_again()?;
        node.until_ready().await?;
        restarts_s.push(began.elapsed().as_secs_f64());
        tokio::time::sleep(REST).await;
    }
    let tally = callers.end().await;
    for node in &mut nodes {
        node.stop().await?;
    }
    Ok(report(tally, restarts_s))
}

fn report(tally: Tally, restarts_s: Vec<f64>) -> RolloutReport {
    RolloutReport {
        calls: CALLS,
        back: summarise(tally.back_ms.clone()),
        sound: summarise(tally.sound_ms.clone()),
        restarts_s,
        passed: tally.passed() && tally.moves >= CALLS,
        tally,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rollout_in_which_a_call_did_not_move_shows_nothing() {
        let tally = Tally { turns: 8, moves: 4, ..Tally::default() };
        assert!(report(tally.clone(), Vec::new()).passed);
        assert!(!report(Tally { moves: 3, ..tally.clone() }, Vec::new()).passed);
        assert!(!report(Tally { turns_lost: 1, ..tally.clone() }, Vec::new()).passed);
        assert!(!report(Tally { asked_again: 1, ..tally }, Vec::new()).passed);
    }
}
