//! Visavis: self-hosted real-time voice-and-avatar calls.
//!
//! A call is a straight pipeline of small rooms, with one pure decision-maker, and heavy native engines outside the walls:
//!
//! - [`frame`], [`event`]: the vocabulary between rooms
//! - [`audio`]: resampling, Opus, jitter buffer: pure
//! - [`ends`]: the two ends of a call, between its transport and its pipeline
//! - [`transport`]: how a call reaches its client
#![forbid(unsafe_code)]

pub mod audio;
pub mod ends;
pub mod event;
pub mod frame;
pub mod transport;
