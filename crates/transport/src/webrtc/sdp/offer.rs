//! What is understood of an offer.

use super::direction::Direction;
use super::further::{Carried, Further, Slot, Taken};
use super::lines::{Media, PROFILES, Section, malformed, parse, ssrc, unsupported};
use super::transport::{Sources, Transport};
use crate::webrtc::OfferError;

/// The usual SCTP port of old data sections.
const SCTP_PORT: u16 = 5000;

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

    /// Assigns the track of this slot to the section.
    pub(in crate::webrtc) fn take(&mut self, further: &Further, slot: &Slot) {
        let feedback = further.feedback(slot.payload_type).to_vec();
        let taken = Taken { slot: slot.at, direction: further.direction, feedback };
        if let Some(form) = self.sections.get_mut(further.section) {
            form.part = Part::Track(taken);
        }
    }

    /// The sections that carry tracks.
    pub(in crate::webrtc) fn taken(&self) -> impl Iterator<Item = &Taken> {
        self.sections.iter().filter_map(Form::taken)
    }

    /// Whether the client's sound can be found beside other streams: the crate recognises a stream without an SSRC only if it
    /// is the sole one.
    pub(in crate::webrtc) fn names_its_sound(&self) -> bool {
        self.ssrc.is_some() || !self.direction.sends()
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

impl Form {
    fn taken(&self) -> Option<&Taken> {
        match &self.part {
            Part::Track(taken) => Some(taken),
            Part::Audio | Part::Data(_) | Part::Off => None,
        }
    }
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
    let kinds = media.iter().map(Section::media).collect::<Result<Vec<_>, _>>()?;
    let mids = mids(media)?;
    let wanted = |at: &usize| !kinds[*at].is_off || media[*at].attribute("bundle-only").is_some();
    let of_kind = |kind: &str| (0..media.len()).find(|at| kinds[*at].kind == kind && wanted(at));
    let audio = of_kind("audio").ok_or(OfferError::NoAudio)?;
    check_profile(&kinds[audio])?;
    let bundle = bundle_of(session, mids[audio]);
    let bundled =
        |at: usize| bundle.as_ref().is_some_and(|all| mids[at].is_some_and(|mid| all.contains(&mid)));
    // Without a bundle each section has a transport of its own, and a call has only one.
    let data = of_kind("application").filter(|at| bundled(*at));
    let data = data.map(|at| Ok((at, data_section(&media[at], &kinds[at])?))).transpose()?;
    let data = data.and_then(|(at, data)| Some((at, data?)));

    let place = |mid: &&str| mids.iter().position(|one| one.as_ref() == Some(mid));
    let named = bundle.iter().flatten().filter_map(place).collect::<Vec<_>>();
    let is_answered = |at: &usize| *at == audio || data.as_ref().is_some_and(|(data, _)| data == at);
    // The first accepted section of the bundle determines its transport (RFC 8843, 7.3); a section that is bundle-only, or in a
    // later offer, may leave that to the first of all.
    let deciding = named.iter().copied().find(is_answered).unwrap_or(audio);
    let order = [Some(deciding), Some(audio), named.first().copied()];
    let sources = order.into_iter().flatten().map(|at| &media[at]).chain([session]).collect();
    let transport = Sources(sources).transport()?;

    let carriers = (0..media.len()).filter(|at| is_answered(at));
    let candidates =
        carriers.flat_map(|at| media[at].lines.iter()).filter(|line| line.starts_with("a=candidate:"));
    let candidates = candidates.map(|line| line[2..].to_owned()).collect();
    let form = |at: usize| Form {
        part: match &data {
            _ if at == audio => Part::Audio,
            Some((place, data)) if at == *place => Part::Data(data.clone()),
            _ => Part::Off,
        },
        kind: kinds[at].kind.to_owned(),
        protocol: kinds[at].protocol.to_owned(),
        formats: kinds[at].formats.join(" "),
        mid: mids[at].map(str::to_owned),
    };
    // A section that would precede the determining one must describe the same transport.
    let follows =
        |at: &usize| named.iter().position(|one| one == at) > named.iter().position(|one| *one == deciding);
    let is_free = |at: &usize| {
        wanted(at) && bundled(*at) && !is_answered(at) && (follows(at) || transport.is_of(&media[*at]))
    };
    let free = (0..media.len()).filter(is_free);
    let further = free.filter_map(|at| Further::read(at, &media[at], &kinds[at], session)).collect();
    Ok(Offer {
        further,
        carried: Carried::default(),
        opus: opus_payload_type(&media[audio], &kinds[audio])?,
        direction: Direction::of(&media[audio], session),
        transport,
        candidates,
        ssrc: ssrc(&media[audio]),
        sections: (0..media.len()).map(form).collect(),
        bundle: bundle.map(|mids| mids.into_iter().map(str::to_owned).collect()),
    })
}

/// The sections' mids, which must be unique.
fn mids<'a>(media: &[Section<'a>]) -> Result<Vec<Option<&'a str>>, OfferError> {
    let mut all: Vec<Option<&str>> = Vec::with_capacity(media.len());
    for section in media {
        let mid = section.attribute("mid").map(str::trim);
        if let Some(name) = mid {
            if name.is_empty() || name.len() > 64 || name.contains(|letter: char| !letter.is_ascii_graphic())
            {
                return Err(malformed("a=mid must be 1 to 64 letters without spaces"));
            }
            if all.contains(&mid) {
                return Err(malformed(format!("a=mid:{name} names two sections")));
            }
        }
        all.push(mid);
    }
    Ok(all)
}

/// The mids in the bundle that contains this one.
fn bundle_of<'a>(session: &Section<'a>, mid: Option<&str>) -> Option<Vec<&'a str>> {
    let mid = mid?;
    let groups = session.attributes("group").filter_map(|group| group.strip_prefix("BUNDLE"));
    groups.map(each_once).find(|names| names.contains(&mid))
}

/// Most mids read of a bundle; more than one has sections.
const MOST_NAMES: usize = 64;

fn each_once(names: &str) -> Vec<&str> {
    names.split_ascii_whitespace().take(MOST_NAMES).fold(Vec::new(), |mut all, name| {
        if !all.contains(&name) {
            all.push(name);
        }
        all
    })
}

fn check_profile(audio: &Media<'_>) -> Result<(), OfferError> {
    if PROFILES.contains(&audio.protocol) {
        return Ok(());
    }
    Err(unsupported(format!("m=audio uses {}, which is not WebRTC", audio.protocol)))
}

/// Reads a data section; `None` if it uses another protocol.
fn data_section(section: &Section<'_>, media: &Media<'_>) -> Result<Option<Data>, OfferError> {
    if !["UDP/DTLS/SCTP", "DTLS/SCTP", "TCP/DTLS/SCTP"].contains(&media.protocol) {
        return Ok(None);
    }
    let old = media.formats[0] != "webrtc-datachannel";
    let port = if old {
        Some(media.formats[0])
    } else {
        section.attribute("sctp-port").or_else(|| section.attribute("sctpmap")?.split(' ').next())
    };
    let port = match port.map(|port| port.trim().parse()) {
        None => SCTP_PORT,
        Some(Ok(port)) => port,
        Some(Err(_)) => return Err(malformed("the SCTP port of m=application is not 0 to 65535")),
    };
    let max_message = section.attribute("max-message-size").and_then(|size| size.trim().parse().ok());
    Ok(Some(Data { port, old, max_message }))
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
