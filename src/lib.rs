//! Visavis: self-hosted real-time voice-and-avatar calls.
//!
//! A call is a straight pipeline of small rooms, with one pure decision-maker, and heavy native engines outside the walls:
//!
//! - `crates/core`: pure: the vocabulary between rooms, tools, the conversation and its rules, invariants, recordings' format, the face
//! - `crates/text`: pure: from a model's text to what is shown and spoken
//! - [`ends`]: the two ends of a call, between its transport and its pipeline
//! - [`audio`]: pure: Opus, resampling, the jitter buffer
//! - [`animation`]: a text or a recording as sound and faces, without a call
//! - [`transport`]: WebRTC and WebSocket
//! - [`pipeline`]: one file per stage
//! - [`engine`]: what the pipeline needs of engines, and our own programs that give it
//! - [`renderers`]: the face for programs that draw it elsewhere
//! - [`session`]: the calls in progress
//! - [`api`]: thin HTTP
//! - [`recording`]: calls recorded and replayed
//! - [`config`]: the only reader of the environment
//! - [`server`], [`logging`], [`telemetry`]: put it all together
//! - [`oneshot`]: one engine for one task on the command line
//! - [`settings`]: what every program that has the server's configuration is told on its command line
//!
//! Beside it: `crates/models` (which there are and what is here), `crates/fetch` (getting them), `crates/client` (a call from the
//! client's side) and `crates/bench` (what tests and measures a server with it).
#![forbid(unsafe_code)]

pub(crate) use visavis_core::{avatar, event, frame, plain, tool};

pub mod animation;
pub mod api;
pub mod audio;
pub mod config;
pub mod ends;
pub mod engine;
pub mod logging;
pub mod oneshot;
pub mod pipeline;
pub mod recording;
pub mod renderers;
pub mod server;
pub mod session;
pub mod settings;
pub mod telemetry;
pub mod transport;
