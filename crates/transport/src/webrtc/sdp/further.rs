//! The sections of an offer beside its sound and data: what they could carry, and which of the call's tracks they carry.

use super::direction::Direction;
use super::lines::{Media, PROFILES, Section, ssrc};
use crate::ports::Codec;

/// Feedback by which a client requests a keyframe of a track that it receives.
const FEEDBACK: [&str; 2] = ["nack pli", "ccm fir"];

/// A section that could carry a track.
#[derive(Debug, Clone)]
pub(in crate::webrtc) struct Further {
    /// Its index in the offer.
    pub(super) section: usize,
    pub(in crate::webrtc) mid: String,
    /// `audio` or `video`.
    pub(in crate::webrtc) kind: String,
    /// The client's direction for the section's media.
    pub(in crate::webrtc) direction: Direction,
    /// The client's RTP stream, if the offer names it.
    pub(in crate::webrtc) ssrc: Option<u32>,
    formats: Vec<Format>,
}

/// One of a section's formats.
#[derive(Debug, Clone)]
struct Format {
    payload_type: u8,
    /// For example `VP8` in `VP8/90000`.
    name: String,
    clock_rate: u32,
    channels: u16,
    fmtp: String,
    feedback: Vec<&'static str>,
}

impl Further {
    /// `None` if it is neither audio nor video, or not WebRTC.
    pub(super) fn read(
        at: usize,
        section: &Section<'_>,
        media: &Media<'_>,
        session: &Section<'_>,
    ) -> Option<Self> {
        if !["audio", "video"].contains(&media.kind) || !PROFILES.contains(&media.protocol) {
            return None;
        }
        Some(Self {
            section: at,
            mid: section.attribute("mid")?.trim().to_owned(),
            kind: media.kind.to_owned(),
            direction: Direction::of(section, session),
            ssrc: ssrc(section),
            formats: media.formats.iter().filter_map(|format| Format::read(format, section)).collect(),
        })
    }

    /// The payload type that the section offers for a codec.
    pub(in crate::webrtc) fn payload_type(&self, codec: &Codec) -> Option<u8> {
        let kind = codec.mime_type.split('/').next()?;
        let format = self.formats.iter().find(|format| format.is(codec));
        format.filter(|_| kind.eq_ignore_ascii_case(&self.kind)).map(|format| format.payload_type)
    }

    /// The kinds of keyframe request that the section offers for a format.
    pub(super) fn feedback(&self, payload_type: u8) -> &[&'static str] {
        let format = self.formats.iter().find(|format| format.payload_type == payload_type);
        format.map_or(&[], |format| format.feedback.as_slice())
    }
}

impl Format {
    fn read(number: &str, section: &Section<'_>) -> Option<Self> {
        let of = |line: &str| line.split_once(' ').is_some_and(|(format, _)| format == number);
        let value = |name| section.attributes(name).find(|line| of(line))?.split_once(' ');
        let (_, map) = value("rtpmap")?;
        let mut words = map.trim().split('/');
        let name = words.next()?.to_owned();
        let clock_rate = words.next()?.parse().ok()?;
        let channels = words.next().map_or(Some(1), |count| count.parse().ok())?;
        let asked = |wish: &str| {
            let mut lines = section.attributes("rtcp-fb").filter_map(|line| line.split_once(' '));
            lines.any(|(format, told)| [number, "*"].contains(&format) && told.trim() == wish)
        };
        Some(Self {
            payload_type: number.parse().ok().filter(|number| *number < 128)?,
            name,
            clock_rate,
            channels,
            fmtp: value("fmtp").map_or_else(String::new, |(_, fmtp)| fmtp.to_owned()),
            feedback: FEEDBACK.into_iter().filter(|wish| asked(wish)).collect(),
        })
    }

    /// Whether it is this codec, with all parameters that the codec requires.
    fn is(&self, codec: &Codec) -> bool {
        let parameters = |fmtp: &str| -> Vec<String> {
            let all = fmtp.split(';').map(|one| one.trim().to_ascii_lowercase());
            all.filter(|one| !one.is_empty()).collect()
        };
        let (wanted, offered) = (parameters(&codec.fmtp), parameters(&self.fmtp));
        let name = codec.mime_type.split('/').nth(1).unwrap_or_default();
        name.eq_ignore_ascii_case(&self.name)
            && codec.clock_rate == self.clock_rate
            && codec.channels.max(1) == self.channels.max(1)
            && wanted.iter().all(|one| offered.contains(one))
    }
}

/// The tracks that a connection carries, in the order of their sections in the crate's offer: once there, a section stays.
#[derive(Debug, Clone, Default)]
pub(in crate::webrtc) struct Carried {
    pub(in crate::webrtc) slots: Vec<Slot>,
    /// Number of slots when the data section was added; `None` until then.
    pub(in crate::webrtc) before_data: Option<usize>,
}

/// A track with its section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::webrtc) struct Slot {
    /// Its index among the connection's slots.
    pub(in crate::webrtc) at: usize,
    /// The mid of the client's section that carries it, or carried it last.
    pub(in crate::webrtc) section: String,
    pub(in crate::webrtc) track: TrackId,
    pub(in crate::webrtc) codec: Codec,
    pub(in crate::webrtc) payload_type: u8,
    /// The client's RTP stream, for an incoming track.
    pub(in crate::webrtc) ssrc: Option<u32>,
}

/// Identifies one of a call's tracks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::webrtc) enum TrackId {
    Outgoing(usize),
    Incoming(usize),
}

impl Slot {
    /// Whether the client sends its track.
    pub(in crate::webrtc) fn is_incoming(&self) -> bool {
        matches!(self.track, TrackId::Incoming(_))
    }

    /// The mid of its section in the crate's offer.
    pub(super) fn name(&self) -> String {
        format!("track{}", self.at)
    }

    /// `audio` or `video`.
    pub(in crate::webrtc) fn kind(&self) -> &str {
        self.codec.mime_type.split('/').next().unwrap_or_default()
    }

    /// The `a=rtpmap` and `a=fmtp` lines of its codec.
    pub(super) fn codec_lines(&self) -> Vec<String> {
        let Codec { mime_type, clock_rate, channels, fmtp } = &self.codec;
        let name = mime_type.split('/').nth(1).unwrap_or_default();
        let channels = if *channels > 1 { format!("/{channels}") } else { String::new() };
        let mut lines = vec![format!("a=rtpmap:{} {name}/{clock_rate}{channels}", self.payload_type)];
        if !fmtp.is_empty() {
            lines.push(format!("a=fmtp:{} {fmtp}", self.payload_type));
        }
        lines
    }
}

/// A section that carries a track, as far as the answer depends on it.
#[derive(Debug, Clone)]
pub(in crate::webrtc) struct Taken {
    /// The index of the track's slot.
    pub(in crate::webrtc) slot: usize,
    /// The client's direction for its media.
    pub(in crate::webrtc) direction: Direction,
    /// The kinds of keyframe request that the client offers.
    pub(super) feedback: Vec<&'static str>,
}

impl Taken {
    /// Our direction in the answer, for this track.
    pub(super) fn answered(&self, track: TrackId) -> &'static str {
        match track {
            TrackId::Outgoing(_) if self.direction.receives() => "a=sendonly",
            TrackId::Incoming(_) if self.direction.sends() => "a=recvonly",
            TrackId::Outgoing(_) | TrackId::Incoming(_) => "a=inactive",
        }
    }
}
