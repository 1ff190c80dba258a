//! WAV in and out. Pure.

use std::io::Cursor;
use std::ops::Range;

use hound::{SampleFormat, WavReader, WavSpec, WavWriter};

use crate::audio::resample::Resampler;
use crate::frame::OUT_RATE;

/// The longest recording in seconds.
pub const LONGEST: u32 = 600;
/// Most samples animated at a time: recognition takes no more.
const LONGEST_SECTION: usize = 24 * OUT_RATE as usize;
const SHORTEST_SECTION: usize = 8 * OUT_RATE as usize;
/// Samples per energy measurement: 20 ms.
const PIECE: usize = OUT_RATE as usize / 50;
/// Pieces in a pause: 300 ms.
const PAUSE: usize = 15;
/// Samples resampled at a time.
const BLOCK: usize = 16_384;
/// Sample rates that are accepted.
const RATES: std::ops::RangeInclusive<u32> = 4_000..=192_000;

/// Why a recording cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// It is not a WAV file, or a broken one.
    #[error("this is not a WAV file that can be read: {0}")]
    Malformed(String),
    /// Its format is not supported.
    #[error("{0}: send PCM of 8 to 32 bits or 32-bit floats, at {low} to {high} Hz", low = RATES.start(), high = RATES.end())]
    Format(String),
    /// It is too long.
    #[error("it is longer than {LONGEST} seconds: send it in parts")]
    Long,
}

/// A WAV file as mono at [`OUT_RATE`]; its channels are mixed.
///
/// # Errors
/// When it cannot be used.
pub fn decode(file: &[u8]) -> Result<Vec<i16>, Unreadable> {
    decode_while(file, || true)
}

/// [`decode`], for as long as `wants` returns true; decodes a few seconds at a time, so that it needs no more memory than
/// the result.
///
/// # Errors
/// When it cannot be used.
pub fn decode_while(file: &[u8], wants: impl Fn() -> bool) -> Result<Vec<i16>, Unreadable> {
    let mut reader = WavReader::new(Cursor::new(file)).map_err(|error| malformed(&error))?;
    let WavSpec { channels, sample_rate, bits_per_sample, sample_format } = reader.spec();
    if !RATES.contains(&sample_rate) {
        return Err(Unreadable::Format(format!("{sample_rate} samples a second")));
    }
    if u64::from(reader.duration()) > u64::from(LONGEST) * u64::from(sample_rate) {
        return Err(Unreadable::Long);
    }
    let seconds = f64::from(reader.duration()) / f64::from(sample_rate);
    let mut mixer = Mixer {
        channels: usize::from(channels.max(1)),
        frame: Vec::new(),
        mono: Vec::new(),
        resampler: Resampler::new(sample_rate, OUT_RATE),
        out: Vec::with_capacity((seconds * f64::from(OUT_RATE)) as usize + 1024),
    };
    match (sample_format, bits_per_sample) {
        (SampleFormat::Float, 32) => mixer.take(reader.samples::<f32>(), wants)?,
        (SampleFormat::Int, bits @ 1..=32) => {
            let full = (1_i64 << (bits - 1)) as f32;
            mixer.take(reader.samples::<i32>().map(|sample| Ok(sample? as f32 / full)), wants)?;
        }
        (_, bits) => return Err(Unreadable::Format(format!("{bits} bits a sample"))),
    }
    Ok(mixer.out)
}

fn malformed(error: &hound::Error) -> Unreadable {
    Unreadable::Malformed(error.to_string())
}

/// Mixes channels to one and resamples to [`OUT_RATE`], block by block.
struct Mixer {
    channels: usize,
    frame: Vec<f32>,
    mono: Vec<f32>,
    resampler: Resampler,
    out: Vec<i16>,
}

impl Mixer {
    fn take(
        &mut self,
        samples: impl Iterator<Item = Result<f32, hound::Error>>,
        wants: impl Fn() -> bool,
    ) -> Result<(), Unreadable> {
        for sample in samples {
            let sample = sample.map_err(|error| malformed(&error))?;
            self.frame.push(if sample.is_finite() { sample } else { 0.0 });
            if self.frame.len() < self.channels {
                continue;
            }
            let sum: f32 = self.frame.drain(..).sum();
            self.mono.push((sum / self.channels as f32).clamp(-1.0, 1.0));
            if self.mono.len() == BLOCK {
                if !wants() {
                    return Ok(());
                }
                self.resampler.push_f32(&self.mono, &mut self.out);
                self.mono.clear();
            }
        }
        self.resampler.push_f32(&self.mono, &mut self.out);
        self.resampler.flush(&mut self.out);
        Ok(())
    }
}

/// Where a recording is cut: in its pauses, into sections that recognition can take.
pub fn sections(samples: &[i16]) -> Vec<Range<usize>> {
    let mut sections = Vec::new();
    let mut start = 0;
    while samples.len() - start > LONGEST_SECTION {
        let sought = start + SHORTEST_SECTION..start + LONGEST_SECTION;
        let end = quietest(&samples[sought.clone()]) + sought.start;
        sections.push(start..end);
        start = end;
    }
    if start < samples.len() {
        sections.push(start..samples.len());
    }
    sections
}

/// The middle of the quietest moment.
fn quietest(samples: &[i16]) -> usize {
    let energy = |piece: &[i16]| piece.iter().map(|&sample| f64::from(sample).powi(2)).sum::<f64>();
    let energies: Vec<f64> = samples.chunks_exact(PIECE).map(energy).collect();
    let pauses = energies.windows(PAUSE).map(|pieces| pieces.iter().sum::<f64>());
    let quietest = pauses.enumerate().min_by(|a, b| a.1.total_cmp(&b.1));
    quietest.map_or(samples.len(), |(at, _)| (at * 2 + PAUSE) * PIECE / 2)
}

