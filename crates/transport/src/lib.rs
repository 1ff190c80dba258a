//! The transports of a call: the only modules that deal with sockets and with wire formats of media.

#![forbid(unsafe_code)]

pub(crate) use visavis_core::{avatar, event, frame, plain, tool, voice};
pub(crate) use visavis_media::{audio, ports};

mod allowance;
pub mod bucket;
mod ear;
pub mod inbox;
pub mod protocol;
pub mod streams;
pub mod stutter;
pub mod webrtc;
pub mod websocket;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The time since 1970, for messages to clients.
fn unix_time() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
