//! The hallucination filter: whether words were spoken, or made up by the model from silence, noise or music. Pure.
//!
//! No list of phrases decides alone: people do say "thank you". What the model often makes up only needs better evidence
//! than other words.

use crate::frame::{MIC_RATE, Transcript};

/// 10 ms.
const GRAIN: usize = MIC_RATE as usize / 100;
/// Mean square below which nothing can be speech (about -66 dBFS).
const FLOOR: f32 = 16.0 * 16.0;

/// Lags, in samples, of the correlations that distinguish speech sounds.
const LAGS: [usize; 6] = [1, 2, 3, 4, 6, 8];
/// Grains between two compared moments: 60 ms, about one speech sound.
const APART: usize = 6;

/// Measures how loud an utterance is, for how long, and how much it changes.
#[derive(Debug, Default)]
pub struct Sound {
    powers: Vec<f32>,
    /// Autocorrelations of each grain at [`LAGS`].
    colours: Vec<[f32; LAGS.len()]>,
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
            self.colours.push(LAGS.map(|lag| correlation(grain, lag, sum)));
        }
    }

    /// How much the sound changes within 60 ms while it is loud, from 0: a held vowel below 0.06, words from 0.09. `None`: too
    /// little of it is loud.
    #[must_use]
    pub fn change(&self) -> Option<f32> {
        const LEAST: usize = 30;
        let loud = (self.loud() * 1e-2).max(FLOOR);
        let pairs = self.powers.windows(APART + 1).zip(self.colours.windows(APART + 1));
        let changes: Vec<f32> = pairs
            .filter(|(powers, _)| powers[0] >= loud && powers[APART] >= loud)
            .map(|(_, colours)| difference(&colours[0], &colours[APART]))
            .collect();
        (changes.len() >= LEAST).then(|| changes.iter().sum::<f32>() / changes.len() as f32)
    }

    /// Time from the first to the last grain that stands out from the silence.
    #[must_use]
    pub fn speech_ms(&self) -> u32 {
        let threshold = (self.loud() * 1e-3).max(FLOOR);
        let first = self.powers.iter().position(|&power| power >= threshold);
        let last = self.powers.iter().rposition(|&power| power >= threshold);
        let grains = first.zip(last).map_or(0, |(first, last)| last + 1 - first);
        u32::try_from(grains * 10).unwrap_or(u32::MAX)
    }

    /// How far the loud moments are above the quiet ones: high for speech, low for noise and held notes.
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

fn correlation(grain: &[i16], lag: usize, power: f32) -> f32 {
    let sum: f32 = grain.iter().zip(&grain[lag..]).map(|(a, b)| f32::from(*a) * f32::from(*b)).sum();
    sum / power.max(1.0)
}

fn difference(one: &[f32], other: &[f32]) -> f32 {
    one.iter().zip(other).map(|(a, b)| (a - b).abs()).sum::<f32>() / one.len() as f32
}

/// Whether the words are a hallucination.
#[must_use]
pub fn is_hallucinated(words: &Transcript, sound: &Sound) -> bool {
    let heard = Heard {
        contrast_db: sound.contrast_db(),
        speech_ms: sound.speech_ms(),
        held: sound.change().is_some_and(|change| change < HELD),
    };
    !words.text.chars().any(char::is_alphanumeric) || is_vocal(&words.text) || judge(words, &heard)
}

/// Measurements of a sound besides its words.
#[derive(Debug, Clone, Copy)]
struct Heard {
    contrast_db: f32,
    speech_ms: u32,
    held: bool,
}

fn judge(words: &Transcript, heard: &Heard) -> bool {
    let (silence, sureness) = (words.no_speech_probability, words.average_log_probability);
    let count = plain_words(&words.text).count();
    // Nobody speaks ten words a second.
    let hurried = count >= 3 && count as u32 * 100 > heard.speech_ms;
    // Noise, or a single vowel.
    let flat = heard.contrast_db < FLAT_DB || heard.held;
    let doubts =
        u32::from(silence >= 0.6) + u32::from(sureness < -0.8) + u32::from(flat) + u32::from(hurried);
    let often_invented = count <= 4 && is_often_invented(&words.text);
    // A slamming door has scored 0.5 and -1.2; no spoken word has been as doubtful in both.
    (silence >= 0.6 && sureness < -0.4)
        || (silence >= 0.4 && sureness < -0.8)
        || doubts >= 2
        || (heard.held && count >= 2 && sureness < HELD_SURENESS)
        || (often_invented && (doubts >= 1 || silence >= 0.4))
        || (heard.speech_ms < SHORT_MS && doubt(words) > DOUBTFUL)
        || (heard.speech_ms < LONGER_MS && is_short(&words.text) && doubt(words) > VERY_DOUBTFUL)
}

