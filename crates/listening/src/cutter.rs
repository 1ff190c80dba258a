//! Cuts sound into pieces that are short enough for recognition and cut no word. Pure.
//!
//! A piece ends at a long pause; from some length on at a short one; and at its longest in the longest silence of its second half.
//! Where there is no silence, the next piece begins a little before the end of this one, and the words of the two are joined. Sound
//! in which nobody speaks belongs to no piece, apart from the edges of what is said. While calls are served
//! pieces are shorter, because a recogniser finishes the piece that it has begun before it serves a call.

use std::ops::Range;

use crate::engine::VAD_WINDOW;

/// Probability from which a window counts as speech: lower than in a call, where a false start costs more than a soft word.
const SPEECH: f32 = 0.35;
/// Windows of sound kept on each side of speech (0.4 s): soft sounds begin and end words.
const EDGE: usize = 12;
/// A pause that ends a piece of any length (1.5 s).
const LONG_PAUSE: usize = 47;
/// A pause that ends a piece of some length (0.3 s).
const SHORT_PAUSE: usize = 10;
/// Lengths while no calls are served (18 s, 28 s): recognition takes 30 s at once.
const CALM: Lengths = Lengths { goal: 562, most: 875 };
/// Lengths while calls are served (5 s, 9 s).
const BUSY: Lengths = Lengths { goal: 156, most: 281 };
/// Shortest silence in which a piece of the longest length may be cut (0.1 s).
const GAP: usize = 3;
/// The overlap of two pieces where there is no pause (3 s).
const OVERLAP: usize = 94;

/// Lengths of pieces, in windows.
#[derive(Debug, Clone, Copy)]
struct Lengths {
    /// The length from which a piece ends at a short pause.
    goal: usize,
    /// The longest piece.
    most: usize,
}

/// A piece of a recording, in samples of [`crate::frame::MIC_RATE`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Piece {
    /// Where it begins in the recording.
    pub(crate) start: u64,
    /// How much of its beginning overlaps the previous piece.
    pub(crate) shared: usize,
    /// How much of its end overlaps the next piece.
    pub(crate) shares: usize,
    /// Its sound.
    pub(crate) samples: Vec<i16>,
    /// Of each of its whole windows: whether somebody speaks.
    speech: Vec<bool>,
}

impl Piece {
    /// The piece cut again into the shorter pieces that calls need: it may have been cut before calls began. Speech without a pause
    /// stays
    /// whole.
    pub(crate) fn shorter(self) -> Vec<Self> {
        if self.shares > 0 || self.speech.len() <= BUSY.most {
            return vec![self];
        }
        let shared = self.shared / VAD_WINDOW;
        let mut cutter = Cutter { start: self.start, shared, ..Cutter::default() };
        let (windows, rest) = self.samples.as_chunks::<VAD_WINDOW>();
        let heard = windows.iter().zip(self.speech);
        let mut found: Vec<Self> =
            heard.filter_map(|(window, speech)| cutter.take(window, speech, BUSY)).collect();
        let last = cutter.finish(rest);
        if last.is_none()
            && let Some(end) = found.last_mut()
        {
            // Nothing comes behind it.
            end.shares = 0;
        }
        found.extend(last);
        found
    }
}

/// The sound that no piece has yet.
#[derive(Debug, Default)]
pub(crate) struct Cutter {
    samples: Vec<i16>,
    /// Of each of its windows: whether somebody speaks.
    speech: Vec<bool>,
    /// Where it begins in the recording.
    start: u64,
    /// How many of its first windows overlap the last piece.
    shared: usize,
}

impl Cutter {
    /// Takes the next window with its probability of speech; returns the piece that it completes. `busy`: calls are served.
    pub(crate) fn hear(&mut self, window: &[i16; VAD_WINDOW], probability: f32, busy: bool) -> Option<Piece> {
        self.take(window, probability >= SPEECH, if busy { BUSY } else { CALM })
    }

