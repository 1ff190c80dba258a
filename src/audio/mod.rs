//! Sound as numbers: resampling, Opus, and the order and timing of packets. No I/O, no clock.

pub mod jitter;
mod jitter_delay;
pub mod opus;
pub mod resample;
