//! What can be wrong with cloned voices. Each message is one sentence that says what to do.

use std::io;
use std::path::{Path, PathBuf};

/// A file that keeps a cloned voice from being used.
#[derive(Debug, thiserror::Error)]
#[error("{}: {fault}", file.display())]
pub struct CloneFault {
    /// The file, or the folder.
    pub file: PathBuf,
    /// What is wrong with it.
    pub fault: Fault,
}

/// What is wrong with a file.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// A description without its clip, which has this file name.
    #[error("its clip {0} is not beside it; remove the voice, and clone it again")]
    NoClip(String),
    /// A clip without its description, which has this file name.
    #[error("its description {0} is not beside it; remove the voice, and clone it again")]
    NoDescription(String),
    /// JSON of something else, or not JSON.
    #[error("it does not describe a cloned voice ({0}); remove the voice, and clone it again")]
    NotDescription(String),
    /// A name that requests cannot contain.
    #[error(
        "{0:?} cannot be a voice's name; remove the file, and clone the voice with `visavis voices clone`"
    )]
    Name(String),
    /// A clip that has been modified.
    #[error("it is not the clip that was checked; remove the voice, and clone it again")]
    Changed,
    /// A file or folder that cannot be read.
    #[error("it cannot be read ({0}); give this user the right to read it, or remove it")]
    Unreadable(io::Error),
}

/// Why a voice is not added or removed.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// A field is wrong.
    #[error("{field}: {why}")]
    Field {
        /// The field.
        field: &'static str,
        /// What is wrong, and what to do.
        why: String,
    },
    /// The name belongs to a voice already.
    #[error("{name} is {of} already; choose another name, or remove that voice first")]
    Taken {
        /// The name.
        name: String,
        /// The kind of voice that has it.
        of: String,
    },
    /// There is no such voice.
    #[error("there is no cloned voice {0}")]
    Missing(String),
    /// There are too many.
    #[error("there are {0} cloned voices, the most that there may be; remove one that is not needed")]
    Many(usize),
    /// The folder cannot be read or written.
    #[error("{}: {cause}; check that this user may write there, and that the disk has room", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The operating system's message.
        cause: io::Error,
    },
}

impl Refused {
    pub(super) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |cause| Self::Io { path, cause }
    }
}
