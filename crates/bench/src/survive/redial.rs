//! When a client tries to come back, as the page does (`static/redial.js`). Pure.

use std::time::Duration;

/// Between the tries of a client that has a resume token.
const PAUSES: [Duration; 3] =
    [Duration::from_millis(500), Duration::from_millis(1_000), Duration::from_millis(1_500)];
/// So long after a try that came to nothing the server takes its token once more.
const USED: Duration = Duration::from_millis(2_500);

/// When the first try is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum First {
    /// At once: the page was loaded anew, or the server has handed its calls over.
    AtOnce,
    /// After a pause: the connection was lost.
    AfterPause,
}

/// The tries after one loss.
#[derive(Debug)]
pub struct Redial {
    tries: usize,
    /// Tries since the server was last reached.
    vain: usize,
    /// The pause before the next try, whatever the number of tries.
    next: Option<Duration>,
    used: bool,
}

impl Redial {
    /// Before the first try.
    #[must_use]
    pub fn new(first: First) -> Self {
        let next = (first == First::AtOnce).then_some(Duration::ZERO);
        Self { tries: 0, vain: 0, next, used: false }
    }

    /// The pause before a try, which follows.
    pub fn pause(&mut self) -> Duration {
        let usual = PAUSES[self.vain.min(PAUSES.len() - 1)];
        self.tries += 1;
        self.vain += 1;
        self.next.take().unwrap_or(usual)
    }

    /// The server is there and takes the call later; `loaded`: it was loading, and is ready now.
    pub fn reached(&mut self, loaded: bool) {
        if loaded {
            self.vain = 0;
            self.next = Some(Duration::ZERO);
        }
    }

    /// The token was refused. False: for good. True: an earlier try may have used it, so the same one is tried once more.
    pub fn refused(&mut self) -> bool {
        let ours = self.tries > 1 && !self.used;
        self.used = true;
        self.next = Some(USED);
        ours
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_second_and_a_half_and_a_server_that_has_loaded_is_tried_at_once() {
        let mut redial = Redial::new(First::AfterPause);
        let pauses: Vec<u128> = (0..4).map(|_| redial.pause().as_millis()).collect();
        assert_eq!(pauses, [500, 1_000, 1_500, 1_500]);
        redial.reached(false);
        assert_eq!(redial.pause().as_millis(), 1_500, "it is full");
        redial.reached(true);
        assert_eq!((redial.pause().as_millis(), redial.pause().as_millis()), (0, 1_000));
        assert_eq!(Redial::new(First::AtOnce).pause(), Duration::ZERO);
    }

    #[test]
    fn a_token_that_is_refused_is_tried_again_only_once_and_not_after_the_first_try() {
        let mut redial = Redial::new(First::AtOnce);
        redial.pause();
        assert!(!redial.refused());
        let mut redial = Redial::new(First::AfterPause);
        redial.pause();
        redial.pause();
        assert!(redial.refused());
        assert_eq!(redial.pause(), USED);
        assert!(!redial.refused());
    }
}
