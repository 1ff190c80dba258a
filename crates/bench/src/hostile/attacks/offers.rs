//! Offers that are never completed, and candidates that belong to others.

use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::time::MissedTickBehavior;

use super::super::attack::Attack;
use super::super::payload::offer;
use super::super::tally::Count;
use super::super::target::{Target, ask};
use super::ANSWERED_WITHIN;

const WORKERS: u32 = 4;
/// Offers a second, all workers together.
const RATE: u32 = 20;
const CANDIDATES_EVERY: Duration = Duration::from_secs(3);

/// Offers whose client never connects.
pub(super) struct Offers;

/// Offers with many candidates.
pub(super) struct Candidates;

#[async_trait]
impl Attack for Offers {
    fn name(&self) -> &'static str {
        "offers that are never completed"
    }

    async fn run(&self, target: &Target, count: &Count) {
        join_all((0..WORKERS).map(|_| again(target, count))).await;
    }
}

async fn again(target: &Target, count: &Count) {
    let mut pace = tokio::time::interval(Duration::from_secs(1) * WORKERS / RATE);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        pace.tick().await;
        offered(target, count).await;
    }
}

/// Makes an offer; returns the server's answer, if any.
pub(super) async fn offered(target: &Target, count: &Count) -> Option<Value> {
    let request = target.json("POST", "api/offer", &offer::body(rand::random()));
    let reply = ask(target, count, &request, ANSWERED_WITHIN).await?;
    (reply.status == 200).then(|| serde_json::from_str(&reply.body).ok())?
}

#[async_trait]
impl Attack for Candidates {
    fn name(&self) -> &'static str {
        "offers with 90 foreign candidates"
    }

    async fn run(&self, target: &Target, count: &Count) {
        loop {
            if let Some(answer) = offered(target, count).await {
                let all = offer::candidates(target.address().ip().is_loopback());
                let (first, second) = all.split_at(all.len() / 2);
                // An offer larger than one request may be is split in two.
                for some in [&all[..], first, second] {
                    let body = json!({ "pc_id": answer["pc_id"], "candidates": some }).to_string();
                    let request = target.json("PATCH", "api/offer", &body);
                    ask(target, count, &request, ANSWERED_WITHIN).await;
                }
            }
            tokio::time::sleep(CANDIDATES_EVERY).await;
        }
    }
}
