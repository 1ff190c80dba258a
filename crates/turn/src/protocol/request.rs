//! Requests and indications of clients, read. Pure.

use std::net::SocketAddr;
use std::ops::Range;
use std::time::Duration;

use rtc_stun::attributes::{
    ATTR_CHANNEL_NUMBER, ATTR_DATA, ATTR_EVEN_PORT, ATTR_FINGERPRINT, ATTR_LIFETIME, ATTR_MESSAGE_INTEGRITY,
    ATTR_NONCE, ATTR_REALM, ATTR_REQUESTED_ADDRESS_FAMILY, ATTR_REQUESTED_TRANSPORT, ATTR_RESERVATION_TOKEN,
    ATTR_USERNAME, ATTR_XOR_PEER_ADDRESS, AttrType, Attributes, RawAttribute,
};
use rtc_stun::fingerprint::FINGERPRINT;
use rtc_stun::integrity::MessageIntegrity;
use rtc_stun::message::{
    CLASS_INDICATION, CLASS_REQUEST, Getter, MESSAGE_HEADER_SIZE, METHOD_ALLOCATE, METHOD_BINDING,
    METHOD_CHANNEL_BIND, METHOD_CREATE_PERMISSION, METHOD_REFRESH, METHOD_SEND, Message, MessageType,
    TransactionId,
};
use rtc_turn::crypto::RTCCrypto;
use rtc_turn::proto::channum::ChannelNumber;
use rtc_turn::proto::lifetime::Lifetime;
use rtc_turn::proto::peeraddr::PeerAddress;
use rtc_turn::proto::reqfamily::{REQUESTED_FAMILY_IPV4, RequestedAddressFamily};
use rtc_turn::proto::reqtrans::RequestedTransport;

use super::LONGEST;

/// Attributes that are understood. A request that requires others is refused.
const KNOWN: [AttrType; 12] = [
    ATTR_USERNAME,
    ATTR_REALM,
    ATTR_NONCE,
    ATTR_MESSAGE_INTEGRITY,
    ATTR_CHANNEL_NUMBER,
    ATTR_DATA,
    ATTR_EVEN_PORT,
    ATTR_LIFETIME,
    ATTR_REQUESTED_ADDRESS_FAMILY,
    ATTR_REQUESTED_TRANSPORT,
    ATTR_RESERVATION_TOKEN,
    ATTR_XOR_PEER_ADDRESS,
];

/// What a client wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// To know its address.
    Binding,
    Allocate,
    Refresh,
    CreatePermission,
    ChannelBind,
    /// To send data to a peer. It gets no answer.
    Send,
}

impl Kind {
    fn of(kind: MessageType) -> Option<Self> {
        match (kind.class, kind.method) {
            (CLASS_REQUEST, METHOD_BINDING) => Some(Self::Binding),
            (CLASS_REQUEST, METHOD_ALLOCATE) => Some(Self::Allocate),
            (CLASS_REQUEST, METHOD_REFRESH) => Some(Self::Refresh),
            (CLASS_REQUEST, METHOD_CREATE_PERMISSION) => Some(Self::CreatePermission),
            (CLASS_REQUEST, METHOD_CHANNEL_BIND) => Some(Self::ChannelBind),
            (CLASS_INDICATION, METHOD_SEND) => Some(Self::Send),
            _ => None,
        }
    }
}

/// Which family of relayed addresses a client asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    V4,
    V6,
}

impl Family {
    pub(crate) fn of(address: SocketAddr) -> Self {
        if address.is_ipv4() { Self::V4 } else { Self::V6 }
    }
}

/// A request or an indication.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) kind: Kind,
    message: Message,
}

