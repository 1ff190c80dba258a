//! Recorded speech as a microphone delivers it: 20 ms frames at 16 kHz, also as Opus, encoded once for all calls.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Resampler};

use super::error::ClientError;
use super::hearing::{rms_dbfs, spoken_span};
use visavis_core::frame::{MIC_FRAME, MIC_RATE};

const BITRATE: i32 = 32_000;
pub(super) const MAX_PACKET: usize = 1_275;
/// A packet of at most this size has no sound.
const EMPTY: usize = 2;
const LONGEST_S: usize = 900;

/// Sound for a microphone.
#[derive(Debug)]
pub struct Clip {
    name: String,
    reference: Option<String>,
    samples: Vec<i16>,
    frames: usize,
    spoken: Option<(usize, usize)>,
    packets: OnceLock<Vec<Bytes>>,
    /// The same with DTX.
    sparse: OnceLock<Vec<Option<Bytes>>>,
}

impl Clip {
    /// A clip of sound at 16 kHz, padded with silence to whole frames.
    #[must_use]
    pub fn new(name: &str, mut samples: Vec<i16>) -> Self {
        let spoken = spoken_span(&samples);
        let frames = samples.len().div_ceil(MIC_FRAME).max(1);
        samples.resize(frames * MIC_FRAME, 0);
        Self {
            name: name.to_owned(),
            reference: None,
            samples,
            frames,
            spoken,
            packets: OnceLock::new(),
            sparse: OnceLock::new(),
        }
    }

    /// Reads a WAV file of any rate and mixes its channels. A `.txt` file beside it contains its words.
    pub fn from_wav(path: &Path) -> Result<Self, ClientError> {
        let fault = |reason: String| ClientError::Speech { path: path.display().to_string(), reason };
        let mut reader = hound::WavReader::open(path).map_err(|error| fault(error.to_string()))?;
        let spec = reader.spec();
        let channels = usize::from(spec.channels);
        if reader.duration() as usize > LONGEST_S * spec.sample_rate as usize {
            return Err(fault(format!("it is longer than {LONGEST_S} s; cut it")));
        }
        let scale = 1.0 / (1_u64 << (spec.bits_per_sample - 1)) as f32;
        let samples: Result<Vec<f32>, _> = match spec.sample_format {
            hound::SampleFormat::Float => reader.samples::<f32>().collect(),
            hound::SampleFormat::Int => {
                reader.samples::<i32>().map(|sample| sample.map(|value| value as f32 * scale)).collect()
            }
        };
        let samples = samples.map_err(|error| fault(error.to_string()))?;
        let mono: Vec<f32> =
            samples.chunks_exact(channels).map(|frame| frame.iter().sum::<f32>() / channels as f32).collect();
        let at_rate = resample(&mono, spec.sample_rate).map_err(fault)?;
        let pcm = to_pcm(&at_rate);
        let name = path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
        let mut clip = Self::new(&name, pcm);
        if clip.spoken.is_none() {
            return Err(fault("nothing in it is loud enough to be speech".to_owned()));
        }
        clip.reference = std::fs::read_to_string(path.with_extension("txt"))
            .ok()
            .map(|text| text.trim().to_owned())
            .or_else(|| known_words(&name).map(str::to_owned));
        Ok(clip)
    }

    /// A clip of sound at any rate; the caller sets its words and its spoken range.
    ///
    /// # Errors
    /// When the rate cannot be resampled.
    pub fn at_any_rate(name: &str, samples: &[f32], rate: u32) -> Result<Self, ClientError> {
        let fault = |reason| ClientError::Speech { path: name.to_owned(), reason };
        Ok(Self::new(name, to_pcm(&resample(samples, rate).map_err(fault)?)))
    }

    /// Sets the spoken range, if it is known better than from energy.
    #[must_use]
    pub fn with_spoken(mut self, first: usize, end: usize) -> Self {
        self.spoken = (first < end && end <= self.samples.len()).then_some((first, end));
        self
    }

    /// All samples, at 16 kHz.
    #[must_use]
    pub fn samples(&self) -> &[i16] {
        &self.samples
    }

