//! Reads a clip's file: WAV of a known format, rate and length, as mono.

use hound::{SampleFormat, WavReader, WavSpec};

use super::fault::Fault;
use super::limits::{LARGEST, RATES, SECONDS};
use crate::audio::wav;

/// How other formats begin: the place, the bytes there, and the format's name.
const OTHERS: [(usize, &[u8], &str); 10] = [
    (0, b"ID3", "MP3"),
    (0, b"\xff\xfb", "MP3"),
    (0, b"\xff\xf3", "MP3"),
    (0, b"\xff\xf2", "MP3"),
    (0, b"OggS", "Ogg"),
    (0, b"fLaC", "FLAC"),
    (0, b"FORM", "AIFF"),
    (0, b"#!AMR", "AMR"),
    (0, b"\x1a\x45\xdf\xa3", "WebM or Matroska"),
    (4, b"ftyp", "MP4 or M4A"),
];

/// The sound of a file, mono at the file's own rate.
pub(super) struct Sound {
    pub(super) rate: u32,
    pub(super) samples: Vec<i16>,
}

/// Reads a file.
pub(super) fn read(file: &[u8]) -> Result<Sound, Fault> {
    if file.len() > LARGEST {
        return Err(Fault::Large);
    }
    if let Some(name) = other_format(file) {
        return Err(Fault::Other(name));
    }
    let reader = WavReader::new(file).map_err(|error| Fault::Malformed(error.to_string()))?;
    let WavSpec { channels, sample_rate, bits_per_sample, sample_format } = reader.spec();
    match (sample_format, bits_per_sample) {
        (SampleFormat::Float, 32) | (SampleFormat::Int, 16 | 24 | 32) => {}
        (_, bits) => return Err(Fault::Bits(bits)),
    }
    if !(1..=2).contains(&channels) {
        return Err(Fault::Channels(channels));
    }
    if !RATES.contains(&sample_rate) {
        return Err(Fault::Rate(sample_rate));
    }
    let promised = u64::from(reader.len()) * u64::from(bits_per_sample / 8);
    if promised > file.len() as u64 {
        return Err(Fault::CutShort);
    }
    let seconds = reader.duration() as f32 / sample_rate as f32;
    if !SECONDS.contains(&seconds) {
        return Err(Fault::Length(seconds));
    }
    let samples = wav::read(file, sample_rate).map_err(|error| Fault::Malformed(error.to_string()))?;
    Ok(Sound { rate: sample_rate, samples })
}

fn other_format(file: &[u8]) -> Option<&'static str> {
    let begins = |at: usize, mark: &[u8]| file.get(at..).is_some_and(|rest| rest.starts_with(mark));
    OTHERS.iter().find(|(at, mark, _)| begins(*at, mark)).map(|(_, _, name)| *name)
}
