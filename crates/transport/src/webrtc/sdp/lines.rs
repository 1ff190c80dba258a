//! A session description as lines, in sections. Only its structure is interpreted here.

use crate::webrtc::OfferError;

/// Browsers' offers are below 10 KiB.
const MAX_OFFER: usize = 64 << 10;
const MAX_LINE: usize = 4 << 10;
const MAX_SECTIONS: usize = 8;

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

/// One `m=` section, or the session part before the first.
pub(super) struct Section<'a> {
    pub(super) lines: Vec<&'a str>,
}

impl<'a> Section<'a> {
    /// The first attribute with this name.
    pub(super) fn attribute(&self, name: &str) -> Option<&'a str> {
        self.attributes(name).next()
    }

    /// All attributes with this name.
    pub(super) fn attributes(&self, name: &str) -> impl Iterator<Item = &'a str> {
        self.lines.iter().filter_map(move |line| attribute(line, name))
    }

    /// Its `m=` line.
    pub(super) fn media(&self) -> Result<Media<'a>, OfferError> {
        let short = || malformed("an m= line has fewer than four fields");
        let line = self.lines.first().and_then(|line| line.strip_prefix("m=")).ok_or_else(short)?;
        let mut words = line.split(' ');
        let mut next = || words.next().ok_or_else(short);
        let (kind, port, protocol) = (next()?, next()?, next()?);
        let formats: Vec<&str> = words.collect();
        // A port may be followed by the number of ports.
        if port.split('/').next().is_none_or(|port| port.parse::<u16>().is_err()) {
            return Err(malformed(format!("the port of m={kind} is not a number")));
        }
        if formats.is_empty() {
            return Err(malformed(format!("m={kind} names no format")));
        }
        Ok(Media { kind, is_off: port.split('/').next() == Some("0"), protocol, formats })
    }
}

/// An `m=` line.
pub(super) struct Media<'a> {
    pub(super) kind: &'a str,
    /// Its port is 0.
    pub(super) is_off: bool,
    pub(super) protocol: &'a str,
    pub(super) formats: Vec<&'a str>,
}

/// The value of a line if it is this attribute; empty for an attribute without a value.
pub(super) fn attribute<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let rest = line.strip_prefix("a=")?.strip_prefix(name)?;
    if rest.is_empty() { Some("") } else { rest.strip_prefix(':') }
}

/// The section's RTP stream, if it names one.
pub(super) fn ssrc(section: &Section<'_>) -> Option<u32> {
    section.attributes("ssrc").find_map(|line| line.split(' ').next()?.parse().ok())
}

pub(super) fn malformed(detail: impl Into<String>) -> OfferError {
    OfferError::Malformed { detail: detail.into() }
}

pub(super) fn unsupported(detail: impl Into<String>) -> OfferError {
    OfferError::Unsupported { detail: detail.into() }
}

/// Splits a description into the session's lines, then each `m=` section.
pub(super) fn parse(sdp: &str) -> Result<Vec<Section<'_>>, OfferError> {
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
