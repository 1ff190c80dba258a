//! Speech as a file of some format, made while it is spoken. Encoding takes its time off the threads that serve calls.

use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use sha2::{Digest, Sha256};
use visavis_containers::{Encoder, Format};
use visavis_core::frame::OUT_RATE;
use visavis_engine::EngineError;

use crate::times::Times;

/// Bytes of a file's hash that are its tag.
const TAG: usize = 16;

/// Where speech comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Origin {
    /// A file in memory.
    Memory,
    /// The tier beneath: the disk.
    Disk,
    /// Another request, which is being served now.
    Shared,
    /// The engine.
    Engine,
}

impl Origin {
    /// Its name, in headers and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Disk => "disk",
            Self::Shared => "shared",
            Self::Engine => "engine",
        }
    }

    /// Whether it was made before.
    #[must_use]
    pub fn is_hit(self) -> bool {
        matches!(self, Self::Memory | Self::Disk)
    }
}

/// A piece of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coded {
    /// What can be sent.
    pub bytes: Bytes,
    /// What is said in the samples that it was made of.
    pub times: Times,
    /// How many they were.
    pub samples: u64,
    /// Where they come from.
    pub origin: Origin,
    /// With the last piece: the whole file.
    pub whole: Option<Arc<Whole>>,
}

impl Coded {
    /// About how much memory it takes, but for the whole file, which memory keeps.
    pub(crate) fn weight(&self) -> u64 {
        (self.bytes.len() + self.times.bytes()) as u64
    }
}

/// A complete file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whole {
    /// The file.
    pub bytes: Bytes,
    /// What is said in it.
    pub times: Times,
    /// Samples of [`OUT_RATE`].
    pub samples: u64,
    /// Its entity tag, with quotes: other bytes have another one.
    pub tag: String,
    /// When it was spoken.
    pub made: SystemTime,
}

impl Whole {
    /// About how much memory it takes.
    #[must_use]
    pub fn weight(&self) -> u64 {
        (self.bytes.len() + self.times.bytes() + 256) as u64
    }
}

/// Writes a file. It moves to another thread for each piece.
pub(crate) struct Coder(Box<Work>);

struct Work {
    encoder: Encoder,
    file: Vec<u8>,
}

/// The result of completing a file.
pub(crate) struct Last {
    /// The last bytes.
    pub(crate) rest: Bytes,
    /// The whole file. Other than what was sent, its header tells its length, where the format has a place for it.
    pub(crate) file: Bytes,
    /// The file's tag.
    pub(crate) tag: String,
}

impl Coder {
    /// # Errors
    /// If the format cannot be written.
    pub(crate) fn new(format: Format) -> Result<Self, EngineError> {
        let encoder = Encoder::new(format, OUT_RATE).map_err(|error| failed(&error))?;
        Ok(Self(Box::new(Work { encoder, file: Vec::new() })))
    }

    /// Takes samples; returns what can be sent now.
    ///
    /// # Errors
    /// If they cannot be encoded.
    pub(crate) async fn push(self, samples: Vec<i16>) -> Result<(Self, Bytes), EngineError> {
        let Self(mut work) = self;
        let pushed = tokio::task::spawn_blocking(move || {
            let bytes = work.encoder.push(&samples).map_err(|error| failed(&error))?;
            work.file.extend_from_slice(&bytes);
            Ok((Self(work), Bytes::from(bytes)))
        });
        pushed.await.unwrap_or_else(|_| Err(broken()))
    }

    /// No more samples come.
    ///
    /// # Errors
    /// If the file cannot be completed.
    pub(crate) async fn finish(self) -> Result<Last, EngineError> {
        let Self(work) = self;
        let finished = tokio::task::spawn_blocking(move || {
            let Work { encoder, mut file } = *work;
            let rest = encoder.complete(&mut file).map_err(|error| failed(&error))?;
            let digest = Sha256::digest(&file);
            let tag: String = digest.iter().take(TAG).map(|byte| format!("{byte:02x}")).collect();
            Ok(Last { rest: rest.into(), file: file.into(), tag: format!("\"{tag}\"") })
        });
        finished.await.unwrap_or_else(|_| Err(broken()))
    }
}

fn failed(error: &dyn std::fmt::Display) -> EngineError {
    EngineError::Failed(format!("the sound could not be encoded: {error}"))
}

fn broken() -> EngineError {
    EngineError::Failed("the encoder broke down".into())
}
