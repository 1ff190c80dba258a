//! Why a clip is refused, and warnings about an accepted one. Each states the limit and what to do.

use std::fmt;

use super::limits::{ACTIVE, CLIPPED, FALL, LARGEST, QUIET, RATES, SECONDS, SNR};

/// Why no voice can be cloned from a clip.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Fault {
    /// Too many bytes.
    #[error("it is larger than {mib} MiB; send {length} as a WAV file with 16 bits", mib = mib(), length = length())]
    Large,
    /// A format that is not WAV, by its name.
    #[error("it is {0}; convert it: ffmpeg -i FILE -ac 1 -ar 24000 -sample_fmt s16 clip.wav")]
    Other(&'static str),
    /// Not a WAV file, or a damaged one.
    #[error("it is not a WAV file that can be read ({0}); save it again as WAV with 16 bits")]
    Malformed(String),
    /// A header that announces more sound than there is.
    #[error("its end is missing, or its header was never completed; copy or save it again")]
    CutShort,
    /// Samples of an unsupported format, with this many bits.
    #[error("its samples have {0} bits; convert them to integers of 16, 24 or 32 bits or floats of 32 bits")]
    Bits(u16),
    /// Too many channels.
    #[error("it has {0} channels; mix them to one or two")]
    Channels(u16),
    /// An unsupported rate.
    #[error(
        "its sample rate is {0} Hz; record it with {low} to {high} Hz, such as 24000",
        low = RATES.start(),
        high = RATES.end()
    )]
    Rate(u32),
    /// Too short or too long, in seconds.
    #[error("it is {0:.2} s long; make it {length}", length = length())]
    Length(f32),
    /// Silence.
    #[error("it is silent; check the microphone, and record {length} of speech", length = length())]
    Silent,
    /// Sound of this mean level, in dBFS.
    #[error(
        "it is too quiet: its sound is at {0:.0} dBFS, at least {QUIET:.0} are needed; record it closer or louder"
    )]
    Quiet(f32),
    /// This share of its samples is clipped.
    #[error(
        "it is clipped: {share:.1} % of it is cut off at full scale, {most:.1} % may be; record it again, softer",
        share = percent(.0),
        most = percent(&CLIPPED)
    )]
    Clipped(f32),
    /// Sound in only this share of its length.
    #[error(
        "it contains sound for {share:.0} % of its length, {least:.0} % are needed; cut out its pauses",
        share = percent(.0),
        least = percent(&ACTIVE)
    )]
    Pauses(f32),
    /// No voice in the sound.
    #[error(
        "no voice is heard in it, only noise or whispering; send {length} of one person's clear speech, not whispered",
        length = length()
    )]
    NoVoice,
    /// Sound that does not change like syllables.
    #[error(
        "it is a held sound and not speech: a tone, a hum or music; send {length} of one person's clear speech",
        length = length()
    )]
    Held,
    /// Notes.
    #[error(
        "it sounds like music: its pitch stays on notes; send {length} of one person's speech without music",
        length = length()
    )]
    Music,
    /// Two voices, with their pitches in Hz.
    #[error("two voices are heard in it, at some {low:.0} and {high:.0} Hz; cut it to what one person says")]
    TwoVoices {
        /// The pitch of the lower one.
        low: f32,
        /// The pitch of the higher one.
        high: f32,
    },
}

/// How the clip could be better.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Warning {
    /// This share of its samples is clipped.
    Clipped(f32),
    /// The background is this many decibels below the speech.
    Background(f32),
    /// Sound takes this many seconds to fall by 20 dB.
    Room(f32),
    /// Its pitch has two ranges, in Hz.
    TwoPitches {
        /// The mean of the lower range.
        low: f32,
        /// The mean of the higher range.
        high: f32,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Clipped(share) => {
                write!(f, "{:.2} % of it is cut off at full scale; record it softer", percent(share))
            }
            Self::Background(below) => write!(
                f,
                "its background is only {below:.0} dB below the speech, at least {SNR:.0} are recommended; \
                 record it in a quieter place"
            ),
            Self::Room(seconds) => write!(
                f,
                "the room is audible: sound takes {seconds:.2} s to fall by 20 dB, at most {FALL:.2} s are \
                 recommended; record it closer to the microphone"
            ),
            Self::TwoPitches { low, high } => write!(
                f,
                "its pitch switches between {low:.0} and {high:.0} Hz; make sure that only one person speaks \
                 in it"
            ),
        }
    }
}

/// The accepted lengths, for messages.
fn length() -> String {
    format!("{:.0} to {:.0} s", SECONDS.start(), SECONDS.end())
}

/// The largest file, for messages.
fn mib() -> usize {
    LARGEST >> 20
}

fn percent(share: &f32) -> f32 {
    share * 100.0
}
