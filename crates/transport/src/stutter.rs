//! Whether a microphone's sound arrives so broken that the person should know. Pure; time is passed in.

use std::collections::VecDeque;
use std::time::Duration;

/// Faults are looked at over so long.
const WINDOW: Duration = Duration::from_secs(10);
/// So many in that time are no accident.
const MANY: usize = 5;
/// The person is not told again before.
const AGAIN: Duration = Duration::from_secs(60);

/// One microphone's faults: gaps in what arrives, and losses that nothing could mend.
#[derive(Debug, Default)]
pub struct Stutter {
    faults: VecDeque<Duration>,
    told: Option<Duration>,
}

impl Stutter {
    /// Counts what happened up to `now`; true when the person is to be told.
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
    fn a_fault_now_and_then_is_nothing_to_talk_about() {
        let mut stutter = Stutter::default();
        assert!((0..100).all(|at| !stutter.faults(Duration::from_secs(at * 3), 1)));
        assert!((0..100).all(|at| !stutter.faults(Duration::from_secs(300 + at), 0)));
        assert!(stutter.faults(Duration::from_secs(500), 9));
    }
}
