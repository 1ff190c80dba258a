//! Whether words were spoken, or made up by the model from silence, noise or music. Pure.
//!
//! No list of phrases decides: people do say "thank you". What the model likes to make up only has to be heard better
//! than the rest.

use crate::frame::{MIC_RATE, Transcript};

/// 10 ms.
const GRAIN: usize = MIC_RATE as usize / 100;
/// Mean square under which nothing can be speech (about -66 dBFS).
const FLOOR: f32 = 16.0 * 16.0;

/// How loud an utterance is, and how long it is loud.
#[derive(Debug, Default)]
pub struct Sound {
    powers: Vec<f32>,
    rest: Vec<i16>,
}

impl Sound {
    /// More of the utterance.
    pub fn hear(&mut self, audio: &[i16]) {
        self.rest.extend_from_slice(audio);
        let whole = self.rest.len() / GRAIN * GRAIN;
        for grain in self.rest.drain(..whole).as_slice().chunks(GRAIN) {
            let sum: f32 = grain.iter().map(|&sample| f32::from(sample).powi(2)).sum();
            self.powers.push(sum / GRAIN as f32);
        }
    }

    /// From the first to the last grain that stands out of the silence.
    #[must_use]
    pub fn speech_ms(&self) -> u32 {
        let threshold = (self.loud() * 1e-3).max(FLOOR);
        let first = self.powers.iter().position(|&power| power >= threshold);
        let last = self.powers.iter().rposition(|&power| power >= threshold);
        let grains = first.zip(last).map_or(0, |(first, last)| last + 1 - first);
        u32::try_from(grains * 10).unwrap_or(u32::MAX)
    }

    /// How far the loud moments rise over the quiet ones: speech rises and falls, noise and held notes do not.
    #[must_use]
    pub fn contrast_db(&self) -> f32 {
        let quiet = self.quantile(0.1).max(1.0);
        10.0 * (self.loud().max(1.0) / quiet).log10()
    }

    fn loud(&self) -> f32 {
        self.quantile(0.9)
    }

    fn quantile(&self, share: f32) -> f32 {
        let mut sorted = self.powers.clone();
        sorted.sort_unstable_by(f32::total_cmp);
        let index = (sorted.len().saturating_sub(1) as f32 * share) as usize;
        sorted.get(index).copied().unwrap_or_default()
    }
}

/// Whether the words are made up.
#[must_use]
pub fn is_invented(words: &Transcript, sound: &Sound) -> bool {
    !words.text.chars().any(char::is_alphanumeric) || judge(words, sound.contrast_db(), sound.speech_ms())
}

fn judge(words: &Transcript, contrast_db: f32, speech_ms: u32) -> bool {
    let (silence, sureness) = (words.no_speech_probability, words.average_log_probability);
    let count = words.text.split_whitespace().count();
    // Nobody speaks ten words a second.
    let hurried = count >= 3 && count as u32 * 100 > speech_ms;
    let flat = contrast_db < FLAT_DB;
    let doubts =
        u32::from(silence >= 0.6) + u32::from(sureness < -0.8) + u32::from(flat) + u32::from(hurried);
    let often_invented = count <= 4 && is_often_invented(&words.text);
    // A door that falls shut has scored 0.5 and -1.2; no spoken word has been as doubtful in both.
    (silence >= 0.6 && sureness < -0.4)
        || (silence >= 0.4 && sureness < -0.8)
        || doubts >= 2
        || (often_invented && (doubts >= 1 || silence >= 0.4))
}

/// Contrast under which a sound is noise or a held note rather than speech.
const FLAT_DB: f32 = 6.0;

/// What subtitles say where nobody speaks, and Whisper has learnt from them.
fn is_often_invented(text: &str) -> bool {
    const PHRASES: [&str; 12] = [
        "you",
        "thank you",
        "thanks",
        "thank you very much",
        "thanks for watching",
        "thank you for watching",
        "please subscribe",
        "bye",
        "bye bye",
        "the end",
        "music",
        "applause",
    ];
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let plain = words.map(str::to_lowercase).collect::<Vec<_>>().join(" ");
    PHRASES.contains(&plain.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str, no_speech_probability: f32, average_log_probability: f32) -> Transcript {
        Transcript {
            text: text.into(),
            no_speech_probability,
            average_log_probability,
            ..Transcript::default()
        }
    }

    #[test]
    fn thanks_out_of_noise_are_invented_and_spoken_thanks_are_not() {
        assert!(judge(&words("Thank you.", 0.5, -0.5), 20.0, 600));
        assert!(judge(&words("Thank you.", 0.1, -0.3), 3.0, 600));
        assert!(!judge(&words("Thank you.", 0.1, -0.3), 30.0, 600));
    }

    #[test]
    fn any_words_that_the_model_doubts_twice_are_invented() {
        assert!(judge(&words("The cat sat.", 0.7, -0.5), 30.0, 900));
        assert!(judge(&words("Boom!", 0.53, -1.15), 40.0, 300));
        assert!(judge(&words("The cat sat.", 0.2, -1.2), 3.0, 900));
        assert!(judge(&words("I am going to go to the next one.", 0.2, -0.9), 30.0, 400));
        assert!(!judge(&words("The cat sat.", 0.5, -0.7), 30.0, 900));
    }

    #[test]
    fn loudness_tells_speech_from_a_steady_sound() {
        let tone = |amplitude: f32, grains: usize| -> Vec<i16> {
            (0..grains * GRAIN).map(|i| ((i as f32 * 0.3).sin() * amplitude) as i16).collect()
        };
        let mut steady = Sound::default();
        steady.hear(&tone(3000.0, 100));
        assert!(steady.contrast_db() < FLAT_DB);
        let mut spoken = Sound::default();
        spoken.hear(&[vec![3; 40 * GRAIN], tone(3000.0, 60), vec![3; 20 * GRAIN]].concat());
        assert!(spoken.contrast_db() > 30.0);
        assert_eq!(spoken.speech_ms(), 600);
    }
}
