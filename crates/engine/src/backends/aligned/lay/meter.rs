//! Which frames of a sound hold speech. Pure.

/// Frames per second.
pub(super) const FRAMES: f32 = 100.0;
/// Speech is louder than the loudest frame so far by no less than this, in powers of ten.
const BELOW: f32 = -3.0;
/// Nothing softer is speech: the mean square, in powers of ten.
const SOFTEST: f32 = -5.5;

/// Whether a frame holds speech.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    Silent,
    Speech,
}

/// Measures frames of sound, however it is cut.
#[derive(Debug, Default)]
pub(super) struct Meter {
    pub(super) rate: u32,
    /// Samples so far.
    pub(super) samples: u64,
    /// Of the frame that is not whole yet: the sum of its squares, and its samples.
    sum: f64,
    filled: usize,
    /// The loudest frame so far.
    loudest: Option<f32>,
}

impl Meter {
    /// Samples of a frame.
    pub(super) fn frame(&self) -> usize {
        (self.rate as usize / FRAMES as usize).max(1)
    }

    /// Takes samples; returns the frames that they complete. `last`: the last frame need not be whole.
    pub(super) fn levels(&mut self, samples: &[i16], rate: u32, last: bool) -> Vec<Level> {
        if self.rate == 0 {
            self.rate = rate;
        }
        let size = self.frame();
        let mut levels = Vec::with_capacity(samples.len() / size + 2);
        for sample in samples {
            self.sum += (f64::from(*sample) / 32_768.0).powi(2);
            self.filled += 1;
            if self.filled == size {
                levels.push(self.level());
            }
        }
        self.samples += samples.len() as u64;
        if last && self.filled > 0 {
            levels.push(self.level());
        }
        levels
    }

    fn level(&mut self) -> Level {
        let energy = ((self.sum / self.filled.max(1) as f64) as f32 + 1e-12).log10();
        (self.sum, self.filled) = (0.0, 0);
        let loudest = self.loudest.map_or(energy, |loudest| loudest.max(energy));
        self.loudest = Some(loudest);
        if energy > (loudest + BELOW).max(SOFTEST) { Level::Speech } else { Level::Silent }
    }
}
