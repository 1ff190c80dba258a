//! The model files that engines read.

use std::path::{Path, PathBuf};

use visavis_models::Manifest;

use crate::config::{Config, LlmApi};

/// The model files of a configuration, resolved.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ModelFiles {
    /// Whisper.
    pub stt: PathBuf,
    /// GGUF.
    pub llm: PathBuf,
    /// Piper voices, and Kokoro.
    pub voices: Vec<PathBuf>,
    /// Silero.
    pub vad: PathBuf,
    /// Smart Turn, if it is used for turn prediction.
    pub turn: Option<PathBuf>,
    /// ONNX Runtime.
    pub runtime: PathBuf,
}

impl ModelFiles {
    /// The files named by the configuration and its profile.
    ///
    /// # Errors
    /// When the profile is unknown or a file is missing; the message contains the command that fetches it.
    pub fn of(config: &Config) -> anyhow::Result<Self> {
        let profile = Manifest::builtin().profile(&config.models.profile)?;
        let directory = &config.models.dir;
        let or = |own: &PathBuf, file: &Path| {
            if own.as_os_str().is_empty() { directory.join(file) } else { own.clone() }
        };
        let voices = if config.tts.voices.is_empty() {
            profile
                .tts
                .iter()
                .filter(|file| file.extension().is_some_and(|kind| kind == "onnx"))
                .map(|file| directory.join(file))
                .collect()
        } else {
            config.tts.voices.clone()
        };
        // At an endpoint the model is a name, not a file.
        let own = if config.llm.api == LlmApi::OpenAi { PathBuf::new() } else { config.llm.model.clone() };
        let files = Self {
            stt: or(&config.stt.model, &profile.stt),
            llm: or(&own, &profile.llm),
            voices,
            vad: directory.join(&profile.vad),
            turn: profile.turn.as_ref().map(|file| directory.join(file)),
            runtime: directory.join(&profile.runtime),
        };
        if !own.as_os_str().is_empty() && config.llm.url.is_empty() {
            anyhow::ensure!(
                own.is_file(),
                "llm.model: {} {}; name a GGUF file",
                own.display(),
                if own.exists() { "is a folder or no ordinary file" } else { "does not exist" }
            );
        }
        let mut needed = vec![&files.vad, &files.runtime];
        needed.extend(&files.turn);
        needed.extend(config.stt.url.is_empty().then_some(&files.stt));
        needed.extend(config.llm.url.is_empty().then_some(&files.llm));
        if config.tts.url.is_empty() {
            needed.extend(&files.voices);
        }
        let missing: Vec<String> = needed
            .into_iter()
            .filter(|path| !path.is_file())
            .map(|path| path.display().to_string())
            .collect();
        anyhow::ensure!(
            missing.is_empty(),
            "missing: {}. Fetch the models with `visavis models fetch --profile {}`",
            missing.join(", "),
            config.models.profile
        );
        Ok(files)
    }

    /// Every file that is read, including those beside each voice.
    #[must_use]
    pub fn all(&self) -> Vec<PathBuf> {
        let mut all = vec![self.stt.clone(), self.llm.clone(), self.vad.clone(), self.runtime.clone()];
        all.extend(self.turn.clone());
        for voice in &self.voices {
            all.push(voice.clone());
            all.extend(beside(voice));
        }
        all
    }
}

/// What lies beside a voice and may belong to it: the description of a Piper voice, or the style files of Kokoro.
fn beside(voice: &Path) -> Vec<PathBuf> {
    let description = voice.with_added_extension("json");
    if description.is_file() {
        return vec![description];
    }
    let Some(Ok(entries)) = voice.parent().map(std::fs::read_dir) else { return Vec::new() };
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    paths.filter(|path| path.extension().is_some_and(|kind| kind == "bin")).collect()
}
