//! Forced alignment: times the phonemes of a word whose own time is known. Each phoneme takes its typical share, and the
//! borders move to where the audio's energy fits. Pure.

use super::lips::ipa::{self, Manner};
use super::sound::Sound;

/// Energy frames per second.
const FRAMES: f64 = 100.0;
/// Search range of a border around its typical position, in frames.
const BAND: usize = 14;
/// Cost of an unlikely length, relative to that of energy that does not fit.
const LENGTH_COST: f32 = 3.0;
/// Below this it is silent: energy relative to loud moments, in powers of ten.
const SILENCE: f32 = -3.0;

/// A word, or any piece of speech, with its phonemes in espeak-ng's IPA.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Word {
    /// Start, in seconds.
    pub start: f64,
    /// End, in seconds.
    pub end: f64,
    /// Its phonemes in order, one symbol each.
    pub symbols: Vec<String>,
}

/// Aligns the phonemes of `words`, given in order, with the audio.
#[must_use]
pub fn align(words: &[Word], samples: &[i16], rate: u32) -> Vec<Sound> {
    let energy = Energy::of(samples, rate);
    let mut sounds = Vec::new();
    let mut over = 0.0_f64;
    for word in words {
        let (start, end) = (word.start.max(over), word.end);
        if start.is_finite() && end.is_finite() && start < end {
            over = end;
            spread(&word.symbols, start, end, &energy, &mut sounds);
        }
    }
    sounds
}

/// The part of the audio that holds speech, as one word of these symbols.
#[must_use]
pub fn whole(symbols: Vec<String>, samples: &[i16], rate: u32) -> Word {
    let energy = Energy::of(samples, rate);
    let speaks = |level: &f32| *level > SILENCE;
    let first = energy.levels.iter().position(speaks).unwrap_or(0);
    let last = energy.levels.iter().rposition(speaks).map_or(energy.levels.len(), |last| last + 1);
    Word { start: first as f64 / FRAMES, end: last as f64 / FRAMES, symbols }
}

/// Logarithmic energy, relative to the speaker's loud moments.
struct Energy {
    levels: Vec<f32>,
}

impl Energy {
    fn of(samples: &[i16], rate: u32) -> Self {
        let size = (f64::from(rate) / FRAMES).max(1.0);
        let count = (samples.len() as f64 / size) as usize;
        let mut levels: Vec<f32> = (0..count)
            .map(|n| {
                let frame = &samples[(n as f64 * size) as usize..((n + 1) as f64 * size) as usize];
                let sum: f32 = frame.iter().map(|&sample| (f32::from(sample) / 32_768.0).powi(2)).sum();
                (sum / frame.len().max(1) as f32 + 1e-9).log10()
            })
            .collect();
        let mut sorted = levels.clone();
        sorted.sort_by(f32::total_cmp);
        let loud = sorted.get(sorted.len() * 9 / 10).copied().unwrap_or(0.0).max(-7.0);
        levels.iter_mut().for_each(|level| *level -= loud);
        Self { levels }
    }

    fn at(&self, frame: usize) -> Option<f32> {
        self.levels.get(frame).copied()
    }
}

/// A symbol whose phones are known, and what is usual of it.
struct Known<'a> {
    symbol: &'a str,
    /// In seconds.
    length: f64,
    /// Its energy, as in [`Energy`].
    level: f32,
}

/// What is usual of a symbol; none: its phones are not known.
fn usual(symbol: &str) -> Option<Known<'_>> {
    let phones = ipa::phones(symbol);
    let (first, _) = *phones.first()?;
    let (length, level) = match first.manner {
        Manner::Vowel if first.weight < 0.6 => (0.055, -0.4),
        Manner::Vowel => (0.085, -0.2),
        Manner::Glide | Manner::Liquid => (0.06, -0.5),
        Manner::Nasal => (0.065, -0.7),
        Manner::Fricative => (0.09, -1.3),
        Manner::Stop => (0.07, -1.8),
    };
    let longer = match (symbol.contains('ː'), phones.len()) {
        (true, _) => 1.5,
        (_, 2..) => 1.6,
        _ => 1.0,
    };
    let stressed = if ipa::stress(symbol) > 0.9 { 1.2 } else { 1.0 };
    Some(Known { symbol, length: length * longer * stressed, level })
}

