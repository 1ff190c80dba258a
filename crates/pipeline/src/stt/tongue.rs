//! What is known about an utterance before it is heard: its language and likely words.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::engine::Caller;
use crate::interjection;
use crate::language::CallLanguage;

/// What is known about an utterance beforehand.
pub(super) struct Prior {
    /// The language chosen by configuration or client; empty: identify it.
    pub(super) given: String,
    /// The languages spoken in the call so far.
    pub(super) spoken: Arc<Mutex<CallLanguage>>,
    /// A response sounds: a single word is likely to be one of a few.
    pub(super) over_response: bool,
    /// The user served, for routes.
    pub(super) caller: Caller,
}

impl Prior {
    /// Phrases that may be the whole utterance.
    pub(super) fn phrases(&self) -> Vec<String> {
        let language =
            if self.given.is_empty() { self.spoken.lock().code().to_owned() } else { self.given.clone() };
        if self.over_response { interjection::likely(&language) } else { Vec::new() }
    }
}
