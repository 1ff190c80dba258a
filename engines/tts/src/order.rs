//! The order in which voices are loaded. Pure.

use std::time::{Duration, Instant};

/// Silence before a voice is loaded that no request is waiting for: between the parts of a response the cores belong to the
/// response.
const QUIET: Duration = Duration::from_millis(500);

/// What to do now.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Load this voice.
    Load(usize),
    /// Ask again at this time, or when something changes.
    Until(Instant),
    /// Ask again when something changes.
    Wait,
    /// Load no more.
    End,
}

/// The order: first the voices that requests wait for; then the first default voice, which makes the engine ready; then the
/// other defaults, while nothing is spoken.
#[derive(Debug)]
pub(crate) struct Order {
    /// Default voices whose loading has not begun.
    left: Vec<usize>,
    /// Voices that requests wait for and whose loading has not begun.
    wanted: Vec<usize>,
    /// Voices whose loading has begun, until they are dropped.
    taken: Vec<usize>,
    begun: bool,
    idle_since: Option<Instant>,
    ended: bool,
}

impl Order {
    /// The order for these default voices, while no voice is loaded.
    pub(crate) fn new(defaults: Vec<usize>) -> Self {
        let (wanted, taken) = (Vec::new(), Vec::new());
        Self { left: defaults, wanted, taken, begun: false, idle_since: None, ended: false }
    }

    /// Replaces the default voices.
    pub(crate) fn keep(&mut self, defaults: &[usize]) {
        self.left = defaults.iter().copied().filter(|voice| !self.taken.contains(voice)).collect();
    }

    /// Records that a request is waiting for a voice.
    pub(crate) fn want(&mut self, voice: usize) {
        if !self.taken.contains(&voice) && !self.wanted.contains(&voice) {
            self.wanted.push(voice);
        }
    }

    /// Records that a voice was dropped, so that it can be wanted again.
    pub(crate) fn forget(&mut self, voice: usize) {
        self.taken.retain(|other| *other != voice);
    }

    /// Records whether, from `now` on, there is nothing to speak.
    pub(crate) fn set_idle(&mut self, idle: bool, now: Instant) {
        self.idle_since = idle.then(|| self.idle_since.unwrap_or(now));
    }

    /// Stops the loading of further voices.
    pub(crate) fn end(&mut self) {
        self.ended = true;
    }

    /// What to do at `now`; a voice that it returns counts as begun.
    pub(crate) fn next(&mut self, now: Instant) -> Next {
        if self.ended {
            return Next::End;
        }
        let voice = match (self.wanted.first(), self.left.first(), self.idle_since) {
            (Some(&wanted), ..) => wanted,
            (None, Some(&first), _) if !self.begun => first,
            (None, Some(&first), Some(since)) if now >= since + QUIET => first,
            (None, Some(_), Some(since)) => return Next::Until(since + QUIET),
            (None, ..) => return Next::Wait,
        };
        self.left.retain(|other| *other != voice);
        self.wanted.retain(|other| *other != voice);
        self.taken.push(voice);
        self.begun = true;
        Next::Load(voice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_voice_is_loaded_at_once_and_the_others_when_idle() {
        let start = Instant::now();
        let mut order = Order::new(vec![0, 1, 2]);
        assert_eq!(order.next(start), Next::Load(0));
        assert_eq!(order.next(start), Next::Wait);
        order.set_idle(true, start);
        assert_eq!(order.next(start), Next::Until(start + QUIET));
        order.set_idle(true, start + QUIET / 2);
        assert_eq!(order.next(start + QUIET), Next::Load(1));
        order.set_idle(false, start + QUIET);
        assert_eq!(order.next(start + QUIET * 9), Next::Wait);
        order.set_idle(true, start + QUIET * 9);
        assert_eq!(order.next(start + QUIET * 10), Next::Load(2));
        assert_eq!(order.next(start + QUIET * 10), Next::Wait);
    }

    #[test]
    fn a_voice_that_is_no_default_is_loaded_when_it_is_wanted_and_again_once_it_was_dropped() {
        let now = Instant::now();
        let mut order = Order::new(vec![1]);
        order.set_idle(true, now);
        assert_eq!([order.next(now), order.next(now + QUIET)], [Next::Load(1), Next::Wait]);
        order.want(0);
        assert_eq!([order.next(now), order.next(now)], [Next::Load(0), Next::Wait]);
        order.want(0);
        assert_eq!(order.next(now), Next::Wait, "it is loaded already");
        order.forget(0);
        order.want(0);
        assert_eq!(order.next(now), Next::Load(0));
    }

    #[test]
    fn a_new_default_is_loaded_unless_it_is_loaded_already() {
        let now = Instant::now();
        let mut order = Order::new(vec![2]);
        order.set_idle(true, now);
        assert_eq!(order.next(now), Next::Load(2));
        order.keep(&[2, 3]);
        assert_eq!([order.next(now + QUIET), order.next(now + QUIET)], [Next::Load(3), Next::Wait]);
    }

    #[test]
    fn a_requested_voice_goes_first_and_is_loaded_once() {
        let now = Instant::now();
        let mut order = Order::new(vec![0, 1, 2, 3]);
        for voice in [2, 2, 1] {
            order.want(voice);
        }
        assert_eq!(order.next(now), Next::Load(2));
        order.want(2);
        assert_eq!(order.next(now), Next::Load(1));
        assert_eq!(order.next(now), Next::Wait);
        order.want(3);
        order.end();
        assert_eq!(order.next(now), Next::End);
    }
}
