//! Visavis: self-hosted real-time voice-and-avatar calls.
//!
//! A call is a straight pipeline of small rooms, with one pure decision-maker, and heavy native engines outside the walls:
//!
//! - [`frame`], [`event`]: the vocabulary between rooms
//! - [`tool`]: functions that the model may call
//! - [`plain`]: text without control characters
//! - [`ends`]: the two ends of a call, between its transport and its pipeline
//! - [`audio`]: pure: Opus, resampling, the jitter buffer
//! - [`animation`]: a text or a recording as sound and faces, without a call
//! - [`avatar`]: pure: the face that goes with the voice
//! - [`transport`]: WebRTC and WebSocket
//! - [`pipeline`]: one file per stage
//! - [`engine`]: what the pipeline needs of engines, and our own programs that give it
//! - [`renderers`]: the face for programs that draw it elsewhere
//! - [`session`]: the calls in progress
//! - [`api`]: thin HTTP
//! - [`models`]: the manifest, fetching, checking and converting
//! - [`recording`]: calls recorded and replayed
//! - [`config`]: the only reader of the environment
//! - [`server`], [`logging`], [`telemetry`]: put it all together
//! - [`oneshot`]: one engine for one task on the command line
//! - [`client`], [`harness`], [`bench`]: a call from the client's side, and what tests and measures a server with it
#![forbid(unsafe_code)]

pub mod animation;
pub mod api;
pub mod audio;
pub mod avatar;
pub mod bench;
pub mod client;
pub mod config;
pub mod ends;
pub mod engine;
pub mod event;
pub mod frame;
pub mod harness;
pub mod logging;
pub mod models;
pub mod oneshot;
pub mod pipeline;
pub mod plain;
pub mod recording;
pub mod renderers;
pub mod server;
pub mod session;
pub mod telemetry;
pub mod tool;
pub mod transport;
