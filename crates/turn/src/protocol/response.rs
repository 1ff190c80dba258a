//! Answers and indications for clients, written. Pure.

use std::net::SocketAddr;
use std::time::Duration;

use rtc_stun::attributes::{
    ATTR_DATA, ATTR_ERROR_CODE, ATTR_UNKNOWN_ATTRIBUTES, ATTR_XOR_PEER_ADDRESS, AttrType,
};
use rtc_stun::error_code::ErrorCode;
use rtc_stun::integrity::MessageIntegrity;
use rtc_stun::message::{
    CLASS_ERROR_RESPONSE, CLASS_INDICATION, CLASS_SUCCESS_RESPONSE, METHOD_DATA, Message, MessageClass,
    MessageType, Setter, TransactionId,
};
use rtc_stun::xoraddr::XorMappedAddress;
use rtc_turn::crypto::RTCCrypto;
use rtc_turn::proto::lifetime::Lifetime;

use super::request::Request;

/// Most unknown attributes that an answer names.
const MOST_UNKNOWN: usize = 8;

/// An answer being written.
#[derive(Debug)]
pub(super) struct Response(Message);

impl Response {
    fn to(request: &Request, class: MessageClass) -> Self {
        Self::begin(MessageType::new(request.method().method, class), request.transaction())
    }

    fn begin(kind: MessageType, transaction: TransactionId) -> Self {
        let mut message = Message::new();
        (message.typ, message.transaction_id) = (kind, transaction);
        message.write_header();
        Self(message)
    }

    /// An answer to a request that is granted.
    pub(super) fn success(request: &Request) -> Self {
        Self::to(request, CLASS_SUCCESS_RESPONSE)
    }

    /// A refusal, without a reason phrase: the code is enough, and an answer to a stranger must be small.
    pub(super) fn error(request: &Request, ErrorCode(code): ErrorCode) -> Self {
        let mut response = Self::to(request, CLASS_ERROR_RESPONSE);
        let [class, number] = [code / 100, code % 100].map(|part| u8::try_from(part).unwrap_or(u8::MAX));
        response.0.add(ATTR_ERROR_CODE, &[0, 0, class, number]);
        response
    }

    pub(super) fn unknown(mut self, unknown: &[AttrType]) -> Self {
        let numbers: Vec<u8> =
            unknown.iter().take(MOST_UNKNOWN).flat_map(|kind| kind.value().to_be_bytes()).collect();
        self.0.add(ATTR_UNKNOWN_ATTRIBUTES, &numbers);
        self
    }

    pub(super) fn address(mut self, kind: AttrType, address: SocketAddr) -> Self {
        let hidden = XorMappedAddress { ip: address.ip(), port: address.port() };
        // An address always has a length that fits.
        _ = hidden.add_to_as(&mut self.0, kind);
        self
    }

    pub(super) fn lifetime(mut self, lifetime: Duration) -> Self {
        // It always has four bytes.
        _ = Lifetime(lifetime).add_to(&mut self.0);
        self
    }

    pub(super) fn text(mut self, kind: AttrType, text: &str) -> Self {
        self.0.add(kind, text.as_bytes());
        self
    }

    /// The whole answer, signed; `None` if the cryptography fails.
    pub(super) fn signed(mut self, key: &[u8], crypto: &dyn RTCCrypto) -> Option<Vec<u8>> {
        MessageIntegrity::new_raw_integrity_with_provider(key, crypto).add_to(&mut self.0).ok()?;
        Some(self.0.raw)
    }

    /// The whole answer, for those without a key.
    pub(super) fn plain(self) -> Vec<u8> {
        self.0.raw
    }
}

/// Data of a peer, as an indication.
pub(super) fn data_indication(peer: SocketAddr, data: &[u8]) -> Vec<u8> {
    let kind = MessageType::new(METHOD_DATA, CLASS_INDICATION);
    let mut message = Response::begin(kind, TransactionId::new()).address(ATTR_XOR_PEER_ADDRESS, peer);
    message.0.add(ATTR_DATA, data);
    message.0.raw
}
