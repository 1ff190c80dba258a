//! What can go wrong while fetching. Each error is one sentence, with advice on what to do.

use std::io;
use std::path::{Path, PathBuf};

use crate::human;

/// Why a model could not be fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// Too little space, detected before the download.
    #[error("{} has {} free, but {} are needed", dir.display(), human(*free), human(*need))]
    NoSpace {
        /// The models directory.
        dir: PathBuf,
        /// Free bytes.
        free: u64,
        /// Needed bytes.
        need: u64,
    },
    /// The disk became full while writing.
    #[error("the disk is full: {} cannot be written", path.display())]
    DiskFull {
        /// What was being written.
        path: PathBuf,
    },
    /// A package client is not installed.
    #[error("{tool} is not installed")]
    MissingTool {
        /// `pip` or `npm`.
        tool: &'static str,
        /// How to get it.
        install: &'static str,
    },
    /// A server cannot be reached, or broke the connection too often.
    #[error("{what} cannot be reached ({detail})")]
    Network {
        /// The package or address.
        what: String,
        /// The client's own message.
        detail: String,
    },
    /// The server refuses the request or does not have the file.
    #[error("{what} was refused ({detail})")]
    Refused {
        /// The package or address.
        what: String,
        /// The client's own message.
        detail: String,
    },
    /// A package lacks the file that the manifest names.
    #[error("{package} does not contain {member}")]
    NoMember {
        /// The package's file name.
        package: String,
        /// The path looked for.
        member: String,
    },
    /// A download is truncated or otherwise invalid.
    #[error("{what} is damaged ({detail})")]
    Damaged {
        /// The package or file.
        what: String,
        /// What is wrong.
        detail: String,
    },
    /// A file's checksum is not the manifest's.
    #[error("{what} has the wrong checksum ({actual}, expected {expected})")]
    Checksum {
        /// The file.
        what: String,
        /// Its checksum.
        actual: String,
        /// The manifest's.
        expected: String,
    },
    /// No source is for this platform.
    #[error("no source provides it for this platform ({os}-{arch})", os = std::env::consts::OS, arch = std::env::consts::ARCH)]
    NoSource,
    /// Several sources failed, each for its own reason.
    #[error("{}", reasons.iter().map(|(s, e)| format!("{s}: {e}")).collect::<Vec<_>>().join("; "))]
    EverySource {
        /// Source and failure, in the order tried.
        reasons: Vec<(&'static str, FetchError)>,
    },
    /// A file or directory cannot be used.
    #[error("{} cannot be used ({source})", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
}

impl FetchError {
    /// Classifies a failure to write `path`.
    pub fn writing(path: &Path, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Self::DiskFull { path: path.to_owned() }
            }
            _ => Self::Io { path: path.to_owned(), source },
        }
    }

    /// What the user can do about it.
    pub fn advice(&self) -> &'static str {
        match self {
            Self::NoSpace { .. } | Self::DiskFull { .. } => {
                "free some space or choose another models directory"
            }
            Self::MissingTool { install, .. } => install,
            Self::Network { .. } => {
                "check the network connection and run the command again; finished downloads are kept"
            }
            Self::Refused { .. } => "run the command again later, and report it if the problem persists",
            Self::NoMember { .. } | Self::NoSource => "please report it: the manifest is out of date",
            Self::Damaged { .. } | Self::Checksum { .. } => {
                "it was deleted; run the command again, or use --prefer hub or --prefer packages"
            }
            Self::EverySource { reasons } => {
                reasons.first().map_or("run the command again", |(_, e)| e.advice())
            }
            Self::Io { .. } => "check that the models directory exists and can be written",
        }
    }

    /// Whether the problem is local, so that another source cannot help.
    pub fn is_local(&self) -> bool {
        matches!(self, Self::NoSpace { .. } | Self::DiskFull { .. } | Self::Io { .. })
    }

    /// Whether the downloads must not be used again.
    pub fn taints_downloads(&self) -> bool {
        matches!(self, Self::NoMember { .. } | Self::Damaged { .. } | Self::Checksum { .. })
    }
}
