//! Checks how a call listens, what the agent says, and its face.

use visavis_core::frame::is_language;

use super::Range;
use crate::{Config, Conversation};

pub(super) fn check(config: &Config, faults: &mut Vec<String>) {
    let Config { vad, conversation, avatar, .. } = config;
    for range in [
        Range::new("vad.threshold", vad.threshold, 0.05, 0.99),
        Range::new("vad.start_ms", vad.start_ms, 32.0, 1000.0),
        Range::new("vad.pause_ms", vad.pause_ms, 64.0, 2000.0),
        Range::new("vad.max_utterance_seconds", vad.max_utterance_seconds, 5.0, 540.0),
        Range::new("conversation.idle_seconds", conversation.idle_seconds as f64, 0.0, 86_400.0),
        Range::new("conversation.idle_end_seconds", conversation.idle_end_seconds as f64, 1.0, 86_400.0),
        Range::new("avatar.lead_ms", avatar.lead_ms, 100.0, 300.0),
    ] {
        range.check(faults);
    }
    if ![30, 60].contains(&avatar.fps) {
        faults.push(format!("avatar.fps: {} is neither 30 nor 60", avatar.fps));
    }
    check_words(conversation, faults);
}

fn check_words(conversation: &Conversation, faults: &mut Vec<String>) {
    let language = conversation.language.as_str();
    if language != "auto" && !is_language(language) {
        faults.push(format!(
            "conversation.language: {language:?} is neither \"auto\" nor two letters such as \"en\""
        ));
    }
    for (key, text, most) in [
        ("conversation.instructions", &conversation.instructions, 8000),
        ("conversation.greeting", &conversation.greeting, 1000),
    ] {
        if text.len() > most {
            faults.push(format!("{key}: {} bytes; at most {most}", text.len()));
        }
    }
}
