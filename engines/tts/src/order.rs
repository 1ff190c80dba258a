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
    /// Nothing is left to do.
    End,
}

/// The order: first the voices that requests wait for; then the first voice, which makes the engine ready; then the others,
/// while nothing is spoken.
#[derive(Debug)]
pub(crate) struct Order {
    /// Voices whose loading has not begun.
    left: Vec<usize>,
    /// Those of `left` that requests wait for.
    wanted: Vec<usize>,
    begun: bool,
    idle_since: Option<Instant>,
    ended: bool,
}

impl Order {
    /// The order for this many voices, none of them loaded.
    pub(crate) fn new(voices: usize) -> Self {
        Self { left: (0..voices).collect(), wanted: Vec::new(), begun: false, idle_since: None, ended: false }
    }

    /// Records that a request is waiting for a voice.
    pub(crate) fn want(&mut self, voice: usize) {
        if self.left.contains(&voice) && !self.wanted.contains(&voice) {
            self.wanted.push(voice);
        }
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
        let Some(&first) = self.left.first().filter(|_| !self.ended) else { return Next::End };
        let voice = match (self.wanted.first(), self.idle_since) {
            (Some(&wanted), _) => wanted,
            (None, _) if !self.begun => first,
            (None, Some(since)) if now >= since + QUIET => first,
            (None, Some(since)) => return Next::Until(since + QUIET),
            (None, None) => return Next::Wait,
        };
        self.left.retain(|other| *other != voice);
        self.wanted.retain(|other| *other != voice);
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
        let mut order = Order::new(3);
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
        assert_eq!(order.next(start + QUIET * 10), Next::End);
    }

    #[test]
    fn a_requested_voice_goes_first_and_is_loaded_once() {
        let now = Instant::now();
        let mut order = Order::new(4);
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
