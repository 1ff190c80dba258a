//! Errors of the store. Each message says what to do, if there is something that people can do. Pure.

use std::path::PathBuf;
use std::time::Duration;

use visavis_core::context::ContextError;

use crate::ids::NodeId;

/// Why something is not stored, read or granted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The store does not answer, or cannot do it now.
    #[error("{0}")]
    Unreachable(String),
    /// It is configured wrongly.
    #[error("{0}")]
    Settings(String),
    /// The embedded store's file cannot be used.
    #[error("{}: {fault}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        fault: FileFault,
    },
    /// Another node has the call.
    #[error("the call belongs to node {by}, whose lease lasts {} ms more", left.as_millis())]
    Held {
        /// Who has it.
        by: NodeId,
        /// How long its lease lasts, unless it is renewed.
        left: Duration,
    },
    /// This node's lease is not the newest.
    #[error("this node no longer has the call: another node has taken it over, or its data was deleted")]
    Stale,
    /// The store holds a value that this program must not use.
    #[error(transparent)]
    Value(#[from] ValueFault),
    /// The context cannot be written or read.
    #[error(transparent)]
    Context(#[from] ContextError),
}

/// What is wrong with the embedded store's file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FileFault {
    /// It or its folder may not be written.
    #[error(
        "cannot be written ({0}); give the server's user the right to, or name another folder in store.path"
    )]
    ReadOnly(String),
    /// Its contents are damaged.
    #[error("is damaged ({0}); move it away: the server begins a new one, without the calls in it")]
    Corrupt(String),
    /// It belongs to another program.
    #[error("is not a store of this program; move it away, or name another folder in store.path")]
    Foreign,
    /// A newer version wrote it. It is left as it is.
    #[error(
        "was written by a newer version (schema {found}, this program reads {reads}); use that version again, \
         or name another folder in store.path"
    )]
    Newer {
        /// Its schema.
        found: u64,
        /// The newest schema that is read.
        reads: u64,
    },
    /// Another server uses it.
    #[error(
        "is used by another server; name a folder for each in store.path, or let them share a Redis (store.url)"
    )]
    InUse,
    /// Reading or writing failed.
    #[error("cannot be read or written ({0}); check the disk and its free space")]
    Io(String),
}

/// What is wrong with a stored value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ValueFault {
    /// Another program wrote it. It is left as it is.
    #[error(
        "the stored value is another program's, and is left as it is; name a database of its own in store.url"
    )]
    Foreign,
    /// A newer version wrote it. It is left as it is.
    #[error(
        "the stored value was written by a newer version (form {found}, this program reads {reads}), and is left as it is"
    )]
    Newer {
        /// Its form.
        found: u32,
        /// The newest form that is read.
        reads: u32,
    },
    /// It is not what was written.
    #[error("the stored value is damaged: {0}")]
    Corrupt(&'static str),
    /// It is encrypted, and there is no key.
    #[error("the stored value is encrypted with key {found}; set that key in store.key")]
    NoKey {
        /// The id of its key.
        found: String,
    },
    /// It is encrypted with another key.
    #[error("the stored value is encrypted with key {found}, and store.key is key {own}")]
    OtherKey {
        /// The id of its key.
        found: String,
        /// The id of the configured key.
        own: String,
    },
    /// It is not encrypted, and should be.
    #[error("the stored value is not encrypted, as it would be since store.key is set; it is not trusted")]
    NotEncrypted,
}

/// When a failed request may be tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// Soon: it may pass by itself.
    Soon,
    /// Later: somebody has to do something first.
    Later,
    /// Never: the answer stays the same.
    Never,
}

impl StoreError {
    /// When to try again.
    #[must_use]
    pub fn retry(&self) -> Retry {
        match self {
            Self::Unreachable(_) | Self::File { fault: FileFault::InUse | FileFault::Io(_), .. } => {
                Retry::Soon
            }
            Self::File { .. } => Retry::Later,
            Self::Settings(_) | Self::Held { .. } | Self::Stale | Self::Value(_) | Self::Context(_) => {
                Retry::Never
            }
        }
    }
}
