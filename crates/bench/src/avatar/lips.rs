//! Scores the lips: texts in three languages are spoken by the engine, animated, and scored by the gap between the lips. The
//! texts that count are not those that the animation was tuned on.
//!
//! A voice for one language can read another with that language's phonemes: `Piper`'s voices share their phoneme ids, so
//! [`voices`] only tells the engine which espeak-ng rules to use. It sounds foreign, but its times and loudness are those of
//! the sounds that the lips have to show.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, ensure};
use futures_util::StreamExt;
use serde::Serialize;

use visavis_config::Config;
use visavis_core::avatar::lip_gap::{Lag, LipScores, score_as};
use visavis_core::avatar::sound::Sound;
use visavis_core::avatar::source::{Source, choose};
use visavis_core::avatar::warp::{Speech, Warp};
use visavis_engine::backends::{Backend, Backends};
use visavis_engine::model_files::ModelFiles;
use visavis_engine::{Tts, TtsRequest};

/// Longest time for the engine to load its voices.
const LOADING: Duration = Duration::from_secs(120);
/// Rates at which faces are computed and sent.
const RATES: [u8; 2] = [60, 30];
/// Factor by which the other speaker's head is smaller.
const SMALLER: f64 = 1.15;

/// A language of the texts.
#[derive(Debug, Clone, Copy)]
pub struct Language {
    /// ISO 639-1.
    pub code: &'static str,
    /// Its espeak-ng voice.
    pub espeak: &'static str,
    /// Texts for tuning, one sentence per line.
    pub tuning: &'static str,
    /// Texts never used for tuning, one sentence per line.
    pub held_out: &'static str,
}

/// The languages and their texts.
pub const LANGUAGES: [Language; 3] = [
    Language {
        code: "en",
        espeak: "en-us",
        tuning: include_str!("texts/tuning-en.txt"),
        held_out: include_str!("texts/held-out-en.txt"),
    },
    Language {
        code: "de",
        espeak: "de",
        tuning: include_str!("texts/tuning-de.txt"),
        held_out: include_str!("texts/held-out-de.txt"),
    },
    Language {
        code: "es",
        espeak: "es",
        tuning: include_str!("texts/tuning-es.txt"),
        held_out: include_str!("texts/held-out-es.txt"),
    },
];

/// What the lips are animated from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum From {
    /// The best source available.
    Best,
    /// The phonemes, without their times.
    Phonemes,
    /// Forced alignment: the audio and its words, aligned with a differing version by a voice that times its sounds.
    Recording,
    /// Only the audio.
    Audio,
}

/// Results for one language at one frame rate.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    /// ISO 639-1.
    pub language: &'static str,
    /// Frames per second.
    pub fps: u8,
    /// Where the sounds' times came from.
    pub source: &'static str,
    /// Number of texts.
    pub texts: usize,
    /// The raw counts.
    pub scores: LipScores,
    /// Share of p, b and m with closed lips.
    pub closure: f64,
    /// Share of f and v with the lip at the teeth.
    pub contact: f64,
    /// Share of longer vowels with open lips.
    pub opening: f64,
    /// Delay of the lips behind loudness, in ms.
    pub lag_ms: f64,
    /// The correlation of gap and loudness at that lag.
    pub correlation: f64,
    /// Root mean square of the gap's third derivative, in m/s³.
    pub jerk: f64,
}

impl Row {
    /// Whether the targets are met: bilabials ≥ 95 %, labiodentals ≥ 90 %, lag within 40 ms, no frame closed more than open.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.closure >= 0.95
            && self.contact >= 0.9
            && self.lag_ms.abs() <= 40.0
            && self.scores.overclosed == 0
            && self.scores.bilabials > 0
    }
}

/// Makes one Piper voice into one for each language, in `folder`: links to its model, with descriptions that name the
/// language's rules.
///
/// # Errors
/// When a file cannot be read or written.
pub fn voices(model: &Path, folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let json = PathBuf::from(format!("{}.json", model.display()));
    let text = std::fs::read(&json).with_context(|| format!("cannot read {}", json.display()))?;
    let mut description: serde_json::Value = serde_json::from_slice(&text)?;
    let mut voices = Vec::new();
    for language in LANGUAGES {
        let voice = folder.join(format!("{}.onnx", language.code));
        std::os::unix::fs::symlink(std::path::absolute(model)?, &voice)?;
        description["espeak"]["voice"] = language.espeak.into();
        description["language"] = serde_json::json!({ "code": language.code, "family": language.code });
        std::fs::write(folder.join(format!("{}.onnx.json", language.code)), description.to_string())?;
        voices.push(voice);
    }
    Ok(voices)
}

/// The results of all languages.
#[derive(Debug, Clone, Serialize)]
pub struct LipsReport {
    /// The texts were not used for tuning.
    pub held_out: bool,
    /// One row per language and frame rate.
    pub rows: Vec<Row>,
    /// Whether all targets were met.
    pub passed: bool,
}

/// Starts an engine with the configured voice for all languages, and measures.
///
/// # Errors
/// When models are missing or the engine fails.
pub async fn report(config: &Config, held_out: bool, from: From) -> anyhow::Result<LipsReport> {
    let ModelFiles { voices, runtime, .. } = ModelFiles::of(config)?;
    let model = voices.first().context("the profile has no voice")?;
    let rows = measure(config, model, &runtime, held_out, from).await?;
    let passed = rows.iter().all(Row::passed);
    Ok(LipsReport { held_out, rows, passed })
}

