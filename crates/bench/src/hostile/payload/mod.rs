//! What the attacks send; nothing in this module sends it.
//!
//! - `frames`: of WebSockets; `http2`: of HTTP/2; `offer`: of WebRTC; `packets`: over UDP
//! - `schemas`: of tools; `texts`: to type or to speak

pub(super) mod frames;
pub(super) mod http2;
pub(super) mod offer;
pub(super) mod packets;
pub(super) mod schemas;
pub(super) mod texts;
