//! The formats that sound is written in, by OpenAI's names.

use std::fmt;
use std::str::FromStr;

/// The rates that MP3 has, in Hz.
const MP3: [u32; 9] = [8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000];
/// Those of AAC.
const AAC: [u32; 12] =
    [8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 64_000, 88_200, 96_000];
/// Those that an Opus encoder takes.
const OPUS: [u32; 5] = [8_000, 12_000, 16_000, 24_000, 48_000];
/// The highest one of FLAC's encoder.
const HIGHEST_FLAC: u32 = 96_000;

/// A format to write sound in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// MP3.
    Mp3,
    /// Opus in Ogg.
    Opus,
    /// AAC-LC in ADTS.
    Aac,
    /// FLAC.
    Flac,
    /// WAV with samples of 16 bits.
    Wav,
    /// Samples of 16 bits, little-endian, without a header.
    Pcm,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 6] = [Self::Mp3, Self::Opus, Self::Aac, Self::Flac, Self::Wav, Self::Pcm];

    /// Its name in requests.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mp3 => "mp3",
            Self::Opus => "opus",
            Self::Aac => "aac",
            Self::Flac => "flac",
            Self::Wav => "wav",
            Self::Pcm => "pcm",
        }
    }

    /// The media type for HTTP.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Mp3 => "audio/mpeg",
            // Not `audio/opus`, which is Opus in RTP: browsers do not play a file of that type.
            Self::Opus => "audio/ogg; codecs=opus",
            Self::Aac => "audio/aac",
            Self::Flac => "audio/flac",
            Self::Wav => "audio/wav",
            Self::Pcm => "audio/pcm",
        }
    }

    /// How names of such files end, without the dot.
    #[must_use]
    pub const fn extension(self) -> &'static str {
        self.as_str()
    }

    /// The rate at which a sound of `rate` Hz is written: the same, else the next higher one that the format has, else its
    /// highest.
    #[must_use]
    pub fn rate(self, rate: u32) -> u32 {
        let next = |rates: &[u32]| {
            rates.iter().copied().find(|&one| one >= rate).or(rates.last().copied()).unwrap_or(rate)
        };
        match self {
            Self::Mp3 => next(&MP3),
            Self::Opus => next(&OPUS),
            Self::Aac => next(&AAC),
            Self::Flac => rate.min(HIGHEST_FLAC),
            Self::Wav | Self::Pcm => rate,
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A name that is no format's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no format of sound; use mp3, opus, aac, flac, wav or pcm")]
pub struct UnknownFormat(pub String);

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let known = Self::ALL.into_iter().find(|format| format.as_str() == name);
        known.ok_or_else(|| UnknownFormat(name.chars().take(40).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_is_found_by_its_name_and_another_name_is_refused_with_those_that_exist() {
        for format in Format::ALL {
            assert_eq!(format.as_str().parse(), Ok(format));
        }
        let refused = "MP4".parse::<Format>().unwrap_err().to_string();
        assert!(
            refused.contains("\"MP4\"") && refused.contains("mp3, opus, aac, flac, wav or pcm"),
            "{refused}"
        );
    }

    #[test]
    fn a_rate_that_a_format_lacks_becomes_the_next_higher_one_or_its_highest() {
        assert_eq!(Format::Opus.rate(22_050), 24_000);
        assert_eq!(Format::Mp3.rate(22_050), 22_050);
        assert_eq!(Format::Mp3.rate(96_000), 48_000);
        assert_eq!(Format::Aac.rate(4_000), 8_000);
        assert_eq!(Format::Flac.rate(192_000), 96_000);
        assert_eq!(Format::Pcm.rate(22_051), 22_051);
    }
}
