//! The engines' gRPC interface (`proto/engine.proto`) and the frame that every engine program stands in.
//!
//! - [`v1`]: generated messages, clients and servers
//! - [`state`]: what an engine tells of itself: health, counters, and the bounded queue in front of its model
//! - [`queue`]: what waits for the model: by priority, oldest first, cancellable; [`monitor`]: how threads share and await it
//! - [`pcm`]: audio as bytes
//! - [`fault`]: faults that a caller tells apart by more than their code
//! - [`language`]: what expectation makes of the languages that a model hears
//! - [`host`]: command line, listening socket, shutdown, death with the parent
//! - [`confine`]: what an engine's process may still do

pub mod confine;
pub mod fault;
pub mod host;
pub mod language;
pub mod monitor;
pub mod pcm;
pub mod queue;
pub mod state;

/// The generated messages, clients and servers of `engine.proto`.
#[allow(missing_docs, clippy::all, clippy::pedantic, unreachable_pub)]
pub mod v1 {
    tonic::include_proto!("visavis.engine.v1");
}
