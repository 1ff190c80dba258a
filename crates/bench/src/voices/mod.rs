//! Measures voices through engine programs of its own, without a server: are they understood, how soon do they begin, do
//! they stay the same under load, and do their sounds move the lips.
//!
//! - this file: what is measured, and the report
//! - `selection`: the voices and their sentences
//! - `speech`: one sentence, spoken and recognised
//! - [`hear`]: word error rates; `numerals`: numbers in words, for these
//! - [`first`]: the first sound of a short phrase; [`lips`]: the lips; [`load`]: many at once
//! - `keep`: sentences as files, for other programs
//! - [`table`]: the results as tables

pub mod first;
pub mod hear;
mod keep;
pub mod lips;
pub mod load;
mod numerals;
mod selection;
pub(crate) mod speech;
pub mod table;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::ensure;
use serde::Serialize;

use visavis_config::{Config, SttEngine, TtsEngine};
use visavis_engine::backends::{Backend, Backends};
use visavis_engine::model_files::ModelFiles;
use visavis_engine::{Stt, Tts, Voice};

use crate::statistics::{Summary, summarise};
use first::First;
use hear::Heard;
use lips::Lips;
use load::LoadReport;
use selection::is_kokoro;

/// Longest time for an engine to load.
const LOADING: Duration = Duration::from_secs(120);
/// Requests that may wait in the engine: all that [`load`] sends at once.
const QUEUE: u32 = 128;
/// Largest word error rate.
const MISHEARD: f64 = 0.10;
/// Languages to which it applies: in others the recogniser errs as well.
const UNDERSTOOD: [&str; 5] = ["en", "es", "fr", "it", "pt"];

/// A thing that is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Part {
    /// What the recogniser hears.
    Hear,
    /// The time to the first sound of a six-word phrase.
    First,
    /// Many syntheses at once, half of them dropped.
    Load,
    /// The lips, animated from the voice's own sounds.
    Lips,
}

/// What to measure.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// The profile whose voices and recogniser are used
    #[arg(long, default_value = "voices")]
    pub profile: String,
    /// The models directory
    #[arg(long, value_name = "FOLDER")]
    pub models: Option<PathBuf>,
    /// Only these voices, mixes of Kokoro included [default: up to two of Kokoro for each language, and joe of Piper]
    #[arg(long = "voice", value_name = "NAME", num_args = 1.., value_delimiter = ',')]
    pub voices: Vec<String>,
    /// Only voices of these languages, ISO 639-1
    #[arg(long = "language", value_name = "LANGUAGE", num_args = 1.., value_delimiter = ',')]
    pub languages: Vec<String>,
    /// A file with one sentence per line, spoken instead of those that are built in
    #[arg(long, value_name = "FILE")]
    pub sentences: Option<PathBuf>,
    /// Sentences per voice, at most
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub limit: Option<u16>,
    /// Only this is measured
    #[arg(long, value_enum, num_args = 1.., value_delimiter = ',')]
    pub only: Vec<Part>,
    /// Rounds under load
    #[arg(long, default_value_t = 20, value_name = "N", value_parser = clap::value_parser!(u16).range(2..=1_000))]
    pub rounds: u16,
    /// Decides which syntheses are dropped under load, and when
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub seed: u64,
    /// Keep each sentence's sound, text and word times (JSON, in seconds) in this folder
    #[arg(long, value_name = "FOLDER")]
    pub keep: Option<PathBuf>,
    /// Print one JSON document instead of tables
    #[arg(long)]
    pub json: bool,
}

impl Options {
    fn wants(&self, part: Part) -> bool {
        self.only.is_empty() || self.only.contains(&part)
    }

    /// Whether each voice speaks its sentences.
    fn speaks(&self) -> bool {
        self.wants(Part::Hear) || self.wants(Part::Lips) || self.keep.is_some()
    }
}

/// How fast sentences are synthesised, with nothing else to do.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Pace {
    /// Milliseconds until the first part.
    pub first_ms: Summary,
    /// Seconds of synthesis per second of speech.
    pub real_time_factor: Summary,
}

