//! The APIs of voices, and which settings each of them has.

use serde::{Deserialize, Serialize};

use super::TtsCloning;

/// How the voice is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TtsApi {
    /// As our own engine program: a child of the server, or at `tts.url`.
    #[default]
    Engine,
    /// As an OpenAI-compatible `/audio/speech`.
    OpenAi,
    /// As one of the two servers of Coqui XTTS.
    Xtts,
    /// As `python -m piper.http_server`.
    Piper,
    /// As Cloudflare Workers AI.
    Cloudflare,
    /// As a RunPod serverless endpoint.
    RunPod,
}

/// What the settings of an API are like, for the checks.
#[derive(Debug, Clone, Copy)]
pub(super) struct ApiSettings {
    /// An address, as advice.
    pub(super) url: &'static str,
    /// A model's name, as advice where one must be set; empty: the model may be left out.
    pub(super) model: &'static str,
    /// It has `tts.speed`.
    pub(super) speed: bool,
    /// It sends samples without a header as well, by `tts.format`.
    pub(super) pcm: bool,
    /// Its fields have names to be set, by `tts.fields`.
    pub(super) fields: bool,
    /// What `tts.cloning` may be, besides `none`.
    pub(super) cloning: &'static [TtsCloning],
}

/// An API with every setting that most have.
const USUAL: ApiSettings = ApiSettings {
    url: "http://localhost:8880/v1",
    model: "",
    speed: true,
    pcm: true,
    fields: false,
    cloning: &[],
};

impl TtsApi {
    /// The names of all APIs but our own engine's, for advice.
    pub(super) const SERVERS: &'static str = "\"openai\", \"xtts\", \"piper\", \"cloudflare\" or \"runpod\"";

    /// Its name in the configuration.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Engine => "engine",
            Self::OpenAi => "openai",
            Self::Xtts => "xtts",
            Self::Piper => "piper",
            Self::Cloudflare => "cloudflare",
            Self::RunPod => "runpod",
        }
    }

    /// Which settings it has.
    pub(super) fn settings(self) -> ApiSettings {
        match self {
            Self::Engine => USUAL,
            Self::OpenAi => ApiSettings {
                fields: true,
                cloning: &[TtsCloning::Upload, TtsCloning::Library, TtsCloning::Inline],
                ..USUAL
            },
            Self::Xtts => ApiSettings { url: "http://localhost:8020", speed: false, pcm: false, ..USUAL },
            Self::Piper => ApiSettings { url: "http://localhost:5000", pcm: false, ..USUAL },
            Self::Cloudflare => ApiSettings {
                url: "https://api.cloudflare.com/client/v4/accounts/ACCOUNT",
                model: "@cf/deepgram/aura-1",
                speed: false,
                ..USUAL
            },
            Self::RunPod => ApiSettings {
                url: "https://api.runpod.ai/v2/ENDPOINT",
                fields: true,
                cloning: &[TtsCloning::Inline],
                ..USUAL
            },
        }
    }
}
