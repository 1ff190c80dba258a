//! Arithmetic on samples: where the sound is, and where a long utterance may be cut. Pure.

use std::ops::Range;

/// Sample rate of all audio here.
pub(crate) const RATE: usize = 16_000;
/// 10 ms: the unit of every decision on energy.
pub(crate) const FRAME: usize = RATE / 100;
/// Longest utterance that is decoded whole; Whisper's encoder takes 30 s.
pub(crate) const WINDOW: usize = 28 * RATE;
/// A longer utterance is cut no earlier than this.
const EARLIEST_CUT: usize = 20 * RATE;
/// Exception: in a pause of this length, from [`EARLIEST_PAUSE`] on.
const PAUSE: usize = RATE * 6 / 10;
const EARLIEST_PAUSE: usize = 10 * RATE;
/// Margin on both sides of the sound: soft consonants are below the threshold.
const KEEP: usize = RATE / 5;
/// Lowest mean square of the loudest frames for audio to contain speech (about -66 dBFS).
const FLOOR: f64 = 16.0 * 16.0;
/// Frames this much weaker than the loudest (40 dB) are silence.
const RANGE: f64 = 1e-4;
/// Frames this much weaker (30 dB) are a pause.
const PAUSE_RANGE: f64 = 1e-3;
/// Frames up to this much (8 dB) above the room's noise are silence, if they also count as a pause.
const ABOVE_ROOM: f64 = 6.3;
/// How many of the loudest frames are ignored: a click must not make speech look like silence.
const CLICK_FRAMES: usize = 4;

fn power(frame: &[i16]) -> f64 {
    let sum: f64 = frame.iter().map(|&sample| f64::from(sample) * f64::from(sample)).sum();
    sum / frame.len().max(1) as f64
}

/// The power of the loudest frame, ignoring clicks.
fn loudest(powers: &[f64]) -> Option<f64> {
    let mut sorted = powers.to_vec();
    sorted.sort_unstable_by(|a, b| b.total_cmp(a));
    sorted.get(CLICK_FRAMES.min(sorted.len().saturating_sub(1))).copied()
}

/// The power of the room's noise between words: the tenth percentile of the frames.
fn room(powers: &[f64]) -> f64 {
    const SHARE: usize = 10;
    let mut sorted = powers.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted.get(sorted.len() / SHARE).copied().unwrap_or_default()
}

/// From the first to the last frame above silence; `None` if there is none.
pub(crate) fn sound(audio: &[i16]) -> Option<Range<usize>> {
    let powers: Vec<f64> = audio.chunks(FRAME).map(power).collect();
    let loudest = loudest(&powers)?;
    if loudest < FLOOR {
        return None;
    }
    let above_room = (room(&powers) * ABOVE_ROOM).min(loudest * PAUSE_RANGE);
    let threshold = (loudest * RANGE).max(FLOOR).max(above_room);
    let first = powers.iter().position(|&power| power >= threshold)?;
    let last = powers.iter().rposition(|&power| power >= threshold)?;
    Some(first * FRAME..((last + 1) * FRAME).min(audio.len()))
}

/// The sound with a margin on both sides.
pub(crate) fn around(sound: &Range<usize>, length: usize) -> Range<usize> {
    sound.start.saturating_sub(KEEP)..(sound.end + KEEP).min(length)
}

/// Up to which sample a decode has heard all sound, if its audio ends at `length` and its sound at `sound_end`. A later
/// decode without sound after that sample yields the same words.
pub(crate) fn heard_until(sound_end: usize, length: usize) -> usize {
    (sound_end + KEEP).min(length)
}

/// Where the last sound ends.
pub(crate) fn sound_end(audio: &[i16]) -> Option<usize> {
    let start = audio.len().saturating_sub(WINDOW) / FRAME * FRAME;
    sound(&audio[start..]).map(|sound| start + sound.end)
}

