//! How loud an echo of what is played can be in this call: what is louder than that by far needs no search. Pure.

use std::collections::VecDeque;

/// Windows in which what was played can still be heard: 0.9 s.
const HEARD: usize = 28;
/// The ceiling is known after so many windows of the agent's sound: 1 s.
const KNOWN: u32 = 31;
/// How quickly a ceiling is lowered, a window.
const LOWER: f32 = 0.995;
/// What is above the ceiling by this much (4 dB) is no echo.
const ABOVE: f32 = 2.5;
/// What is played at less power than this (of differences; speech has some 1e-3) tells nothing of an echo.
const SOUNDS: f32 = 1e-5;
/// The ceiling is at least so much of what is played (-40 dB).
const LEAST: f32 = 1e-4;

/// The loudest that the microphone has been, as a share of the power of what was played shortly before.
#[derive(Debug, Default)]
pub struct Ceiling {
    played: VecDeque<f32>,
    /// Of the last window, where the agent was to be heard.
    share: Option<f32>,
    ceiling: f32,
    windows: u32,
}

impl Ceiling {
    /// The powers of a window, of what is played and of what is heard.
    pub fn hear(&mut self, played: f32, heard: f32) {
        self.played.truncate(HEARD - 1);
        self.played.push_front(played);
        let loudest = self.played.iter().copied().fold(0.0, f32::max);
        self.share = (loudest >= SOUNDS).then(|| heard / loudest);
    }

    /// Nobody spoke in that window but perhaps the agent.
    pub fn was_echo(&mut self) {
        let Some(share) = self.share else { return };
        self.windows = self.windows.saturating_add(1);
        self.ceiling = share.max(self.ceiling * LOWER).max(LEAST);
    }

    /// Whether that window is too loud for an echo.
    #[must_use]
    pub fn is_above(&self) -> bool {
        self.windows >= KNOWN && self.share.is_some_and(|share| share > ABOVE * self.ceiling)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_heard_while_nothing_is_played_says_nothing_of_the_echo() {
        let mut ceiling = Ceiling::default();
        // The end of the person's question, as the answer begins with its first, silent samples.
        for _ in 0..10 {
            ceiling.hear(1e-9, 1e-3);
            ceiling.was_echo();
            assert!(!ceiling.is_above());
        }
        for _ in 0..KNOWN {
            ceiling.hear(1e-3, 1e-5);
            ceiling.was_echo();
        }
        ceiling.hear(1e-3, 1e-4);
        assert!(ceiling.is_above(), "a person 10 dB above the echo: {ceiling:?}");
    }
}
