//! Limits the sound in a client's packets to real time, but for what it kept while it had no connection. Pure; time is counted from the
//! connection's beginning.

use std::time::Duration;

use crate::bucket::Bucket;

/// Seconds of sound per second: a client's clock may be slightly fast.
const RATE: f64 = 1.02;
/// Seconds of sound in a burst, after a stall of the network.
const BURST: f64 = 3.0;
/// Seconds of sound that a client may have kept while it had no connection, and hands over faster than it was spoken.
const KEPT: f64 = 20.0;
/// Seconds of dropped excess sound after which a client is given up.
const PATIENCE: f64 = 60.0;
/// Least seconds that a frame counts for, since even a short one costs work.
const SHORTEST: f64 = 0.002;

/// What to do with a frame of sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Hear it.
    Heard,
    /// Drop it.
    Dropped,
    /// Drop it and end the call.
    End,
}

/// The sound that a client may still send.
#[derive(Debug)]
pub(crate) struct Allowance {
    sound: Bucket,
    excess: Bucket,
}

impl Allowance {
    /// Of a client that `comes_back` to its call, or begins one.
    pub(crate) fn new(comes_back: bool) -> Self {
        let burst = if comes_back { BURST + KEPT } else { BURST };
        Self { sound: Bucket::new(RATE, burst), excess: Bucket::new(1.0, PATIENCE) }
    }

    /// Judges a frame of this many seconds.
    pub(crate) fn frame(&mut self, now: Duration, seconds: f64) -> Verdict {
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

    /// Seconds heard from a new client that sends 20 ms frames at `speed` for ten seconds, and whether it was given up.
    fn heard(speed: u32, frame: f64) -> (f64, bool) {
        heard_from(Allowance::new(false), speed, frame)
    }

    fn heard_from(mut allowance: Allowance, speed: u32, frame: f64) -> (f64, bool) {
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
    fn a_client_is_heard_in_real_time_and_given_up_if_it_is_much_faster() {
        assert!(heard(1, 0.02).0 > 9.99, "real time");
        let (seconds, ended) = heard(2, 0.02);
        assert!(seconds < 13.4 && !ended, "twice: {seconds}");
        let (seconds, ended) = heard(229, 0.02);
        assert!(seconds < 3.5 && ended, "229 times: {seconds}");
        assert!(heard(229, 0.000_02).1, "frames of one sample count too");
    }

    #[test]
    fn one_that_comes_back_hands_over_twenty_seconds_at_four_times_the_pace_of_speech() {
        let mut allowance = Allowance::new(true);
        // While it catches up, what is said now waits behind what was said before.
        let all = (0..1_330).all(|n| {
            let now = Duration::from_secs_f64(f64::from(n) * 0.02 / 4.0);
            allowance.frame(now, 0.02) == Verdict::Heard
        });
        assert!(all, "26.6 s in 6.7 s");
        let (seconds, ended) = heard_from(Allowance::new(true), 229, 0.02);
        assert!(seconds < 23.5 && ended, "and no more than that: {seconds}");
    }
}
