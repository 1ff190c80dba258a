//! A known text over a recording: when each of its words is said.

use std::fs::File;

use serde::Serialize;

use crate::ListenError;
use crate::engine::EngineError;
use crate::listen::{Engines, Event, Order, listen};
pub use crate::place::Placed;
use crate::place::placed;
use crate::words::split;

/// A text over a recording.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Alignment {
    /// Each word of the text, in order.
    pub words: Vec<Placed>,
    /// ISO 639-1; empty: not known.
    pub language: String,
    /// The recording's length in seconds.
    pub duration: f64,
    /// The times of all words that were heard are measured by a voice, and none is an estimate.
    pub measured: bool,
}

/// Aligns a text with a recording, which is read from where the file stands. `language`: ISO 639-1; empty: identify it. Dropping the
/// future stops the work.
///
/// # Errors
/// When the file cannot be read or recognition fails.
pub async fn align(
    file: File,
    text: &str,
    language: String,
    engines: Engines,
) -> Result<Alignment, ListenError> {
    // The text is not given as a prompt: the recogniser would then hear it even where it is not said.
    let order = Order { language, measured: true, ..Order::default() };
    let mut events = listen(file, order, engines);
    let mut heard = Vec::new();
    while let Some(event) = events.recv().await {
        let end = match event? {
            Event::Segment(segment) => {
                heard.extend(segment.words);
                continue;
            }
            Event::End(end) => end,
        };
        let (words, spoken) = (split(text), end.language.clone());
        let words = tokio::task::spawn_blocking(move || placed(&words, &heard, &spoken)).await;
        let words = words.map_err(|error| EngineError::Failed(error.to_string()))?;
        return Ok(Alignment {
            words,
            language: end.language,
            duration: end.seconds,
            measured: end.measured,
        });
    }
    Err(EngineError::Failed("listening ended without a result".into()).into())
}
