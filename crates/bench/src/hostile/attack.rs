//! What an attack is, and all of them at once.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use serde::Serialize;
use tokio::task::JoinSet;

use super::tally::{Count, Tally};
use super::target::Target;

/// Something hostile that a client does, at a bounded rate and over a bounded number of connections.
#[async_trait]
pub trait Attack: Send + Sync {
    /// What it does, in a few words.
    fn name(&self) -> &'static str;

    /// Delay after the other attacks, so that these get connections before this one takes the rest.
    fn after(&self) -> Duration {
        Duration::ZERO
    }

    /// Attacks and counts until it is dropped; dropping it closes its connections.
    async fn run(&self, target: &Target, count: &Count);
}

/// An attack and its outcome.
#[derive(Debug, Clone, Serialize)]
pub struct Counted {
    /// What the attack did.
    pub name: &'static str,
    /// Number of refusals and cut-offs.
    pub refused: u64,
    /// What the attack sent, and the server's reactions.
    #[serde(flatten)]
    pub tally: Tally,
}

/// The report of all attacks.
#[derive(Debug, Clone, Serialize)]
pub struct Attacked {
    /// Source address of the attacks, if not the address of the call.
    pub from: Option<IpAddr>,
    /// Duration of the attacks.
    pub seconds: f64,
    /// One report for each attack.
    pub attacks: Vec<Counted>,
}

/// All attacks in progress. Dropping it ends them.
pub struct Storm {
    running: JoinSet<()>,
    counts: Vec<(&'static str, Count)>,
    from: Option<IpAddr>,
    began: Instant,
}

impl Storm {
    /// Begins all these attacks at once.
    #[must_use]
    pub fn begin(attacks: Vec<Box<dyn Attack>>, target: &Target) -> Self {
        let (mut running, mut counts) = (JoinSet::new(), Vec::new());
        for attack in attacks {
            let (target, count) = (target.clone(), Count::default());
            counts.push((attack.name(), count.clone()));
            running.spawn(async move {
                tokio::time::sleep(attack.after()).await;
                attack.run(&target, &count).await;
            });
        }
        Self { running, counts, from: target.from(), began: Instant::now() }
    }

    /// Ends all attacks, and closes their connections.
    pub async fn end(mut self) -> Attacked {
        let seconds = self.began.elapsed().as_secs_f64();
        self.running.shutdown().await;
        let counted = |(name, count): (&'static str, Count)| {
            let tally = count.read();
            Counted { name, refused: tally.refused(), tally }
        };
        Attacked { from: self.from, seconds, attacks: self.counts.into_iter().map(counted).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use visavis_client::Server;

    struct Endless;

    #[async_trait]
    impl Attack for Endless {
        fn name(&self) -> &'static str {
            "endless"
        }

        async fn run(&self, target: &Target, count: &Count) {
            let held = target.connect().await;
            count.sent(7);
            std::future::pending::<()>().await;
            drop(held);
        }
    }

    #[tokio::test]
    async fn an_attack_that_would_go_on_for_ever_ends_with_its_connections_and_keeps_its_counts() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = Server::new(&format!("http://127.0.0.1:{port}")).unwrap();
        let target = Target::new(&server).await.unwrap();
        let _looked = listener.accept().await.unwrap();
        let storm = Storm::begin(vec![Box::new(Endless)], &target);
        let (mut held, _) = listener.accept().await.unwrap();
        while storm.counts[0].1.read().sent == 0 {
            tokio::task::yield_now().await;
        }
        let attacked = storm.end().await;
        assert_eq!(attacked.attacks.len(), 1);
        assert_eq!((attacked.attacks[0].name, attacked.attacks[0].tally.bytes), ("endless", 7));
        let read = tokio::io::AsyncReadExt::read(&mut held, &mut [0; 1]).await;
        assert_eq!(read.unwrap_or(0), 0, "the connection is closed");
    }
}
