//! Guesses sounds from audio alone, for speech without phonemes: closures from dips in energy, sibilants from high-frequency
//! energy, vowels from their two formants. Pure.

use realfft::{RealFftPlanner, RealToComplex};
use std::sync::Arc;

use super::sound::Sound;
use crate::mel::hann;

/// Spectra per second.
const FRAMES: f64 = 100.0;
/// Band edges in Hz; the bands: voicing, first formant of open vowels, second of back and of front vowels, ʃ, s.
const EDGES: [f32; 7] = [80.0, 400.0, 1000.0, 1600.0, 3000.0, 4500.0, 9000.0];
const BANDS: usize = EDGES.len() - 1;
/// Below this is silence: energy relative to loud moments, in powers of ten.
const SILENCE: f32 = -3.2;
/// A dip is below the peak around it by at least this.
const DIP: f32 = -1.1;
/// Frames on each side that count as around.
const AROUND: usize = 12;
/// Longest dip that is a closed mouth rather than a pause, in frames.
const LONGEST_DIP: usize = 14;
/// Shortest sound, in frames.
const SHORTEST: usize = 3;

/// One spectrum: logarithmic energy of each band, and of all together.
#[derive(Debug, Clone, Copy, Default)]
struct Frame {
    bands: [f32; BANDS],
    all: f32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Silence,
    Dip,
    Nasal,
    Sounding(&'static str),
}

/// The sounds of `samples`, timed from their start.
#[must_use]
pub fn sounds(samples: &[i16], rate: u32) -> Vec<Sound> {
    if rate < 4_000 || samples.len() < rate as usize / 50 {
        return Vec::new();
    }
    let frames = spectra(samples, rate);
    let Some(loud) = percentile(frames.iter().map(|frame| frame.all), 0.9).filter(|&loud| loud > -7.0) else {
        return Vec::new();
    };
    let (classes, usual) = classes(&frames, loud);
    let mut sounds = Vec::new();
    let mut at = 0;
    while at < classes.len() {
        let class = classes[at];
        let until = at + classes[at..].iter().take_while(|&&other| other == class).count();
        if let Some(symbol) = name(&frames, class, at, until, &usual) {
            sounds.push(Sound::new(symbol, at as f64 / FRAMES, until as f64 / FRAMES));
        }
        at = until;
    }
    sounds
}

fn spectra(samples: &[i16], rate: u32) -> Vec<Frame> {
    let size = (rate as usize / 45).next_power_of_two().max(64);
    let fft: Arc<dyn RealToComplex<f32>> = RealFftPlanner::new().plan_fft_forward(size);
    let (mut input, mut output) = (fft.make_input_vec(), fft.make_output_vec());
    let window = hann(size);
    let hz = rate as f32 / size as f32;
    let count = (samples.len() as f64 / f64::from(rate) * FRAMES) as usize;
    let scale = 1.0 / (32_768.0 * size as f32 / 2.0);
    let spectrum = |n: usize| {
        let middle = ((n as f64 + 0.5) / FRAMES * f64::from(rate)) as usize;
        for (at, (value, weight)) in input.iter_mut().zip(&window).enumerate() {
            let sample = (middle + at).checked_sub(size / 2).and_then(|at| samples.get(at));
            *value = f32::from(sample.copied().unwrap_or(0)) * weight * scale;
        }
        let mut energy = [1e-12_f32; BANDS];
        if fft.process(&mut input, &mut output).is_ok() {
            for (bin, value) in output.iter().enumerate() {
                let hertz = bin as f32 * hz;
                if let Some(band) = EDGES.windows(2).position(|edge| (edge[0]..edge[1]).contains(&hertz)) {
                    energy[band] += value.norm_sqr();
                }
            }
        }
        Frame { bands: energy.map(f32::log10), all: energy.iter().sum::<f32>().log10() }
    };
    (0..count).map(spectrum).collect()
}

fn percentile(values: impl Iterator<Item = f32>, part: f32) -> Option<f32> {
    let mut values: Vec<f32> = values.filter(|value| value.is_finite()).collect();
    let at = (values.len() as f32 * part) as usize;
    (at < values.len()).then(|| *values.select_nth_unstable_by(at, f32::total_cmp).1)
}

/// The class of each frame, from the frame and its surroundings, with short runs removed; and the voice's usual spectrum, whose
/// `all` is the level of loud moments.
fn classes(frames: &[Frame], loud: f32) -> (Vec<Class>, Frame) {
    let voiced: Vec<&Frame> = frames.iter().filter(|frame| frame.all > loud - 1.2).collect();
    let median =
        |pick: &dyn Fn(&Frame) -> f32| percentile(voiced.iter().map(|frame| pick(frame)), 0.5).unwrap_or(0.0);
    // The speech may have only open vowels.
    let (height, front) = (median(&height).clamp(-0.8, 0.3), median(&front));
    let usual = Frame { bands: std::array::from_fn(|band| median(&|frame| frame.bands[band])), all: loud };
    let mut classes: Vec<Class> = (0..frames.len())
        .map(|n| {
            let frame = &frames[n];
            let around = &frames[n.saturating_sub(AROUND)..(n + AROUND + 1).min(frames.len())];
            let peak = around.iter().fold(f32::MIN, |peak, frame| peak.max(frame.all));
            if peak < loud + SILENCE * 0.6 {
                Class::Silence
            } else if let Some(symbol) = sibilant(frame, loud) {
                Class::Sounding(symbol)
            } else if frame.all < peak + DIP {
                Class::Dip
            } else if nasal(frame, peak) {
                Class::Nasal
            } else {
                Class::Sounding(vowel(self::height(frame) - height, self::front(frame) - front))
            }
        })
        .collect();
    settle(&mut classes);
    (classes, usual)
}

/// Merges short runs into the run before them, and turns dips that are long or at the edge of silence into silence.
fn settle(classes: &mut [Class]) {
    let mut at = 0;
    while at < classes.len() {
        let class = classes[at];
        let until = at + classes[at..].iter().take_while(|&&other| other == class).count();
        let before = at.checked_sub(1).map_or(Class::Silence, |before| classes[before]);
        let after = classes.get(until).copied().unwrap_or(Class::Silence);
        let new = match class {
            Class::Dip if until - at > LONGEST_DIP => Class::Silence,
            Class::Dip if before == Class::Silence || after == Class::Silence => Class::Silence,
            Class::Dip if until - at >= 2 => class,
            _ if until - at < SHORTEST && at > 0 => before,
            _ => class,
        };
        classes[at..until].fill(new);
        at = until;
    }
}

fn height(frame: &Frame) -> f32 {
    frame.bands[1] - frame.bands[0]
}

fn front(frame: &Frame) -> f32 {
    frame.bands[3] - frame.bands[2].max(frame.bands[1] - 0.5)
}

fn sibilant(frame: &Frame, loud: f32) -> Option<&'static str> {
    let high = frame.bands[4].max(frame.bands[5]);
    let low = frame.bands[0].max(frame.bands[1]).max(frame.bands[2]);
    (high > low + 0.2 && frame.all > loud + SILENCE * 0.8)
        .then(|| if frame.bands[4].max(frame.bands[3]) > frame.bands[5] + 0.2 { "ʃ" } else { "s" })
}