/// The results of one voice.
#[derive(Debug, Clone, Serialize)]
pub struct VoiceReport {
    /// Its name.
    pub voice: String,
    /// ISO 639-1.
    pub language: String,
    /// The targets apply; otherwise it is measured for comparison.
    pub judged: bool,
    /// How fast it is.
    pub pace: Option<Pace>,
    /// What was heard.
    pub heard: Option<Heard>,
    /// The first sound of a short phrase.
    pub first: Option<First>,
    /// The lips.
    pub lips: Option<Lips>,
}

impl VoiceReport {
    /// Whether it is understood; none: not measured, or no target.
    #[must_use]
    pub fn understood(&self) -> Option<bool> {
        let judged = self.judged && UNDERSTOOD.contains(&self.language.as_str());
        self.heard.as_ref().filter(|_| judged).map(|heard| heard.word_error_rate <= MISHEARD)
    }

    /// Whether it begins soon enough; none: not measured, or no target.
    #[must_use]
    pub fn soon(&self) -> Option<bool> {
        self.first.as_ref().filter(|_| self.judged).map(First::passed)
    }

    /// Whether its lips are right; none: not measured, or no target.
    #[must_use]
    pub fn seen(&self) -> Option<bool> {
        self.lips.as_ref().filter(|_| self.judged).map(Lips::passed)
    }

    fn passed(&self) -> bool {
        [self.understood(), self.soon(), self.seen()].iter().all(|target| *target != Some(false))
    }
}

/// All results.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// One for each voice; none if only the load was measured.
    pub voices: Vec<VoiceReport>,
    /// Many at once.
    pub load: Option<LoadReport>,
    /// Whether all targets were met.
    pub passed: bool,
}

/// A voice with its sentences.
struct Subject {
    voice: Voice,
    sentences: Vec<String>,
}

/// The engines.
struct Engines {
    tts: Arc<dyn Tts>,
    /// None: nothing has to be recognised.
    stt: Option<Arc<dyn Stt>>,
}

/// Starts the engines, measures, and stops them.
///
/// # Errors
/// When models, programs or voices are missing, or an engine fails.
pub async fn run(options: &Options, tell: &mut dyn FnMut(&str)) -> anyhow::Result<Report> {
    let config = config(&options.profile, options.models.as_deref())?;
    let models = ModelFiles::of(&config)?;
    let backends = Backends::new(config.engines.confine)?;
    let report = match engines(&backends, &config, &models, options).await {
        Ok(engines) => Box::pin(measure(&engines, options, tell)).await,
        Err(error) => Err(error),
    };
    backends.stop().await;
    report
}

/// The configuration of the engines: programs of ours on this machine with the profile's files, whatever calls use.
pub(crate) fn config(profile: &str, models: Option<&Path>) -> anyhow::Result<Config> {
    let mut config = visavis_config::load(&visavis_config::Sources::from_process(None, Vec::new()))?;
    config.models.profile = profile.to_owned();
    if let Some(folder) = models {
        config.models.dir = folder.to_owned();
    }
    // No language model is started, so its file need not be there.
    config.llm.url = "http://127.0.0.1:9".into();
    config.stt = SttEngine { threads: config.stt.threads, ..SttEngine::default() };
    config.tts = TtsEngine {
        threads: config.tts.threads,
        voices_dir: config.tts.voices_dir.clone(),
        queue: QUEUE,
        ..TtsEngine::default()
    };
    Ok(config)
}

async fn engines(
    backends: &Backends,
    config: &Config,
    models: &ModelFiles,
    options: &Options,
) -> anyhow::Result<Engines> {
    // Both load at the same time.
    let tts = backends.tts(config, models)?;
    let stt = if options.wants(Part::Hear) { Some(backends.stt(config, models)?) } else { None };
    let tts = loaded(tts, "the voice").await?;
    let stt = match stt {
        Some(stt) => Some(loaded(stt, "recognition").await?),
        None => None,
    };
    Ok(Engines { tts, stt })
}

pub(crate) async fn loaded<T: ?Sized>(backend: Backend<T>, what: &str) -> anyhow::Result<Arc<T>> {
    let Backend { engine, mut status } = backend;
    let ready =
        matches!(tokio::time::timeout(LOADING, status.wait_for(|status| status.ready)).await, Ok(Ok(_)));
    ensure!(ready, "{what} did not become ready: {}", status.borrow().message);
    Ok(engine)
}

