//! Reads sound files. [`Decoder`] takes packets from the container, `codec` decodes them, and `mono` mixes and resamples the sound.

mod aac_packets;
mod block;
mod codec;
mod edits;
mod kind;
mod mono;
mod opus_packets;
mod riff;
mod source;
mod track;

use std::fs::File;
use std::io::{Cursor, ErrorKind, Read, Seek, SeekFrom};

use symphonia::core::errors::Error;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, FormatReader};
use symphonia::core::io::{MediaSourceStream, MediaSourceStreamOptions};
use symphonia::core::meta::MetadataOptions;
use symphonia::core::packet::Packet;
use symphonia::core::units::Duration;

use self::block::Block;
use self::codec::Codec;
use self::kind::Kind;
use self::mono::Mono;
use self::source::{Source, Spliced};
use self::track::Track;
use crate::error::DecodeError;

/// The rate of what is read, in Hz.
pub const RATE: u32 = 16_000;
/// Samples of a piece, if the file has as many.
const PIECE: usize = 8_192;
/// Bytes of a file's beginning that say what it is.
const HEAD: u64 = 512;
/// How often a new stream may begin in a file, as in recordings of radio. Each one needs a new decoder.
const CHAINED: u32 = 1_000;
/// After this many packets in a row that cannot be decoded, the rest of the file is ignored.
const LOST: u32 = 10_000;

/// What a file tells of its sound.
#[derive(Debug, Clone, PartialEq)]
pub struct Info {
    /// What holds the sound: `wav`, `mp3`, `mp4`, …
    pub container: &'static str,
    /// How the sound is coded: `pcm_s16le`, `mp3`, `aac`, …
    pub codec: String,
    /// Its sample rate in Hz; 0 if only its packets tell.
    pub rate: u32,
    /// Its channels; 0 if only its packets tell.
    pub channels: u16,
    /// Its length according to the file, if the file says so. The decoded sound may be shorter or longer.
    pub seconds: Option<f64>,
}

/// Reads a sound file of any length, in memory that does not grow with it.
pub struct Decoder {
    reader: Box<dyn FormatReader>,
    track: Track,
    mono: Mono,
    block: Block,
    out: Vec<i16>,
    /// Packets that gave sound, those that could not be decoded, and how many of these came last.
    sounded: u64,
    refused: u64,
    lost: u32,
    begun_anew: u32,
    ended: bool,
}

impl Decoder {
    /// Opens a file, whatever its name.
    ///
    /// # Errors
    /// When it is no sound that can be read, or the file system fails.
    pub fn open(file: File) -> Result<Self, DecodeError> {
        Self::of(Box::new(file))
    }