/// Combined doubt about the words and their language: a voice without words is recognised as words of any language.
fn doubt(words: &Transcript) -> f32 {
    // A language that was given adds no doubt.
    let known = words.language_probability > 0.0;
    let language = if known { 1.0 - words.language_probability } else { 0.0 };
    -words.average_log_probability + LANGUAGE_DOUBT * language
}

/// Doubt above which a short sound contained no words. Spoken words have scored up to 0.9; "aaah", "ugh", "phew", a sneeze
/// and laughter 0.4 to 1.9, three in five of them above this.
const DOUBTFUL: f32 = 1.05;
const LANGUAGE_DOUBT: f32 = 0.6;
/// Longer speech has other evidence, and may be hard to understand for good reasons.
const SHORT_MS: u32 = 1_500;
/// A few words over a sound up to this long are rejected above this doubt: laughter lasts longer.
const LONGER_MS: u32 = 3_000;
const VERY_DOUBTFUL: f32 = 1.35;
/// Change below which a sound is held.
const HELD: f32 = 0.06;
/// Several words for a held sound must be surer than this.
const HELD_SURENESS: f32 = -0.4;

/// Whether the text is vocal sounds only: "aaah", "mmm", "ugh", "phew", "achoo". "Um" begins a turn, and "mm-hm" means yes.
fn is_vocal(text: &str) -> bool {
    const VOCAL: [&str; 14] = [
        "ugh", "argh", "arg", "agh", "phew", "whew", "achoo", "atchoo", "hatschi", "ahem", "brr", "ow",
        "haha", "hahaha",
    ];
    let words: Vec<String> = plain_words(text).collect();
    let drawn = |word: &str| {
        let mut letters = word.chars().collect::<Vec<_>>();
        letters.dedup();
        let short: String = letters.into_iter().collect();
        (word.len() >= 3 && ["a", "ah", "m", "o", "u", "e"].contains(&short.as_str())) || word == "ah"
    };
    let all_vocal =
        !words.is_empty() && words.iter().all(|word| VOCAL.contains(&word.as_str()) || drawn(word));
    all_vocal || is_stutter(text)
}

/// Whether the text is one sound over and over, such as "P-P-P-P-P" or "Ha, ha, ha": the bursts of laughter.
fn is_stutter(text: &str) -> bool {
    /// Fewer letters in a row may be spelled.
    const LEAST: usize = 4;
    let words: Vec<String> = plain_words(text).collect();
    let Some(first) = words.first() else { return false };
    let is_letter = first.chars().count() == 1 && first.chars().all(char::is_alphabetic);
    let joined = !text.trim().contains(char::is_whitespace);
    let same = words.iter().all(|word| word == first);
    same && ((is_letter && joined && words.len() >= LEAST)
        || (["ha", "hah", "heh"].contains(&first.as_str()) && words.len() > 1))
}

/// Contrast below which a sound is noise or a held note rather than speech.
const FLAT_DB: f32 = 6.0;

/// Lower-case words without punctuation.
fn plain_words(text: &str) -> impl Iterator<Item = String> {
    let words = text.split(|c: char| !c.is_alphanumeric() && c != '\'');
    words.filter(|word| !word.is_empty()).map(str::to_lowercase)
}

/// Whether the text has at most four words. In scripts without spaces between words a letter counts as one.
fn is_short(text: &str) -> bool {
    let unspaced = text.chars().filter(|letter| letter.is_alphabetic() && *letter >= '\u{e00}').count();
    plain_words(text).count().max(unspaced) <= 4
}

