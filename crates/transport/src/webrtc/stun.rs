//! The STUN that the single port needs: which call a check is for, and whether it is genuine; and our own questions to servers.

use std::net::SocketAddr;

use rtc::stun::attributes::ATTR_USERNAME;
use rtc::stun::integrity::MessageIntegrity;
use rtc::stun::message::{BINDING_SUCCESS, CLASS_REQUEST, Getter, Message, is_stun_message};
use rtc::stun::xoraddr::XorMappedAddress;
use webrtc::peer_connection::crypto::RTCCryptoProvider;

/// The type of a binding request (RFC 8489, 5).
const BINDING_REQUEST: [u8; 2] = [0x00, 0x01];
const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];

/// Whether a datagram is STUN; DTLS, RTP and RTCP begin with other bytes (RFC 7983).
pub(super) fn is_stun(datagram: &[u8]) -> bool {
    datagram.first().is_some_and(|&first| first < 4) && is_stun_message(datagram)
}

/// Pairs a check with its response.
pub(super) type Transaction = [u8; 12];

/// The transaction of a STUN message.
pub(super) fn transaction(datagram: &[u8]) -> Option<Transaction> {
    if !is_stun(datagram) {
        return None;
    }
    datagram.get(8..20)?.try_into().ok()
}

/// Whether it is a check, rather than the response to one of ours.
pub(super) fn is_request(datagram: &[u8]) -> bool {
    datagram.starts_with(&BINDING_REQUEST)
}

/// A request to a STUN server to say at which address it sees the sender.
pub(super) fn binding_request(transaction: &Transaction) -> Vec<u8> {
    [&BINDING_REQUEST[..], &[0, 0], &COOKIE, transaction].concat()
}

/// The address at which a STUN server sees us, by its response.
pub(super) fn mapped_address(datagram: &[u8]) -> Option<SocketAddr> {
    let mut message = Message::new();
    message.unmarshal_binary(datagram).ok()?;
    if message.typ != BINDING_SUCCESS {
        return None;
    }
    let mut mapped = XorMappedAddress::default();
    mapped.get_from(&message).ok()?;
    let ip = mapped.ip.to_canonical();
    let is_somebody = !ip.is_unspecified() && !ip.is_multicast() && mapped.port != 0;
    is_somebody.then(|| SocketAddr::new(ip, mapped.port))
}

/// A connectivity check, decoded.
pub(super) struct Check {
    message: Message,
    /// The ICE user name fragment of our side: the part of USERNAME before the colon.
    pub(super) ufrag: String,
}

impl Check {
    pub(super) fn decode(datagram: &[u8]) -> Option<Self> {
        let mut message = Message::new();
        message.unmarshal_binary(datagram).ok()?;
        if message.typ.class != CLASS_REQUEST {
            return None;
        }
        let username = String::from_utf8(message.get(ATTR_USERNAME).ok()?).ok()?;
        let ufrag = username.split(':').next()?.to_owned();
        Some(Self { message, ufrag })
    }

    /// Whether the sender knows our ICE password: only then may the call take its address.
    pub(super) fn is_genuine(&mut self, password: &str, crypto: &dyn RTCCryptoProvider) -> bool {
        MessageIntegrity::check(&mut self.message, password.as_bytes(), crypto.crypto()).is_ok()
    }
}
