//! The engines' gRPC interface (`proto/engine.proto`) and what all engine programs share.
//!
//! - [`v1`]: generated messages, clients and servers
//! - [`state`]: an engine's health and counters, and the bound of the queue in front of its model
//! - [`queue`]: what waits for the model: by priority, oldest first, cancellable; [`monitor`]: lets threads share and await it
//! - [`pcm`]: audio as bytes
//! - [`fault`]: errors that a caller distinguishes by more than their status code
//! - [`language`]: combines the languages that a model heard with those expected
//! - [`host`]: command line, listening socket, shutdown, exiting with the parent
//! - [`aside`]: a thread that leaves the processor to others
//! - [`confine`]: restricts what an engine's process may do

pub mod aside;
pub mod confine;
pub mod fault;
pub mod host;
pub mod language;
pub mod monitor;
pub mod pcm;
pub mod queue;
pub mod state;

/// The backend that the calling crate was built with, by its features `cuda`, `rocm` and `vulkan`: one of these words, or "cpu".
#[macro_export]
macro_rules! backend {
    () => {
        if cfg!(feature = "cuda") {
            "cuda"
        } else if cfg!(feature = "rocm") {
            "rocm"
        } else if cfg!(feature = "vulkan") {
            "vulkan"
        } else {
            "cpu"
        }
    };
}

/// The generated messages, clients and servers of `engine.proto`.
#[allow(missing_docs, clippy::all, clippy::pedantic, unreachable_pub)]
pub mod v1 {
    tonic::include_proto!("visavis.engine.v1");
}
