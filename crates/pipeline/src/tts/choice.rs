//! The request to the voice engine, and what is omitted once the engine has refused it. Pure.

use crate::engine::Caller;
use crate::note::ResponseNote;

/// The voice and language to speak with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VoiceChoice {
    /// Empty: the language's first.
    pub voice: String,
    /// ISO 639-1.
    pub language: String,
    /// The user served, for routes.
    pub caller: Caller,
}

/// Whether a refusal names the voice as what is at fault, so that it would be refused again: our engine's words begin with the field
/// at fault, and a server's hold the name. What is said of a language may name voices that there are.
pub(super) fn names_voice(refusal: &str, voice: &str) -> bool {
    refusal.starts_with("voice:") || (!refusal.starts_with("language:") && has_word(refusal, voice))
}

/// Whether a text holds a name by itself: "ash" is not in "crashed".
fn has_word(text: &str, name: &str) -> bool {
    let goes_on = |char: Option<char>| char.is_some_and(char::is_alphanumeric);
    text.match_indices(name).any(|(at, _)| {
        !goes_on(text[..at].chars().next_back()) && !goes_on(text[at + name.len()..].chars().next())
    })
}

impl VoiceChoice {
    /// Whether the request can be reduced after this refusal.
    pub(super) fn may_widen(&self, refusal: &str) -> bool {
        let asks_for_more = !self.voice.is_empty() || !self.language.is_empty();
        asks_for_more && !refusal.starts_with("text:")
    }

    /// Omits what the engine has refused, according to its message; returns what the person is told. Our engine's messages
    /// begin with the faulty field; without that the voice is omitted before the language.
    pub(super) fn widen(&mut self, refusal: String) -> ResponseNote {
        let language_is_known = !self.language.is_empty();
        if self.voice.is_empty() || (language_is_known && refusal.starts_with("language:")) {
            return ResponseNote::NoVoice { language: std::mem::take(&mut self.language), reason: refusal };
        }
        refused(std::mem::take(&mut self.voice), refusal, true)
    }
}

/// What the person is told of a voice that was refused; `everywhere`: by all engines that may be asked.
pub(super) fn refused(voice: String, reason: String, everywhere: bool) -> ResponseNote {
    let gone = everywhere && names_voice(&reason, &voice);
    ResponseNote::VoiceRefused { voice, reason, gone }
}
