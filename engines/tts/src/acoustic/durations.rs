//! The duration of each symbol of an input. Pure.

use std::ops::Range;

/// Samples before, of each and after the symbols; together they add up to the sound.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Durations {
    /// Before the first symbol.
    pub(crate) lead: u64,
    /// Of each symbol, in order.
    pub(crate) symbols: Vec<u64>,
    /// After the last symbol.
    pub(crate) tail: u64,
    /// The durations come from the network; otherwise they are estimates.
    pub(crate) measured: bool,
}

impl Durations {
    /// Durations of `symbols` symbols that are not spoken.
    pub(crate) fn silent(symbols: usize) -> Self {
        Self { symbols: vec![0; symbols], ..Self::default() }
    }

    /// The durations of symbols, each encoded as a span of the network's input ids, in order and without gaps; `frames` are the
    /// ids' durations. If they are missing or do not match `samples` exactly, all ids share the samples evenly.
    pub(crate) fn new(ids: usize, spans: &[Range<usize>], frames: Option<&[u64]>, samples: usize) -> Self {
        let (ends, measured) = ends(ids, frames, samples);
        let at = |id: usize| id.checked_sub(1).map_or(0, |before| ends[before]);
        let (first, last) =
            (spans.first().map_or(ids, |span| span.start), spans.last().map_or(ids, |span| span.end));
        Self {
            lead: at(first),
            symbols: spans.iter().map(|span| at(span.end) - at(span.start)).collect(),
            tail: samples as u64 - at(last),
            measured,
        }
    }

    /// The durations of single symbols, where each duration so far is that of a group: group `n` has `sizes[n]` symbols, which
    /// share its samples evenly.
    pub(crate) fn shared(self, sizes: &[usize]) -> Self {
        let share = |(&whole, &size): (&u64, &usize)| {
            let size = size as u64;
            (0..size).map(move |at| whole * (at + 1) / size - whole * at / size)
        };
        Self { symbols: self.symbols.iter().zip(sizes).flat_map(share).collect(), ..self }
    }

    /// The same durations with all symbols earlier by `samples`, or by as much as the lead allows.
    pub(crate) fn earlier(self, samples: u64) -> Self {
        let moved = if self.measured { self.lead.min(samples) } else { 0 };
        Self { lead: self.lead - moved, tail: self.tail + moved, ..self }
    }

    /// The borders of the symbols after cutting the first `cut` samples: each begins at one border and ends at the next.
    pub(crate) fn borders(&self, cut: u64) -> Vec<u64> {
        let mut at = self.lead;
        let mut borders = vec![at.saturating_sub(cut)];
        borders.extend(self.symbols.iter().map(|duration| {
            at += duration;
            at.saturating_sub(cut)
        }));
        borders
    }

    /// The total.
    #[cfg(test)]
    pub(crate) fn sum(&self) -> u64 {
        self.lead + self.symbols.iter().sum::<u64>() + self.tail
    }
}

/// The sample at which each id ends, and true if that follows from the `frames`. If they are missing or do not match the audio
/// exactly, the ids share it evenly.
fn ends(ids: usize, frames: Option<&[u64]>, samples: usize) -> (Vec<u64>, bool) {
    let samples = samples as u64;
    if let Some(frames) = frames.filter(|frames| frames.len() == ids) {
        let sum: u64 = frames.iter().sum();
        if sum > 0 && samples.is_multiple_of(sum) {
            let mut end = 0;
            let ends = frames
                .iter()
                .map(|frames| {
                    end += frames * (samples / sum);
                    end
                })
                .collect();
            return (ends, true);
        }
    }
    ((1..=ids as u64).map(|id| samples * id / ids as u64).collect(), false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_that_do_not_match_the_audio_are_ignored() {
        assert_eq!(ends(3, Some(&[1, 0, 2]), 768), (vec![256, 256, 768], true));
        assert_eq!(ends(3, Some(&[1, 0, 2]), 769), (vec![256, 512, 769], false));
        assert_eq!(ends(2, Some(&[1, 0, 2]), 768), (vec![384, 768], false));
        assert_eq!(ends(2, None, 768), (vec![384, 768], false));
    }

    #[test]
    fn symbols_take_the_time_of_their_ids_and_the_rest_is_lead_and_tail() {
        // A framing id, a symbol of two ids, an unknown one, a symbol of two ids, a framing id.
        let spans = [1..3, 3..3, 3..5];
        let durations = Durations::new(6, &spans, Some(&[4, 1, 2, 3, 0, 5]), 150);
        assert_eq!(durations, Durations { lead: 40, symbols: vec![30, 0, 30], tail: 50, measured: true });
        assert_eq!(durations.sum(), 150);
        assert_eq!(durations.borders(0), [40, 70, 70, 100]);
        assert_eq!(durations.borders(60), [0, 10, 10, 40]);
        let estimated = Durations::new(6, &spans, None, 151);
        assert_eq!((estimated.sum(), estimated.measured), (151, false));
    }

    #[test]
    fn symbols_that_share_an_id_share_its_time() {
        let groups = Durations { lead: 9, symbols: vec![100, 600, 0], tail: 5, measured: true };
        let symbols = groups.clone().shared(&[3, 1, 2]);
        assert_eq!(symbols, Durations { symbols: vec![33, 33, 34, 600, 0, 0], ..groups.clone() });
        assert_eq!(symbols.sum(), groups.sum());
    }

    #[test]
    fn symbols_move_ahead_no_further_than_the_lead_and_estimates_stay() {
        let late = Durations { lead: 50, symbols: vec![10, 20], tail: 5, measured: true };
        assert_eq!(late.clone().earlier(30).borders(0), [20, 30, 50]);
        let all = late.clone().earlier(80);
        assert_eq!((all.borders(0), all.sum()), (vec![0, 10, 30], late.sum()));
        let estimated = Durations { measured: false, ..late };
        assert_eq!(estimated.clone().earlier(30), estimated);
    }

    #[test]
    fn without_symbols_all_samples_are_lead() {
        assert_eq!(Durations::new(2, &[], None, 10), Durations { lead: 10, ..Durations::default() });
        assert_eq!(Durations::silent(2).borders(5), [0, 0, 0]);
    }
}
