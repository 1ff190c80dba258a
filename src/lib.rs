//! Visavis: self-hosted real-time voice-and-avatar calls.
//!
//! A call is a straight pipeline of small crates and modules with one pure decision-maker; heavy native engines run outside it:
//!
//! - `crates/core`: pure: shared vocabulary, tools, the conversation and its rules, invariants, the recording format, the face
//! - `crates/config`: typed settings; the only reader of the environment
//! - `crates/text`: pure: turns a model's text into what is shown and spoken
//! - `crates/media`: audio processing, and the ports of a call between its transport and its pipeline
//! - [`animation`]: a text or a recording as audio and faces, without a call
//! - `crates/transport`: WebRTC and WebSocket; `crates/turn`: the TURN relay
//! - [`pipeline`]: one file per stage
//! - [`engine`]: what the pipeline needs of engines, and the backends that provide it
//! - [`renderers`]: sends the face to programs that draw it elsewhere
//! - [`admission`]: limits on what each client may request at once, and permits
//! - [`load`]: measures what calls cost, so that no more are admitted than the server bears
//! - [`session`]: the calls in progress
//! - `crates/listening`: recordings of any length: what is said in them, and when
//! - `crates/store`: what of a call outlives its process, in a file or in Redis
//! - [`relay`]: the relay for clients that cannot reach the UDP port, by `crates/turn`
//! - [`addresses`]: what clients are told of the host's addresses
//! - [`api`]: thin HTTP; [`tls`]: the server's own certificate
//! - [`recording`]: calls recorded and replayed
//! - [`audit`]: who did what to the server
//! - [`server`], [`logging`], [`telemetry`]: put everything together; [`reload`]: what changes while it runs
//! - [`descriptors`]: how many files and sockets each part may have open; [`runtime`]: what runs it all, and its end
//! - [`oneshot`]: one engine for one task on the command line
//!
//! Also: `crates/models` (the manifest and the models directory), `crates/fetch` (fetches models), `crates/client` (the
//! client's side of a call), `crates/containers` (sound files) and `crates/bench` (tests and measures a server with it).
#![forbid(unsafe_code)]

pub use visavis_config as config;
pub(crate) use visavis_core::{avatar, event, frame, voice};
pub use visavis_engine as engine;
pub use visavis_media::{audio, ports};
pub use visavis_pipeline as pipeline;
pub use visavis_pipeline::{animation, recording};
pub use visavis_transport as transport;

pub mod addresses;
pub mod admission;
pub mod api;
pub mod audit;
pub mod descriptors;
pub mod load;
pub mod logging;
pub mod oneshot;
pub mod relay;
pub mod reload;
pub mod renderers;
pub mod runtime;
pub mod server;
pub mod session;
pub mod telemetry;
pub mod tls;
