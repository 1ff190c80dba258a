//! Decides whether a microphone's sound arrives with so many gaps that the person should be told. Pure; time is passed in.

use std::collections::VecDeque;
use std::time::Duration;

/// Time over which faults are counted.
const WINDOW: Duration = Duration::from_secs(10);
/// Faults in that time that are too many.
const MANY: usize = 5;
/// Least time before the person is told again.
const AGAIN: Duration = Duration::from_secs(60);

/// One microphone's faults: gaps in the sound, and losses that could not be repaired.
#[derive(Debug, Default)]
pub struct Stutter {
    faults: VecDeque<Duration>,
    told: Option<Duration>,
}

impl Stutter {
    /// Counts faults up to `now`; returns true when the person is to be told.
    pub fn faults(&mut self, now: Duration, count: u64) -> bool {
        let count = usize::try_from(count).map_or(MANY, |count| count.min(MANY));
        self.faults.extend(std::iter::repeat_n(now, count));
        self.faults.drain(..self.faults.len().saturating_sub(MANY));
        let is_often = self.faults.len() == MANY && self.faults[0] + WINDOW >= now;
        let is_due = self.told.is_none_or(|told| told + AGAIN <= now);
        if count == 0 || !is_often || !is_due {
            return false;
        }
        self.told = Some(now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_person_is_told_of_frequent_faults_and_not_again_at_once() {
        let mut stutter = Stutter::default();
        let told: Vec<u64> = (0..200).filter(|at| stutter.faults(Duration::from_secs(*at), 1)).collect();
        assert_eq!(told, [4, 64, 124, 184]);
    }

    #[test]
    fn occasional_faults_are_not_reported() {
        let mut stutter = Stutter::default();
        assert!((0..100).all(|at| !stutter.faults(Duration::from_secs(at * 3), 1)));
        assert!((0..100).all(|at| !stutter.faults(Duration::from_secs(300 + at), 0)));
        assert!(stutter.faults(Duration::from_secs(500), 9));
    }
}
