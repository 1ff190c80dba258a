//! What the attacks send; nothing here sends it.
//!
//! - `frames`: of WebSockets; `http2`: of HTTP/2; `offer`: of WebRTC; `packets`: over UDP
//! - `schemas`: of tools; `texts`: typed, or to be spoken

pub(super) mod frames;
pub(super) mod http2;
pub(super) mod offer;
pub(super) mod packets;
pub(super) mod schemas;
pub(super) mod texts;