    /// Opens a file that is in memory.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, DecodeError> {
        Self::of(Box::new(Cursor::new(bytes)))
    }

    fn of(mut source: Box<dyn Source>) -> Result<Self, DecodeError> {
        let mut head = Vec::new();
        source.seek(SeekFrom::Start(0))?;
        source.by_ref().take(HEAD).read_to_end(&mut head)?;
        let container = match kind::kind(&head) {
            Kind::Sound(container) => Some(container),
            Kind::Empty => return Err(DecodeError::Empty),
            Kind::Unsupported(what) => return Err(DecodeError::Unsupported(what)),
            Kind::Other(what) => return Err(DecodeError::NotSound(what)),
            Kind::Unknown => None,
        };
        let splices = riff::splices(source.as_mut())?;
        let delay = if container == Some("mp4") { edits::delay(source.as_mut())? } else { None };
        let spliced = Spliced::new(source, splices)?;
        let stream = MediaSourceStream::new(Box::new(spliced), MediaSourceStreamOptions::default());
        let probe = symphonia::default::get_probe();
        let reader = probe
            .probe(&Hint::new(), stream, FormatOptions::default(), MetadataOptions::default())
            .map_err(|error| refused(container, error))?;
        let container = container.unwrap_or(reader.format_info().short_name);
        let track = Track::choose(reader.as_ref(), container)?;
        let mut mono = Mono::new(track.padding);
        // Opus' decoder knows its own, and that of MP3 has been cut off.
        if let Some(delay) = delay.filter(|_| matches!(track.codec, Codec::Aac(_))) {
            mono.skip(delay);
        }
        Ok(Self {
            reader,
            track,
            mono,
            block: Block::default(),
            out: Vec::new(),
            sounded: 0,
            refused: 0,
            lost: 0,
            begun_anew: 0,
            ended: false,
        })
    }

    /// What the file tells of its sound.
    #[must_use]
    pub fn info(&self) -> Info {
        self.track.info.clone()
    }

    /// The next piece, mono at [`RATE`]; `None` at the end.
    ///
    /// # Errors
    /// When the file is damaged before its first sound, its rate is not supported, or the file system fails.
    pub fn read(&mut self) -> Result<Option<Vec<i16>>, DecodeError> {
        while !self.ended && self.out.len() < PIECE {
            match self.reader.next_packet() {
                Ok(Some(packet)) if packet.track_id == self.track.id => self.decode(packet)?,
                Ok(Some(_)) => {}
                Ok(None) => self.end()?,
                Err(Error::ResetRequired) if self.begun_anew < CHAINED => self.begin_anew()?,
                Err(Error::IoError(error)) if error.kind() == ErrorKind::UnexpectedEof => self.end()?,
                Err(Error::IoError(error)) => return Err(DecodeError::Io(error)),
                // What came before the damage counts.
                Err(_) if self.sounded > 0 => self.end()?,
                Err(error) => return Err(damaged(self.track.info.container, error)),
            }
        }
        Ok((!self.out.is_empty()).then(|| std::mem::take(&mut self.out)))
    }

    fn decode(&mut self, mut packet: Packet) -> Result<(), DecodeError> {
        if self.track.untrusted_end {
            packet.trim_end = Duration::ZERO;
        }
        if self.track.codec.decode(&packet, &mut self.block).is_err() {
            self.refused += 1;
            self.lost += 1;
            return if self.lost < LOST { Ok(()) } else { self.end() };
        }
        self.sounded += 1;
        self.lost = 0;
        self.mono.push(&self.block, &mut self.out)
    }

    fn end(&mut self) -> Result<(), DecodeError> {
        self.ended = true;
        if self.sounded == 0 && self.refused > 0 {
            let detail = format!("none of its {} packets can be decoded", self.refused);
            return Err(DecodeError::Damaged { container: self.track.info.container, detail });
        }
        self.mono.end(self.track.frames, &mut self.out);
        Ok(())
    }

    /// Another sound follows in the same file.
    fn begin_anew(&mut self) -> Result<(), DecodeError> {
        self.begun_anew += 1;
        self.mono.end(self.track.frames, &mut self.out);
        match Track::choose(self.reader.as_ref(), self.track.info.container) {
            Ok(track) => {
                self.mono = Mono::new(track.padding);
                self.track = track;
            }
            // What came before counts.
            Err(_) if self.sounded > 0 => self.ended = true,
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

/// Why a file cannot be opened; `container`: the one that its first bytes indicate.
fn refused(container: Option<&'static str>, error: Error) -> DecodeError {
    match (container, error) {
        (Some(container), Error::IoError(error)) if error.kind() == ErrorKind::UnexpectedEof => {
            DecodeError::Damaged { container, detail: "it ends before its sound begins".into() }
        }
        (None, Error::IoError(error)) if error.kind() == ErrorKind::UnexpectedEof => DecodeError::Unknown,
        (_, Error::IoError(error)) => DecodeError::Io(error),
        (Some(container), error) => damaged(container, error),
        (None, _) => DecodeError::Unknown,
    }
}

fn damaged(container: &'static str, error: Error) -> DecodeError {
    match error {
        Error::IoError(error) => DecodeError::Io(error),
        error => DecodeError::Damaged { container, detail: error.to_string() },
    }
}