    /// One second of digital silence, to loop.
    #[must_use]
    pub fn silence() -> Arc<Self> {
        Arc::new(Self::new("silence", vec![0; MIC_RATE as usize]))
    }

    /// Ten seconds of a quiet room, to loop: low-passed noise at about −60 dBFS, the same in every run.
    #[must_use]
    pub fn room_noise() -> Arc<Self> {
        let mut seed = 0x2545_f491_u32;
        let mut low = 0.0_f32;
        let noise = (0..MIC_RATE * 10).map(|_| {
            seed ^= seed << 13;
            seed ^= seed >> 17;
            seed ^= seed << 5;
            let white = (f64::from(seed) / f64::from(u32::MAX) - 0.5) as f32;
            low += 0.2 * (white - low);
            (low * 340.0) as i16
        });
        Arc::new(Self::new("room noise", noise.collect()))
    }

    /// The file's name without its extension.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its words, if known.
    #[must_use]
    pub fn reference(&self) -> Option<&str> {
        self.reference.as_deref()
    }

    /// Sets its words.
    #[must_use]
    pub fn with_reference(mut self, words: &str) -> Self {
        self.reference = Some(words.to_owned());
        self
    }

    /// Its number of 20 ms frames.
    #[must_use]
    pub fn frames(&self) -> usize {
        self.frames
    }

    /// The first spoken sample and the one after the last.
    #[must_use]
    pub fn spoken(&self) -> Option<(usize, usize)> {
        self.spoken
    }

    /// Its length in seconds.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        self.samples.len() as f64 / f64::from(MIC_RATE)
    }

    /// Its mean level in dBFS.
    #[must_use]
    pub fn level(&self) -> f32 {
        rms_dbfs(&self.samples)
    }

    /// A frame's samples.
    #[must_use]
    pub fn pcm(&self, frame: usize) -> &[i16] {
        &self.samples[frame * MIC_FRAME..(frame + 1) * MIC_FRAME]
    }

    /// A frame as an Opus packet. The first call encodes the whole clip.
    #[must_use]
    pub fn opus(&self, frame: usize) -> Bytes {
        self.packets.get_or_init(|| encode(&self.samples))[frame].clone()
    }

    /// The same of an encoder with DTX; none: nothing is sent for this frame. In a long pause that is a packet with sound and one
    /// without every 420 ms.
    #[must_use]
    pub fn opus_or_pause(&self, frame: usize) -> Option<Bytes> {
        self.sparse.get_or_init(|| encode_sparsely(&self.samples))[frame].clone()
    }
}

fn to_pcm(samples: &[f32]) -> Vec<i16> {
    samples.iter().map(|sample| (sample * 32_767.0).round() as i16).collect()
}

/// The microphone's encoder.
pub(super) fn encoder() -> opus::Encoder {
    let made = opus::Encoder::new(MIC_RATE, opus::Channels::Mono, opus::Application::Voip);
    let mut encoder = made.expect("16 kHz mono is a format of Opus");
    encoder.set_bitrate(opus::Bitrate::Bits(BITRATE)).expect("the bit rate is in range");
    encoder.set_inband_fec(true).expect("FEC is a switch");
    encoder
}

fn encode(samples: &[i16]) -> Vec<Bytes> {
    let mut encoder = encoder();
    samples
        .chunks_exact(MIC_FRAME)
        .map(|frame| encoder.encode_vec(frame, MAX_PACKET).expect("20 ms is a frame of Opus").into())
        .collect()
}

/// Encodes with DTX, and leaves out what browsers do not send: in a pause all packets without sound but the first.
fn encode_sparsely(samples: &[i16]) -> Vec<Option<Bytes>> {
    let mut encoder = encoder();
    encoder.set_dtx(true).expect("DTX is a switch");
    let mut pauses = false;
    let mut packet = |frame: &[i16]| {
        let packet = encoder.encode_vec(frame, MAX_PACKET).expect("20 ms is a frame of Opus");
        let paused = std::mem::replace(&mut pauses, packet.len() <= EMPTY);
        (packet.len() > EMPTY || !paused).then(|| Bytes::from(packet))
    };
    // Clips loop: the encoder knows from a first round what is before the clip's first frame.
    samples.chunks_exact(MIC_FRAME).for_each(|frame| drop(packet(frame)));
    samples.chunks_exact(MIC_FRAME).map(packet).collect()
}

