//! The time to the first sound of a short phrase, compared with how long the phrase takes to say.

use anyhow::Context;
use serde::Serialize;

use visavis_engine::{Tts, Voice};

use super::speech::speak;
use crate::statistics::{Summary, summarise};

/// Words of a phrase.
const WORDS: usize = 6;
/// Phrases that are spoken, each once.
const PHRASES: usize = 10;
/// Largest median of the time to the first sound, in lengths of the phrase.
const LIMIT: f64 = 1.6;

/// The first sounds of short phrases.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct First {
    /// Milliseconds until the first sound.
    pub ms: Summary,
    /// The same in lengths of the phrase.
    pub ratio: Summary,
}

impl First {
    /// Whether the median is at most 1.6 lengths of the phrase.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.ratio.p50 <= LIMIT
    }
}

/// Speaks the beginnings of the first ten sentences, one after the other. There is no cache between it and the engine.
pub(super) async fn measure(tts: &dyn Tts, voice: &Voice, sentences: &[String]) -> anyhow::Result<First> {
    let (mut ms, mut ratio) = (Vec::new(), Vec::new());
    for sentence in sentences.iter().take(PHRASES) {
        let spoken = speak(tts, voice, &phrase(sentence)).await?;
        ms.push(spoken.first.as_secs_f64() * 1_000.0);
        ratio.push(spoken.first.as_secs_f64() / spoken.seconds());
    }
    let (ms, ratio) = summarise(ms).zip(summarise(ratio)).context("there is no sentence")?;
    Ok(First { ms, ratio })
}

/// The first six words of a sentence.
pub(super) fn phrase(sentence: &str) -> String {
    let words: Vec<&str> = sentence.split_whitespace().take(WORDS).collect();
    let phrase = words.join(" ");
    format!("{}.", phrase.trim_end_matches(|c: char| c.is_ascii_punctuation() || c == '।'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phrase_is_the_first_six_words_and_ends_like_a_sentence() {
        assert_eq!(
            phrase("¿Has visto la nueva película sobre, por fin?"),
            "¿Has visto la nueva película sobre."
        );
        assert_eq!(phrase("Falta sal na sopa!"), "Falta sal na sopa.");
        assert_eq!(phrase("बहुत धन्यवाद।"), "बहुत धन्यवाद.");
    }
}
