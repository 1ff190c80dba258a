//! The client's transport: the ICE and DTLS attributes of its offer.

use super::lines::{Section, malformed, unsupported};
use crate::webrtc::OfferError;

/// The ICE and DTLS parameters of a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::webrtc) struct Transport {
    pub(super) ufrag: String,
    pub(super) password: String,
    /// Identifies the connection: a client's new one has a new certificate.
    pub(in crate::webrtc) fingerprint: String,
    /// The client waits for our DTLS handshake instead of starting its own.
    pub(in crate::webrtc) passive: bool,
    pub(super) lite: bool,
}

impl Transport {
    /// Whether a section of the same bundle uses this transport.
    pub(super) fn is_of(&self, section: &Section<'_>) -> bool {
        section.attribute("ice-ufrag").is_none_or(|ufrag| ufrag == self.ufrag)
    }
}

/// The sections whose attributes describe the audio's transport, the determining one first.
pub(super) struct Sources<'a, 'b>(pub(super) Vec<&'b Section<'a>>);

impl<'a> Sources<'a, '_> {
    fn find(&self, name: &str) -> Option<&'a str> {
        self.0.iter().find_map(|section| section.attribute(name))
    }

    /// # Errors
    /// When something is missing or unusable.
    pub(super) fn transport(&self) -> Result<Transport, OfferError> {
        let ufrag = self.credential("ice-ufrag", 4)?;
        let password = self.credential("ice-pwd", 22)?;
        let fingerprint = self.fingerprint()?;
        let passive = match self.find("setup") {
            Some("actpass" | "active") => false,
            Some("passive") => true,
            Some("holdconn") => return Err(unsupported("a=setup:holdconn leaves nobody to begin DTLS")),
            _ => return Err(malformed("a=setup:actpass is missing")),
        };
        if self.find("rtcp-mux").is_none() {
            return Err(unsupported("a=rtcp-mux is required"));
        }
        Ok(Transport { ufrag, password, fingerprint, passive, lite: self.find("ice-lite").is_some() })
    }

    fn credential(&self, name: &str, shortest: usize) -> Result<String, OfferError> {
        let value =
            self.find(name).ok_or_else(|| malformed(format!("a={name} is missing in the audio section")))?;
        let allowed = value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/-_=".contains(&byte));
        if !(shortest..=256).contains(&value.len()) || !allowed {
            return Err(malformed(format!("a={name} must be {shortest} to 256 letters, digits, + or /")));
        }
        Ok(value.to_owned())
    }

    /// The first usable fingerprint, of the first section that has any.
    fn fingerprint(&self) -> Result<String, OfferError> {
        let all = self.0.iter().map(|section| section.attributes("fingerprint").collect::<Vec<_>>());
        let offered = all.into_iter().find(|offered| !offered.is_empty());
        let offered = offered.ok_or_else(|| malformed("a=fingerprint is missing"))?;
        let read: Vec<Result<String, OfferError>> = offered.into_iter().map(read_fingerprint).collect();
        let at = read.iter().position(Result::is_ok).unwrap_or(0);
        read.into_iter().nth(at).unwrap_or_else(|| Err(malformed("a=fingerprint is missing")))
    }
}

fn read_fingerprint(value: &str) -> Result<String, OfferError> {
    let (algorithm, digest) =
        value.split_once(' ').ok_or_else(|| malformed("a=fingerprint has no digest"))?;
    let algorithm = algorithm.to_ascii_lowercase();
    let length = match algorithm.as_str() {
        "sha-256" => 32,
        "sha-384" => 48,
        "sha-512" => 64,
        _ => return Err(unsupported("a=fingerprint must be sha-256, sha-384 or sha-512")),
    };
    let digest = digest.trim();
    let bytes: Vec<&str> = digest.split(':').collect();
    let hexadecimal = |byte: &&str| byte.len() == 2 && byte.bytes().all(|digit| digit.is_ascii_hexdigit());
    if bytes.len() != length || !bytes.iter().all(hexadecimal) {
        return Err(malformed(format!(
            "a=fingerprint must be {length} bytes in hexadecimal, separated by colons"
        )));
    }
    Ok(format!("{algorithm} {}", digest.to_ascii_uppercase()))
}
