//! Sounds and files to test with.

use std::path::{Path, PathBuf};

use visavis_containers::{DecodeError, Decoder};

/// Something like a voice: three partials of a melody, so that a shift by a few samples shows.
pub(crate) fn voice(rate: u32, count: usize) -> Vec<i16> {
    use std::f64::consts::TAU;
    let sample = |n: usize| {
        let t = n as f64 / f64::from(rate);
        let phase = TAU * 220.0 * t - 120.0 * (TAU * 0.7 * t).cos();
        let level = 6_000.0 * (0.7 + 0.3 * (TAU * 3.0 * t).sin());
        (level * (phase.sin() + 0.5 * (2.0 * phase).sin() + 0.25 * (3.0 * phase).sin())) as i16
    };
    (0..count).map(sample).collect()
}

/// Reads a file to its end.
pub(crate) fn read(bytes: &[u8]) -> Result<Vec<i16>, DecodeError> {
    let mut decoder = Decoder::from_bytes(bytes.to_vec())?;
    let mut samples = Vec::new();
    while let Some(mut piece) = decoder.read()? {
        samples.append(&mut piece);
    }
    Ok(samples)
}

/// How much two sounds are alike, from -1 to 1.
pub(crate) fn likeness(one: &[i16], other: &[i16]) -> f64 {
    let sum = |a: &[i16], b: &[i16]| a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum::<f64>();
    let count = one.len().min(other.len());
    let (one, other) = (&one[..count], &other[..count]);
    sum(one, other) / (sum(one, one) * sum(other, other)).sqrt().max(1.0)
}

/// A seed of the fuzz target, as other programs wrote it.
pub(crate) fn path(name: &str) -> PathBuf {
    Path::new("../../fuzz/corpus/sound_file").join(name)
}

/// The bytes of one.
pub(crate) fn file(name: &str) -> Vec<u8> {
    std::fs::read(path(name)).unwrap()
}
