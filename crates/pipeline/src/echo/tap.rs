//! Records what playout sends, at the microphone's rate.

use super::Played;
use crate::audio::resample::Resampler;
use crate::frame::{MIC_FRAME, MIC_RATE, OUT_RATE};

/// Writes what playout sends into the reference.
#[derive(Debug)]
pub struct Tap {
    played: Played,
    resampler: Resampler,
    samples: Vec<i16>,
}

impl Tap {
    /// Writes into `played`.
    #[must_use]
    pub fn new(played: Played) -> Self {
        Self { played, resampler: Resampler::live(OUT_RATE, MIC_RATE), samples: Vec::new() }
    }

    /// Records a 20 ms frame at [`OUT_RATE`], sent as this frame of the media clock.
    pub fn sent(&mut self, frame: u64, samples: &[i16]) {
        self.samples.clear();
        self.resampler.push(samples, &mut self.samples);
        self.played.lock().play(frame * MIC_FRAME as u64, &self.samples);
    }
}
