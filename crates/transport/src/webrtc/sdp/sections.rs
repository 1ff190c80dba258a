//! An offer's sections, and which of them a call uses.

use super::direction::Direction;
use super::further::{Carried, Further};
use super::lines::{Media, PROFILES, Section, malformed, parse, ssrc, unsupported};
use super::offer::{Data, Form, Offer, Part};
use super::transport::{Sources, Transport};
use crate::webrtc::OfferError;

/// The usual SCTP port of old data sections.
const SCTP_PORT: u16 = 5000;

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

/// The sections of an offer, by index.
pub(super) struct Sections<'a> {
    session: &'a Section<'a>,
    media: &'a [Section<'a>],
    /// Their `m=` lines.
    pub(super) kinds: Vec<Media<'a>>,
    mids: Vec<Option<&'a str>>,
    /// The section of the call's sound.
    pub(super) audio: usize,
    /// The mids of the bundle that contains the audio section, if any.
    pub(super) bundle: Option<Vec<&'a str>>,
    /// The data section that the answer accepts.
    data: Option<(usize, Data)>,
}

impl<'a> Sections<'a> {
    /// # Errors
    /// When they are malformed, or without audio that a call can use.
    pub(super) fn read(session: &'a Section<'a>, media: &'a [Section<'a>]) -> Result<Self, OfferError> {
        let kinds = media.iter().map(Section::media).collect::<Result<Vec<_>, _>>()?;
        let mids = mids(media)?;
        let mut read = Self { session, media, kinds, mids, audio: 0, bundle: None, data: None };
        read.audio = read.first("audio").ok_or(OfferError::NoAudio)?;
        check_profile(&read.kinds[read.audio])?;
        read.bundle = bundle_of(session, read.mids[read.audio]);
        read.data = read.find_data()?;
        Ok(read)
    }

    fn is_wanted(&self, at: usize) -> bool {
        !self.kinds[at].is_off || self.media[at].attribute("bundle-only").is_some()
    }

    /// The first section of this kind that is wanted.
    fn first(&self, kind: &str) -> Option<usize> {
        (0..self.media.len()).find(|at| self.kinds[*at].kind == kind && self.is_wanted(*at))
    }

    fn is_bundled(&self, at: usize) -> bool {
        self.bundle.as_ref().is_some_and(|all| self.mids[at].is_some_and(|mid| all.contains(&mid)))
    }

    fn find_data(&self) -> Result<Option<(usize, Data)>, OfferError> {
        // Without a bundle each section has a transport of its own, and a call has only one.
        let Some(at) = self.first("application").filter(|at| self.is_bundled(*at)) else { return Ok(None) };
        Ok(data_section(&self.media[at], &self.kinds[at])?.map(|data| (at, data)))
    }

    fn is_answered(&self, at: usize) -> bool {
        at == self.audio || self.data.as_ref().is_some_and(|(data, _)| *data == at)
    }

    /// The sections that the bundle names, in its order.
    fn named(&self) -> Vec<usize> {
        let place = |mid: &&str| self.mids.iter().position(|one| one.as_ref() == Some(mid));
        self.bundle.iter().flatten().filter_map(place).collect()
    }

    /// The section that determines the bundle's transport: the first accepted one of it (RFC 8843, 7.3).
    fn deciding(&self, named: &[usize]) -> usize {
        named.iter().copied().find(|at| self.is_answered(*at)).unwrap_or(self.audio)
    }

    /// The transport of the call.
    pub(super) fn transport(&self) -> Result<Transport, OfferError> {
        let named = self.named();
        // A determining section that is bundle-only, or in a later offer, may leave its transport to the first of all.
        let order = [Some(self.deciding(&named)), Some(self.audio), named.first().copied()];
        let sources = order.into_iter().flatten().map(|at| &self.media[at]).chain([self.session]).collect();
        Sources(sources).transport()
    }

    /// The candidates of the accepted sections, without `a=`.
    pub(super) fn candidates(&self) -> Vec<String> {
        let carriers = (0..self.media.len()).filter(|at| self.is_answered(*at));
        let lines = carriers.flat_map(|at| self.media[at].lines.iter());
        let candidates = lines.filter(|line| line.starts_with("a=candidate:"));
        candidates.map(|line| line[2..].to_owned()).collect()
    }

    /// The form of a section.
    pub(super) fn form(&self, at: usize) -> Form {
        let media = &self.kinds[at];
        Form {
            part: match &self.data {
                _ if at == self.audio => Part::Audio,
                Some((place, data)) if at == *place => Part::Data(data.clone()),
                _ => Part::Off,
            },
            kind: media.kind.to_owned(),
            protocol: media.protocol.to_owned(),
            formats: media.formats.join(" "),
            mid: self.mids[at].map(str::to_owned),
        }
    }

    /// The sections that could carry further tracks.
    pub(super) fn further(&self, transport: &Transport) -> Vec<Further> {
        let named = self.named();
        let place = |at: usize| named.iter().position(|one| *one == at);
        let deciding = place(self.deciding(&named));
        // A section that would precede the determining one must describe the same transport.
        let fits = |at: usize| place(at) > deciding || transport.is_of(&self.media[at]);
        let is_free =
            |at: &usize| self.is_wanted(*at) && self.is_bundled(*at) && !self.is_answered(*at) && fits(*at);
        let free = (0..self.media.len()).filter(is_free);
        free.filter_map(|at| Further::read(at, &self.media[at], &self.kinds[at], self.session)).collect()
    }
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