/// Whether these are words that Whisper has learnt from subtitles for moments in which nobody speaks.
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
    let plain = plain_words(text).collect::<Vec<_>>().join(" ");
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

    fn heard(contrast_db: f32, speech_ms: u32) -> Heard {
        Heard { contrast_db, speech_ms, held: false }
    }

    #[test]
    fn vocal_sounds_are_rejected_and_short_words_are_not() {
        // Sound, text, sureness, language probability, held, invented: as the model heard them.
        for (sound, text, sureness, language, held, invented) in [
            ("aaah", "I love you guys.", -0.8, 0.9, true, true),
            ("oooh", "B-B-B-B-B-G-B-B-B-B-G-B-B-B-B-", -0.66, 0.88, true, true),
            ("oooh", "E", -0.94, 0.8, true, true),
            ("aaah", "Arr.", -1.38, 0.51, false, true),
            ("aaah", "Dorez.", -0.98, 0.53, false, true),
            ("aaah", "Aaaah.", -0.3, 0.9, false, true),
            ("a sneeze", "A-chu.", -1.23, 0.75, false, true),
            ("a sneeze", "A-two.", -1.44, 0.88, false, true),
            ("a throat", "Eham.", -0.79, 0.34, false, true),
            ("mmm", "mom.", -0.88, 0.63, false, true),
            ("mmm", "Mmmm.", -0.4, 0.9, false, true),
            ("ugh", "Agh!", -0.86, 0.23, false, true),
            ("ugh", "Ugh.", -0.2, 0.9, false, true),
            ("phew", "Fueule.", -0.87, 0.37, false, true),
            ("phew", "Phew!", -0.2, 0.9, false, true),
            ("laughter", "同說同台", -1.49, 0.42, false, true),
            ("laughter", "Cal-Fel, Cal-Head.", -1.09, 0.84, false, true),
            ("laughter", "Ha ha ha.", -1.2, 0.8, false, true),
            ("laughter", "P-P-P-P-P-P-P", -0.41, 0.51, false, true),
            ("laughter", "Ha, ha!", -0.3, 0.9, false, true),
            ("letters", "A, A, A, A.", -0.3, 0.9, false, false),
            ("a stammer", "P-p-p-p-please.", -0.6, 0.9, false, false),
            ("Yes.", "Yes.", -0.25, 0.62, false, false),
            ("No.", "No!", -0.55, 0.84, false, false),
            ("Paris.", "Paris.", -0.72, 0.85, false, false),
            ("Thank you.", "Thank you.", -0.17, 0.63, false, false),
            ("Stop.", "Stop!", -0.69, 0.77, false, false),
            ("Mm-hm.", "Mm-hm.", -0.5, 0.7, false, false),
            ("Um.", "Um...", -0.6, 0.8, false, false),
            ("Oh.", "Oh.", -0.5, 0.8, false, false),
            ("one held word", "No.", -0.4, 0.9, true, false),
        ] {
            let words = Transcript { language_probability: language, ..words(text, 0.1, sureness) };
            let got = is_vocal(text) || judge(&words, &Heard { held, ..heard(30.0, 900) });
            assert_eq!(got, invented, "{sound} as {text:?}");
        }
        let laughter = Transcript { language_probability: 0.85, ..words("同說同台", 0.1, -1.49) };
        assert!(judge(&laughter, &heard(30.0, 900)) && judge(&laughter, &heard(30.0, 1_800)));
        assert!(!judge(&laughter, &heard(30.0, 3_500)), "longer speech may be hard to understand");
        let sentence = Transcript { language_probability: 0.55, ..words("今天天气很好吗", 0.1, -1.1) };
        assert!(!judge(&sentence, &heard(30.0, 1_800)), "a sentence without spaces");
        let sure = Transcript { language_probability: 0.0, ..words("Nein.", 0.1, -0.9) };
        assert!(!judge(&sure, &heard(30.0, 900)), "a language that was given is no doubt");
    }

    #[test]
    fn thanks_from_noise_are_rejected_and_spoken_thanks_are_not() {
        assert!(judge(&words("Thank you.", 0.5, -0.5), &heard(20.0, 600)));
        assert!(judge(&words("Thank you.", 0.1, -0.3), &heard(3.0, 600)));
        assert!(!judge(&words("Thank you.", 0.1, -0.3), &heard(30.0, 600)));
    }

    #[test]
    fn words_with_two_doubts_are_rejected() {
        assert!(judge(&words("The cat sat.", 0.7, -0.5), &heard(30.0, 900)));
        assert!(judge(&words("Boom!", 0.53, -1.15), &heard(40.0, 300)));
        assert!(judge(&words("The cat sat.", 0.2, -1.2), &heard(3.0, 900)));
        assert!(judge(&words("I am going to go to the next one.", 0.2, -0.9), &heard(30.0, 400)));
        assert!(!judge(&words("The cat sat.", 0.5, -0.7), &heard(30.0, 900)));
    }

    #[test]
    fn contrast_and_change_distinguish_speech_from_a_steady_sound() {
        let tone = |amplitude: f32, grains: usize| -> Vec<i16> {
            (0..grains * GRAIN).map(|i| ((i as f32 * 0.3).sin() * amplitude) as i16).collect()
        };
        let mut steady = Sound::default();
        steady.hear(&tone(3000.0, 100));
        assert!(steady.contrast_db() < FLAT_DB);
        let mut spoken = Sound::default();
        spoken.hear(&[vec![3; 40 * GRAIN], tone(3000.0, 60), vec![3; 20 * GRAIN]].concat());
        assert!(spoken.contrast_db() > 30.0);
        assert!(steady.change().is_some_and(|change| change < HELD), "{:?}", steady.change());
        assert_eq!(Sound::default().change(), None);
        assert_eq!(spoken.speech_ms(), 600);
    }
}
