//! Session descriptions: what an offer must have before anything heavier looks at it, and what our answers say.

use std::net::{IpAddr, SocketAddr};

use super::OfferError;

/// Offers of browsers are below 10 KiB.
const MAX_OFFER: usize = 64 << 10;
const MAX_LINE: usize = 4 << 10;
const MAX_SECTIONS: usize = 8;
/// Candidates of a client that are considered.
const MAX_CANDIDATES: usize = 32;
/// What we ask the client's encoder to do: no packets for silence, forward error correction, nothing above 8 kHz.
const OPUS_PARAMETERS: &str = "minptime=10;useinbandfec=1;usedtx=1;stereo=0;maxplaybackrate=16000";

/// An offer that has all that a call needs.
#[derive(Debug)]
pub(super) struct Offer {
    /// The offer, less the candidates that we cannot use.
    pub(super) sdp: String,
    /// The payload type of Opus.
    pub(super) opus: u8,
    /// It wants a data channel.
    pub(super) has_data: bool,
}

/// One `m=` section, or what stands before the first.
struct Section<'a> {
    lines: Vec<&'a str>,
}

impl<'a> Section<'a> {
    fn attribute(&self, name: &str) -> Option<&'a str> {
        self.lines.iter().find_map(|line| attribute(line, name))
    }

    fn media(&self) -> Option<Media<'a>> {
        let mut words = self.lines.first()?.strip_prefix("m=")?.split(' ');
        Some(Media {
            kind: words.next()?,
            port: words.next()?,
            protocol: words.next()?,
            formats: words.collect(),
        })
    }
}

struct Media<'a> {
    kind: &'a str,
    port: &'a str,
    protocol: &'a str,
    formats: Vec<&'a str>,
}

fn attribute<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let rest = line.strip_prefix("a=")?.strip_prefix(name)?;
    if rest.is_empty() { Some("") } else { rest.strip_prefix(':') }
}

fn malformed(detail: impl Into<String>) -> OfferError {
    OfferError::Malformed { detail: detail.into() }
}

/// Checks an offer as far as a call depends on it.
pub(super) fn check_offer(sdp: &str) -> Result<Offer, OfferError> {
    let sections = parse(sdp)?;
    let (session, media) = sections.split_first().ok_or_else(|| malformed("the offer is empty"))?;
    let mut audio = None;
    let mut has_data = false;
    for section in media {
        let kind = section.media().ok_or_else(|| malformed("an m= line has fewer than four fields"))?;
        check_media(&kind)?;
        match kind.kind {
            "audio" if is_wanted(section, &kind) && audio.is_none() => audio = Some((section, kind)),
            "application" => has_data |= is_wanted(section, &kind),
            _ => {}
        }
    }
    let (section, kind) = audio.ok_or(OfferError::NoAudio)?;
    let opus = opus_payload_type(section, &kind)?;
    check_transport(session, section)?;
    Ok(Offer { sdp: without_useless_candidates(sdp), opus, has_data })
}

/// Port 0 rejects a section, unless it shares the port of another (RFC 8843, 6).
fn is_wanted(section: &Section<'_>, media: &Media<'_>) -> bool {
    media.port != "0" || section.attribute("bundle-only").is_some()
}

fn parse(sdp: &str) -> Result<Vec<Section<'_>>, OfferError> {
    if sdp.len() > MAX_OFFER {
        return Err(malformed(format!("the offer has {} bytes; at most {MAX_OFFER} are taken", sdp.len())));
    }
    let mut sections = vec![Section { lines: Vec::new() }];
    for (number, line) in (1..).zip(sdp.lines()) {
        if line.is_empty() {
            continue;
        }
        let bytes = line.as_bytes();
        if bytes.len() < 2 || !bytes[0].is_ascii_lowercase() || bytes[1] != b'=' {
            return Err(malformed(format!("line {number} is not of the form x=value")));
        }
        if bytes.len() > MAX_LINE || line.chars().any(char::is_control) {
            return Err(malformed(format!("line {number} is too long or holds control characters")));
        }
        if line.starts_with("m=") {
            sections.push(Section { lines: Vec::new() });
        }
        if let Some(section) = sections.last_mut() {
            section.lines.push(line);
        }
    }
    if sections[0].lines.first() != Some(&"v=0") {
        return Err(malformed("the first line is not v=0"));
    }
    for required in ["o=", "s=", "t="] {
        if !sections[0].lines.iter().any(|line| line.starts_with(required)) {
            return Err(malformed(format!("the line {required} is missing")));
        }
    }
    if sections.len() > MAX_SECTIONS + 1 {
        return Err(malformed(format!("the offer has more than {MAX_SECTIONS} m= sections")));
    }
    Ok(sections)
}

