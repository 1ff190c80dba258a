//! Reads WAV files whose bytes arrive in pieces. Pure.

use super::end::End;
use crate::audio::wav::{LONGEST, RATES};

/// Bytes of a chunk's header.
const CHUNK: usize = 8;
/// Longest format chunk in bytes.
const LONGEST_FORMAT: u32 = 4096;
/// Most channels.
const MOST_CHANNELS: u16 = 8;
/// The format code of an extended format chunk.
const EXTENSIBLE: u16 = 0xFFFE;

/// One WAV file, as far as it has arrived; channels are mixed to one.
#[derive(Debug, Default)]
pub(super) struct Wav {
    /// Bytes that are not parsed yet.
    bytes: Vec<u8>,
    place: Place,
    format: Option<Format>,
    /// The sound has begun.
    sounded: bool,
}

/// The state of the parser.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// A chunk's header is next.
    #[default]
    Chunk,
    /// Bytes to skip.
    Skip(u64),
    /// Sound.
    Data {
        /// Bytes left; none: the header does not say.
        left: Option<u64>,
        /// A padding byte follows.
        padded: bool,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Format {
    channels: u16,
    rate: u32,
    bits: u16,
    float: bool,
}

impl Format {
    fn bytes(self) -> usize {
        usize::from(self.bits / 8)
    }

    /// Bytes of one sample of all channels.
    fn frame(self) -> usize {
        self.bytes() * usize::from(self.channels)
    }

    /// Parses the format chunk.
    fn read(text: &[u8]) -> Result<Self, String> {
        let short = |at: usize| match text.get(at..at + 2) {
            Some(&[low, high]) => u16::from_le_bytes([low, high]),
            _ => 0,
        };
        let rate = u32::from(short(4)) | (u32::from(short(6)) << 16);
        let kind = if short(0) == EXTENSIBLE { short(24) } else { short(0) };
        let (channels, bits, float) = (short(2), short(14), kind == 3);
        let known = match kind {
            1 => matches!(bits, 8 | 16 | 24 | 32),
            3 => matches!(bits, 32 | 64),
            _ => false,
        };
        if !known {
            return Err(format!(
                "sends WAV of format {kind} with {bits} bits; only PCM of 8 to 32 bits and floats of 32 or \
                 64 bits can be read"
            ));
        }
        if !(1..=MOST_CHANNELS).contains(&channels) {
            return Err(format!("sends WAV of {channels} channels; only 1 to {MOST_CHANNELS} can be read"));
        }
        if !RATES.contains(&rate) {
            return Err(format!(
                "sends WAV of {rate} Hz; only {} to {} can be read",
                RATES.start(),
                RATES.end()
            ));
        }
        Ok(Self { channels, rate, bits, float })
    }

    /// One sample, from -1 to 1.
    fn sample(self, bytes: &[u8]) -> f32 {
        let value = match (bytes, self.float) {
            ([byte], _) => (f32::from(*byte) - 128.0) / 128.0,
            ([low, high], _) => f32::from(i16::from_le_bytes([*low, *high])) / 32_768.0,
            ([a, b, c], _) => (i32::from_le_bytes([0, *a, *b, *c]) >> 8) as f32 / 8_388_608.0,
            ([a, b, c, d], true) => f32::from_le_bytes([*a, *b, *c, *d]),
            ([a, b, c, d], false) => i32::from_le_bytes([*a, *b, *c, *d]) as f32 / 2_147_483_648.0,
            ([a, b, c, d, e, f, g, h], _) => f64::from_le_bytes([*a, *b, *c, *d, *e, *f, *g, *h]) as f32,
            _ => 0.0,
        };
        if value.is_finite() { value.clamp(-1.0, 1.0) } else { 0.0 }
    }

    fn mono(self, frame: &[u8]) -> i16 {
        let sum: f32 = frame.chunks_exact(self.bytes()).map(|bytes| self.sample(bytes)).sum();
        (sum / f32::from(self.channels) * 32_768.0).round().clamp(-32_768.0, 32_767.0) as i16
    }
}

impl Wav {
    /// Takes bytes, and appends their samples to `out`.
    ///
    /// # Errors
    /// What is wrong, as a clause that follows the server's name.
    pub(super) fn push(&mut self, bytes: &[u8], out: &mut Vec<i16>) -> Result<(), String> {
        self.bytes.extend_from_slice(bytes);
        let mut read = 0;
        loop {
            let rest = &self.bytes[read..];
            let (next, taken) = match self.place {
                Place::Chunk => match chunk(rest, &mut self.format, &mut self.sounded)? {
                    Some(next) => next,
                    None => break,
                },
                Place::Skip(bytes) => {
                    let taken = usize::try_from(bytes).unwrap_or(usize::MAX).min(rest.len());
                    let left = bytes - taken as u64;
                    (if left == 0 { Place::Chunk } else { Place::Skip(left) }, taken)
                }
                Place::Data { left, padded } => {
                    self.sounded = true;
                    let Some(format) = self.format else { break };
                    sound(rest, format, left, padded, out)
                }
            };
            let stands = taken == 0 && next == self.place;
            self.place = next;
            read += taken;
            if stands {
                break;
            }
        }
        self.bytes.drain(..read);
        Ok(())
    }

    /// Ends the file.
    ///
    /// # Errors
    /// What is missing, as a clause that follows the server's name.
    pub(super) fn finish(&self) -> Result<(), String> {
        match self.place {
            Place::Data { left: Some(left), .. } if left > 0 => {
                Err(format!("broke off: {left} bytes of its WAV file are missing"))
            }
            _ if self.format.is_none() => Err("sends a WAV file that ends within its header".into()),
            _ => Ok(()),
        }
    }

    /// What it tells about its end, once it has ended.
    pub(super) fn end(&self) -> End {
        match self.place {
            Place::Data { left: None, .. } if self.bytes.is_empty() => End::Untold,
            Place::Data { left: None, .. } => End::Torn,
            Place::Data { left: Some(_), .. } | Place::Chunk | Place::Skip(_) => End::Told,
        }
    }

    /// Samples per second, once known.
    pub(super) fn rate(&self) -> Option<u32> {
        self.format.map(|format| format.rate)
    }
}

/// Parses a chunk's header, and the format chunk; returns the next state and the bytes taken. None: more bytes are needed.
fn chunk(
    rest: &[u8],
    known: &mut Option<Format>,
    sounded: &mut bool,
) -> Result<Option<(Place, usize)>, String> {
    let Some((head, body)) = rest.split_first_chunk::<CHUNK>() else { return Ok(None) };
    let [a, b, c, d, size @ ..] = *head;
    let size = u32::from_le_bytes(size);
    let padding = u64::from(size % 2);
    Ok(match &[a, b, c, d] {
        b"RIFF" | b"RF64" => match body.get(..4) {
            Some(b"WAVE") => {
                *sounded = false;
                Some((Place::Chunk, CHUNK + 4))
            }
            Some(_) => return Err("sends a RIFF file that is not WAV".into()),
            None => None,
        },
        b"fmt " => {
            if !(16..=LONGEST_FORMAT).contains(&size) {
                return Err("sends a WAV file with a damaged header".into());
            }
            let length = size as usize + padding as usize;
            let Some(text) = body.get(..length) else { return Ok(None) };
            let format = Format::read(text)?;
            if known.is_some_and(|known| known.rate != format.rate) {
                return Err("changes its sample rate within a sound".into());
            }
            *known = Some(format);
            Some((Place::Chunk, CHUNK + length))
        }
        b"data" => {
            let Some(format) = known else { return Err("sends a WAV file without a format".into()) };
            let left = told(size, *format);
            Some((Place::Data { left, padded: padding > 0 && left.is_some() }, CHUNK))
        }
        // Anything after the sound is ignored.
        _ if *sounded => Some((Place::Skip(u64::MAX), 0)),
        name if name.iter().all(|byte| (b' '..=b'~').contains(byte)) => {
            Some((Place::Skip(u64::from(size) + padding), CHUNK))
        }
        _ => return Err("sends a WAV file with a damaged header".into()),
    })
}

/// The size of the sound according to the header. Servers that stream write 0 or an impossible number there.
fn told(size: u32, format: Format) -> Option<u64> {
    let longest = u64::from(LONGEST) * u64::from(format.rate) * format.frame() as u64;
    Some(u64::from(size)).filter(|size| (1..=longest).contains(size))
}

/// Parses all complete samples; returns the next state and the bytes taken.
fn sound(rest: &[u8], format: Format, left: Option<u64>, padded: bool, out: &mut Vec<i16>) -> (Place, usize) {
    let frame = format.frame();
    let due = left.map_or(usize::MAX, |left| usize::try_from(left).unwrap_or(usize::MAX));
    let taken = rest.len().min(due) / frame * frame;
    out.extend(rest[..taken].chunks_exact(frame).map(|frame| format.mono(frame)));
    let left = left.map(|left| left - taken as u64);
    match left {
        // An incomplete sample at the end is ignored.
        Some(few) if few < frame as u64 => (Place::Skip(few + u64::from(padded)), taken),
        left => (Place::Data { left, padded }, taken),
    }
}

#[cfg(test)]
mod tests;
