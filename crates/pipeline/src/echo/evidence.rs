//! Decides over the windows of one sound whether the microphone hears the agent's own voice, and how late. Pure.

use std::sync::LazyLock;

use super::finder::{Finder, PIECE, SPAN};

/// Longest delay at which echo is looked for: 832 ms.
const LATEST: i64 = 13_312;
/// Weight of the past windows against a new one.
const KEEP: f32 = 0.9;
/// Share from which a sound is echo, by the number of windows heard. Over 0.2 s of other people's speech the largest share
/// seen was 0.07; for echo through a small room and a clipping loudspeaker that was the smallest, and three in four were
/// above 0.09.
const ECHO: [(u32, f32); 4] = [(2, 0.22), (3, 0.14), (5, 0.09), (7, 0.075)];
/// Share below which it is not echo.
const OTHER: [(u32, f32); 3] = [(5, 0.03), (6, 0.045), (7, 0.055)];
/// The same in a call whose echo is known: its delay may have changed in the middle of the sound.
const OTHER_BESIDE_ECHO: [(u32, f32); 2] = [(8, 0.03), (10, 0.045)];
/// The same where the rest exceeds the subtracted echo by the next factor. "Stop." is nine windows long, some of them silent.
const OTHER_ABOVE_ECHO: (u32, f32) = (4, 0.06);
const ABOVE_ECHO: f32 = 4.0;
/// The same where far more is left, even if the share is enough for an echo: a person's word over a continuing echo contains
/// more of it.
const OTHER_FAR_ABOVE_ECHO: (u32, f32) = (4, 0.1);
const FAR_ABOVE_ECHO: f32 = 10.0;
/// Windows (320 ms) after which a sound not found to be echo is somebody else.
const ENOUGH: u32 = 10;
const ENOUGH_BESIDE_ECHO: u32 = 14;

/// After a person's word, a window softer than the echo and this much softer (12 dB) than the word is most likely echo: the
/// filter has forgotten some of the path meanwhile.
const BEHIND: f32 = 1.0 / 16.0;

static FINDER: LazyLock<Finder> = LazyLock::new(Finder::default);

/// The verdict so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finding {
    /// It is the reference, this many samples late.
    Echo(i64),
    /// It is not the reference.
    Other,
    /// More windows are needed.
    Open,
}

/// Powers of a window after its echo was subtracted.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Left {
    /// Power of the rest.
    pub rest: f32,
    /// Power of the subtracted echo, or of the tail of a louder one.
    pub echo: f32,
}

/// The shares at all delays, summed over the windows of a sound.
#[derive(Debug, Default)]
pub struct Evidence {
    shares: Vec<f32>,
    weight: f32,
    left: Left,
    /// Power of its loudest window after subtraction.
    loudest: f32,
    windows: u32,
}

impl Evidence {
    /// A new sound begins.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Start of the reference for a piece that ends at `end`.
    #[must_use]
    pub fn reference_from(end: i64) -> i64 {
        end - PIECE as i64 - LATEST
    }

    /// Whether a window with this rest is only the echo after the sound's louder part.
    #[must_use]
    pub fn is_behind(&self, left: Left) -> bool {
        left.rest < left.echo && left.rest < BEHIND * self.loudest
    }