impl Request {
    /// Reads a whole message; `None` if a client may not send it, or it is damaged.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let [first, _, high, low, ..] = *bytes else { return None };
        let length = usize::from(u16::from_be_bytes([high, low]));
        let whole = bytes.len() == MESSAGE_HEADER_SIZE + length && length.is_multiple_of(4);
        if first >> 6 != 0 || !whole || bytes.len() > LONGEST {
            return None;
        }
        let mut message = Message::new();
        message.unmarshal_binary(bytes).ok()?;
        if message.contains(ATTR_FINGERPRINT) && FINGERPRINT.check(&message).is_err() {
            return None;
        }
        Kind::of(message.typ).map(|kind| Self { kind, message })
    }

    pub(super) fn transaction(&self) -> TransactionId {
        self.message.transaction_id
    }

    pub(super) fn method(&self) -> MessageType {
        self.message.typ
    }

    /// Whether it bears a signature.
    pub(super) fn is_signed(&self) -> bool {
        self.message.contains(ATTR_MESSAGE_INTEGRITY)
    }

    /// Whether its signature is that of this key. Attributes after the signature are dropped: they are not authenticated.
    pub(super) fn is_genuine(&mut self, key: &[u8], crypto: &dyn RTCCrypto) -> bool {
        let genuine = MessageIntegrity::check(&mut self.message, key, crypto).is_ok();
        let attributes = &mut self.message.attributes.0;
        if let Some(at) = attributes.iter().position(|attribute| attribute.typ == ATTR_MESSAGE_INTEGRITY) {
            attributes.truncate(at);
        }
        genuine
    }

    /// Required attributes that are not understood.
    pub(super) fn unknown(&self) -> Vec<AttrType> {
        let kinds = self.message.attributes.0.iter().map(|attribute| attribute.typ);
        kinds.filter(|kind| kind.required() && !KNOWN.contains(kind)).collect()
    }

    pub(super) fn has(&self, attribute: AttrType) -> bool {
        self.message.contains(attribute)
    }

    fn find(&self, kind: AttrType) -> Option<&RawAttribute> {
        self.message.attributes.0.iter().find(|attribute| attribute.typ == kind)
    }

    /// A user name, a realm or a nonce.
    pub(super) fn text(&self, kind: AttrType) -> Option<&str> {
        std::str::from_utf8(&self.find(kind)?.value).ok()
    }

    /// The transport between the relay and its peers, by its number at IANA.
    pub(super) fn transport(&self) -> Option<u8> {
        let mut transport = RequestedTransport::default();
        transport.get_from(&self.message).ok().map(|()| transport.protocol.0)
    }

    /// The requested family, if any; an error if there is no such family.
    pub(super) fn family(&self) -> Result<Option<Family>, ()> {
        if !self.has(ATTR_REQUESTED_ADDRESS_FAMILY) {
            return Ok(None);
        }
        let mut family = RequestedAddressFamily::default();
        family.get_from(&self.message).map_err(|_| ())?;
        Ok(Some(if family == REQUESTED_FAMILY_IPV4 { Family::V4 } else { Family::V6 }))
    }

    /// The lifetime that is asked for.
    pub(super) fn lifetime(&self) -> Option<Duration> {
        let mut lifetime = Lifetime::default();
        lifetime.get_from(&self.message).ok().map(|()| lifetime.0)
    }

    /// The channel's number, if it may be one.
    pub(super) fn channel(&self) -> Option<u16> {
        let mut channel = ChannelNumber::default();
        channel.get_from(&self.message).ok().filter(|()| channel.valid()).map(|()| channel.0)
    }

    /// All peers that it names; `None` if an address is damaged.
    pub(super) fn peers(&self) -> Option<Vec<SocketAddr>> {
        let named =
            self.message.attributes.0.iter().filter(|attribute| attribute.typ == ATTR_XOR_PEER_ADDRESS);
        named.map(|attribute| self.peer(attribute)).collect()
    }

    fn peer(&self, attribute: &RawAttribute) -> Option<SocketAddr> {
        // The crate would pad an address that is too short.
        let fits = match *attribute.value.as_slice() {
            [_, 1, ..] => attribute.value.len() == 8,
            [_, 2, ..] => attribute.value.len() == 20,
            _ => false,
        };
        if !fits {
            return None;
        }
        let alone = Message {
            transaction_id: self.message.transaction_id,
            attributes: Attributes(vec![attribute.clone()]),
            ..Message::default()
        };
        let mut peer = PeerAddress::default();
        peer.get_from(&alone).ok().map(|()| SocketAddr::new(peer.ip, peer.port))
    }

    /// Where its data lies in the message.
    pub(super) fn data(&self) -> Option<Range<usize>> {
        let mut at = MESSAGE_HEADER_SIZE;
        for attribute in &self.message.attributes.0 {
            let begin = at + HEADER;
            let end = begin + attribute.value.len();
            if attribute.typ == ATTR_DATA {
                return Some(begin..end);
            }
            at = begin + attribute.value.len().next_multiple_of(4);
        }
        None
    }
}

/// Bytes before an attribute's value.
const HEADER: usize = 4;
