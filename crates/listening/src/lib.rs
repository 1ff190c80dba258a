//! Long recordings: what is said in them and when, as text, as subtitles and against a known text. Any container and length, in
//! bounded memory: sound is held a piece at a time, and only words are kept.
//!
//! - [`listen`](mod@listen): a whole recording, segment by segment; [`align`](mod@align): a known text over one
//! - `sound`: reads a file, piece by piece; `cutter`: where it is cut (pure); `level`: raises a soft one (pure)
//! - `places`: those of all recordings at the recogniser; `turns`: who gets the next one (pure)
//! - `ear`: a piece through recognition; `loops`: whether the recogniser repeats itself, so that less is heard at a time (pure); `guide`:
//!   a piece's words timed by a voice that says the same
//! - [`words`]: a text as words with times (pure); `seam`: joins the words of pieces that overlap (pure); [`segments`]: words as
//!   sentences (pure)
//! - `matching`: which words of a text were heard (pure); `spoken`: words as they are said (pure); `gaps`: times for words that have
//!   none (pure); `place`: all of these for a known text (pure)
//! - [`captions`]: words as subtitles of readable size (pure); [`subtitles`]: SubRip and WebVTT (pure)

#![forbid(unsafe_code)]

pub mod align;
pub mod captions;
mod cutter;
mod ear;
mod gaps;
mod guide;
mod level;
pub mod listen;
mod loops;
mod matching;
mod place;
mod places;
mod seam;
pub mod segments;
mod sound;
mod spoken;
pub mod subtitles;
mod turns;
pub mod words;

pub(crate) use visavis_core::{avatar, frame};
pub(crate) use visavis_engine as engine;

use engine::EngineError;

/// Why a recording has no transcript, or only its beginning.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ListenError {
    /// The file is no sound that can be read; why, and what to do.
    #[error("{0}")]
    Unreadable(String),
    /// An engine failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
}