fn resample(samples: &[f32], rate: u32) -> Result<Vec<f32>, String> {
    if rate == MIC_RATE {
        return Ok(samples.to_vec());
    }
    if !(4_000..=192_000).contains(&rate) {
        return Err(format!("its rate of {rate} Hz is outside 4000 to 192000 Hz"));
    }
    let fault = |error: &dyn std::fmt::Display| format!("it cannot be resampled: {error}");
    let mut resampler = Fft::<f32>::new(rate as usize, MIC_RATE as usize, 1_024, 1, FixedSync::Input)
        .map_err(|error| fault(&error))?;
    let input = InterleavedSlice::new(samples, 1, samples.len()).map_err(|error| fault(&error))?;
    let output = resampler.process_all(&input, samples.len(), None).map_err(|error| fault(&error))?;
    Ok(output.take_data())
}

/// The words of whisper.cpp's well-known sample, which has no text file.
fn known_words(name: &str) -> Option<&'static str> {
    (name == "jfk").then_some(
        "And so my fellow Americans, ask not what your country can do for you, \
         ask what you can do for your country.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write_wav(path: &Path, rate: u32, channels: u16, seconds: f32) {
        let spec = hound::WavSpec {
            channels,
            sample_rate: rate,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let mut writer = hound::WavWriter::create(path, spec).unwrap();
        for n in 0..(rate as f32 * seconds) as u32 {
            let tone = (f64::from(n) / f64::from(rate) * 440.0 * std::f64::consts::TAU).sin();
            for _ in 0..channels {
                writer.write_sample((tone * 12_000.0) as i16).unwrap();
            }
        }
        writer.finalize().unwrap();
    }

    #[test]
    fn any_rate_and_channel_count_becomes_16_khz_mono() {
        let dir = tempfile::tempdir().unwrap();
        for (rate, channels) in [(8_000, 1), (16_000, 2), (44_100, 2), (48_000, 1)] {
            let path = dir.path().join(format!("{rate}.wav"));
            write_wav(&path, rate, channels, 1.0);
            let clip = Clip::from_wav(&path).unwrap();
            assert!((clip.seconds() - 1.0).abs() < 0.021, "{rate}: {} s", clip.seconds());
            assert!((clip.level() + 11.8).abs() < 0.5, "{rate}: {} dBFS", clip.level());
            assert!(!clip.opus(clip.frames() - 1).is_empty());
        }
    }

    #[test]
    fn the_error_for_a_file_without_speech_says_why() {
        let dir = tempfile::tempdir().unwrap();
        let text = dir.path().join("no.wav");
        std::fs::write(&text, "not a wav").unwrap();
        assert!(Clip::from_wav(&text).unwrap_err().to_string().contains("no.wav"));
        let still = dir.path().join("still.wav");
        write_wav(&still, 16_000, 1, 0.0);
        assert!(Clip::from_wav(&still).unwrap_err().to_string().contains("loud enough"));
    }

    #[test]
    fn silence_with_dtx_is_a_few_packets_a_second_and_speech_is_all_of_them() {
        let silence = Clip::silence();
        let sent = (0..silence.frames()).filter(|frame| silence.opus_or_pause(*frame).is_some()).count();
        assert!((2..=8).contains(&sent), "{sent} packets for a second of silence");
        let tone = (0..MIC_RATE).map(|n| ((f64::from(n) * 0.2).sin() * 9_000.0) as i16).collect();
        let tone = Clip::new("tone", tone);
        assert!((0..tone.frames()).all(|frame| tone.opus_or_pause(frame).is_some()));
    }

    #[test]
    fn the_quiet_room_is_far_below_speech_and_not_digital_silence() {
        let level = Clip::room_noise().level();
        assert!((-66.0..-52.0).contains(&level), "{level} dBFS");
    }
}