fn check_media(media: &Media<'_>) -> Result<(), OfferError> {
    if media.port.parse::<u16>().is_err() {
        return Err(malformed(format!("the port of m={} is not a number", media.kind)));
    }
    if media.formats.is_empty() {
        return Err(malformed(format!("m={} names no format", media.kind)));
    }
    match (media.kind, media.protocol) {
        ("audio" | "video", "UDP/TLS/RTP/SAVPF") => Ok(()),
        ("application", "UDP/DTLS/SCTP" | "DTLS/SCTP" | "TCP/DTLS/SCTP") => Ok(()),
        (kind @ ("audio" | "video" | "application"), protocol) => {
            Err(OfferError::Unsupported { detail: format!("m={kind} uses {protocol}, which is not WebRTC") })
        }
        (kind, _) => Err(OfferError::Unsupported { detail: format!("m={kind} sections cannot be answered") }),
    }
}

fn opus_payload_type(section: &Section<'_>, media: &Media<'_>) -> Result<u8, OfferError> {
    let missing =
        || OfferError::Unsupported { detail: "the audio section does not offer opus/48000/2".to_owned() };
    let maps = section.lines.iter().filter_map(|line| attribute(line, "rtpmap"));
    let format = maps
        .filter_map(|map| map.split_once(' '))
        .find(|(format, codec)| codec.eq_ignore_ascii_case("opus/48000/2") && media.formats.contains(format))
        .map(|(format, _)| format);
    let number = format.ok_or_else(missing)?;
    number
        .parse()
        .ok()
        .filter(|number| *number < 128)
        .ok_or_else(|| malformed("the payload type of opus is not 0 to 127"))
}

fn check_transport(session: &Section<'_>, audio: &Section<'_>) -> Result<(), OfferError> {
    let find = |name: &str| audio.attribute(name).or_else(|| session.attribute(name));
    for (name, shortest) in [("ice-ufrag", 4), ("ice-pwd", 22)] {
        let value =
            find(name).ok_or_else(|| malformed(format!("a={name} is missing in the audio section")))?;
        let allowed = value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/-_=".contains(&byte));
        if !(shortest..=256).contains(&value.len()) || !allowed {
            return Err(malformed(format!("a={name} must be {shortest} to 256 letters, digits, + or /")));
        }
    }
    check_fingerprint(find("fingerprint").ok_or_else(|| malformed("a=fingerprint is missing"))?)?;
    match find("setup") {
        Some("actpass" | "active") => {}
        Some("passive" | "holdconn") => {
            return Err(OfferError::Unsupported {
                detail: "a=setup must let the server be passive".to_owned(),
            });
        }
        _ => return Err(malformed("a=setup:actpass is missing")),
    }
    if audio.attribute("rtcp-mux").is_none() {
        return Err(OfferError::Unsupported { detail: "a=rtcp-mux is required".to_owned() });
    }
    if audio.attribute("mid").is_none() {
        return Err(malformed("a=mid is missing in the audio section"));
    }
    Ok(())
}

