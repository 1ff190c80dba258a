//! In which order voices are loaded. Pure.

use std::time::{Duration, Instant};

/// Nothing must have been spoken for so long before a voice is loaded that nobody waits for: between the parts of an answer
/// the cores belong to the answer.
const QUIET: Duration = Duration::from_millis(500);

/// What is to be done now.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Load this one.
    Load(usize),
    /// Ask again then, or when something changes.
    Until(Instant),
    /// Ask again when something changes.
    Wait,
    /// Nothing is left to do.
    End,
}

/// The order: what a request waits for; the first voice, without which nothing is ready; the others while all is quiet.
#[derive(Debug)]
pub(crate) struct Order {
    /// Not begun yet.
    left: Vec<usize>,
    /// Of these, those that requests wait for.
    wanted: Vec<usize>,
    begun: bool,
    idle_since: Option<Instant>,
    ended: bool,
}

impl Order {
    /// Of so many voices, with none loaded.
    pub(crate) fn new(voices: usize) -> Self {
        Self { left: (0..voices).collect(), wanted: Vec::new(), begun: false, idle_since: None, ended: false }
    }

    /// A request waits for a voice.
    pub(crate) fn want(&mut self, voice: usize) {
        if self.left.contains(&voice) && !self.wanted.contains(&voice) {
            self.wanted.push(voice);
        }
    }

    /// Whether nothing is to be spoken, from `now`.
    pub(crate) fn set_idle(&mut self, idle: bool, now: Instant) {
        self.idle_since = idle.then(|| self.idle_since.unwrap_or(now));
    }

    /// No more voices are loaded.
    pub(crate) fn end(&mut self) {
        self.ended = true;
    }

    /// What is to be done `now`; a voice that it names has begun.
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
    fn the_first_voice_is_loaded_at_once_and_the_others_when_it_is_quiet() {
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
    fn what_a_request_waits_for_goes_first_and_is_loaded_once() {
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