/// Where the first window of a tail ends, once that is certain: in a long pause, so that the words before it are not
/// decoded again; else at the quietest moment of a full window. `None` while the tail is a single window.
pub(crate) fn cut(tail: &[i16]) -> Option<usize> {
    let window = &tail[..tail.len().min(WINDOW)];
    let powers: Vec<f64> = window.chunks(FRAME).map(power).collect();
    let frame = long_pause(&powers).or_else(|| (tail.len() > WINDOW).then(|| quietest(&powers)))?;
    Some((frame * FRAME).min(window.len()))
}

/// The middle of the first long pause that has ended.
fn long_pause(powers: &[f64]) -> Option<usize> {
    let threshold = (loudest(powers)? * PAUSE_RANGE).max(FLOOR);
    let mut quiet = 0;
    for (frame, &power) in powers.iter().enumerate().skip(EARLIEST_PAUSE / FRAME) {
        if power < threshold {
            quiet += 1;
        } else if quiet >= PAUSE / FRAME {
            return Some(frame - quiet / 2);
        } else {
            quiet = 0;
        }
    }
    None
}

/// The middle of the quietest 300 ms after the 20th second.
fn quietest(powers: &[f64]) -> usize {
    const QUIET: usize = 30;
    let from = (EARLIEST_CUT / FRAME).min(powers.len());
    let windows = powers[from..].windows(QUIET).map(|frames| frames.iter().sum::<f64>()).enumerate();
    // Of equals the latest, which makes fewer windows to decode.
    let quietest = windows.min_by(|(i, a), (j, b)| a.total_cmp(b).then(j.cmp(i)));
    quietest.map_or(powers.len(), |(index, _)| from + index + QUIET / 2)
}

/// Samples as Whisper expects them, padded with silence to one second: it hears nothing in less.
pub(crate) fn to_float(audio: &[i16]) -> Vec<f32> {
    let mut samples: Vec<f32> = audio.iter().map(|&sample| f32::from(sample) / 32768.0).collect();
    samples.resize(samples.len().max(RATE), 0.0);
    samples
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(samples: usize, amplitude: f64) -> Vec<i16> {
        (0..samples).map(|i| ((i as f64 * 0.3).sin() * amplitude) as i16).collect()
    }

    #[test]
    fn silence_around_speech_is_trimmed_to_200_ms() {
        let audio = [vec![0; RATE], tone(RATE, 5000.0), vec![2; 2 * RATE]].concat();
        assert_eq!(sound(&audio), Some(RATE..2 * RATE));
        assert_eq!(around(&(RATE..2 * RATE), 2 * RATE + 5), RATE - KEEP..2 * RATE + 5);
        assert_eq!(sound_end(&audio), sound_end(&audio[..5 * RATE / 2]));
    }

    #[test]
    fn faint_hiss_is_not_speech() {
        assert_eq!(sound(&tone(RATE, 20.0)), None);
        assert_eq!(sound(&[]), None);
    }

    #[test]
    fn a_click_does_not_hide_quiet_speech() {
        let mut audio = [tone(RATE, 200.0), vec![0; RATE]].concat();
        audio[3 * RATE / 2..3 * RATE / 2 + FRAME].fill(32000);
        assert_eq!(sound(&audio).map(|sound| sound.start), Some(0));
    }

    #[test]
    fn a_full_window_is_cut_at_its_quietest_moment() {
        let dip = 24 * RATE..24 * RATE + RATE / 2;
        let mut audio = tone(WINDOW + 1, 4000.0);
        assert!((EARLIEST_CUT..=WINDOW).contains(&cut(&audio).unwrap()));
        audio[dip.clone()].fill(3);
        assert!(dip.contains(&cut(&audio).unwrap()), "{:?}", cut(&audio));
        assert_eq!(cut(&audio[..WINDOW]), None);
    }

    #[test]
    fn a_window_ends_in_a_long_pause_as_soon_as_the_pause_is_over() {
        let speech = |seconds| tone(seconds * RATE, 4000.0);
        let audio = [speech(5), vec![0; RATE], speech(6), vec![5; RATE], speech(1)].concat();
        let end = cut(&audio).unwrap();
        assert!((12 * RATE..13 * RATE).contains(&end), "cut at {end}");
        assert_eq!(cut(&audio[..13 * RATE]), None, "nothing follows the pause yet");
    }
}
