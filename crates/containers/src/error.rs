//! Why sound cannot be written or read.

use std::fmt::Display;

use visavis_media::audio::wav::RATES;

use crate::format::Format;

/// Why sound cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// Its rate is outside what is supported.
    #[error("sound of {0} Hz cannot be written; use {low} to {high} Hz", low = RATES.start(), high = RATES.end())]
    Rate(u32),
    /// The encoder failed.
    #[error("the encoder of {format} failed: {detail}")]
    Codec {
        /// What was to be written.
        format: Format,
        /// What the encoder says.
        detail: String,
    },
}

impl EncodeError {
    pub(crate) fn codec(format: Format, detail: &impl Display) -> Self {
        Self::Codec { format, detail: detail.to_string() }
    }
}

/// What to send instead.
const SEND: &str = "send wav, mp3, m4a, aac, flac, ogg, opus, webm or mp4";

/// Why a file cannot be read as sound. Each message is about "it", the file, and says what to do.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// It has no bytes.
    #[error("it is empty: no byte of it has arrived; {SEND}")]
    Empty,
    /// It is something else than sound.
    #[error("it is {0}, not a sound; {SEND}")]
    NotSound(&'static str),
    /// It is sound of a kind that is not read.
    #[error("it is {0}, which is not supported; convert it, and {SEND}")]
    Unsupported(&'static str),
    /// It is of no known kind.
    #[error("it is no sound file of a known kind; {SEND}")]
    Unknown,
    /// It is a container without sound.
    #[error("it is {container} without a sound track that can be read; {SEND}")]
    NoTrack {
        /// The container's name.
        container: &'static str,
    },
    /// Its sound is coded in a way that is not read.
    #[error("its sound is coded as {codec} in {container}, which is not supported; convert it, and {SEND}")]
    Codec {
        /// The container's name.
        container: &'static str,
        /// The codec's name.
        codec: String,
    },
    /// Its sample rate is outside what is supported.
    #[error(
        "its sample rate is {0} Hz; convert it to {low} to {high} Hz",
        low = RATES.start(),
        high = RATES.end()
    )]
    Rate(u32),
    /// It is damaged before its first sound.
    #[error("it is a damaged {container} file ({detail}); send it again, or convert it to wav")]
    Damaged {
        /// The container's name.
        container: &'static str,
        /// What is wrong with it.
        detail: String,
    },
    /// The file system failed.
    #[error("it cannot be read from disk: {0}")]
    Io(#[from] std::io::Error),
}
