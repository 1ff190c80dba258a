//! What is known of an utterance before it is heard: its language, and what it is likely to be.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::interjection;
use crate::language::CallLanguage;

/// What is known of the language beforehand.
pub(super) struct Tongue {
    /// Chosen by configuration or client; empty: identify it.
    pub(super) given: String,
    /// What the call has been speaking.
    pub(super) spoken: Arc<Mutex<CallLanguage>>,
    /// An answer sounds: one word is likely to be one of few.
    pub(super) over_answer: bool,
}

impl Tongue {
    /// What the utterance may be as a whole.
    pub(super) fn phrases(&self) -> Vec<String> {
        let language =
            if self.given.is_empty() { self.spoken.lock().code().to_owned() } else { self.given.clone() };
        if self.over_answer { interjection::likely(&language) } else { Vec::new() }
    }
}
