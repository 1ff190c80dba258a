//! Raises soft recordings to the level at which voice activity and recognition are used to people: a microphone is loud, a tape that
//! somebody recorded from across a room is not. Pure.

use crate::engine::VAD_WINDOW;

/// Level to which loud moments are raised (-30 dB of full scale, root mean square).
const USUAL: f32 = 1_000.0;
/// Largest gain (30 dB): more would make speech of what a quiet room's noise is.
const MOST: f32 = 31.6;
/// How much of the level of loud moments is left after a window: half of it after 45 s.
const KEPT: f32 = 0.9995;
/// A piece whose loudest sample is below this (-30 dB of full scale) is raised.
const SOFT: u16 = 1_036;
/// To which its loudest sample is raised then (-12 dB).
const RAISED: f32 = 8_231.0;

/// The level of a recording's loud moments.
#[derive(Debug, Default)]
pub(crate) struct Level {
    loudest: f32,
}

impl Level {
    /// The window as voice activity is to hear it.
    pub(crate) fn raised(&mut self, window: &[i16; VAD_WINDOW]) -> [i16; VAD_WINDOW] {
        let power: f32 = window.iter().map(|sample| f32::from(*sample).powi(2)).sum();
        let level = (power / VAD_WINDOW as f32).sqrt();
        self.loudest = level.max(self.loudest * KEPT);
        let gain = (USUAL / self.loudest.max(1.0)).clamp(1.0, MOST);
        if gain > 1.0 { window.map(|sample| amplified(sample, gain)) } else { *window }
    }
}

/// A piece as recognition is to hear it.
pub(crate) fn raised(mut samples: Vec<i16>) -> Vec<i16> {
    let loudest = samples.iter().map(|sample| sample.unsigned_abs()).max().unwrap_or(0);
    if (1..SOFT).contains(&loudest) {
        let gain = (RAISED / f32::from(loudest)).min(MOST);
        samples.iter_mut().for_each(|sample| *sample = amplified(*sample, gain));
    }
    samples
}

fn amplified(sample: i16, gain: f32) -> i16 {
    // A conversion of a float keeps to the bounds of its type.
    (f32::from(sample) * gain) as i16
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(amplitude: i16) -> [i16; VAD_WINDOW] {
        std::array::from_fn(|at| if at % 20 < 10 { amplitude } else { -amplitude })
    }

    #[test]
    fn a_soft_recording_is_raised_and_a_loud_one_is_left_as_it_is() {
        let mut level = Level::default();
        assert_eq!(level.raised(&tone(100)), tone(1_000));
        let mut level = Level::default();
        assert_eq!(level.raised(&tone(5_000)), tone(5_000));
        assert_eq!(level.raised(&tone(100)), tone(100), "a soft moment of a loud recording stays soft");
        assert_eq!(raised(tone(50).to_vec())[0], 1_580);
        assert_eq!(raised(tone(2_000).to_vec()), tone(2_000));
    }

    #[test]
    fn silence_stays_silent() {
        assert_eq!(Level::default().raised(&tone(0)), tone(0));
        assert_eq!(raised(vec![0; 100]), vec![0; 100]);
        assert!(raised(Vec::new()).is_empty());
    }
}
