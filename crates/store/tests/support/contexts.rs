//! Contexts to store; the unit tests include this file as well.

use visavis_core::avatar::cue::Mood;
use visavis_core::context::{CallContext, VERSION};
use visavis_core::frame::{Message, Role};
use visavis_core::usage::Usage;

/// A context in which the person has said this.
pub(crate) fn context(words: &str) -> CallContext {
    CallContext {
        version: VERSION,
        messages: vec![Message { role: Role::User, content: words.into() }],
        summary: String::new(),
        language: "en".into(),
        set_language: None,
        voices: [].into(),
        multilingual: false,
        no_voice_told: false,
        tools: Vec::new(),
        mood: Mood::Neutral,
        greeted: true,
        responses: 1,
        pending: None,
        usage: Usage::default(),
    }
}
