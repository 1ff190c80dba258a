//! Texts that are spoken into the cache when the server starts.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use visavis_containers::Format;

use super::Desk;
use super::fault::Fault;
use super::order::Asked;

/// Most texts of a file.
const MOST: usize = 10_000;

/// Speaks the configured texts, one after the other, as soon as the voice is ready; never completes. Whatever somebody waits for goes
/// first.
pub async fn warm_up(desk: Arc<Desk>) {
    let file = desk.settings.own.warm_up.clone();
    if !file.as_os_str().is_empty() {
        let (spoken, failed) = texts(&desk, &file).await;
        tracing::info!(spoken, failed, "texts are spoken into the cache (speech_api.warm_up)");
    }
    std::future::pending().await
}

/// How many were spoken, and how many were not.
async fn texts(desk: &Desk, file: &Path) -> (usize, usize) {
    let text = match tokio::fs::read_to_string(file).await {
        Ok(text) => text,
        Err(error) => {
            tracing::warn!(file = %file.display(), %error, "the texts cannot be read (speech_api.warm_up)");
            return (0, 0);
        }
    };
    let mut status = desk.status.clone();
    if status.wait_for(|status| status.ready).await.is_err() {
        return (0, 0);
    }
    let (mut spoken, mut failed) = (0, 0);
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    for line in lines.take(MOST) {
        match one(desk, line).await {
            Ok(()) => spoken += 1,
            Err(fault) => {
                tracing::debug!(?fault, "a text is not spoken into the cache");
                failed += 1;
            }
        }
    }
    (spoken, failed)
}

async fn one(desk: &Desk, text: &str) -> Result<(), Fault> {
    let asked = Asked {
        field: "text",
        text: text.to_owned(),
        voice: String::new(),
        language: String::new(),
        speed: None,
        format: Format::Mp3,
        lexicon: BTreeMap::new(),
        events: None,
    };
    desk.unhurried(asked).await.map(|_| ())
}