fn spread(symbols: &[String], start: f64, end: f64, energy: &Energy, sounds: &mut Vec<Sound>) {
    let known: Vec<Known<'_>> = symbols.iter().filter_map(|symbol| usual(symbol)).collect();
    let frames = ((end - start) * FRAMES).round() as usize;
    let first = (start * FRAMES).round() as usize;
    let heard = first < energy.levels.len();
    let typical = typical(&known, first, frames, energy);
    let borders = if heard && frames > known.len() { snap(&known, &typical, first, energy) } else { typical };
    let scale = (end - start) / frames.max(1) as f64;
    for (pair, Known { symbol, .. }) in borders.windows(2).zip(&known) {
        let at = |border: f64| start + border * scale;
        if pair[0] < pair[1] {
            sounds.push(Sound::new(symbol, at(pair[0]), at(pair[1])));
        }
    }
}

/// Borders by typical lengths, in frames from the first; long silences are skipped.
fn typical(known: &[Known<'_>], first: usize, frames: usize, energy: &Energy) -> Vec<f64> {
    let speaks = |frame: usize| energy.at(first + frame).is_none_or(|level| level > SILENCE);
    let silent = |frame: usize| {
        let from = frame.saturating_sub(7);
        !(from..from + 15).any(|near| near < frames && speaks(near))
    };
    let mut spoken: Vec<f64> =
        (0..frames).filter(|&frame| !silent(frame)).map(|frame| frame as f64).collect();
    if spoken.is_empty() {
        spoken = (0..frames.max(1)).map(|frame| frame as f64).collect();
    }
    let whole: f64 = known.iter().map(|known| known.length).sum();
    let mut sum = 0.0;
    let mut borders = vec![0.0];
    for known in known {
        sum += known.length;
        let place = sum / whole * spoken.len() as f64;
        let at = spoken.get(place as usize).map_or(frames as f64, |frame| frame + place.fract());
        borders.push(at);
    }
    if let Some(last) = borders.last_mut() {
        *last = frames as f64;
    }
    borders
}

/// Moves each border within the search range so that lengths and energies together fit best.
fn snap(known: &[Known<'_>], typical: &[f64], first: usize, energy: &Energy) -> Vec<f64> {
    let count = known.len();
    let frames = typical[count].round() as usize;
    let place = |index: usize, offset: usize| {
        let at = (typical[index].round() as usize + offset).checked_sub(BAND)?;
        (if index == 0 { at == 0 } else { at >= index && at + (count - index) <= frames }
            && (index < count || at == frames))
            .then_some(at)
    };
    let width = 2 * BAND + 1;
    let mut costs = vec![f32::INFINITY; (count + 1) * width];
    let mut from = vec![0_usize; (count + 1) * width];
    costs[BAND] = 0.0;
    for index in 1..=count {
        let Known { length, level, .. } = known[index - 1];
        // The expected length follows the speaker, who may be slow or fast.
        let expected = (typical[index] - typical[index - 1]).max(length * FRAMES * 0.3).max(1.0) as f32;
        // Cumulated misfit of the energies, from the earliest possible border on.
        let base = (typical[index - 1].round() as usize).saturating_sub(BAND);
        let top = typical[index].round() as usize + BAND;
        let mut sums = vec![0.0_f32];
        for frame in base..top {
            let off = energy.at(first + frame).map_or(0.0, |here| misfit(here, level));
            sums.push(sums[sums.len() - 1] + off * off);
        }
        for offset in 0..width {
            let Some(end) = place(index, offset) else { continue };
            for before in 0..width {
                let Some(start) = place(index - 1, before).filter(|&start| start < end) else { continue };
                let lengths = ((end - start) as f32 / expected).ln().powi(2) * LENGTH_COST;
                let cost =
                    costs[(index - 1) * width + before] + lengths + sums[end - base] - sums[start - base];
                if cost < costs[index * width + offset] {
                    costs[index * width + offset] = cost;
                    from[index * width + offset] = before;
                }
            }
        }
    }
    let last = (0..width).min_by(|&a, &b| costs[count * width + a].total_cmp(&costs[count * width + b]));
    let Some(mut offset) = last.filter(|&last| costs[count * width + last].is_finite()) else {
        return typical.to_vec();
    };
    let mut borders = vec![0.0; count + 1];
    for index in (0..=count).rev() {
        borders[index] = place(index, offset).map_or(typical[index], |at| at as f64);
        offset = from[index * width + offset];
    }
    borders
}

/// How far an energy is from the expected one; a quiet sound cannot be too quiet, nor a loud one too loud.
fn misfit(here: f32, level: f32) -> f32 {
    match level {
        ..-1.0 => (here - level).clamp(0.0, 2.5),
        -0.6.. => (level - here).clamp(0.0, 2.5),
        _ => (here - level).clamp(-2.5, 2.5),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(start: f64, end: f64, symbols: &[&str]) -> Word {
        Word { start, end, symbols: symbols.iter().map(|&symbol| symbol.into()).collect() }
    }

    /// A vowel, silence in the given range, a vowel.
    fn audio(silence: std::ops::Range<f64>) -> Vec<i16> {
        (0..8_000)
            .map(|n| {
                let t = f64::from(n) / 16_000.0;
                let quiet = silence.contains(&t);
                if quiet { 0 } else { ((t * 900.0).sin() * 8_000.0) as i16 }
            })
            .collect()
    }

    #[test]
    fn a_stop_is_aligned_with_silence() {
        for silence in [0.14..0.21, 0.22..0.29, 0.28..0.35] {
            let sounds = align(&[word(0.0, 0.5, &["ˈa", "b", "a"])], &audio(silence.clone()), 16_000);
            let symbols: Vec<&str> = sounds.iter().map(|sound| sound.symbol.as_str()).collect();
            assert_eq!(symbols, ["ˈa", "b", "a"]);
            let off = (sounds[1].start - silence.start).abs() + (sounds[1].end - silence.end).abs();
            assert!(off < 0.045, "{silence:?}: {:?}", sounds[1]);
        }
    }

    #[test]
    fn words_keep_their_times_and_sounds_fill_them_in_order() {
        let words = [word(0.05, 0.2, &["h", "ə"]), word(0.2, 0.45, &["l", "ˈoʊ", "?"])];
        let sounds = align(&words, &[], 16_000);
        assert_eq!(sounds.len(), 4);
        assert!((sounds[0].start - 0.05).abs() < 1e-9 && (sounds[3].end - 0.45).abs() < 1e-9, "{sounds:?}");
        assert!(sounds.windows(2).all(|pair| (pair[0].end - pair[1].start).abs() < 1e-9), "{sounds:?}");
        assert!(sounds[3].length() > sounds[2].length(), "a diphthong is longer than an l: {sounds:?}");
    }

    #[test]
    fn invalid_words_give_only_valid_sounds() {
        let many = vec!["a"; 500];
        for one in [
            word(0.3, 0.3, &["a"]),
            word(0.4, 0.1, &["a"]),
            word(f64::NAN, 1.0, &["a"]),
            word(0.0, 0.5, &[]),
            word(0.0, 0.5, &["?"]),
            word(0.0, 0.2, &many),
            word(90.0, 91.0, &["a", "b"]),
        ] {
            let sounds = align(&[one], &audio(0.1..0.2), 16_000);
            assert!(sounds.iter().all(|sound| sound.start < sound.end), "{sounds:?}");
        }
    }
}