    fn take(
        &mut self,
        window: &[i16; VAD_WINDOW],
        speech: bool,
        Lengths { goal, most }: Lengths,
    ) -> Option<Piece> {
        self.samples.extend_from_slice(window);
        self.speech.push(speech);
        let length = self.speech.len();
        let Some(silent) = self.silence() else {
            self.forget(length.saturating_sub(EDGE));
            return None;
        };
        if silent >= LONG_PAUSE {
            return Some(self.cut(length - silent + EDGE, 0));
        }
        if length >= goal && silent >= SHORT_PAUSE {
            return Some(self.cut(length - silent / 2, 0));
        }
        let half = length / 2;
        (length >= most).then(|| match longest_silence(&self.speech[half..]) {
            Some(silence) => self.cut(half + silence.start + silence.len() / 2, 0),
            None => self.cut(length, OVERLAP),
        })
    }

    /// The last piece, with the samples after the last whole window.
    pub(crate) fn finish(mut self, rest: &[i16]) -> Option<Piece> {
        let silent = self.silence()?;
        let length = self.speech.len();
        if length <= self.shared {
            // The last piece has all of it.
            return None;
        }
        if silent > EDGE {
            return Some(self.cut(length - silent + EDGE, 0));
        }
        let mut piece = self.cut(length, 0);
        piece.samples.extend_from_slice(rest);
        Some(piece)
    }

    /// Windows since the last speech; `None` before the first speech.
    fn silence(&self) -> Option<usize> {
        self.speech.iter().rev().position(|speech| *speech)
    }

    /// The piece that ends before window `end`; the next one begins `shares` windows before its end.
    fn cut(&mut self, end: usize, shares: usize) -> Piece {
        let piece = Piece {
            start: self.start,
            shared: self.shared * VAD_WINDOW,
            shares: shares * VAD_WINDOW,
            samples: self.samples[..end * VAD_WINDOW].to_vec(),
            speech: self.speech[..end].to_vec(),
        };
        self.forget(end - shares);
        self.shared = shares;
        piece
    }

    /// Drops the first windows.
    fn forget(&mut self, windows: usize) {
        self.samples.drain(..windows * VAD_WINDOW);
        self.speech.drain(..windows);
        self.start += (windows * VAD_WINDOW) as u64;
        self.shared = self.shared.saturating_sub(windows);
    }
}

