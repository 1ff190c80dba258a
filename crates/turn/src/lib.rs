//! A TURN server (RFC 8656) for calls whose clients cannot reach the UDP port: a relay over UDP, TCP and TLS.
//!
//! - [`credentials`]: time-limited user names and passwords of a secret that is shared with coturn (pure)
//! - [`peers`]: to whom packets may be relayed (pure)
//! - [`settings`]: what a server is told; [`urls`]: what clients are told of it (both pure); [`addresses`]: this host's
//! - `protocol`: what becomes of each message: a state machine without I/O, around the messages of `rtc-stun` and `rtc-turn` (pure)
//! - `subscriber`: which addresses belong to one subscriber (pure)
//! - [`service`]: the sockets, and [`Turn`], which also takes streams that another listener has accepted
#![forbid(unsafe_code)]

pub mod addresses;
pub mod credentials;
pub mod peers;
mod protocol;
pub mod service;
pub mod settings;
mod subscriber;
pub mod urls;

pub use credentials::{Credential, SharedSecret};
pub use peers::{OwnMedia, PeerPolicy, PeerRange, PeerRules};
pub use service::Turn;
pub use settings::{Limits, RelayAddress, Relays, Settings, TlsPort};
pub use urls::Ports;
