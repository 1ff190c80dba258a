//! What can be wrong with a voice's files. Each message is one sentence that says what to do.

use std::io;
use std::path::{Path, PathBuf};

/// A file that keeps a voice from being used.
#[derive(Debug, thiserror::Error)]
#[error("{}: {fault}", file.display())]
pub struct VoiceFault {
    /// The file, or the folder.
    pub file: PathBuf,
    /// What is wrong with it.
    pub fault: Fault,
}

/// What is wrong with a file.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// A network without its description, which has this file name.
    #[error("its description {0} is not beside it; put it there, or remove this file")]
    NoDescription(String),
    /// A description without its network, which has this file name.
    #[error("its network {0} is not beside it; put it there, or remove this file")]
    NoModel(String),
    /// A page that shows a file, or an error page.
    #[error("it is a web page; download the file itself, not the page that shows it")]
    WebPage,
    /// JSON of something else, or not JSON.
    #[error("it does not describe a Piper voice ({0}); get the .onnx.json that belongs to the voice")]
    NotPiper(String),
    /// Phonemes that are not espeak-ng's.
    #[error("its phoneme_type is {0:?}; only voices with \"espeak\" phonemes can be spoken, choose another")]
    Phonemes(String),
    /// A network that is truncated.
    #[error("it is cut short, or not an ONNX file; download it again")]
    CutShort,
    /// A complete file, but not of a voice.
    #[error("it is not the network of a Piper voice ({0}); download it again, or choose another")]
    NotVoice(String),
    /// A name that requests cannot contain.
    #[error("{0:?} cannot be a voice's name; rename both files with letters, digits, '.', '_' and '-'")]
    Name(String),
    /// The name of a voice that the profile or the configuration already has.
    #[error("another voice is called {0:?}; rename both files of this one, or remove them")]
    SameName(String),
    /// A file or folder that cannot be read.
    #[error("it cannot be read ({0}); give this user the right to read it, or remove it")]
    Unreadable(io::Error),
}

impl VoiceFault {
    pub(super) fn of(file: &Path, fault: Fault) -> Self {
        Self { file: file.to_owned(), fault }
    }
}
