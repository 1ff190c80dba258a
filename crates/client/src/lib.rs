//! The client's side of a call: drives one over WebRTC or WebSocket, and measures what a person would hear.
//!
//! - [`Server`]: the address, and its HTTP side
//! - [`Call`]: speaks, types and hears; every event has its time of arrival. [`SetupStage`]: how it began
//! - [`Pass`]: how it comes back when its connection was lost; [`Recalled`]: what it then goes on from
//! - [`Surroundings`]: what its microphone hears besides the person
//! - [`Clip`]: recorded speech as a microphone delivers it
//! - [`hearing`]: what was audible when, from samples and arrival times
//! - [`turn`]: one question and its response, measured; [`barge_in`]: a response that is interrupted
#![forbid(unsafe_code)]

pub mod barge_in;
mod call;
mod clip;
mod comeback;
mod detour;
mod error;
pub mod hearing;
mod link;
mod message;
mod microphone;
mod rtc;
mod server;
mod setup;
mod surroundings;
pub mod turn;
mod turn_log;
mod websocket;
pub mod wire;

pub use call::{Call, CallOptions, CallStats, Mode};
pub use clip::Clip;
pub use comeback::{Pass, Recalled, Said};
pub use error::ClientError;
pub use link::{Arrived, Event, Packet};
pub use message::{ClientMessage, ServerMessage, parse};
pub use rtc::Offering;
pub use server::{Answer, Server};
pub use setup::{SetupStage, SetupTimes};
pub use surroundings::{EchoPath, Surroundings};
pub use turn_log::signed_ms;
