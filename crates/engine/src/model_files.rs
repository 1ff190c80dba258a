//! The model files that engines read.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context;
use visavis_models::{Manifest, voices};

use crate::config::{Config, SttApi};
use crate::route::EngineKind;

/// The model files of a configuration, resolved.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ModelFiles {
    /// Whisper.
    pub stt: PathBuf,
    /// GGUF.
    pub llm: PathBuf,
    /// Piper voices, and Kokoro.
    pub voices: Vec<PathBuf>,
    /// Piper voices of the voices folder. The engine leaves out those that it cannot use.
    pub more_voices: Vec<PathBuf>,
    /// Silero.
    pub vad: PathBuf,
    /// Smart Turn, if it is used for turn prediction.
    pub turn: Option<PathBuf>,
    /// ONNX Runtime.
    pub runtime: PathBuf,
    /// Model files of the backends that routes name.
    pub backends: BTreeMap<String, ModelFiles>,
}

impl ModelFiles {
    /// The files named by the configuration and its profile.
    ///
    /// # Errors
    /// When the profile is unknown or a file is missing; the message contains the command that fetches it.
    pub fn of(config: &Config) -> anyhow::Result<Self> {
        let mut files = Self::of_engines(config, |kind| config.uses_main(kind))?;
        for (name, kind) in config.used_backends() {
            let own = Self::of_engines(&config.with_backend(&name), |other| other == kind)
                .with_context(|| format!("backends.{name}"))?;
            files.backends.insert(name, own);
        }
        Ok(files)
    }

    /// The files of `[stt]`, `[llm]` and `[tts]`; those of the kinds in use must exist.
    fn of_engines(config: &Config, used: impl Fn(EngineKind) -> bool) -> anyhow::Result<Self> {
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
        let own = config.llm.own_file().to_owned();
        // At an endpoint the model is a name, not a file.
        let stt = if config.stt.api == SttApi::OpenAi { PathBuf::new() } else { config.stt.model.clone() };
        let mut files = Self {
            stt: or(&stt, &profile.stt),
            llm: or(&own, &profile.llm),
            voices,
            more_voices: Vec::new(),
            vad: directory.join(&profile.vad),
            turn: profile.turn.as_ref().map(|file| directory.join(file)),
            runtime: directory.join(&profile.runtime),
            backends: BTreeMap::new(),
        };
        if used(EngineKind::Llm) && !own.as_os_str().is_empty() && config.llm.starts_own() {
            check_own_llm(&own)?;
        }
        files.check(config, &used)?;
        if used(EngineKind::Tts) && config.tts.starts_own() {
            files.more_voices = more_voices(&config.voices_dir(), &files.voices);
        }
        Ok(files)
    }

    /// Checks that the files of the engines on this machine exist, as far as they are used.
    fn check(&self, config: &Config, used: &impl Fn(EngineKind) -> bool) -> anyhow::Result<()> {
        let mut needed = vec![&self.vad, &self.runtime];
        needed.extend(&self.turn);
        needed.extend((used(EngineKind::Stt) && config.stt.starts_own()).then_some(&self.stt));
        needed.extend((used(EngineKind::Llm) && config.llm.starts_own()).then_some(&self.llm));
        if used(EngineKind::Tts) && config.tts.starts_own() {
            needed.extend(&self.voices);
        }
        let missing = needed.into_iter().filter(|path| !path.is_file());
        let missing: Vec<String> = missing.map(|path| path.display().to_string()).collect();
        anyhow::ensure!(
            missing.is_empty(),
            "missing: {}. Fetch the models with `visavis models fetch --profile {}`",
            missing.join(", "),
            config.models.profile
        );
        Ok(())
    }

    /// Every file that is read, including those beside each voice.
    #[must_use]
    pub fn all(&self) -> Vec<PathBuf> {
        let mut all = vec![self.stt.clone(), self.llm.clone(), self.vad.clone(), self.runtime.clone()];
        all.extend(self.turn.clone());
        for voice in self.voices.iter().chain(&self.more_voices) {
            all.push(voice.clone());
            all.extend(voices::beside(voice));
        }
        for own in self.backends.values() {
            all.extend(own.all());
        }
        all
    }
}

/// Checks the file that `llm.model` names.
fn check_own_llm(model: &Path) -> anyhow::Result<()> {
    let why = match std::fs::metadata(model) {
        Ok(found) if found.is_file() => return Ok(()),
        Ok(found) if found.is_dir() => "is a folder",
        Ok(_) => "is not a regular file",
        Err(_) => "does not exist",
    };
    anyhow::bail!("llm.model: {} {why}; name a GGUF file", model.display())
}

/// The voices of a folder whose names are not in `voices`. Unusable files are logged and left out.
fn more_voices(folder: &Path, voices: &[PathBuf]) -> Vec<PathBuf> {
    let found = voices::scan(folder, &voices::names(voices));
    for fault in &found.faults {
        tracing::warn!("a voice is left out: {fault}");
    }
    found.voices.into_iter().map(|voice| voice.file).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// A network without weights: its graph has the inputs of a voice, followed by operators.
    const NETWORK: &[u8] = b"\x08\x08:$Z\x07\n\x05inputZ\x0f\n\rinput_lengthsZ\x08\n\x06scalesB\x02\x10\x0f";
    const DESCRIPTION: &str = r#"{"audio": {"sample_rate": 22050}, "espeak": {"voice": "nl"},
        "inference": {"noise_scale": 0.667, "length_scale": 1, "noise_w": 0.8},
        "phoneme_id_map": {"^": [1], "_": [0], "$": [2]}}"#;

    fn put(folder: &Path, name: &str) {
        fs::create_dir_all(folder).unwrap();
        fs::write(folder.join(format!("{name}.onnx")), NETWORK).unwrap();
        fs::write(folder.join(format!("{name}.onnx.json")), DESCRIPTION).unwrap();
    }

    #[test]
    fn the_model_that_the_configuration_names_is_an_ordinary_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("own.gguf");
        let refused = |path: &Path| check_own_llm(path).unwrap_err().to_string();
        assert!(refused(&file).contains("own.gguf does not exist; name a GGUF file"));
        assert!(refused(folder.path()).contains("is a folder"));
        fs::write(&file, "GGUF").unwrap();
        assert!(check_own_llm(&file).is_ok());
    }

    #[test]
    fn voices_of_the_folder_follow_the_others_and_a_broken_one_is_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let (own, more) = (folder.path(), folder.path().join("voices"));
        put(own, "joe");
        for name in ["mls", "joe", "broken"] {
            put(&more, name);
        }
        fs::write(more.join("broken.onnx"), &NETWORK[..20]).unwrap();
        let files = ModelFiles {
            voices: vec![own.join("joe.onnx")],
            more_voices: more_voices(&more, &[own.join("joe.onnx")]),
            ..ModelFiles::default()
        };
        assert_eq!(files.more_voices, [more.join("mls.onnx")]);
        for file in [more.join("mls.onnx"), more.join("mls.onnx.json"), own.join("joe.onnx.json")] {
            assert!(files.all().contains(&file), "{}", file.display());
        }
    }
}
