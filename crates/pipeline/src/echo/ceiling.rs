//! How loud an echo can be in this call: sound far above that needs no search. Pure.

use std::collections::VecDeque;

/// Windows for which played sound can still be heard: 0.9 s.
const HEARD: usize = 28;
/// Windows of the agent's sound after which the ceiling is known: 1 s.
const KNOWN: u32 = 31;
/// Factor by which the ceiling falls per window.
const LOWER: f32 = 0.995;
/// Sound above the ceiling by this factor (4 dB) is not echo.
const ABOVE: f32 = 2.5;
/// Sound played at less power than this (of differences; speech has about 1e-3) reveals no echo.
const SOUNDS: f32 = 1e-5;
/// Lowest ceiling, as a share of what is played (-40 dB).
const LEAST: f32 = 1e-4;

/// The loudest that the microphone has been, as a share of the power of what was played shortly before.
#[derive(Debug, Default)]
pub struct Ceiling {
    played: VecDeque<f32>,
    /// The last window's share, if the agent could be heard in it.
    share: Option<f32>,
    ceiling: f32,
    windows: u32,
}

impl Ceiling {
    /// Takes the powers of a window: played and heard.
    pub fn hear(&mut self, played: f32, heard: f32) {
        self.played.truncate(HEARD - 1);
        self.played.push_front(played);
        let loudest = self.played.iter().copied().fold(0.0, f32::max);
        self.share = (loudest >= SOUNDS).then(|| heard / loudest);
    }

    /// Nobody but perhaps the agent spoke in that window.
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
    fn sound_heard_while_nothing_is_played_does_not_raise_the_ceiling() {
        let mut ceiling = Ceiling::default();
        // The end of the person's question, while the response begins with silent samples.
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
