//! What transports and the pipeline share: audio processing, and the ports of a call, which connect them. [`clip`] checks
//! recordings that voices are cloned from.
#![forbid(unsafe_code)]

pub(crate) use visavis_core::{avatar, event, frame};

pub mod audio;
pub mod clip;
pub mod ports;
