//! What a clip must be, and what makes a good one.

use std::ops::RangeInclusive;

/// Largest file in bytes: 20 s of stereo at 48 kHz with 32 bits fit.
pub const LARGEST: usize = 8 << 20;
/// Sample rates in Hz: below them the sounds that tell voices apart are missing.
pub(super) const RATES: RangeInclusive<u32> = 16_000..=192_000;
/// Lengths in seconds: engines that clone want some 10 s, and take no more than 20 to 30.
pub(super) const SECONDS: RangeInclusive<f32> = 6.0..=20.0;
/// Lowest mean level of what sounds: some microphones are this soft. Raised from there to the level of all clips, the noise of 16
/// bits stays 40 dB below the speech.
pub(super) const QUIET: f32 = -55.0;
/// Least share of frames that sound; read speech has 0.7 to 0.9, and slow speech with long pauses half of that.
pub(super) const ACTIVE: f32 = 0.25;
/// Decibels that the background should be below the speech.
pub(super) const SNR: f32 = 20.0;
/// Seconds in which sound should fall by 20 dB: a third of the reverberation time. Close speech takes 0.03 to 0.1 s.
pub(super) const FALL: f32 = 0.2;
/// Largest share of clipped samples.
pub(super) const CLIPPED: f32 = 0.01;
