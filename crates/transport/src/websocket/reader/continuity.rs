//! Finds sound that a client has left out, by the times of its frames. Pure.
//!
//! TCP loses nothing, but a client may drop what it could not send in time, as the page does, while its clock goes on. Without
//! silence in its place, the words before and after it would be heard as one.

use std::time::Duration;

use crate::frame::MEDIA_CLOCK;

/// Frames in a row that continue one another before a client's clock is believed: some write no times, or others.
const BELIEVED: u32 = 10;
/// Ticks by which such frames may be apart, 1 ms: not every rate divides the clock.
const ROUNDING: u32 = MEDIA_CLOCK / 1000;
/// Longest silence for what is missing: behind a longer one the words are apart anyway.
const LONGEST: Duration = Duration::from_millis(500);

/// The times of one client's frames.
#[derive(Debug, Default)]
pub(super) struct Continuity {
    /// When the next frame begins if nothing is left out.
    next: Option<u32>,
    /// Frames that have continued one another.
    continued: u32,
}

impl Continuity {
    /// How much silence is to stand for what is missing before a frame of this time and length.
    pub(super) fn missing(&mut self, timestamp: u32, seconds: f64) -> Duration {
        let length = (seconds * f64::from(MEDIA_CLOCK)).round() as u32;
        let Some(next) = self.next.replace(timestamp.wrapping_add(length)) else { return Duration::ZERO };
        let ahead = timestamp.wrapping_sub(next).cast_signed();
        if ahead.unsigned_abs() <= ROUNDING {
            self.continued = self.continued.saturating_add(1);
            return Duration::ZERO;
        }
        let is_believed = std::mem::take(&mut self.continued) >= BELIEVED;
        match u32::try_from(ahead) {
            Ok(ticks) if is_believed => {
                Duration::from_secs_f64(f64::from(ticks) / f64::from(MEDIA_CLOCK)).min(LONGEST)
            }
            _ => Duration::ZERO,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: u32 = MEDIA_CLOCK / 50;

    /// What is missing before each of these frames of 20 ms, in milliseconds.
    fn missing(timestamps: impl IntoIterator<Item = u32>) -> Vec<u128> {
        let mut continuity = Continuity::default();
        timestamps.into_iter().map(|at| continuity.missing(at, 0.02).as_millis()).collect()
    }

    #[test]
    fn sound_that_a_steady_clock_has_left_out_is_missing_also_where_the_clock_wraps() {
        for (left_out, expected) in [(0, 0), (5, 100), (20, 400), (3_000, 500)] {
            for begin in [0, u32::MAX - 15 * FRAME] {
                let steady = (0..30).map(|n| if n < 20 { n } else { n + left_out });
                let missing = missing(steady.map(|n| (n * FRAME).wrapping_add(begin)));
                assert_eq!(missing[20], expected, "{left_out} frames");
                assert_eq!(missing.iter().sum::<u128>(), expected, "{left_out} frames");
            }
        }
    }

    #[test]
    fn a_frame_whose_length_is_no_whole_number_of_ticks_leaves_nothing_out() {
        let mut continuity = Continuity::default();
        let seconds = 301.0 / 44_100.0;
        for n in 0..500 {
            let at = (f64::from(n) * seconds * f64::from(MEDIA_CLOCK)) as u32;
            assert!(continuity.missing(at, seconds).is_zero(), "{n}");
        }
    }

    #[test]
    fn a_clock_that_is_not_steady_goes_back_or_has_other_units_is_not_believed() {
        let none = vec![0; 60];
        assert_eq!(missing([0; 60]), none);
        assert_eq!(missing((0..60).map(|n| n * 320)), none, "samples");
        assert_eq!(missing((0..60).map(|n| n * 20_000)), none, "microseconds");
        assert_eq!(missing((0..60).rev().map(|n| n * FRAME)), none);
        let often = (0..60).map(|n| (n + n / 8) * FRAME);
        assert_eq!(missing(often), none, "gaps more often than a clock can show to be steady");
    }
}
