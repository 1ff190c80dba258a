//! Engines for [`tones`](super::tones): a recogniser that hears exactly what it is given, a model that knows the answers,
//! and a voice.

use std::sync::Arc;
use std::time::Duration;

use visavis::engine::{Engines, LlmCapabilities, LlmRequest};
use visavis_core::frame::{OUT_RATE, Role, Transcript};
use visavis_scripted::{Scripted, ScriptedLlm, ScriptedResponse, ScriptedStt, ScriptedTts};

use super::tones;

pub const GREETING: &str = "Hello there my friend.";
const ALPHABET: &str = "Alfa bravo charlie delta echo foxtrot golf hotel india juliett kilo lima mike november oscar \
                        papa quebec romeo sierra tango uniform victor whiskey xray yankee zulu.";
/// What the model knows.
const KNOWN: [(&str, &str); 4] = [
    ("what is the capital of france", "It is the old city of Paris."),
    ("say the whole alphabet", ALPHABET),
    ("once more please", ALPHABET),
    ("stop what about spain", "In Spain stands Madrid."),
];

/// The response to a question.
pub fn response_to(question: &str) -> &'static str {
    KNOWN.iter().find(|(known, _)| *known == question).map_or("Pardon.", |(_, response)| response)
}

/// The audio that recognition was given, by utterance.
#[derive(Clone)]
pub struct Recorded(Arc<ScriptedStt>);

impl Recorded {
    pub fn utterances(&self) -> Vec<Vec<i16>> {
        self.0.utterances().into_iter().map(|utterance| utterance.audio).collect()
    }
}

/// Understands tones.
fn understood(audio: &[i16]) -> Transcript {
    let words: Vec<_> = tones::hear(audio).iter().map(|heard| heard.word).collect();
    Transcript { text: words.join(" "), language: "en".into(), ..Transcript::default() }
}

/// Gives the answers it knows; predicts that any other turn will continue.
fn known(request: &LlmRequest) -> ScriptedResponse {
    let last = request.messages.iter().rfind(|message| message.role == Role::User);
    let question = last.map_or("", |message| message.content.as_str());
    let knows = KNOWN.iter().any(|(known, _)| *known == question);
    let words = ScriptedResponse::words(response_to(question)).judging(if knows { 0.4 } else { 0.001 });
    words.every(Duration::from_millis(20))
}

/// The engines of a call, and the audio that recognition is given.
pub fn engines() -> (Engines, Recorded) {
    let can = LlmCapabilities { counts_tokens: false, prefill: false, ..LlmCapabilities::ALL };
    let scripted = Scripted::with(ScriptedLlm::responding(known).with_capabilities(can))
        .hearing(ScriptedStt::by_ear(understood))
        .speaking(ScriptedTts::sounding(OUT_RATE, |word| tones::word(word, OUT_RATE)));
    (scripted.engines(), Recorded(scripted.stt))
}
