//! The pure logic of a call and its face: no clock, no I/O, no async; time is passed in.
//!
//! - [`frame`], [`event`]: the types that stages exchange
//! - [`tool`]: functions that the model may call
//! - [`usage`]: what responses take of a language model
//! - [`route`]: which engine serves a request, and why
//! - [`plain`]: text without control characters
//! - [`voice`]: names of voices, and which of them exist
//! - [`conversation`]: makes a call's decisions; [`turn_prediction`], [`interjection`], [`slow`]: rules it applies
//! - [`context`]: the part of a call that outlives its process
//! - [`invariants`]: what must hold in every call
//! - [`recording`]: the format of recorded calls, and their replay
//! - [`avatar`]: the face that goes with the voice
//! - [`mel`]: the building blocks of spectra: Hann window, mel filters
#![forbid(unsafe_code)]

pub mod avatar;
pub mod context;
pub mod conversation;
pub mod event;
pub mod frame;
pub mod interjection;
pub mod invariants;
pub mod mel;
pub mod plain;
pub mod recording;
pub mod route;
pub mod slow;
pub mod tool;
pub mod turn_prediction;
pub mod usage;
pub mod voice;
