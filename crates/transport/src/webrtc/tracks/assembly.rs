//! Assembles the packets of a client's stream into whole frames, in order. Pure; time is passed in.
//!
//! Why not the crate's own sample builder: it reserves places for 65,536 packets and as many frames, and returns a frame only
//! when the next one has begun.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use rtc::rtp;
use rtc::rtp::codec::vp8::Vp8Packet;
use rtc::rtp::packetizer::Depacketizer;

use crate::bucket::Bucket;
use crate::ports::{Codec, EncodedFrame};

/// Packets that wait behind a missing one, and how long; beyond either the missing one is lost.
const WAITING: usize = 64;
const PATIENCE: Duration = Duration::from_millis(100);
/// Late packets in a row after which the stream counts as restarted.
const RESTART: u32 = 64;
/// Bytes of one track per second, and at once; a browser's HD needs a third of it. Excess packets are dropped.
const RATE: f64 = 1_000_000.0;
const BURST: f64 = 2_000_000.0;
/// Longest frame in bytes: keyframes of 4K video are smaller.
const LONGEST: usize = 1 << 20;

/// Whether frames of this codec can be assembled.
pub(super) fn knows(codec: &Codec) -> bool {
    Form::of(codec).is_some()
}

/// What packets yield.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Assembled {
    Frame(EncodedFrame),
    /// Frames are missing here.
    Lost,
}

/// How a codec's frames are split into packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// One frame per packet.
    Whole,
    Vp8,
}

impl Form {
    fn of(codec: &Codec) -> Option<Self> {
        match codec.mime_type.to_ascii_lowercase().as_str() {
            "audio/opus" => Some(Self::Whole),
            "video/vp8" => Some(Self::Vp8),
            _ => None,
        }
    }

    /// Reads a packet's part of its frame; `None` if it is malformed.
    fn read(self, payload: Bytes) -> Option<Part> {
        match self {
            Self::Whole => Some(Part { begins: true, data: payload }),
            Self::Vp8 => {
                let mut header = Vp8Packet::default();
                let data = header.depacketize(&payload).ok()?;
                Some(Part { begins: header.s == 1 && header.pid == 0, data })
            }
        }
    }

    fn is_key(self, frame: &[u8]) -> bool {
        match self {
            Self::Whole => true,
            // RFC 7741, 4.3: the inverse of the first bit.
            Self::Vp8 => frame.first().is_some_and(|byte| byte & 1 == 0),
        }
    }
}

struct Part {
    /// It is the first of its frame.
    begins: bool,
    data: Bytes,
}

/// A packet that arrived before earlier ones.
#[derive(Debug)]
struct Early {
    at: Duration,
    packet: rtp::Packet,
}

/// Assembles one stream.
#[derive(Debug)]
pub(super) struct Assembly {
    form: Option<Form>,
    entitled: Bucket,
    /// The next packet expected, by [`Self::number`].
    next: Option<u64>,
    early: BTreeMap<u64, Early>,
    late: u32,
    /// The frame in progress.
    begun: Option<Begun>,
}

#[derive(Debug)]
struct Begun {
    timestamp: u32,
    data: BytesMut,
}

impl Assembly {
    pub(super) fn new(codec: &Codec) -> Self {
        let (form, entitled) = (Form::of(codec), Bucket::new(RATE, BURST));
        Self { form, entitled, next: None, early: BTreeMap::new(), late: 0, begun: None }
    }

    /// Takes a packet as it arrives; returns the frames that are complete now.
    pub(super) fn packet(&mut self, now: Duration, packet: rtp::Packet) -> Vec<Assembled> {
        let mut assembled = Vec::new();
        if !self.entitled.take(now, packet.payload.len() as f64) {
            return assembled;
        }
        let number = self.number(packet.header.sequence_number);
        if self.next.is_some_and(|next| number < next) {
            self.late += 1;
            if self.late >= RESTART {
                (self.next, self.begun) = (None, None);
                self.early.clear();
                assembled.push(Assembled::Lost);
            }
            return assembled;
        }
        self.late = 0;
        self.early.insert(number, Early { at: now, packet });
        while let Some((first, early)) = self.early.first_key_value() {
            let is_next = self.next.is_none_or(|next| *first == next);
            let waited = now.saturating_sub(early.at);
            if !is_next && waited <= PATIENCE && self.early.len() <= WAITING {
                break;
            }
            let Some((number, early)) = self.early.pop_first() else { break };
            if !is_next {
                self.begun = None;
                assembled.push(Assembled::Lost);
            }
            self.next = Some(number + 1);
            self.read(early.packet, &mut assembled);
        }
        assembled
    }

    /// Extends a sequence number beyond 16 bits: the value nearest to the previous ones.
    fn number(&self, sequence: u16) -> u64 {
        // Starts far from zero, so that earlier packets do not fall below it.
        let Some(next) = self.next else { return (1 << 32) + u64::from(sequence) };
        let ahead = sequence.wrapping_sub(next as u16).cast_signed();
        next.saturating_add_signed(i64::from(ahead))
    }

    fn read(&mut self, packet: rtp::Packet, assembled: &mut Vec<Assembled>) {
        // Senders fill gaps in their rate with empty packets.
        if packet.payload.is_empty() {
            return;
        }
        let (timestamp, is_last) = (packet.header.timestamp, packet.header.marker);
        // Without a marker the next frame ends the previous one.
        if self.begun.as_ref().is_some_and(|begun| begun.timestamp != timestamp) {
            self.end(assembled);
        }
        let part = self.form.and_then(|form| form.read(packet.payload));
        let Some(part) = part else {
            self.begun = None;
            return assembled.push(Assembled::Lost);
        };
        match &mut self.begun {
            Some(begun) if begun.data.len() + part.data.len() <= LONGEST => {
                begun.data.extend_from_slice(&part.data);
            }
            None if part.begins => {
                self.begun = Some(Begun { timestamp, data: BytesMut::from(&part.data[..]) })
            }
            Some(_) | None => {
                self.begun = None;
                return assembled.push(Assembled::Lost);
            }
        }
        if is_last || self.form == Some(Form::Whole) {
            self.end(assembled);
        }
    }

    fn end(&mut self, assembled: &mut Vec<Assembled>) {
        if let (Some(begun), Some(form)) = (self.begun.take(), self.form) {
            let data = begun.data.freeze();
            let is_key = form.is_key(&data);
            assembled.push(Assembled::Frame(EncodedFrame { timestamp: begun.timestamp, is_key, data }));
        }
    }
}

#[cfg(test)]
mod fuzz_tests;
#[cfg(test)]
mod tests;
