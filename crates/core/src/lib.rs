//! What a call is and how it decides, and the face. Pure: no clock, no I/O, no async; time is passed in.
//!
//! - [`frame`], [`event`]: the vocabulary between rooms
//! - [`tool`]: functions that the model may call
//! - [`plain`]: text without control characters
//! - [`conversation`]: the one that decides; [`turn_end`], [`interjection`], [`slow`]: rules that it asks
//! - [`context`]: what of a call outlives its process
//! - [`invariants`]: what must hold in every call, whoever decides
//! - [`recording`]: the format of recorded calls, and their replay
//! - [`avatar`]: the face that goes with the voice
//! - [`mel`]: what spectra are made with: Hann's window, mel filters
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
pub mod slow;
pub mod tool;
pub mod turn_end;
