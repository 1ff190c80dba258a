//! Pages of foreign names: DNS rebinding, and WebSockets of other origins.

use std::time::Duration;

use async_trait::async_trait;

use super::super::attack::Attack;
use super::super::payload::frames;
use super::super::tally::Count;
use super::super::target::Target;
use super::ANSWERED_WITHIN;

const EVERY: Duration = Duration::from_millis(500);
const FOREIGN: &str = "evil.example";
/// Statuses that refuse a foreign name or page, or every request at the moment.
const REFUSALS: [u16; 4] = [403, 421, 429, 503];

/// A request that the server must refuse.
struct Case {
    /// Whether Host is a foreign name.
    foreign: bool,
    /// The resource.
    resource: &'static str,
    /// The `Origin` of a WebSocket request; `None`: an ordinary request.
    origin: Option<&'static str>,
}

const CASES: [Case; 5] = [
    Case { foreign: true, resource: "call", origin: None },
    Case { foreign: true, resource: "ws", origin: Some("http://evil.example") },
    Case { foreign: false, resource: "ws", origin: Some("http://evil.example") },
    Case { foreign: false, resource: "ws", origin: Some("null") },
    Case { foreign: false, resource: "ws", origin: Some("") },
];

pub(super) struct Names;

#[async_trait]
impl Attack for Names {
    fn name(&self) -> &'static str {
        "foreign names and origins"
    }

    async fn run(&self, target: &Target, count: &Count) {
        loop {
            for case in &CASES {
                case.ask(target, count).await;
                tokio::time::sleep(EVERY).await;
            }
        }
    }
}

impl Case {
    fn request(&self, target: &Target) -> String {
        let host = if self.foreign { FOREIGN } else { target.host() };
        let head = target.head_for("GET", self.resource, host);
        match self.origin {
            Some(origin) => format!("{head}{}Origin: {origin}\r\n\r\n", frames::UPGRADE),
            None => format!("{head}Connection: close\r\n\r\n"),
        }
    }

    async fn ask(&self, target: &Target, count: &Count) {
        let request = self.request(target);
        let exchange = async {
            let mut connection = target.connect().await.ok()?;
            count.sent(request.len());
            connection.send(request.as_bytes()).await.ok()?;
            connection.head().await
        };
        let Some(reply) = tokio::time::timeout(ANSWERED_WITHIN, exchange).await.ok().flatten() else {
            return count.cut();
        };
        count.status(reply.status);
        if !REFUSALS.contains(&reply.status) {
            let (host, origin) = (if self.foreign { FOREIGN } else { "its own" }, self.origin);
            let status = reply.status;
            let resource = self.resource;
            count.breach(format!("/{resource} for host {host}, origin {origin:?}, was answered {status}"));
        }
    }
}
