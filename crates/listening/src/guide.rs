//! When each word of a piece is said: estimated from its pauses, or measured by a voice that says the same words and knows its own
//! times, laid over the piece by dynamic time warping.

use std::sync::Arc;

use visavis_pipeline::animation::{Manner, Speaker, speak_as};

use crate::avatar::warp::{Speech, Warp};
use crate::engine::backends::lay_words;
use crate::engine::{EngineError, Tts};
use crate::frame::{MIC_RATE, OUT_RATE, WordTime};
use crate::gaps::{Time, filled};
use crate::matching::{ALIKE, matched};
use crate::words::{Word, core, text_of};

/// The words with times estimated from the sound alone, in seconds from its beginning.
pub(crate) fn estimated(words: Vec<Word>, sound: &[i16]) -> Vec<Word> {
    let texts: Vec<&str> = words.iter().map(|word| word.text.as_str()).collect();
    let seconds = |samples: u64| samples as f64 / f64::from(MIC_RATE);
    let times = lay_words(&texts, sound, MIC_RATE);
    let times: Vec<Option<Time>> = times
        .into_iter()
        .map(|word| Some(Time { start: seconds(word.start), end: seconds(word.end) }))
        .chain(std::iter::repeat(None))
        .take(words.len())
        .collect();
    timed(words, &times)
}

fn timed(words: Vec<Word>, times: &[Option<Time>]) -> Vec<Word> {
    let times = filled(times, 0.0);
    words.into_iter().zip(times).map(|(word, Time { start, end })| Word { start, end, ..word }).collect()
}

/// How words are to be said by a voice.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Said<'a> {
    /// ISO 639-1.
    pub(crate) language: &'a str,
    /// Somebody waits for their times.
    pub(crate) waited: bool,
}

/// The words with times by a voice, in seconds from the beginning of the sound; none if no voice of the language says them with
/// times, or what it says does not fit the sound.
pub(crate) async fn measured(
    words: &[Word],
    said: Said<'_>,
    sound: Arc<[i16]>,
    voice: Arc<dyn Tts>,
) -> Option<Vec<Word>> {
    if !voice.capabilities().times_phonemes() {
        return None;
    }
    let guide = match Guide::of(&text_of(words), said, voice).await {
        Ok(guide) => guide?,
        Err(error) => {
            tracing::debug!(%error, "no voice guides the times of a recording's words");
            return None;
        }
    };
    let words = words.to_vec();
    let laid = tokio::task::spawn_blocking(move || guide.over(words, &sound));
    laid.await.ok().flatten()
}

/// The words as the voice says them.
struct Guide {
    samples: Vec<i16>,
    words: Vec<WordTime>,
}

impl Guide {
    /// None if the voice does not measure its times.
    async fn of(text: &str, said: Said<'_>, voice: Arc<dyn Tts>) -> Result<Option<Self>, EngineError> {
        let speaker = Speaker { language: said.language.into(), ..Speaker::default() };
        let manner = Manner { waited: said.waited, ..Manner::default() };
        let (mut samples, mut words) = (Vec::new(), Vec::new());
        let mut parts = speak_as(text, speaker, manner, voice);
        while let Some(part) = parts.recv().await {
            let chunk = part?.chunk;
            if !chunk.sounds.measured && !chunk.samples.is_empty() {
                return Ok(None);
            }
            let offset = samples.len() as u64;
            let later =
                |time: WordTime| WordTime { start: offset + time.start, end: offset + time.end, ..time };
            words.extend(chunk.words.into_iter().map(later));
            samples.extend(chunk.samples);
        }
        Ok(Some(Self { samples, words }))
    }

    /// The words at the times at which the sound says them; none if it says something else.
    fn over(&self, words: Vec<Word>, sound: &[i16]) -> Option<Vec<Word>> {
        let guide = Speech { samples: &self.samples, rate: OUT_RATE };
        let warp = Warp::between(guide, Speech { samples: sound, rate: MIC_RATE })?;
        if !warp.fits() {
            return None;
        }
        let seconds = |samples: u64| samples as f64 / f64::from(OUT_RATE);
        let (own, said): (Vec<String>, Vec<String>) = (
            words.iter().map(|word| core(&word.text)).collect(),
            self.words.iter().map(|word| core(&word.text)).collect(),
        );
        let time = |at: usize| {
            let (start, end) = warp.span(seconds(self.words[at].start), seconds(self.words[at].end));
            Time { start, end }
        };
        let pairs = matched(&own, &said);
        let times: Vec<Option<Time>> = pairs
            .into_iter()
            .map(|pair| pair.filter(|pair| pair.likeness >= ALIKE).map(|pair| time(pair.heard)))
            .collect();
        let known = times.iter().flatten().count();
        // A voice that reports other words, such as whole phrases of a script without spaces, cannot serve as a guide.
        (known * 2 >= words.len()).then(|| timed(words, &times))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::split;

    #[test]
    fn estimated_times_are_in_order_and_within_the_sound() {
        let tone = |at: usize| if at % 40 < 20 { 8_000_i16 } else { -8_000 };
        let silence = vec![0_i16; 8_000];
        let sound: Vec<i16> = [silence.clone(), (0..16_000).map(tone).collect(), silence].concat();
        let words = estimated(split("One, two and three."), &sound);
        assert!(words[0].start >= 0.45 && words[3].end <= 2.0, "{words:?}");
        assert!(words.windows(2).all(|pair| pair[0].end <= pair[1].start), "{words:?}");
        assert!(estimated(Vec::new(), &sound).is_empty());
    }
}
