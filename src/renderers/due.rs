//! Moments of a face arrive ahead of their sound; this decides which is to be shown now. Pure.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::ports::FaceMoment;

/// Longest queue: the longest `renderers.delay_ms` (2 s) plus half a second sent ahead, at 60 moments a second.
const MOST: usize = 150;

/// The moments waiting for their time.
#[derive(Debug, Default)]
pub struct Due {
    waiting: VecDeque<FaceMoment>,
    delay: Duration,
}

impl Due {
    /// Moments are shown `delay` after their sound leaves the server, for renderers whose sound is later.
    #[must_use]
    pub fn new(delay: Duration) -> Self {
        Self { waiting: VecDeque::new(), delay }
    }

    /// Adds a moment. It replaces those due with it or after it: the sound was stopped, or continues elsewhere.
    pub fn push(&mut self, moment: FaceMoment) {
        while self.waiting.back().is_some_and(|last| last.at >= moment.at) {
            self.waiting.pop_back();
        }
        if self.waiting.len() == MOST {
            self.waiting.pop_front();
        }
        self.waiting.push_back(moment);
    }

    /// When the next moment is to be shown.
    #[must_use]
    pub fn next(&self) -> Option<Instant> {
        self.waiting.front().map(|moment| moment.at.into_std() + self.delay)
    }

    /// The newest moment whose time has come; older ones are gone.
    pub fn take(&mut self, now: Instant) -> Option<FaceMoment> {
        let mut newest = None;
        while self.next().is_some_and(|at| at <= now) {
            newest = self.waiting.pop_front();
        }
        newest
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::avatar::face::Face;

    fn moment(response: u32, at: Instant) -> FaceMoment {
        FaceMoment { response, timestamp: 0, face: Face::default(), at: at.into() }
    }

    #[test]
    fn each_moment_is_shown_at_its_time_and_late_ones_are_skipped() {
        let (start, ms) = (Instant::now(), Duration::from_millis);
        let mut due = Due::new(ms(10));
        for number in 0..4 {
            due.push(moment(number, start + ms(20) * number));
        }
        assert_eq!(due.next(), Some(start + ms(10)));
        assert_eq!(due.take(start), None);
        assert_eq!(due.take(start + ms(10)).map(|moment| moment.response), Some(0));
        assert_eq!(due.take(start + ms(55)).map(|moment| moment.response), Some(2));
        assert_eq!(due.next(), Some(start + ms(70)));
    }

    #[test]
    fn a_moment_replaces_those_due_with_it_or_after_it() {
        let (start, ms) = (Instant::now(), Duration::from_millis);
        let mut due = Due::default();
        (0..6).for_each(|number| due.push(moment(1, start + ms(20) * number)));
        due.push(moment(0, start + ms(40)));
        assert_eq!(due.take(start + ms(30)).map(|moment| moment.response), Some(1));
        assert_eq!(due.take(start + ms(500)).map(|moment| moment.response), Some(0));
        assert_eq!(due.next(), None);
    }

    #[test]
    fn every_moment_is_shown_even_at_the_longest_delay() {
        let (start, frame) = (Instant::now(), Duration::from_millis(1000) / 60);
        let mut due = Due::new(Duration::from_millis(crate::config::LONGEST_DELAY_MS.into()));
        let mut shown = 0;
        for number in 0..600 {
            // Sent 300 ms ahead of the sound.
            due.push(moment(number, start + Duration::from_millis(300) + frame * number));
            shown += usize::from(due.take(start + frame * number).is_some());
        }
        assert_eq!(shown + due.waiting.len(), 600, "all except those not yet due");
    }

    #[test]
    fn the_queue_is_bounded() {
        let start = Instant::now();
        let mut due = Due::default();
        (0..1000).for_each(|number| due.push(moment(number, start + Duration::from_millis(10) * number)));
        assert_eq!(due.waiting.len(), MOST);
        assert_eq!(due.waiting.back().map(|moment| moment.response), Some(999));
    }
}
