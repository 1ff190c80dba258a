//! WebSockets that say nothing, and so hold permits of calls.

use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join_all;

use super::super::attack::Attack;
use super::super::socket::Socket;
use super::super::tally::Count;
use super::super::target::Target;
use super::AGAIN;

/// Fewer than a server's default limit of calls: with all of them, the other attacks would get none.
pub(super) const SOCKETS: usize = 20;
const AFTER: Duration = Duration::from_secs(2);

pub(super) struct Silent;

#[async_trait]
impl Attack for Silent {
    fn name(&self) -> &'static str {
        "silent WebSockets"
    }

    fn after(&self) -> Duration {
        AFTER
    }

    async fn run(&self, target: &Target, count: &Count) {
        join_all((0..SOCKETS).map(|_| occupy(target, count))).await;
    }
}

async fn occupy(target: &Target, count: &Count) {
    loop {
        if let Some(mut socket) = Socket::open(target, count).await {
            while socket.read().await {}
        }
        tokio::time::sleep(AGAIN).await;
    }
}
