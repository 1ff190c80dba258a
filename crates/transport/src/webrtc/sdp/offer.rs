//! What is understood of an offer.

use super::direction::Direction;
use super::further::{Carried, Further, Taken};
use super::lines::{Media, Section, malformed, parse, unsupported};
use super::sections::Sections;
use super::transport::Transport;
use crate::webrtc::OfferError;

/// Profiles of DTLS-SRTP, and those that older clients write for it (RFC 9429, 5.1.2).
pub(super) const PROFILES: [&str; 8] = [
    "UDP/TLS/RTP/SAVPF",
    "UDP/TLS/RTP/SAVP",
    "TCP/DTLS/RTP/SAVPF",
    "TCP/DTLS/RTP/SAVP",
    "RTP/SAVPF",
    "RTP/SAVP",
    "RTP/AVPF",
    "RTP/AVP",
];

/// An offer with everything that a call needs.
#[derive(Debug, Clone)]
pub(in crate::webrtc) struct Offer {
    /// The payload type of Opus.
    pub(in crate::webrtc) opus: u8,
    /// The client's direction for sound.
    pub(in crate::webrtc) direction: Direction,
    pub(in crate::webrtc) transport: Transport,
    /// As written, without `a=`.
    pub(in crate::webrtc) candidates: Vec<String>,
    /// The client's RTP stream, if the offer names it.
    pub(in crate::webrtc) ssrc: Option<u32>,
    /// The sections, in order.
    pub(super) sections: Vec<Form>,
    /// The sections that could carry further tracks.
    pub(in crate::webrtc) further: Vec<Further>,
    /// The tracks that the connection carries; empty until they are assigned.
    pub(in crate::webrtc) carried: Carried,
    /// The mids of the bundle that contains the audio section, if any.
    pub(super) bundle: Option<Vec<String>>,
}

impl Offer {
    /// The data section that the answer accepts.
    pub(super) fn data(&self) -> Option<&Data> {
        self.sections.iter().find_map(|form| match &form.part {
            Part::Data(data) => Some(data),
            _ => None,
        })
    }

    /// Whether it offers a usable data channel.
    pub(in crate::webrtc) fn has_data(&self) -> bool {
        self.data().is_some()
    }
}

/// One section, as far as its answer depends on it.
#[derive(Debug, Clone)]
pub(super) struct Form {
    pub(super) part: Part,
    pub(super) kind: String,
    pub(super) protocol: String,
    pub(super) formats: String,
    pub(super) mid: Option<String>,
}

/// What the answer makes of a section.
#[derive(Debug, Clone)]
pub(super) enum Part {
    Audio,
    Data(Data),
    /// It carries a track.
    Track(Taken),
    /// It is off, or the answer turns it off.
    Off,
}

/// A section for data channels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Data {
    pub(super) port: u16,
    /// Written with the port as its format, as before RFC 8841.
    pub(super) old: bool,
    pub(super) max_message: Option<u32>,
}

/// Validates an offer as far as a call depends on it.
///
/// # Errors
/// When it is malformed, has no audio, or requires what is not supported.
pub(in crate::webrtc) fn check_offer(sdp: &str) -> Result<Offer, OfferError> {
    let sections = parse(sdp)?;
    let (session, media) = sections.split_first().ok_or_else(|| malformed("the offer is empty"))?;
    let read = Sections::read(session, media)?;
    let transport = read.transport()?;
    let (audio, line) = (&media[read.audio], &read.kinds[read.audio]);
    Ok(Offer {
        further: read.further(&transport),
        carried: Carried::default(),
        opus: opus_payload_type(audio, line)?,
        direction: Direction::of(audio, session),
        transport,
        candidates: read.candidates(),
        ssrc: ssrc(audio),
        sections: (0..media.len()).map(|at| read.form(at)).collect(),
        bundle: read.bundle.map(|mids| mids.into_iter().map(str::to_owned).collect()),
    })
}

fn opus_payload_type(section: &Section<'_>, media: &Media<'_>) -> Result<u8, OfferError> {
    let maps = section.attributes("rtpmap").filter_map(|map| map.split_once(' '));
    let mut opus = maps.filter(|(format, codec)| {
        codec.trim().eq_ignore_ascii_case("opus/48000/2") && media.formats.contains(format)
    });
    let (number, _) =
        opus.next().ok_or_else(|| unsupported("the audio section does not offer opus/48000/2"))?;
    number
        .parse()
        .ok()
        .filter(|number| *number < 128)
        .ok_or_else(|| malformed("the payload type of opus is not 0 to 127"))
}

/// The section's RTP stream, if it names one.
pub(super) fn ssrc(section: &Section<'_>) -> Option<u32> {
    section.attributes("ssrc").find_map(|line| line.split(' ').next()?.parse().ok())
}
