//! Adapters against real peers, each a process of its own: servers of others, and small ones of our own in Python around the engines
//! of others. `./test` installs their packages, but for llama-cpp-python, which takes a quarter of an hour to compile:
//! `scripts/peers.sh` installs that and runs its tests.
//!
//! - `server`: the process; `voice`: an adapter of voices, and what it says
//! - `piper`: Piper's own server; `kokoro`: `kokoro_server.py`, around kokoro-onnx
//! - `whisper`: `whisper_server.py`, around faster-whisper
//! - `llama_cpp`: llama-cpp-python's own server, which `llama_server` starts; `tests/peer_calls.rs` of the server makes whole calls with it
#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic fails the test")]

mod kokoro;
mod llama_cpp;
mod llama_server;
mod piper;
mod server;
mod voice;
mod whisper;
