//! WAV files as mono speech at one rate.

use std::io::Read;
use std::ops::RangeInclusive;

use hound::{SampleFormat, WavReader, WavSpec};

use super::resample::Resampler;

/// The longest file in seconds: no engine takes more at once.
pub const LONGEST: u32 = 600;
/// Sample rates in Hz that are accepted: lower ones cannot contain speech.
pub const RATES: RangeInclusive<u32> = 4_000..=192_000;
/// Samples resampled at a time.
const BLOCK: usize = 4_096;

/// Why a WAV file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// It is not a WAV file, or a damaged one.
    #[error("this is not a WAV file that can be read: {0}")]
    Malformed(#[from] hound::Error),
    /// Its sample rate is not supported.
    #[error(
        "its sample rate is {0} Hz; convert it to {low} to {high} Hz",
        low = RATES.start(),
        high = RATES.end()
    )]
    Rate(u32),
    /// Its sample format is not supported.
    #[error("its samples have {0} bits; convert them to integers of 8 to 32 bits or floats of 32 bits")]
    Format(u16),
    /// It is too long.
    #[error("it is longer than {LONGEST} seconds; cut it into parts")]
    Long,
}

/// Reads a WAV file as mono at `rate` Hz. Its channels are mixed.
///
/// # Errors
/// When the file is damaged, too long, or has a rate or format that is not supported.
pub fn read(file: impl Read, rate: u32) -> Result<Vec<i16>, Unreadable> {
    let mut reader = WavReader::new(file)?;
    let WavSpec { channels, sample_rate, bits_per_sample, sample_format } = reader.spec();
    if !RATES.contains(&sample_rate) {
        return Err(Unreadable::Rate(sample_rate));
    }
    if u64::from(reader.duration()) > u64::from(LONGEST) * u64::from(sample_rate) {
        return Err(Unreadable::Long);
    }
    let mut mono = Mono::new(usize::from(channels), sample_rate, rate);
    match (sample_format, bits_per_sample) {
        (SampleFormat::Float, 32) => {
            reader.samples::<f32>().try_for_each(|sample| sample.map(|sample| mono.push(sample)))?;
        }
        (SampleFormat::Int, bits @ 1..=32) => {
            let full = (1_i64 << (bits - 1)) as f32;
            reader.samples::<i32>().try_for_each(|s| s.map(|sample| mono.push(sample as f32 / full)))?;
        }
        (_, bits) => return Err(Unreadable::Format(bits)),
    }
    Ok(mono.finish())
}

/// Mixes channels and resamples as samples are read, so that a long file is never in memory as floats.
struct Mono {
    channels: usize,
    sum: f32,
    summed: usize,
    block: Vec<f32>,
    resampler: Resampler,
    out: Vec<i16>,
}

impl Mono {
    fn new(channels: usize, from: u32, to: u32) -> Self {
        let resampler = Resampler::new(from, to);
        Self { channels, sum: 0.0, summed: 0, block: Vec::with_capacity(BLOCK), resampler, out: Vec::new() }
    }

    fn push(&mut self, sample: f32) {
        // A float file may contain anything; a NaN would spread through the filter.
        self.sum += if sample.is_finite() { sample.clamp(-1.0, 1.0) } else { 0.0 };
        self.summed += 1;
        if self.summed == self.channels {
            self.block.push(self.sum / self.channels as f32);
            (self.sum, self.summed) = (0.0, 0);
        }
        if self.block.len() == BLOCK {
            self.resampler.push_f32(&self.block, &mut self.out);
            self.block.clear();
        }
    }

    fn finish(mut self) -> Vec<i16> {
        self.resampler.push_f32(&self.block, &mut self.out);
        self.resampler.flush(&mut self.out);
        self.out
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use hound::{Sample, WavWriter};

    use super::*;

    fn file<S: Sample + Copy>(spec: WavSpec, frames: usize, sample: S) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        let mut writer = WavWriter::new(&mut bytes, spec).unwrap();
        for _ in 0..frames * usize::from(spec.channels) {
            writer.write_sample(sample).unwrap();
        }
        writer.finalize().unwrap();
        bytes.into_inner()
    }

    fn spec(channels: u16, sample_rate: u32, bits_per_sample: u16) -> WavSpec {
        let sample_format = if bits_per_sample == 33 { SampleFormat::Float } else { SampleFormat::Int };
        WavSpec { channels, sample_rate, bits_per_sample: bits_per_sample.min(32), sample_format }
    }

    #[test]
    fn every_rate_channel_count_and_bit_depth_keeps_its_length_and_level() {
        for rate in [4_000, 8_000, 11_025, 16_000, 22_051, 37_800, 44_100, 48_000, 96_000, 192_000] {
            for channels in [1, 2, 6] {
                for bits in [8_u16, 16, 24, 32] {
                    let half = 1_i32 << (bits - 2);
                    let file = file(spec(channels, rate, bits), rate as usize / 2, half);
                    let samples = read(&file[..], 16_000).unwrap();
                    let case = format!("{rate} Hz, {channels} channels, {bits} bits");
                    assert_eq!(samples.len(), 8_000, "{case}");
                    assert!((15_500..17_300).contains(&samples[4_000]), "{case}: {}", samples[4_000]);
                }
            }
        }
        let floats = read(&file(spec(1, 48_000, 33), 24_000, f32::NAN)[..], 16_000).unwrap();
        assert_eq!(floats, vec![0_i16; 8_000]);
    }

    #[test]
    fn an_unreadable_file_is_refused_with_what_to_send() {
        let long = 4_000 * LONGEST as usize + 1;
        let none = file(spec(1, 16_000, 16), 0, 0_i16);
        let cut = &file(spec(1, 16_000, 16), 100, 0_i16)[..51];
        let mut still = file(spec(1, 500, 16), 500, 0_i16);
        // Samples and bytes per second.
        still[24..32].fill(0);
        for (name, file, part) in [
            ("500 Hz", file(spec(1, 500, 16), 500, 0_i16), "500 Hz; convert it to 4000 to 192000 Hz"),
            ("0 Hz", still, "is 0 Hz"),
            ("1 MHz", file(spec(1, 1_000_000, 16), 10, 0_i16), "1000000 Hz"),
            ("over ten minutes", file(spec(1, 4_000, 8), long, 0_i8), "600 seconds"),
            ("no file at all", Vec::new(), "not a WAV file"),
            ("text", b"What is the capital of France?".to_vec(), "not a WAV file"),
            ("cut off", cut.to_vec(), "not a WAV file"),
        ] {
            let error = read(&file[..], 16_000).expect_err(name).to_string();
            assert!(error.contains(part), "{name}: {error}");
        }
        assert!(read(&none[..], 16_000).unwrap().is_empty(), "an empty file contains nothing");
    }
}
