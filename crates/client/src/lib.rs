//! The other end of a call: drives one as a client does, over WebRTC or WebSocket, and measures what a person would hear.
//!
//! - [`Server`]: the address, and its HTTP side
//! - [`Call`]: speak, type, hear; every event with its time of arrival
//! - [`Surroundings`]: what its microphone hears beside the person
//! - [`Clip`]: recorded speech as a microphone gives it
//! - [`hearing`]: from samples and arrival times to what was audible when
//! - [`turn`]: one question and its answer, measured; [`barge_in`]: an answer that is spoken into
#![forbid(unsafe_code)]

pub mod barge_in;
mod call;
mod clip;
mod error;
pub mod hearing;
mod message;
mod microphone;
mod rtc;
mod server;
mod surroundings;
pub mod turn;
mod turn_log;
mod websocket;
pub mod wire;

pub use call::{Arrived, Call, CallOptions, CallStats, Event, Mode};
pub use clip::Clip;
pub use error::ClientError;
pub use message::{ClientMessage, ServerMessage, parse};
pub use rtc::Offering;
pub use server::{Answer, Server};
pub use surroundings::{EchoPath, Surroundings};
pub use turn_log::signed_ms;