/// Mono samples at [`OUT_RATE`] as a WAV file.
///
/// # Errors
/// When they are more than a WAV file can hold.
pub fn encode(samples: &[i16]) -> Result<Vec<u8>, hound::Error> {
    let spec =
        WavSpec { channels: 1, sample_rate: OUT_RATE, bits_per_sample: 16, sample_format: SampleFormat::Int };
    let mut file = Cursor::new(Vec::with_capacity(44 + 2 * samples.len()));
    let mut writer = WavWriter::new(&mut file, spec)?;
    samples.iter().try_for_each(|sample| writer.write_sample(*sample))?;
    writer.finalize()?;
    Ok(file.into_inner())
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    fn wav(spec: WavSpec, frames: u32) -> Vec<u8> {
        let mut file = Cursor::new(Vec::new());
        let mut writer = WavWriter::new(&mut file, spec).unwrap();
        for _ in 0..frames {
            for channel in 0..spec.channels {
                let level = if channel == 0 { 0.5_f32 } else { 0.0 };
                match spec.sample_format {
                    SampleFormat::Float => writer.write_sample(level).unwrap(),
                    SampleFormat::Int => {
                        let full = (1_i64 << (spec.bits_per_sample - 1)) as f32;
                        writer.write_sample((level * full) as i32).unwrap();
                    }
                }
            }
        }
        writer.finalize().unwrap();
        file.into_inner()
    }

    #[test]
    fn recordings_of_usual_formats_become_mono_at_the_output_rate() {
        for (channels, sample_rate, bits_per_sample, sample_format, level) in [
            (1, 24_000, 16, SampleFormat::Int, 0.5),
            (2, 48_000, 24, SampleFormat::Int, 0.25),
            (1, 16_000, 32, SampleFormat::Float, 0.5),
            (2, 44_100, 8, SampleFormat::Int, 0.25),
        ] {
            let spec = WavSpec { channels, sample_rate, bits_per_sample, sample_format };
            let samples = decode(&wav(spec, sample_rate)).unwrap();
            assert!(samples.len().abs_diff(OUT_RATE as usize) < 10, "{spec:?}: {}", samples.len());
            let middle = f32::from(samples[12_000]) / 32_768.0;
            assert!((middle - level).abs() < 0.02, "{spec:?}: {middle}");
        }
    }

    #[test]
    fn an_unusable_recording_is_refused_with_the_reason() {
        let spec = WavSpec {
            channels: 1,
            sample_rate: 24_000,
            bits_per_sample: 16,
            sample_format: SampleFormat::Int,
        };
        let good = wav(spec, 240);
        for bad in [&b""[..], b"RIFF", b"hello there, this is no sound at all", &good[..20]] {
            assert!(matches!(decode(bad), Err(Unreadable::Malformed(_))), "{bad:?}");
        }
        assert!(matches!(decode(&good[..good.len() - 11]), Err(Unreadable::Malformed(_))));
        let slow = WavSpec { sample_rate: 100, ..spec };
        assert!(matches!(decode(&wav(slow, 10)), Err(Unreadable::Format(_))));
        let long = WavSpec { sample_rate: 4_000, bits_per_sample: 8, ..spec };
        assert_eq!(decode(&wav(long, 4_000 * 601)), Err(Unreadable::Long));
        assert_eq!(decode(&wav(spec, 0)), Ok(Vec::new()));
    }

    #[test]
    fn a_long_recording_is_cut_in_its_pauses_without_loss() {
        let second = OUT_RATE as usize;
        let mut samples: Vec<i16> =
            (0..60 * second).map(|at| if at / 60 % 2 == 0 { 9000 } else { -9000 }).collect();
        for pause in [15, 30, 52] {
            samples[pause * second..pause * second + second / 2].fill(3);
        }
        let cuts = sections(&samples);
        assert!(cuts.windows(2).all(|pair| pair[0].end == pair[1].start), "{cuts:?}");
        assert_eq!((cuts[0].start, cuts[cuts.len() - 1].end), (0, samples.len()));
        for (cut, pause) in cuts.iter().zip([15, 30]) {
            assert!((pause * second..pause * second + second / 2).contains(&cut.end), "{cuts:?}");
        }
        assert!(cuts.iter().all(|cut| cut.len() <= LONGEST_SECTION), "{cuts:?}");
        assert_eq!(sections(&samples[..100]), vec![0..100]);
        assert!(sections(&[]).is_empty());
    }

    #[test]
    fn an_encoded_recording_decodes_to_the_same_samples() {
        let samples: Vec<i16> = (0..4800).map(|at| at * 3).collect();
        assert_eq!(decode(&encode(&samples).unwrap()).unwrap(), samples);
    }

    #[test]
    fn decoding_stops_when_the_recording_is_no_longer_wanted() {
        let spec =
            WavSpec { channels: 1, sample_rate: 4_000, bits_per_sample: 8, sample_format: SampleFormat::Int };
        let longest = wav(spec, spec.sample_rate * LONGEST);
        for (most, least_samples) in [(0, 0), (2, 1)] {
            let asked = Cell::new(0);
            let wants = || asked.replace(asked.get() + 1) < most;
            let read = decode_while(&longest, wants).unwrap();
            assert_eq!(asked.get(), most + 1, "not asked again");
            assert!((least_samples..20 * OUT_RATE as usize).contains(&read.len()), "{}", read.len());
        }
    }
}