/// The longest silence of at least [`GAP`] windows; of equal ones the last.
fn longest_silence(speech: &[bool]) -> Option<Range<usize>> {
    let mut best: Option<Range<usize>> = None;
    let mut begun = None;
    for (at, speech) in speech.iter().copied().chain([true]).enumerate() {
        match (speech, begun) {
            (false, None) => begun = Some(at),
            (true, Some(start)) => {
                let length = at - start;
                if length >= GAP && best.as_ref().is_none_or(|best| length >= best.len()) {
                    best = Some(start..at);
                }
                begun = None;
            }
            _ => {}
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WINDOWS_PER_SECOND: usize = 31;

    /// The pieces of a recording while no calls are served.
    fn pieces(runs: &[(bool, usize)], rest: usize) -> (Vec<i16>, Vec<bool>, Vec<Piece>) {
        pieces_while(runs, rest, |_| false)
    }

    /// The pieces of a recording, given as runs of windows with and without speech. Each sample tells its place. `busy`: whether
    /// calls are served at a window.
    fn pieces_while(
        runs: &[(bool, usize)],
        rest: usize,
        busy: impl Fn(usize) -> bool,
    ) -> (Vec<i16>, Vec<bool>, Vec<Piece>) {
        let speech: Vec<bool> =
            runs.iter().flat_map(|(speech, windows)| std::iter::repeat_n(*speech, *windows)).collect();
        let samples: Vec<i16> =
            (0..speech.len() * VAD_WINDOW + rest).map(|at| (at % 30_011) as i16).collect();
        let mut cutter = Cutter::default();
        let mut found = Vec::new();
        let (windows, rest) = samples.as_chunks::<VAD_WINDOW>();
        for (at, (window, speech)) in windows.iter().zip(&speech).enumerate() {
            found.extend(cutter.hear(window, if *speech { 0.9 } else { 0.1 }, busy(at)));
        }
        found.extend(cutter.finish(rest));
        (samples, speech, found)
    }

    fn lengths(pieces: &[Piece]) -> Vec<usize> {
        pieces.iter().map(|piece| piece.samples.len() / VAD_WINDOW).collect()
    }

    proptest! {
        // A case is a recording of minutes.
        #![proptest_config(ProptestConfig::with_cases(40))]

        #[test]
        fn nothing_that_is_said_is_lost_and_nothing_comes_twice(
            runs in prop::collection::vec((any::<bool>(), 1_usize..400), 0..24),
            rest in 0..VAD_WINDOW,
            turns in 1_usize..600,
            again in any::<bool>(),
        ) {
            let (samples, speech, pieces) = pieces_while(&runs, rest, |at| at / turns % 2 == 1);
            let pieces: Vec<Piece> =
                pieces.into_iter().flat_map(|piece| if again { piece.shorter() } else { vec![piece] }).collect();
            let mut covered = vec![0_u8; samples.len()];
            let mut end = 0;
            for piece in &pieces {
                let start = usize::try_from(piece.start).unwrap();
                prop_assert_eq!(&samples[start..start + piece.samples.len()], piece.samples.as_slice());
                prop_assert!(piece.samples.len() <= (CALM.most + 1) * VAD_WINDOW);
                prop_assert!(start + piece.shared >= end, "a piece begins before the last one has ended");
                covered[start + piece.shared..start + piece.samples.len()].iter_mut().for_each(|at| *at += 1);
                end = start + piece.samples.len();
            }
            for (window, speech) in speech.iter().enumerate() {
                let here = &covered[window * VAD_WINDOW..(window + 1) * VAD_WINDOW];
                prop_assert!(here.iter().all(|times| *times <= 1));
                prop_assert!(!speech || here.iter().all(|times| *times == 1), "window {} is lost", window);
            }
            for pair in pieces.windows(2) {
                prop_assert_eq!(pair[0].shares, pair[1].shared);
            }
        }
    }

    #[test]
    fn a_piece_ends_at_a_long_pause_with_its_edges() {
        let (_, _, found) = pieces(&[(false, 100), (true, 60), (false, 100), (true, 30)], 0);
        assert_eq!(lengths(&found), [EDGE + 60 + EDGE, EDGE + 30]);
    }

    #[test]
    fn a_long_talk_is_cut_at_a_short_pause_and_before_that_only_if_it_must() {
        let run = 20 * WINDOWS_PER_SECOND;
        let (_, _, found) = pieces(&[(true, run), (false, 12), (true, run)], 0);
        assert_eq!(found.len(), 2);
        assert!(found.iter().all(|piece| piece.shared == 0));
        // A breath of a tenth of a second is the only pause within 28 s.
        let (_, _, found) = pieces(&[(true, 500), (false, 4), (true, 600)], 0);
        assert_eq!((lengths(&found)[0], found[1].shared), (502, 0));
    }

    #[test]
    fn where_there_is_no_pause_pieces_overlap() {
        let (_, _, found) = pieces(&[(true, 2_000)], 0);
        assert_eq!(found[0].shares, OVERLAP * VAD_WINDOW);
        assert_eq!(found[1].shared, OVERLAP * VAD_WINDOW);
        assert_eq!(found[1].start, ((CALM.most - OVERLAP) * VAD_WINDOW) as u64);
    }

    #[test]
    fn pieces_are_short_while_calls_are_served() {
        let (_, _, found) = pieces_while(&[(true, 2_000)], 0, |_| true);
        assert!(found.iter().all(|piece| piece.samples.len() <= BUSY.most * VAD_WINDOW), "{}", found.len());
        assert!(found.len() > 2_000 / BUSY.most);
    }

    #[test]
    fn a_long_piece_becomes_short_ones_when_a_call_has_begun() {
        let runs: Vec<(bool, usize)> = [(true, 90), (false, 12)].repeat(20);
        let (_, _, found) = pieces(&runs, 0);
        assert!(lengths(&found)[0] > 2 * BUSY.goal, "{:?}", lengths(&found));
        let shorter: Vec<Piece> = found.into_iter().flat_map(Piece::shorter).collect();
        assert!(lengths(&shorter).iter().all(|length| *length <= BUSY.most), "{:?}", lengths(&shorter));
        // 28 s without a breath.
        let (_, _, found) = pieces(&[(true, 2_000)], 0);
        assert_eq!(found[0].clone().shorter(), [found[0].clone()]);
    }

    #[test]
    fn a_silence_has_no_pieces_however_long_it_is() {
        assert!(pieces(&[(false, 5_000)], 100).2.is_empty());
        assert!(pieces(&[], 100).2.is_empty());
    }
}
