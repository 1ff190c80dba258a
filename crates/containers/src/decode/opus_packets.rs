//! Opus' packets, decoded to the rate that is given out.

use std::ops::Range;

use opus::{Channels, Decoder, MSDecoder};
use symphonia::core::codecs::audio::AudioCodecParameters;
use symphonia::core::packet::Packet;

use super::RATE;
use super::block::{Block, Undecodable};

/// Positions in files count at 48 kHz.
const TICKS: u64 = 48_000 / RATE as u64;
/// Samples of the longest packet: 120 ms.
const LONGEST: usize = RATE as usize * 120 / 1000;

pub(super) struct OpusPackets {
    streams: Streams,
    channels: usize,
    buffer: Vec<f32>,
    /// In ticks, as is `pre_skip`.
    position: u64,
    pre_skip: u64,
}

enum Streams {
    /// Of one or two channels, which libopus mixes.
    One(Decoder),
    Several(MSDecoder),
}

/// A track's identification header.
struct Head<'a> {
    pre_skip: u16,
    channels: u8,
    family: u8,
    /// Counts of streams and of those with two channels, and which channel is where.
    mapping: &'a [u8],
}

impl<'a> Head<'a> {
    fn read(data: &'a [u8]) -> Option<Self> {
        let (fields, mapping) = data.strip_prefix(b"OpusHead")?.split_at_checked(11)?;
        let skip = [fields[2], fields[3]];
        // MP4 has the same fields with version 0 and the other order of bytes.
        let pre_skip = if fields[0] == 0 { u16::from_be_bytes(skip) } else { u16::from_le_bytes(skip) };
        Some(Self { pre_skip, channels: fields[1], family: fields[10], mapping })
    }
}

impl OpusPackets {
    /// `None` if the header is invalid, or the sound is ambisonic.
    pub(super) fn new(params: &AudioCodecParameters) -> Option<Self> {
        // Some programs write Matroska files without this header.
        let head = match params.extra_data.as_deref() {
            Some(data) => Head::read(data)?,
            None => Head { pre_skip: 0, channels: 1, family: 0, mapping: &[] },
        };
        let (streams, channels) = match (head.family, head.mapping) {
            (0, _) => (Streams::One(Decoder::new(RATE, Channels::Mono).ok()?), 1),
            (1 | 255, [streams, coupled, places @ ..]) => {
                let places = places.get(..usize::from(head.channels)).filter(|places| !places.is_empty())?;
                let several = MSDecoder::new(RATE, *streams, *coupled, places).ok()?;
                (Streams::Several(several), places.len())
            }
            _ => return None,
        };
        let buffer = vec![0.0; LONGEST * channels];
        Some(Self { streams, channels, buffer, position: 0, pre_skip: u64::from(head.pre_skip) })
    }

    pub(super) fn decode(&mut self, packet: &Packet, block: &mut Block) -> Result<(), Undecodable> {
        // libopus would treat an empty packet as a lost one and conceal it.
        if packet.data.is_empty() {
            return Err(Undecodable);
        }
        let decoded = match &mut self.streams {
            Streams::One(stream) => stream.decode_float(&packet.data, &mut self.buffer, false),
            Streams::Several(streams) => streams.decode_float(&packet.data, &mut self.buffer, false),
        };
        let count = decoded.map_err(|_| Undecodable)?;
        let Range { start, end } = self.kept(count, packet.trim_end.get());
        block.mix(RATE, &self.buffer[start * self.channels..end * self.channels], self.channels);
        Ok(())
    }

    /// Which of a packet's samples are neither before the sound's beginning nor behind its end.
    fn kept(&mut self, count: usize, trim_end: u64) -> Range<usize> {
        let before = self.pre_skip.saturating_sub(self.position).div_ceil(TICKS);
        self.position += count as u64 * TICKS;
        let start = usize::try_from(before).unwrap_or(count).min(count);
        let cut = usize::try_from(trim_end / TICKS).unwrap_or(count);
        start..count.saturating_sub(cut).max(start)
    }
}
