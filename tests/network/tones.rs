//! A language of tones, which survives Opus and can be recognised sample by sample: each word is its own tone.

use std::f64::consts::TAU;

use visavis_core::frame::{MIC_FRAME, MIC_RATE};

/// All words that are said in these tests.
const WORDS: [&str; 55] = [
    "what", "is", "the", "capital", "of", "france", "say", "whole", "alphabet", "once", "more", "please",
    "stop", "about", "spain", "mm-hm", "hello", "there", "my", "friend", "it", "old", "city", "paris", "in",
    "madrid", "stands", "pardon", "alfa", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel",
    "india", "juliett", "kilo", "lima", "mike", "november", "oscar", "papa", "quebec", "romeo", "sierra",
    "tango", "uniform", "victor", "whiskey", "xray", "yankee", "zulu", "unknown",
];
/// The 20 ms frames of a word that sound, and all of its frames, including the silence at its end.
pub const SOUNDING: usize = 13;
pub const FRAMES: usize = 15;
const LOWEST: f64 = 400.0;
const STEP: f64 = 65.0;
const LEVEL: f64 = 8_000.0;
/// A frame of less mean amplitude is silent: half as loud as a ducked response.
const SILENT: f64 = 500.0;
/// Least share of a frame's energy in a clear tone; concealed sound is rough.
const CLEAR: f64 = 0.35;
/// Fewest frames of a word.
const SHORTEST: usize = 3;

/// A recognised word, the frame it began with, and how many of its frames sounded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    pub word: &'static str,
    pub from: usize,
    pub frames: usize,
}

/// The index of a written word, ignoring case and punctuation.
fn known(word: &str) -> usize {
    let plain = word.trim_matches(|char: char| !char.is_alphanumeric()).to_lowercase();
    WORDS.iter().position(|known| *known == plain).unwrap_or(WORDS.len() - 1)
}

/// The words of a text, as they are recognised.
pub fn words(text: &str) -> Vec<&'static str> {
    text.split_whitespace().map(|word| WORDS[known(word)]).collect()
}

fn tone(index: usize) -> f64 {
    LOWEST + STEP * index as f64
}

/// A word's samples at this rate, [`FRAMES`] frames.
pub fn word(word: &str, rate: u32) -> Vec<i16> {
    let (rate, frame) = (f64::from(rate), rate as usize / 50);
    let (length, ramp) = (SOUNDING * frame, frame / 4);
    let step = TAU * tone(known(word)) / rate;
    let sample = |at: usize| {
        let edge = at.min(length - at).min(ramp) as f64 / ramp as f64;
        ((step * at as f64).sin() * LEVEL * edge) as i16
    };
    let mut samples: Vec<i16> = (0..length).map(sample).collect();
    samples.resize(FRAMES * frame, 0);
    samples
}

/// The words in samples at [`MIC_RATE`].
pub fn hear(samples: &[i16]) -> Vec<Heard> {
    let frames: Vec<Option<usize>> = samples.chunks_exact(MIC_FRAME).map(sound).collect();
    let (mut heard, mut from): (Vec<Heard>, usize) = (Vec::new(), 0);
    for run in frames.chunk_by(|a, b| a == b) {
        let frames = run.len();
        match run[0].map(|index| WORDS[index]) {
            // A word that concealment has split counts as one.
            Some(word) if heard.last().is_some_and(|last| last.word == word) => {
                heard.last_mut().unwrap().frames += frames;
            }
            Some(word) if frames >= SHORTEST => heard.push(Heard { word, from, frames }),
            _ => {}
        }
        from += frames;
    }
    heard
}

/// The tone that a frame holds, if any.
fn sound(frame: &[i16]) -> Option<usize> {
    let energy: f64 = frame.iter().map(|sample| f64::from(*sample).powi(2)).sum();
    if energy < SILENT * SILENT * frame.len() as f64 {
        return None;
    }
    let power = |index: usize| goertzel(frame, tone(index)) * 2.0 / frame.len() as f64;
    let (best, most) =
        (0..WORDS.len()).map(|index| (index, power(index))).max_by(|a, b| a.1.total_cmp(&b.1))?;
    (most > energy * CLEAR).then_some(best)
}

fn goertzel(frame: &[i16], hz: f64) -> f64 {
    let turn = 2.0 * (TAU * hz / f64::from(MIC_RATE)).cos();
    let (mut last, mut before) = (0.0, 0.0);
    for sample in frame {
        (last, before) = (turn * last - before + f64::from(*sample), last);
    }
    last * last + before * before - turn * last * before
}
