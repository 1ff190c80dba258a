//! What transports and the pipeline have in common: sound as numbers, and the ends of a call, at which they meet.
#![forbid(unsafe_code)]

pub(crate) use visavis_core::{avatar, event, frame};

pub mod audio;
pub mod ends;