    /// Takes [`PIECE`] samples and the [`SPAN`] samples of the reference for them. `left`: the last window's, in a call whose
    /// echo is known.
    pub fn hear(&mut self, piece: &[f32], reference: &[f32], left: Option<Left>) -> Finding {
        debug_assert_eq!((piece.len(), reference.len()), (PIECE, SPAN));
        let shares = FINDER.shares(piece, reference);
        self.windows += 1;
        self.weight = self.weight * KEEP + 1.0;
        let Left { rest, echo } = left.unwrap_or_default();
        self.loudest = self.loudest.max(rest);
        self.left = Left { rest: self.left.rest * KEEP + rest, echo: self.left.echo * KEEP + echo };
        self.shares.iter_mut().for_each(|share| *share *= KEEP);
        self.shares.resize(self.shares.len().max(shares.len()), 0.0);
        self.shares.iter_mut().zip(&shares).for_each(|(sum, share)| *sum += share);
        let delay = |at: usize| LATEST - 2 * at as i64;
        let best = (0..self.shares.len()).max_by(|&a, &b| self.shares[a].total_cmp(&self.shares[b]));
        let share = best.map_or(0.0, |best| self.shares[best] / self.weight);
        let reached = |(windows, least): &(u32, f32)| self.windows >= *windows && share > *least;
        let missed = |(windows, most): &(u32, f32)| self.windows >= *windows && share < *most;
        let (other, enough): (&[_], _) =
            if left.is_some() { (&OTHER_BESIDE_ECHO, ENOUGH_BESIDE_ECHO) } else { (&OTHER, ENOUGH) };
        let above = |times: f32| left.is_some() && self.left.rest > times * self.left.echo;
        let above_echo = above(ABOVE_ECHO) && missed(&OTHER_ABOVE_ECHO);
        let far_above_echo = above(FAR_ABOVE_ECHO) && missed(&OTHER_FAR_ABOVE_ECHO);
        match best {
            _ if far_above_echo => Finding::Other,
            Some(best) if ECHO.iter().any(reached) => {
                // To become somebody else, an echo must be observed again for as long as a new sound.
                self.windows = 0;
                Finding::Echo(delay(best))
            }
            _ if above_echo || other.iter().any(missed) || self.windows >= enough => Finding::Other,
            _ => Finding::Open,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::echo::voice::Random;

    const WINDOW: i64 = 512;
    const LATE: i64 = 3_200;

    /// The finding for a sound of which about this share is echo, and after how many windows.
    fn found(seed: u32, share: f32, left: Left) -> (u32, Finding) {
        let mut random = Random(seed);
        let played: Vec<f32> = (0..50_000).map(|_| random.next()).collect();
        let gain = (share / (1.0 - share)).sqrt();
        let heard: Vec<f32> = (0..played.len())
            .map(|at| random.next() + gain * played[at.saturating_sub(LATE as usize)])
            .collect();
        let mut evidence = Evidence::default();
        for window in 0.. {
            let end = 20_000 + window * WINDOW;
            let piece = &heard[(end - PIECE as i64) as usize..end as usize];
            let from = Evidence::reference_from(end) as usize;
            let finding = evidence.hear(piece, &played[from..from + SPAN], Some(left));
            if finding != Finding::Open {
                return (window as u32 + 1, finding);
            }
        }
        unreachable!("every sound is decided")
    }

    #[test]
    fn a_word_far_louder_than_the_subtracted_echo_is_the_persons() {
        let (above, far_above) = (Left { rest: 2.0, echo: 1.0 }, Left { rest: 20.0, echo: 1.0 });
        // Sounds that would be taken for echo, but not at once.
        let sounds = (1..30).flat_map(|seed| [0.085, 0.1, 0.115].map(|share| (seed, share)));
        let alike = |&(seed, share): &(u32, f32)| matches!(found(seed, share, above), (windows, Finding::Echo(_)) if windows > 4);
        let alike: Vec<_> = sounds.filter(alike).collect();
        assert!(alike.len() >= 5, "{alike:?}");
        for (seed, share) in alike {
            let (windows, finding) = found(seed, share, far_above);
            assert!(windows <= 5 && finding == Finding::Other, "{seed}, {share}: {windows}, {finding:?}");
        }
        let (windows, finding) = found(5, 0.4, far_above);
        assert!(windows <= 3, "an echo on another path was not subtracted: {windows}");
        let Finding::Echo(late) = finding else { panic!("{finding:?}") };
        assert!((late - LATE).abs() <= 2, "{late}");
    }
    #[test]
    fn sound_softer_than_the_echo_after_a_loud_word_is_not_surely_the_persons() {
        let mut evidence = Evidence::default();
        let (piece, reference) = (vec![0.0; PIECE], vec![0.0; SPAN]);
        for rest in [4.0, 10.0, 2.0] {
            evidence.hear(&piece, &reference, Some(Left { rest, echo: 1.0 }));
        }
        for (rest, echo, behind) in
            [(0.5, 1.0, true), (0.5, 0.4, false), (0.9, 1.0, false), (2.0, 1.0, false)]
        {
            assert_eq!(evidence.is_behind(Left { rest, echo }), behind, "{rest} beside {echo}");
        }
        evidence.clear();
        evidence.hear(&piece, &reference, Some(Left { rest: 0.6, echo: 1.0 }));
        assert!(!evidence.is_behind(Left { rest: 0.3, echo: 1.0 }), "a soft voice has soft syllables");
    }
}
