//! How long each symbol of an input sounds. Pure.

use std::ops::Range;

/// Samples before the symbols, of each of them, and after them; together they fill the sound.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Durations {
    /// Before the first symbol.
    pub(crate) lead: u64,
    /// Of each symbol, in order.
    pub(crate) symbols: Vec<u64>,
    /// After the last symbol.
    pub(crate) tail: u64,
    /// They come from the network; else they are estimates.
    pub(crate) measured: bool,
}

impl Durations {
    /// Of so many symbols that are not spoken.
    pub(crate) fn silent(symbols: usize) -> Self {
        Self { symbols: vec![0; symbols], ..Self::default() }
    }

    /// Of symbols that `spans` of a network's input ids stand for, in order and without gaps, from the `frames` that each id
    /// takes. Without frames that fill the `samples` exactly all ids share them evenly.
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

    /// The borders of the symbols, without the first `cut` samples: each begins at one and ends at the next.
    pub(crate) fn borders(&self, cut: u64) -> Vec<u64> {
        let mut at = self.lead;
        let mut borders = vec![at.saturating_sub(cut)];
        borders.extend(self.symbols.iter().map(|duration| {
            at += duration;
            at.saturating_sub(cut)
        }));
        borders
    }

    /// All of them.
    #[cfg(test)]
    pub(crate) fn sum(&self) -> u64 {
        self.lead + self.symbols.iter().sum::<u64>() + self.tail
    }
}

/// For each id the sample at which it ends, from its duration in frames, and true. Without durations that fill the audio
/// exactly the ids share it evenly.
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
    fn durations_that_do_not_fill_the_audio_are_not_trusted() {
        assert_eq!(ends(3, Some(&[1, 0, 2]), 768), (vec![256, 256, 768], true));
        assert_eq!(ends(3, Some(&[1, 0, 2]), 769), (vec![256, 512, 769], false));
        assert_eq!(ends(2, Some(&[1, 0, 2]), 768), (vec![384, 768], false));
        assert_eq!(ends(2, None, 768), (vec![384, 768], false));
    }

    #[test]
    fn symbols_take_the_time_of_their_ids_and_what_is_around_them_is_lead_and_tail() {
        // Frame, two symbols of two ids, one that is unknown, frame.
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
    fn without_symbols_all_sound_is_lead() {
        assert_eq!(Durations::new(2, &[], None, 10), Durations { lead: 10, ..Durations::default() });
        assert_eq!(Durations::silent(2).borders(5), [0, 0, 0]);
    }
}
