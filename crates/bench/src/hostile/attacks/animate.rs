//! Texts that once broke the speech engine, and animation responses that nobody reads.

use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join_all;
use serde_json::json;

use super::super::attack::Attack;
use super::super::payload::texts;
use super::super::tally::Count;
use super::super::target::{Target, ask};
use super::AGAIN;

/// Longest time for a text.
const SPOKEN_WITHIN: Duration = Duration::from_secs(120);
/// How long one reader stops reading.
const UNREAD: Duration = Duration::from_secs(30);
const READERS: usize = 2;
const PAUSE: Duration = Duration::from_millis(500);

/// Sends one text after another.
pub(super) struct Texts;

/// Readers that stop reading.
pub(super) struct Unread;

#[async_trait]
impl Attack for Texts {
    fn name(&self) -> &'static str {
        "texts that broke espeak"
    }

    async fn run(&self, target: &Target, count: &Count) {
        loop {
            for text in texts::unspeakable() {
                let body = json!({ "text": text, "fps": 30 }).to_string();
                let request = target.json("POST", "api/animate", &body);
                ask(target, count, &request, SPOKEN_WITHIN).await;
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

#[async_trait]
impl Attack for Unread {
    fn name(&self) -> &'static str {
        "animations that are not read"
    }

    async fn run(&self, target: &Target, count: &Count) {
        join_all((0..READERS).map(|_| again(target, count))).await;
    }
}

async fn again(target: &Target, count: &Count) {
    loop {
        unread(target, count).await;
        tokio::time::sleep(AGAIN).await;
    }
}

/// Requests a long animation, reads the head of the response and stops.
async fn unread(target: &Target, count: &Count) {
    let body = json!({ "text": texts::long(), "fps": 60 }).to_string();
    let head = target.head("POST", "api/animate");
    let kinds = "Accept: application/x-ndjson\r\nContent-Type: application/json\r\n";
    let request = format!("{head}{kinds}Content-Length: {}\r\n\r\n{body}", body.len());
    let Ok(mut connection) = target.connect().await else { return count.cut() };
    count.sent(request.len());
    if connection.send(request.as_bytes()).await.is_err() {
        return count.cut();
    }
    match tokio::time::timeout(SPOKEN_WITHIN, connection.head()).await {
        Ok(Some(reply)) => {
            count.status(reply.status);
            if reply.status == 200 {
                tokio::time::sleep(UNREAD).await;
            }
        }
        Ok(None) | Err(_) => count.cut(),
    }
}
