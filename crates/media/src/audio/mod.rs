//! Audio processing: samples, resampling, WAV, Opus, Whisper's features, and the order and timing of packets. No I/O, no
//! clock.

pub mod jitter;
mod jitter_delay;
pub mod log_mel;
pub mod opus;
pub mod pcm;
pub mod resample;
pub mod wav;
pub mod wav_header;

#[cfg(test)]
mod fuzz_tests;
