//! Requests of our own, written one by one.

use std::net::SocketAddr;
use std::time::Duration;

use rtc_stun::attributes::{ATTR_NONCE, ATTR_REALM, ATTR_USERNAME};
use rtc_stun::error_code::ErrorCodeAttribute;
use rtc_stun::integrity::MessageIntegrity;
use rtc_stun::message::{
    CLASS_ERROR_RESPONSE, CLASS_REQUEST, Getter, METHOD_ALLOCATE, METHOD_CHANNEL_BIND,
    METHOD_CREATE_PERMISSION, Message, MessageType, Method, Setter, TransactionId,
};
use rtc_stun::textattrs::TextAttribute;
use rtc_turn::proto::PROTO_UDP;
use rtc_turn::proto::channum::ChannelNumber;
use rtc_turn::proto::peeraddr::PeerAddress;
use rtc_turn::proto::relayaddr::RelayedAddress;
use rtc_turn::proto::reqfamily::REQUESTED_FAMILY_IPV6;
use rtc_turn::proto::reqtrans::RequestedTransport;
use visavis_turn::Credential;

use crate::wire::Wire;

type Part = Box<dyn Setter>;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Asker {
    pub(crate) wire: Wire,
    pub(crate) credential: Credential,
    /// What was granted last of relayed addresses.
    pub(crate) relayed: Option<SocketAddr>,
    realm: String,
    nonce: String,
}

pub(crate) fn part(setter: impl Setter + 'static) -> Part {
    Box::new(setter)
}

pub(crate) fn udp() -> Part {
    part(RequestedTransport { protocol: PROTO_UDP })
}

/// A request without a signature.
pub(crate) fn plain(method: Method, parts: Vec<Part>) -> Message {
    let mut all = vec![part(TransactionId::new()), part(MessageType::new(method, CLASS_REQUEST))];
    all.extend(parts);
    let mut message = Message::new();
    message.build(&all).unwrap();
    message
}

impl Asker {
    pub(crate) fn new(wire: Wire, credential: Credential) -> Self {
        Self { wire, credential, relayed: None, realm: String::new(), nonce: String::new() }
    }

    /// Sends a request and returns the code of its answer; 0 if it is granted, none if there is no answer.
    async fn exchange(&mut self, request: &Message) -> Option<u16> {
        self.wire.send(&request.raw).await;
        loop {
            let received = self.wire.receive(PATIENCE).await?;
            let mut answer = Message::new();
            answer.unmarshal_binary(&received).unwrap();
            if answer.transaction_id != request.transaction_id {
                continue;
            }
            for (kind, text) in [(ATTR_REALM, &mut self.realm), (ATTR_NONCE, &mut self.nonce)] {
                if let Ok(told) = TextAttribute::get_from_as(&answer, kind) {
                    *text = told.text;
                }
            }
            if answer.typ.class != CLASS_ERROR_RESPONSE {
                let mut relayed = RelayedAddress::default();
                if relayed.get_from(&answer).is_ok() {
                    self.relayed = Some(SocketAddr::new(relayed.ip, relayed.port));
                }
                return Some(0);
            }
            let mut error = ErrorCodeAttribute::default();
            error.get_from(&answer).unwrap();
            return Some(error.code.0);
        }
    }

    /// Asks once without credentials, for a nonce.
    pub(crate) async fn challenged(&mut self) -> Option<u16> {
        self.exchange(&plain(METHOD_ALLOCATE, vec![udp()])).await
    }

    /// A request with a signature.
    pub(crate) fn signed(&self, method: Method, parts: Vec<Part>) -> Message {
        let provider = rtc_turn::crypto::default_provider().unwrap();
        let Credential { username, password } = self.credential.clone();
        let mut message = plain(method, parts);
        for (kind, text) in [(ATTR_USERNAME, &username), (ATTR_REALM, &self.realm), (ATTR_NONCE, &self.nonce)]
        {
            TextAttribute::new(kind, text.clone()).add_to(&mut message).unwrap();
        }
        let key = MessageIntegrity::long_term_integrity_key(
            username,
            self.realm.clone(),
            password,
            provider.crypto(),
        );
        let integrity = MessageIntegrity::new_raw_integrity_with_provider(key.unwrap(), provider.crypto());
        integrity.add_to(&mut message).unwrap();
        message
    }

    async fn asks(&mut self, method: Method, parts: Vec<Part>) -> Option<u16> {
        let request = self.signed(method, parts);
        self.exchange(&request).await
    }

    /// Asks for an allocation with credentials, after a challenge.
    pub(crate) async fn allocates(&mut self) -> Option<u16> {
        assert_eq!(self.challenged().await, Some(401));
        self.asks(METHOD_ALLOCATE, vec![udp()]).await
    }

    /// The same, for a relayed address of IPv6.
    pub(crate) async fn allocates_v6(&mut self) -> Option<u16> {
        assert_eq!(self.challenged().await, Some(401));
        self.asks(METHOD_ALLOCATE, vec![udp(), part(REQUESTED_FAMILY_IPV6)]).await
    }

    pub(crate) async fn permits(&mut self, peer: &str) -> Option<u16> {
        self.asks(METHOD_CREATE_PERMISSION, vec![to(peer)]).await
    }

    pub(crate) async fn binds(&mut self, number: u16, peer: &str) -> Option<u16> {
        self.asks(METHOD_CHANNEL_BIND, vec![part(ChannelNumber(number)), to(peer)]).await
    }
}

fn to(peer: &str) -> Part {
    let peer: SocketAddr = peer.parse().unwrap();
    part(PeerAddress { ip: peer.ip(), port: peer.port() })
}
