//! Speaks a script, piece by piece, at lower priority than calls.

use std::sync::Arc;

use visavis_core::frame::OUT_RATE;
use visavis_engine::{EngineError, Tts};
use visavis_pipeline::animation::{Manner, Speaker, Spoken, speak_as};

use crate::script::{Piece, Script};
use crate::times::Times;
use crate::witness::Witness;

/// Samples of silence in one chunk: a second.
const SILENCE: usize = OUT_RATE as usize;

/// A chunk of the speech.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Heard {
    /// At [`OUT_RATE`].
    pub(crate) samples: Vec<i16>,
    /// What is said in it, timed from the beginning of the whole.
    pub(crate) times: Times,
    /// A voice other than the requested one has spoken so far.
    pub(crate) by_another: bool,
}

/// Speaks a script; `heard` gets each chunk. `waited`: somebody waits for it. Dropping the future stops the work.
///
/// # Errors
/// If the engine fails or refuses, or nothing of the script can be spoken.
pub(crate) async fn perform(
    script: &Script,
    tts: &Arc<dyn Tts>,
    waited: bool,
    mut heard: impl FnMut(Heard),
) -> Result<(), EngineError> {
    let (mut samples, mut spoken) = (0_u64, 0_usize);
    let witness = Witness::new(tts.clone());
    let mut add = |chunk: Heard| {
        samples += chunk.samples.len() as u64;
        if !chunk.samples.is_empty() || !chunk.times.is_empty() {
            heard(chunk);
        }
        samples
    };
    let mut at = 0;
    for piece in &script.pieces {
        match piece {
            Piece::Pause { milliseconds } => {
                let mut left = *milliseconds as usize * OUT_RATE as usize / 1000;
                while left > 0 {
                    let silent = left.min(SILENCE);
                    left -= silent;
                    at = add(Heard { samples: vec![0; silent], ..Heard::default() });
                }
            }
            Piece::Say { text, speed } => {
                let speaker = Speaker { voice: script.voice.clone(), language: script.language.clone() };
                let mut chunks = speak_as(text, speaker, Manner { speed: *speed, waited }, witness.clone());
                while let Some(chunk) = chunks.recv().await {
                    let chunk = Heard { by_another: witness.has_seen_another(), ..of(chunk?, at) };
                    spoken += chunk.samples.len();
                    at = add(chunk);
                }
            }
        }
    }
    if spoken == 0 {
        return Err(EngineError::Invalid("text: nothing in it can be spoken; write words".into()));
    }
    Ok(())
}

fn of(spoken: Spoken, at: u64) -> Heard {
    let Spoken { chunk, .. } = spoken;
    let times = Times { words: chunk.words, sounds: chunk.sounds.times, measured: chunk.sounds.measured };
    Heard { samples: chunk.samples, times: times.later(at), by_another: false }
}

#[cfg(test)]
mod tests {
    use visavis_engine::Speed;
    use visavis_scripted::ScriptedTts;

    use super::*;

    fn say(text: &str) -> Piece {
        Piece::Say { text: text.into(), speed: Speed::USUAL }
    }

    async fn performed(pieces: Vec<Piece>) -> (Result<(), EngineError>, Vec<Heard>) {
        let tts: Arc<dyn Tts> = Arc::new(ScriptedTts::default());
        let script = Script { language: "en".into(), pieces, ..Script::default() };
        let mut all = Vec::new();
        let result = perform(&script, &tts, true, |heard| all.push(heard)).await;
        (result, all)
    }

    #[tokio::test]
    async fn words_are_timed_from_the_beginning_across_pauses() {
        let pause = Piece::Pause { milliseconds: 1500 };
        let (result, all) = performed(vec![say("One two."), pause, say("Three.")]).await;
        result.unwrap();
        let times = Times::joined(all.iter().map(|heard| &heard.times));
        let words: Vec<_> = times.words.iter().map(|word| (word.text.as_str(), word.start)).collect();
        // A word of the script's voice is 300 ms.
        assert_eq!(words, [("One", 0), ("two.", 7_200), ("Three.", 2 * 7_200 + 36_000)]);
        let samples: usize = all.iter().map(|heard| heard.samples.len()).sum();
        assert_eq!(samples, 3 * 7_200 + 36_000);
    }

    #[tokio::test]
    async fn a_script_of_which_nothing_is_heard_is_refused() {
        let (result, _) = performed(vec![say("🎉"), Piece::Pause { milliseconds: 10 }]).await;
        assert!(matches!(result, Err(EngineError::Invalid(why)) if why.starts_with("text: ")));
    }
}