fn check_fingerprint(value: &str) -> Result<(), OfferError> {
    let (algorithm, digest) =
        value.split_once(' ').ok_or_else(|| malformed("a=fingerprint has no digest"))?;
    let length = match algorithm.to_ascii_lowercase().as_str() {
        "sha-256" => 32,
        "sha-384" => 48,
        "sha-512" => 64,
        _ => {
            return Err(OfferError::Unsupported {
                detail: "a=fingerprint must be sha-256, sha-384 or sha-512".to_owned(),
            });
        }
    };
    let bytes: Vec<&str> = digest.trim().split(':').collect();
    let hexadecimal = |byte: &&str| byte.len() == 2 && byte.bytes().all(|digit| digit.is_ascii_hexdigit());
    if bytes.len() != length || !bytes.iter().all(hexadecimal) {
        return Err(malformed(format!(
            "a=fingerprint must be {length} bytes in hexadecimal, separated by colons"
        )));
    }
    Ok(())
}

fn without_useless_candidates(sdp: &str) -> String {
    let mut kept = 0;
    let mut clean = String::with_capacity(sdp.len() + 64);
    for line in sdp.lines().filter(|line| !line.is_empty()) {
        if line.starts_with("a=candidate:") {
            if kept == MAX_CANDIDATES || !is_usable_candidate(&line[2..]) {
                continue;
            }
            kept += 1;
        }
        clean.push_str(line);
        clean.push_str("\r\n");
    }
    clean
}

/// Whether a candidate names an address that UDP can reach. Names ending in `.local`, which hide a browser's addresses,
/// are no loss: its checks tell where it is.
pub(super) fn is_usable_candidate(candidate: &str) -> bool {
    let words: Vec<&str> =
        candidate.trim().trim_start_matches("candidate:").split_ascii_whitespace().collect();
    let [foundation, component, protocol, priority, address, port, "typ", kind, ..] = words[..] else {
        return false;
    };
    let reachable = |ip: IpAddr| !ip.is_unspecified() && !ip.is_multicast();
    foundation.len() <= 32
        && component == "1"
        && protocol.eq_ignore_ascii_case("udp")
        && priority.parse::<u32>().is_ok()
        && address.parse().is_ok_and(reachable)
        && port.parse::<u16>().is_ok_and(|port| port != 0)
        && matches!(kind, "host" | "srflx" | "prflx" | "relay")
}

/// Our ICE user name fragment and password in an answer.
pub(super) fn credentials(answer: &str) -> Option<(String, String)> {
    let find = |name| answer.lines().find_map(|line| attribute(line, name)).map(str::to_owned);
    Some((find("ice-ufrag")?, find("ice-pwd")?))
}

/// The answer as the client gets it: with the addresses where we are reached, best first, and our wishes for its encoder.
pub(super) fn finish_answer(answer: &str, addresses: &[SocketAddr], opus: u8) -> String {
    let fmtp = format!("a=fmtp:{opus} ");
    let rtpmap = format!("a=rtpmap:{opus} ");
    let mut finished = String::with_capacity(answer.len() + 1024);
    let mut placed = false;
    let mut push = |line: &str| {
        finished.push_str(line);
        finished.push_str("\r\n");
    };
    for line in answer.lines().filter(|line| !line.is_empty()) {
        let ours = line.starts_with("a=candidate:") || line.starts_with("a=end-of-candidates");
        if ours || line.starts_with(&fmtp) {
            continue;
        }
        push(line);
        if line.starts_with(&rtpmap) {
            push(&format!("{fmtp}{OPUS_PARAMETERS}"));
        }
        if line.starts_with("a=ice-pwd:") && !std::mem::replace(&mut placed, true) {
            // All sections share the transport of the first.
            for (index, address) in addresses.iter().enumerate() {
                push(&candidate_line(index, *address));
            }
            push("a=end-of-candidates");
        }
    }
    finished
}

fn candidate_line(index: usize, address: SocketAddr) -> String {
    // RFC 8445, 5.1.2.1: a host's type preference is 126, the component is 1.
    let preference = 65_535_u32.saturating_sub(u32::try_from(index).unwrap_or(u32::MAX));
    let priority = (126 << 24) + (preference << 8) + 255;
    format!("a=candidate:{} 1 udp {priority} {} {} typ host", index + 1, address.ip(), address.port())
}