/// Starts an engine with the voice at `model` for all languages, and measures.
///
/// # Errors
/// When the engine fails.
pub async fn measure(
    config: &Config,
    model: &Path,
    runtime: &Path,
    held_out: bool,
    from: From,
) -> anyhow::Result<Vec<Row>> {
    let folder = tempfile::tempdir()?;
    let voices = voices(model, folder.path())?;
    let models = ModelFiles { voices, runtime: runtime.into(), ..ModelFiles::default() };
    // Always a child process, even if calls use a remote engine.
    let mut config = config.clone();
    config.tts.url.clear();
    let backends = Backends::new(config.engines.confine)?;
    let Backend { engine: tts, mut status } = backends.tts(&config, &models)?;
    let ready =
        matches!(tokio::time::timeout(LOADING, status.wait_for(|status| status.ready)).await, Ok(Ok(_)));
    ensure!(ready, "the engine did not become ready: {}", status.borrow().message);
    let rows = run(tts.as_ref(), held_out, from).await;
    backends.stop().await;
    rows
}

/// Measures with an engine that has a voice for each language.
///
/// # Errors
/// When it fails.
pub async fn run(tts: &dyn Tts, held_out: bool, from: From) -> anyhow::Result<Vec<Row>> {
    let mut rows = Vec::new();
    for language in LANGUAGES {
        let texts = if held_out { language.held_out } else { language.tuning };
        let mut all = RATES.map(|_| LipScores::default());
        let mut source = Source::Durations;
        for text in texts.lines() {
            let mut spoken = speak(tts, text, language.code).await?;
            let (known, its_source) = match from {
                From::Recording => {
                    spoken = spoken.by_another();
                    spoken.guided(&speak(tts, text, language.code).await?)
                }
                from => spoken.known(from),
            };
            source = its_source;
            for (fps, all) in RATES.into_iter().zip(&mut all) {
                all.add(&score_as(&known, &spoken.sounds, &spoken.samples, spoken.rate, fps));
            }
        }
        let texts = texts.lines().count();
        rows.extend(
            RATES.into_iter().zip(all).map(|(fps, scores)| row(language.code, fps, source, texts, scores)),
        );
    }
    Ok(rows)
}

fn row(language: &'static str, fps: u8, source: Source, texts: usize, scores: LipScores) -> Row {
    let Lag { ms: lag_ms, correlation } = scores.lag();
    Row {
        language,
        fps,
        source: source.name(),
        texts,
        closure: scores.closure(),
        contact: scores.contact(),
        opening: scores.opening(),
        lag_ms,
        correlation,
        jerk: scores.jerk(),
        scores,
    }
}

/// A text as spoken by the engine.
struct Spoken {
    sounds: Vec<Sound>,
    samples: Vec<i16>,
    rate: u32,
    measured: bool,
}

impl Spoken {
    /// As spoken by another speaker: faster, higher and with a smaller head.
    fn by_another(mut self) -> Self {
        self.rate = (f64::from(self.rate) * SMALLER) as u32;
        for sound in &mut self.sounds {
            (sound.start, sound.end) = (sound.start / SMALLER, sound.end / SMALLER);
        }
        self
    }

    fn speech(&self) -> Speech<'_> {
        Speech { samples: &self.samples, rate: self.rate }
    }

    fn guided(&self, guide: &Self) -> (Vec<Sound>, Source) {
        match Warp::between(guide.speech(), self.speech()) {
            Some(warp) if warp.fits() => (warp.sounds(&guide.sounds), Source::Alignment),
            _ => self.known(From::Audio),
        }
    }

    fn known(&self, from: From) -> (Vec<Sound>, Source) {
        let (sounds, measured) = match from {
            From::Best => (&self.sounds[..], self.measured),
            From::Phonemes => (&self.sounds[..], false),
            From::Recording | From::Audio => (&[][..], false),
        };
        let (known, source) = choose(sounds, measured, &[], &self.samples, self.rate);
        (known.into_owned(), source)
    }
}

async fn speak(tts: &dyn Tts, text: &str, language: &str) -> anyhow::Result<Spoken> {
    let request = TtsRequest { text: text.into(), language: language.into(), ..Default::default() };
    let mut parts = tts.synthesize(request).await?;
    let mut spoken = Spoken { sounds: Vec::new(), samples: Vec::new(), rate: 0, measured: true };
    while let Some(part) = parts.next().await {
        let part = part?;
        let second =
            |sample: u64| (spoken.samples.len() as f64 + sample as f64) / f64::from(part.rate.max(1));
        let sounds =
            part.sounds.iter().map(|sound| Sound::new(&sound.text, second(sound.start), second(sound.end)));
        spoken.sounds.extend(sounds);
        spoken.measured &= part.measured;
        spoken.rate = part.rate;
        spoken.samples.extend(part.samples);
    }
    ensure!(!spoken.sounds.is_empty(), "the engine reported no sounds for {text:?}");
    Ok(spoken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_held_out_text_is_used_for_tuning() {
        for language in LANGUAGES {
            assert!(language.held_out.lines().count() >= 16);
            assert!(language.tuning.lines().all(|text| !language.held_out.contains(text)));
        }
    }
}
