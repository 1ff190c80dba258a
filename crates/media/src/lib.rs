//! What transports and the pipeline share: audio processing, and the ports of a call, which connect them.
#![forbid(unsafe_code)]

pub(crate) use visavis_core::{avatar, event, frame};

pub mod audio;
pub mod ports;
