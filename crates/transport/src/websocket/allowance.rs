//! How much sound a client may send: a second of it in each second. Pure; time is counted from the call's beginning.

use std::time::Duration;

use crate::bucket::Bucket;

/// Seconds of sound in a second: a client's clock may be a little fast.
const RATE: f64 = 1.02;
/// Seconds of sound at once, for what a stalled network has held back.
const BURST: f64 = 3.0;
/// Seconds of sound beyond that, dropped, after which a client is given up.
const PATIENCE: f64 = 60.0;
/// Seconds that a frame counts at least: each costs work, however short it is.
const SHORTEST: f64 = 0.002;

/// What becomes of a frame of sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is heard.
    Heard,
    /// It is dropped.
    Dropped,
    /// It is dropped, and the call ends.
    End,
}

/// What a client may still send.
#[derive(Debug)]
pub(super) struct Allowance {
    sound: Bucket,
    excess: Bucket,
}

impl Allowance {
    pub(super) fn new() -> Self {
        Self { sound: Bucket::new(RATE, BURST), excess: Bucket::new(1.0, PATIENCE) }
    }

    /// Judges a frame that sounds for so many seconds.
    pub(super) fn frame(&mut self, now: Duration, seconds: f64) -> Verdict {
        let seconds = seconds.max(SHORTEST);
        if self.sound.take(now, seconds) {
            return Verdict::Heard;
        }
        if self.excess.take(now, seconds) { Verdict::Dropped } else { Verdict::End }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seconds heard of a client that sends 20 ms frames at `speed` for ten seconds; and whether it was given up.
    fn heard(speed: u32, frame: f64) -> (f64, bool) {
        let mut allowance = Allowance::new();
        let mut heard = 0.0;
        for n in 0..500 * speed {
            let now = Duration::from_secs_f64(f64::from(n) * 0.02 / f64::from(speed));
            match allowance.frame(now, frame) {
                Verdict::Heard => heard += 0.02,
                Verdict::Dropped => {}
                Verdict::End => return (heard, true),
            }
        }
        (heard, false)
    }

    #[test]
    fn a_client_is_heard_at_the_pace_of_speech_and_given_up_when_it_is_far_beyond() {
        assert!(heard(1, 0.02).0 > 9.99, "real time");
        let (seconds, ended) = heard(2, 0.02);
        assert!(seconds < 13.4 && !ended, "twice: {seconds}");
        let (seconds, ended) = heard(229, 0.02);
        assert!(seconds < 3.5 && ended, "229 times: {seconds}");
        assert!(heard(229, 0.000_02).1, "frames of one sample count too");
    }
}
