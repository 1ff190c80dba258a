//! Writes sound. [`Encoder`] brings samples to a rate that the format has; each format has a file here.

mod adts;
mod flac;
mod mp3;
mod ogg_opus;
mod wav;

use visavis_media::audio::pcm;
use visavis_media::audio::resample::Resampler;
use visavis_media::audio::wav::RATES;

use crate::error::EncodeError;
use crate::format::Format;

/// What is known of a sound's length before its first sample is written.
#[derive(Debug, Clone, Copy)]
enum Length {
    /// Nothing: it is a stream.
    Open,
    /// This many samples, at the rate at which they are written.
    Known(u64),
}

/// Writes a sound while it is made. See the crate's documentation for what each format tells of its length.
pub struct Encoder {
    resampler: Resampler,
    resampled: Vec<i16>,
    writer: Writer,
}

enum Writer {
    Mp3(Box<mp3::Writer>),
    Opus(Box<ogg_opus::Writer>),
    Aac(adts::Writer),
    Flac(Box<flac::Writer>),
    Wav(wav::Writer),
    Pcm,
}

impl Encoder {
    /// An encoder for a stream of mono sound of `rate` Hz.
    ///
    /// # Errors
    /// When the rate is outside 4 to 192 kHz, or the codec cannot begin.
    pub fn new(format: Format, rate: u32) -> Result<Self, EncodeError> {
        Self::build(format, rate, Length::Open)
    }

    fn build(format: Format, rate: u32, length: Length) -> Result<Self, EncodeError> {
        if !RATES.contains(&rate) {
            return Err(EncodeError::Rate(rate));
        }
        let written = format.rate(rate);
        let writer = match format {
            Format::Mp3 => Writer::Mp3(Box::new(mp3::Writer::new(written, length)?)),
            Format::Opus => Writer::Opus(Box::new(ogg_opus::Writer::new(written)?)),
            Format::Aac => Writer::Aac(adts::Writer::new(written)),
            Format::Flac => Writer::Flac(Box::new(flac::Writer::new(written, length)?)),
            Format::Wav => Writer::Wav(wav::Writer::new(written, length)),
            Format::Pcm => Writer::Pcm,
        };
        Ok(Self { resampler: Resampler::new(rate, written), resampled: Vec::new(), writer })
    }

    /// Takes any number of samples; returns what can be sent now, the header included.
    ///
    /// # Errors
    /// When the codec fails.
    pub fn push(&mut self, samples: &[i16]) -> Result<Vec<u8>, EncodeError> {
        self.resampled.clear();
        self.resampler.push(samples, &mut self.resampled);
        let mut out = Vec::new();
        self.writer.push(&self.resampled, &mut out)?;
        Ok(out)
    }

    /// Ends the sound; returns the rest of the file.
    ///
    /// # Errors
    /// When the codec fails.
    pub fn finish(mut self) -> Result<Vec<u8>, EncodeError> {
        self.rest()
    }

    /// Ends the sound. `file` holds all bytes so far; the rest is appended, and its header gets the length if the format has a
    /// place
    /// for it. Returns the rest, as [`finish`](Self::finish) does.
    ///
    /// # Errors
    /// When the codec fails.
    pub fn complete(mut self, file: &mut Vec<u8>) -> Result<Vec<u8>, EncodeError> {
        let rest = self.rest()?;
        file.extend_from_slice(&rest);
        match &self.writer {
            Writer::Wav(_) => wav::settle(file),
            Writer::Flac(writer) => writer.settle(file),
            Writer::Mp3(writer) => writer.settle(file),
            Writer::Opus(_) | Writer::Aac(_) | Writer::Pcm => {}
        }
        Ok(rest)
    }

    fn rest(&mut self) -> Result<Vec<u8>, EncodeError> {
        self.resampled.clear();
        self.resampler.flush(&mut self.resampled);
        let mut out = Vec::new();
        self.writer.push(&self.resampled, &mut out)?;
        self.writer.finish(&mut out)?;
        Ok(out)
    }
}

impl Writer {
    fn push(&mut self, samples: &[i16], out: &mut Vec<u8>) -> Result<(), EncodeError> {
        match self {
            Self::Mp3(writer) => writer.push(samples, out),
            Self::Opus(writer) => writer.push(samples, out),
            Self::Aac(writer) => writer.push(samples, out),
            Self::Flac(writer) => writer.push(samples, out),
            Self::Wav(writer) => {
                writer.push(samples, out);
                Ok(())
            }
            Self::Pcm => {
                out.extend(pcm::bytes(samples));
                Ok(())
            }
        }
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        match self {
            Self::Mp3(writer) => {
                writer.finish(out);
                Ok(())
            }
            Self::Opus(writer) => writer.finish(out),
            Self::Aac(writer) => writer.finish(out),
            Self::Flac(writer) => writer.finish(out),
            Self::Wav(writer) => {
                writer.push(&[], out);
                Ok(())
            }
            Self::Pcm => Ok(()),
        }
    }
}

/// Writes a sound that is known as a whole; its header tells its length.
///
/// # Errors
/// As [`Encoder::new`] and [`Encoder::push`].
pub fn whole(format: Format, rate: u32, samples: &[i16]) -> Result<Vec<u8>, EncodeError> {
    // As the resampler counts them.
    let (from, to) = (u64::from(rate.max(1)), u64::from(format.rate(rate)));
    let length = (samples.len() as u64 * to).div_ceil(from);
    let mut encoder = Encoder::build(format, rate, Length::Known(length))?;
    let mut file = encoder.push(samples)?;
    file.append(&mut encoder.finish()?);
    Ok(file)
}