async fn measure(engines: &Engines, options: &Options, tell: &mut dyn FnMut(&str)) -> anyhow::Result<Report> {
    let listed = engines.tts.voices().await?;
    let subjects = selection::subjects(&listed, options)?;
    let steady: Vec<&Subject> = subjects.iter().filter(|one| is_kokoro(&one.voice.name)).collect();
    ensure!(
        !steady.is_empty() || !options.only.contains(&Part::Load),
        "--only load: Piper draws random numbers, so that no two syntheses are equal; name a voice of Kokoro"
    );
    let mut voices = Vec::new();
    for subject in &subjects {
        if options.speaks() || options.wants(Part::First) {
            tell(&format!("{} ({})", subject.voice.name, subject.voice.language));
            voices.push(Box::pin(voice(engines, subject, options)).await?);
        }
    }
    let load = if options.wants(Part::Load) && !steady.is_empty() {
        Some(Box::pin(load::run(engines.tts.as_ref(), &steady, options, tell)).await?)
    } else {
        None
    };
    let passed = voices.iter().all(VoiceReport::passed) && load.as_ref().is_none_or(|load| load.passed);
    Ok(Report { voices, load, passed })
}

async fn voice(engines: &Engines, subject: &Subject, options: &Options) -> anyhow::Result<VoiceReport> {
    let (tts, Subject { voice, sentences }) = (engines.tts.as_ref(), subject);
    // The first synthesis of a voice loads it.
    speech::speak(tts, voice, &sentences[0]).await?;
    let mut report = VoiceReport {
        voice: voice.name.clone(),
        language: voice.language.clone(),
        judged: is_kokoro(&voice.name),
        pace: None,
        heard: None,
        first: None,
        lips: None,
    };
    if options.speaks() {
        speak_all(engines, subject, options, &mut report).await?;
    }
    if options.wants(Part::First) {
        report.first = Some(first::measure(tts, voice, sentences).await?);
    }
    Ok(report)
}

/// Speaks every sentence once, and takes from it all that is wanted.
async fn speak_all(
    engines: &Engines,
    subject: &Subject,
    options: &Options,
    report: &mut VoiceReport,
) -> anyhow::Result<()> {
    let Subject { voice, sentences } = subject;
    let (mut first_ms, mut factors) = (Vec::new(), Vec::new());
    for (number, sentence) in (1..).zip(sentences) {
        let spoken = speech::speak(engines.tts.as_ref(), voice, sentence).await?;
        first_ms.push(spoken.first.as_secs_f64() * 1_000.0);
        factors.push(spoken.whole.as_secs_f64() / spoken.seconds());
        if let Some(stt) = &engines.stt {
            let heard = speech::recognise(stt.as_ref(), &spoken.for_recognition(), &voice.language).await?;
            report.heard.get_or_insert_default().add(sentence, &heard, &voice.language);
        }
        if options.wants(Part::Lips) {
            report.lips.get_or_insert_default().add(&spoken)?;
        }
        if let Some(folder) = &options.keep {
            keep::sentence(&folder.join(keep::file_name(&voice.name)), number, &spoken)?;
        }
    }
    report.pace = match (summarise(first_ms), summarise(factors)) {
        (Some(first_ms), Some(real_time_factor)) => Some(Pace { first_ms, real_time_factor }),
        _ => None,
    };
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(voice: &str, language: &str, word_error_rate: f64) -> VoiceReport {
        VoiceReport {
            voice: voice.into(),
            language: language.into(),
            judged: is_kokoro(voice),
            pace: None,
            heard: Some(Heard { word_error_rate, ..Heard::default() }),
            first: None,
            lips: None,
        }
    }

    #[test]
    fn a_target_is_missed_only_by_a_voice_of_kokoro_in_a_language_that_has_one() {
        for (voice, language, rate, understood, passed) in [
            ("ef_dora", "es", 0.10, Some(true), true),
            ("ef_dora", "es", 0.11, Some(false), false),
            ("hf_alpha", "hi", 0.9, None, true),
            ("en_US-joe-medium", "en", 0.9, None, true),
        ] {
            let report = heard(voice, language, rate);
            assert_eq!((report.understood(), report.passed()), (understood, passed), "{voice} {rate}");
        }
    }
}
