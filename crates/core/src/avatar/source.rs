//! Chooses the best available times of speech sounds. Pure.

use std::borrow::Cow;

use super::align::{self, Word};
use super::from_audio;
use super::sound::Sound;

/// Sources of times, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// The voice's own durations.
    Durations,
    /// Forced alignment of phonemes with the audio.
    Alignment,
    /// Guessed from the audio alone.
    Audio,
}

impl Source {
    /// Its name in metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Durations => "durations",
            Self::Alignment => "alignment",
            Self::Audio => "audio",
        }
    }
}

/// The sounds of a piece of speech with the best times. `sounds` come from the engine; `measured`: their times are not
/// estimates; `words`: timed words with phonemes, if a better source than the engine has them.
#[must_use]
pub fn choose<'a>(
    sounds: &'a [Sound],
    measured: bool,
    words: &[Word],
    samples: &[i16],
    rate: u32,
) -> (Cow<'a, [Sound]>, Source) {
    let length = samples.len() as f64 / f64::from(rate.max(1));
    // Times beyond the audio cannot belong to it.
    let fits = sounds.iter().all(|sound| sound.start >= 0.0 && sound.end <= length + 0.1);
    if !sounds.is_empty() && measured && fits {
        return (Cow::Borrowed(sounds), Source::Durations);
    }
    let aligned = if words.iter().any(|word| !word.symbols.is_empty()) {
        align::align(words, samples, rate)
    } else {
        let symbols = sounds.iter().map(|sound| sound.symbol.clone()).collect();
        align::align(&[align::whole(symbols, samples, rate)], samples, rate)
    };
    if aligned.is_empty() {
        (Cow::Owned(from_audio::sounds(samples, rate)), Source::Audio)
    } else {
        (Cow::Owned(aligned), Source::Alignment)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_available_times_are_chosen() {
        let audio: Vec<i16> = (0..16_000).map(|n| ((f64::from(n) * 0.06).sin() * 9_000.0) as i16).collect();
        let sounds = [Sound::new("m", 0.1, 0.2), Sound::new("ˈa", 0.2, 0.9)];
        let word = Word { start: 0.1, end: 0.9, symbols: vec!["m".into(), "ˈa".into()] };
        let source = |sounds: &[Sound], measured, words: &[Word]| {
            let (chosen, source) = choose(sounds, measured, words, &audio, 16_000);
            assert!(!chosen.is_empty());
            source
        };
        assert_eq!(source(&sounds, true, &[]), Source::Durations);
        assert_eq!(source(&sounds, false, std::slice::from_ref(&word)), Source::Alignment);
        assert_eq!(source(&sounds, false, &[]), Source::Alignment);
        assert_eq!(source(&[], true, &[]), Source::Audio);
        assert_eq!(source(&[], true, &[Word::default()]), Source::Audio);
        let elsewhere = [Sound::new("a", 5.0, 6.0)];
        assert_eq!(source(&elsewhere, true, &[]), Source::Alignment);
    }

    #[test]
    fn silent_and_empty_audio_has_no_sounds() {
        for audio in [vec![], vec![0; 16_000], vec![1; 10]] {
            let (sounds, source) = choose(&[], false, &[], &audio, 16_000);
            assert_eq!((sounds.len(), source), (0, Source::Audio));
        }
    }
}
