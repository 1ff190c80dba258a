//! A Redis that hangs, and one that is killed and started again, while a caller speaks.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::Value;

use super::caller::Tally;
use super::node::{Build, Node};
use super::person::Person;
use super::redis::Redis;
use super::rollout::Callers;
use visavis_client::Server;

/// How long Redis is away.
const AWAY: Duration = Duration::from_secs(10);
/// How long the server may take to store what has waited.
const STORED_WITHIN: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// How Redis was away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Blow {
    /// SIGSTOP: it hangs.
    Stop,
    /// SIGKILL: it is gone.
    Kill,
}

/// One time that Redis was away.
#[derive(Debug, Clone, Serialize)]
pub struct Outage {
    /// How.
    pub blow: Blow,
    /// Whether `/ready` said that the store fails, and stayed ready.
    pub told: bool,
    /// From its return until all was stored, in seconds; none: it was not.
    pub stored_after_s: Option<f64>,
}

/// The results.
#[derive(Debug, Clone, Serialize)]
pub struct OutageReport {
    /// Each time that Redis was away.
    pub outages: Vec<Outage>,
    /// What became of the caller's turns.
    #[serde(flatten)]
    pub tally: Tally,
    /// Whether nothing was lost, and all was stored in the end.
    pub passed: bool,
}

/// Takes Redis away twice.
///
/// # Errors
/// When a program is missing, or the server does not start.
pub(super) async fn run(
    build: &Build,
    person: &Arc<Person>,
    tell: &mut dyn FnMut(&str),
) -> anyhow::Result<OutageReport> {
    let mut redis = Redis::start(&build.scratch).await?;
    let mut node = Node::start(build, "server", &[redis.setting()])?;
    node.until_ready().await?;
    let mut callers = Callers::begin(vec![node.server.clone()], person);
    callers.until_begun().await?;
    let mut outages = Vec::new();
    for blow in [Blow::Stop, Blow::Kill] {
        tell(&format!("{blow:?} to Redis, for {} s", AWAY.as_secs()));
        match blow {
            Blow::Stop => redis.hang()?,
            Blow::Kill => redis.kill().await?,
        }
        let told = told(&node.server).await;
        match blow {
            Blow::Stop => redis.go_on()?,
            Blow::Kill => redis.start_again().await?,
        }
        outages.push(Outage { blow, told, stored_after_s: stored(&node.server).await });
    }
    let tally = callers.end().await;
    node.stop().await?;
    Ok(report(outages, tally))
}

fn report(outages: Vec<Outage>, tally: Tally) -> OutageReport {
    let stored = outages.iter().all(|outage| outage.stored_after_s.is_some());
    // A call that moved has lost its connection.
    let passed = stored && tally.passed() && tally.moves == 0;
    OutageReport { outages, tally, passed }
}

/// Watches `/ready` while Redis is away.
async fn told(server: &Server) -> bool {
    let end = Instant::now() + AWAY;
    let mut told = false;
    while Instant::now() < end {
        told |= ready(server).await.is_some_and(|status| status["store"]["state"] == "degraded");
        tokio::time::sleep(LOOK_EVERY).await;
    }
    told
}

async fn stored(server: &Server) -> Option<f64> {
    let began = Instant::now();
    while began.elapsed() < STORED_WITHIN {
        if ready(server).await.is_some_and(|status| status["store"]["state"] == "ok") {
            return Some(began.elapsed().as_secs_f64());
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    None
}

/// What `/ready` says; none: the server is not ready.
async fn ready(server: &Server) -> Option<Value> {
    let answer = server.http().get(server.url("ready")).send().await.ok()?;
    if answer.status().is_success() { answer.json().await.ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_passes_if_no_turn_was_lost_and_all_was_stored_in_the_end() {
        let outage = Outage { blow: Blow::Stop, told: true, stored_after_s: Some(0.5) };
        let tally = Tally { turns: 5, ..Tally::default() };
        assert!(report(vec![outage.clone()], tally.clone()).passed);
        let never = Outage { stored_after_s: None, ..outage.clone() };
        assert!(!report(vec![outage.clone(), never], tally.clone()).passed);
        assert!(!report(vec![outage.clone()], Tally { turns_lost: 1, ..tally.clone() }).passed);
        assert!(!report(vec![outage], Tally { moves: 1, ..tally }).passed);
    }
}
