//! Clips that a voice is cloned from: reads one, and checks that it contains clear speech of one person. Pure.
//!
//! - `file`: the WAV file: its format, rate and length
//! - `level`: its loudness over time: clipping, pauses, background and room
//! - `pitch`: the pitch of its voiced frames
//! - `speech`: whether its sound is speech: voiced, in syllables, without held notes
//! - `speakers`: whether two clearly different voices speak
//! - `limits`: what a clip must be; `fault`: why a clip is refused, and what is told of one that is taken

mod fault;
mod file;
#[cfg(test)]
mod fuzz_tests;
mod level;
mod limits;
mod pitch;
mod speakers;
mod speech;
#[cfg(test)]
mod tests;

use crate::audio::pcm;
use crate::audio::resample::Resampler;
use file::Sound;
use level::Levels;

pub use fault::{Fault, Warning};
pub use limits::LARGEST;

/// Sample rate of the measurements.
const RATE: u32 = 16_000;
/// Mean level of the speech in an accepted clip, in dBFS, unless its peaks would then exceed [`PEAK`].
const LEVEL: f32 = -20.0;
/// Highest peak after normalisation; full scale is 1.
const PEAK: f32 = 0.89;
/// Bytes of a WAV file before its samples.
const HEADER: u32 = 36;

/// A clip that a voice can be cloned from.
#[derive(Debug, Clone, PartialEq)]
pub struct Clip {
    /// Samples per second, as in the file.
    pub rate: u32,
    /// Mono, at the level of all clips.
    pub samples: Vec<i16>,
    /// Warnings.
    pub warnings: Vec<Warning>,
}

/// Reads a WAV file, checks its contents, and normalises its level.
///
/// # Errors
/// When it cannot be used for cloning; the message names the limit and says what to do.
pub fn read(file: &[u8]) -> Result<Clip, Fault> {
    let Sound { rate, samples } = file::read(file)?;
    let mut warnings = Vec::new();
    let heard = heard(&samples, rate);
    let levels = Levels::of(&heard);
    levels.check()?;
    warnings.extend(level::clipping(&samples)?);
    let pitches = pitch::pitches(&heard, &levels);
    speech::check(&levels, &pitches)?;
    warnings.extend(speakers::check(&heard, &pitches)?);
    warnings.extend(levels.background());
    warnings.extend(levels.room());
    let samples = at_level(&samples, levels.speech());
    Ok(Clip { rate, samples, warnings })
}

impl Clip {
    /// Its length.
    #[must_use]
    pub fn seconds(&self) -> f32 {
        self.samples.len() as f32 / self.rate as f32
    }

    /// The WAV file: PCM of 16 bits, mono.
    #[must_use]
    pub fn wave(&self) -> Vec<u8> {
        // A clip is never longer than its file, which has at most `LARGEST` bytes, so no number overflows.
        let bytes = 2 * self.samples.len() as u32;
        let mut file = Vec::with_capacity(8 + (HEADER + bytes) as usize);
        file.extend(b"RIFF");
        file.extend((HEADER + bytes).to_le_bytes());
        file.extend(b"WAVEfmt ");
        file.extend(16_u32.to_le_bytes());
        // PCM, one channel.
        file.extend([1, 0, 1, 0]);
        file.extend(self.rate.to_le_bytes());
        file.extend((2 * self.rate).to_le_bytes());
        // Bytes of a sample, and bits.
        file.extend([2, 0, 16, 0]);
        file.extend(b"data");
        file.extend(bytes.to_le_bytes());
        file.extend(pcm::bytes(&self.samples));
        file
    }
}

/// The measured signal: the samples at [`RATE`], without a constant part, full scale 1.
fn heard(samples: &[i16], rate: u32) -> Vec<f32> {
    let mut resampled = Vec::new();
    let mut resampler = Resampler::new(rate, RATE);
    resampler.push(samples, &mut resampled);
    resampler.flush(&mut resampled);
    let sum: i64 = resampled.iter().map(|sample| i64::from(*sample)).sum();
    let constant = sum as f32 / resampled.len().max(1) as f32;
    resampled.iter().map(|sample| (f32::from(*sample) - constant) / 32_768.0).collect()
}

/// Normalises samples whose speech is at `level` to [`LEVEL`].
fn at_level(samples: &[i16], level: f32) -> Vec<i16> {
    let peak = samples.iter().map(|sample| f32::from(sample.unsigned_abs())).fold(1.0, f32::max);
    let gain = 10.0_f32.powf((LEVEL - level) / 20.0).min(PEAK * 32_768.0 / peak);
    samples.iter().map(|sample| (f32::from(*sample) * gain).round() as i16).collect()
}
