//! What is configured of speech for programs, and the files that it names.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use visavis_speech::{Disk, Lexicon};

use crate::config::{Config, SpeechApi, TtsEngine};

/// What is configured.
#[derive(Debug, Clone, Default)]
pub(super) struct Settings {
    pub(super) own: SpeechApi,
    /// What is configured of how voices sound.
    pub(super) sound: u64,
    /// The folder of cloned voices.
    pub(super) clones: PathBuf,
}

impl Settings {
    pub(super) fn of(config: &Config) -> Self {
        Self { own: config.speech_api.clone(), sound: sound(config), clones: config.clones_dir() }
    }

    /// How long anything is kept.
    pub(super) fn ttl(&self) -> Duration {
        Duration::from_secs(3600 * u64::from(self.own.ttl_hours))
    }
}

/// A hash of what is configured of engines and routes: with other settings the same voice may sound otherwise.
fn sound(config: &Config) -> u64 {
    let tts = TtsEngine { threads: 0, queue: 0, cache_mb: 0, ..config.tts.clone() };
    let mut hasher = DefaultHasher::new();
    serde_json::to_string(&(tts, &config.backends, &config.routes)).unwrap_or_default().hash(&mut hasher);
    hasher.finish()
}

/// The configured respellings.
///
/// # Errors
/// If the file cannot be used.
pub(super) fn lexicon(own: &SpeechApi) -> anyhow::Result<Lexicon> {
    if own.lexicon.as_os_str().is_empty() {
        return Ok(Lexicon::default());
    }
    let named = || format!("the lexicon {} cannot be used (speech_api.lexicon)", own.lexicon.display());
    let text = std::fs::read_to_string(&own.lexicon).with_context(named)?;
    Lexicon::parse(&text).with_context(named)
}

/// The folder of speech; `None` if it is switched off or cannot be read.
pub(super) fn disk(config: &Config, ttl: Duration) -> Option<Disk> {
    let bytes = u64::from(config.speech_api.disk_mb) << 20;
    if bytes == 0 {
        return None;
    }
    let folder = config.speech_dir();
    Disk::open(&folder, bytes, ttl)
        .inspect_err(|error| {
            let folder = folder.display();
            tracing::warn!(%folder, %error, "no speech is kept on disk: the folder cannot be read (speech_api.dir)");
        })
        .ok()
}
