//! Pure: the sound of one packet.

/// Mono sound.
#[derive(Debug, Default)]
pub(super) struct Block {
    pub(super) rate: u32,
    pub(super) samples: Vec<f32>,
}

/// A packet that gives no sound.
#[derive(Debug)]
pub(super) struct Undecodable;

impl Block {
    /// Becomes the mean of all channels.
    pub(super) fn mix(&mut self, rate: u32, interleaved: &[f32], channels: usize) {
        let channels = channels.max(1);
        // A float may be a NaN, which would spread through the later filters.
        let sound = |sample: &f32| if sample.is_finite() { sample.clamp(-1.0, 1.0) } else { 0.0 };
        let mean = |frame: &[f32]| frame.iter().map(sound).sum::<f32>() / channels as f32;
        self.rate = rate;
        self.samples.clear();
        self.samples.extend(interleaved.chunks_exact(channels).map(mean));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_are_mixed_and_what_is_no_sound_is_silence() {
        let mut block = Block::default();
        block.mix(8_000, &[0.5, 0.25, f32::NAN, 1.0, 7.0, f32::NEG_INFINITY, 0.1], 2);
        assert_eq!(block.samples, [0.375, 0.5, 0.5]);
        block.mix(8_000, &[0.5], 0);
        assert_eq!(block.samples, [0.5]);
    }
}
