//! The server's resources and the latency of its health check while it is attacked.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use super::super::process;
use super::connection::Reply;
use super::target::Target;

const EVERY: Duration = Duration::from_millis(500);
/// Longest time for a health check.
const ALIVE_WITHIN: Duration = Duration::from_secs(15);

/// The server's resources at one moment.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Standing {
    /// Memory of the server alone, in MiB; `None`: it does not run.
    pub server_mib: Option<f64>,
    /// Memory of the server and its engines by name, in MiB.
    pub rss_mib: BTreeMap<String, f64>,
    /// The server's threads.
    pub threads: usize,
    /// The server's open files and sockets.
    pub descriptors: usize,
}

impl Standing {
    /// The resources held now.
    #[must_use]
    pub fn now(pid: u32) -> Self {
        let tree = process::tree(pid);
        let mut standing = Self {
            server_mib: tree.rss_mib(),
            rss_mib: BTreeMap::new(),
            threads: tree.threads().unwrap_or_default(),
            descriptors: tree.descriptors().unwrap_or_default(),
        };
        for held in tree.held() {
            *standing.rss_mib.entry(held.name).or_default() += held.rss_mib;
        }
        standing
    }

    /// Takes the larger of each pair of values.
    pub fn raise(&mut self, other: &Self) {
        // `None` is less than any value.
        if other.server_mib > self.server_mib {
            self.server_mib = other.server_mib;
        }
        for (name, rss_mib) in &other.rss_mib {
            let most = self.rss_mib.entry(name.clone()).or_default();
            *most = most.max(*rss_mib);
        }
        self.threads = self.threads.max(other.threads);
        self.descriptors = self.descriptors.max(other.descriptors);
    }
}

/// Answers to `GET /health`, each over a new connection from the address of the call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Health {
    /// Number of requests.
    pub asked: usize,
    /// Requests without a 200 in time.
    pub unanswered: usize,
    /// Time of the slowest other request, in ms.
    pub slowest_ms: f64,
}

impl Health {
    fn note(&mut self, took: Option<Duration>) {
        self.asked += 1;
        match took {
            Some(took) => self.slowest_ms = self.slowest_ms.max(took.as_secs_f64() * 1_000.0),
            None => self.unanswered += 1,
        }
    }
}

/// The observations.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    /// The maximum of the server's resources.
    pub(super) most: Standing,
    /// The server's health checks.
    pub(super) health: Health,
}

/// Observes the server until the result is requested.
pub(super) struct Watch {
    seen: Arc<Mutex<Seen>>,
    tasks: [JoinHandle<()>; 2],
}

impl Watch {
    pub(super) fn begin(pid: u32, target: &Target) -> Self {
        let seen = Arc::new(Mutex::new(Seen::default()));
        let (memory, health, target) = (seen.clone(), seen.clone(), target.clone());
        let tasks = [
            tokio::spawn(async move {
                loop {
                    let now = Standing::now(pid);
                    memory.lock().unwrap_or_else(PoisonError::into_inner).most.raise(&now);
                    tokio::time::sleep(EVERY).await;
                }
            }),
            tokio::spawn(async move {
                loop {
                    let took = alive(&target).await;
                    health.lock().unwrap_or_else(PoisonError::into_inner).health.note(took);
                    tokio::time::sleep(EVERY).await;
                }
            }),
        ];
        Self { seen, tasks }
    }

    /// Ends the observation.
    pub(super) fn end(self) -> Seen {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// Time of a health check; `None`: it failed.
async fn alive(target: &Target) -> Option<Duration> {
    let began = Instant::now();
    let (path, host) = (target.path("health"), target.host());
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    let exchange = async {
        let mut stream = TcpStream::connect(target.address()).await.ok()?;
        stream.write_all(request.as_bytes()).await.ok()?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.ok()?;
        Reply::read(&answer)
    };
    let reply = tokio::time::timeout(ALIVE_WITHIN, exchange).await.ok().flatten()?;
    (reply.status == 200).then(|| began.elapsed())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(rss: &[(&str, f64)], threads: usize) -> Standing {
        let rss_mib = rss.iter().map(|(name, mib)| ((*name).to_owned(), *mib)).collect();
        Standing { server_mib: rss.first().map(|(_, mib)| *mib), rss_mib, threads, descriptors: 9 }
    }

    #[test]
    fn the_most_is_kept_of_each_process_also_of_one_that_is_started_again() {
        let mut most = Standing::default();
        for now in [
            standing(&[("visavis", 90.0), ("visavis-tts", 700.0)], 8),
            standing(&[("visavis", 400.0)], 4),
            standing(&[("visavis", 95.0), ("visavis-tts", 200.0)], 6),
        ] {
            most.raise(&now);
        }
        assert_eq!(most, standing(&[("visavis", 400.0), ("visavis-tts", 700.0)], 8));
    }

    #[test]
    fn an_unanswered_request_is_no_fast_one() {
        let mut health = Health::default();
        for took in [Some(Duration::from_millis(5)), None, Some(Duration::from_millis(70))] {
            health.note(took);
        }
        assert_eq!(health, Health { asked: 3, unanswered: 1, slowest_ms: 70.0 });
    }
}
