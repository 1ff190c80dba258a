//! A check: work with a name and a time limit, so that none can hang.

use std::pin::Pin;
use std::time::{Duration, Instant};

use crate::finding::Finding;

type Work = Pin<Box<dyn Future<Output = Vec<Finding>> + Send>>;

/// Work that ends in findings.
pub(crate) struct Check {
    name: &'static str,
    limit: Duration,
    work: Work,
}

impl Check {
    /// A check that fails if it takes longer than this many seconds.
    pub(crate) fn new(
        name: &'static str,
        seconds: u64,
        work: impl Future<Output = Vec<Finding>> + Send + 'static,
    ) -> Self {
        Self { name, limit: Duration::from_secs(seconds), work: Box::pin(work) }
    }

    /// Its findings; those that do not know how long they took get the time of all.
    async fn run(self) -> Vec<Finding> {
        let began = Instant::now();
        let ended = tokio::time::timeout(self.limit, self.work).await;
        let mut found = ended.unwrap_or_else(|_| vec![late(self.name, self.limit)]);
        for finding in found.iter_mut().filter(|finding| finding.ms == 0) {
            finding.ms = millis(began.elapsed());
        }
        found
    }
}

/// Runs checks at the same time, and tells what they found in their order.
pub(crate) async fn together(checks: Vec<Check>, tell: &mut dyn FnMut(&Finding)) -> Vec<Finding> {
    let running: Vec<_> = checks.into_iter().map(|check| (check.name, tokio::spawn(check.run()))).collect();
    let mut all = Vec::new();
    for (name, running) in running {
        let found = running.await.unwrap_or_else(|error| {
            vec![Finding::failed(name, format!("the check itself broke off: {error}"), "please report it")]
        });
        found.iter().for_each(&mut *tell);
        all.extend(found);
    }
    all
}

/// Does work that may wait for the disk, where it holds up nothing else; none: it broke off.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    tokio::task::spawn_blocking(work).await.ok()
}

pub(crate) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn late(name: &'static str, limit: Duration) -> Finding {
    let seconds = limit.as_secs();
    Finding::failed(
        name,
        format!("has not ended within {seconds} s: a disk, a name server or a program does not answer"),
        "see what this machine waits for, and check again",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::State;

    fn broken() -> Finding {
        panic!("on purpose")
    }

    #[tokio::test(start_paused = true)]
    async fn a_check_that_hangs_fails_at_its_limit_and_holds_up_no_other() {
        let checks = vec![
            Check::new("hangs", 5, std::future::pending()),
            Check::new("breaks", 5, async { vec![broken()] }),
            Check::new("works", 5, async { vec![Finding::ok("works", "is so")] }),
        ];
        let mut told = Vec::new();
        let began = tokio::time::Instant::now();
        let found = together(checks, &mut |finding| told.push(finding.name.clone())).await;
        assert_eq!(began.elapsed().as_secs(), 5);
        let states: Vec<State> = found.iter().map(|finding| finding.state).collect();
        assert_eq!(states, [State::Failed, State::Failed, State::Ok]);
        assert_eq!(told, ["hangs", "breaks", "works"]);
        assert!(found[0].message.contains("within 5 s"), "{found:?}");
    }
}