/// Whether this is voice behind a closed mouth: only the lowest band.
fn nasal(frame: &Frame, peak: f32) -> bool {
    let above = frame.bands[1].max(frame.bands[2]).max(frame.bands[3]);
    frame.bands[0] > above + 1.0 && frame.all < peak - 0.25
}

fn vowel(height: f32, front: f32) -> &'static str {
    match (height, front) {
        (0.35.., ..) if front < -0.9 => "ɔ",
        (0.35.., ..) => "a",
        (-0.2.., 0.4..) => "ɛ",
        (_, 0.4..) => "i",
        (-0.2.., ..-0.5) => "o",
        (_, ..-0.5) => "u",
        _ => "ə",
    }
}

/// The symbol of a run of frames; for a closed mouth that of a labial or of a tongue closure.
fn name(frames: &[Frame], class: Class, at: usize, until: usize, usual: &Frame) -> Option<&'static str> {
    match class {
        Class::Silence => None,
        Class::Sounding(symbol) => Some(symbol),
        Class::Nasal => Some(if labial(frames, at, until, usual) { "m" } else { "n" }),
        Class::Dip => Some(if labial(frames, at, until, usual) { "b" } else { "t" }),
    }
}

/// Whether a closure is labial: closing lips lower the formants before, murmur, and open without a hiss into a low first
/// formant. With voices in three languages, recall of p, b and m is a fifth, precision a third: a guess, used only without
/// phonemes.
fn labial(frames: &[Frame], at: usize, until: usize, usual: &Frame) -> bool {
    let mean = |range: std::ops::Range<usize>, band: usize| {
        let near = frames.get(range.start..range.end.min(frames.len())).filter(|near| !near.is_empty());
        near.map_or(0.0, |near| near.iter().map(|frame| frame.bands[band]).sum::<f32>() / near.len() as f32)
            - if near.is_some() { usual.bands[band] } else { 0.0 }
    };
    let quietest = frames[at..until].iter().min_by(|a, b| a.all.total_cmp(&b.all));
    let murmur = quietest.map_or(-1.0, |frame| frame.bands[0] - usual.all);
    let before = mean(at.saturating_sub(4)..at.saturating_sub(1), 3);
    let hiss = mean(until.saturating_sub(1)..until + 1, 5);
    let after = mean(until + 1..until + 4, 1);
    murmur - before - hiss + after > -1.0
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: u32 = 16_000;

    /// Appends tones of these frequencies and amplitudes; a tone above 4 kHz is a hiss.
    fn append(audio: &mut Vec<i16>, ms: u32, tones: &[(f64, f64)]) {
        for _ in 0..ms * RATE / 1000 {
            let t = audio.len() as f64 / f64::from(RATE);
            let value: f64 =
                tones.iter().map(|(hertz, level)| level * (t * hertz * std::f64::consts::TAU).sin()).sum();
            audio.push(value as i16);
        }
    }

    #[test]
    fn vowels_closures_and_sibilants_are_told_apart() {
        let open = [(150.0, 2_000.0), (750.0, 5_000.0), (1_250.0, 2_500.0)];
        let front = [(280.0, 5_000.0), (2_400.0, 2_500.0)];
        let mut audio = vec![0; 3_200];
        append(&mut audio, 200, &open);
        append(&mut audio, 70, &[(150.0, 60.0)]);
        append(&mut audio, 200, &front);
        append(&mut audio, 100, &[(6_000.0, 1_500.0)]);
        append(&mut audio, 200, &open);
        audio.extend(vec![0; 3_200]);
        let sounds = sounds(&audio, RATE);
        let at = |t: f64| {
            let sound = sounds.iter().find(|sound| (sound.start..sound.end).contains(&t));
            sound.map_or("", |sound| sound.symbol.as_str())
        };
        assert!(["a", "ɔ"].contains(&at(0.3)) && ["a", "ɔ"].contains(&at(0.87)), "{sounds:?}");
        assert!(["i", "ɛ"].contains(&at(0.57)), "{sounds:?}");
        assert!(["b", "t"].contains(&at(0.435)), "{sounds:?}");
        assert_eq!((at(0.72), at(0.1), at(1.1)), ("s", "", ""), "{sounds:?}");
    }
}
