//! Visavis: self-hosted real-time voice-and-avatar calls.
//!
//! A call is a straight pipeline of small rooms, with one pure decision-maker, and heavy native engines outside the walls:
//!
//! - `crates/core`: pure: the vocabulary between rooms, tools, the conversation and its rules, invariants, recordings' format, the face
//! - `crates/config`: typed settings; the only reader of the environment
//! - `crates/text`: pure: from a model's text to what is shown and spoken
//! - `crates/media`: sound as numbers, and the two ends of a call, between its transport and its pipeline
//! - [`animation`]: a text or a recording as sound and faces, without a call
//! - `crates/transport`: WebRTC and WebSocket
//! - [`pipeline`]: one file per stage
//! - [`engine`]: what the pipeline needs of engines, and the backends that give it
//! - [`renderers`]: the face for programs that draw it elsewhere
//! - [`admission`]: how much of what each client may ask for at once, and permits for it
//! - [`session`]: the calls in progress
//! - [`api`]: thin HTTP
//! - [`recording`]: calls recorded and replayed
//! - [`server`], [`logging`], [`telemetry`]: put it all together
//! - [`oneshot`]: one engine for one task on the command line
//!
//! Beside it: `crates/models` (which there are and what is here), `crates/fetch` (getting them), `crates/client` (a call from the
//! client's side) and `crates/bench` (what tests and measures a server with it).
#![forbid(unsafe_code)]

pub use visavis_config as config;
pub(crate) use visavis_core::{avatar, event, frame};
pub use visavis_engine as engine;
pub use visavis_media::{audio, ends};
pub use visavis_pipeline as pipeline;
pub use visavis_pipeline::{animation, recording};
pub use visavis_transport as transport;

pub mod admission;
pub mod api;
pub mod logging;
pub mod oneshot;
pub mod renderers;
pub mod server;
pub mod session;
pub mod telemetry;
