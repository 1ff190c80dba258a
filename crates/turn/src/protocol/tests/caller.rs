//! A client, for tests: it writes requests and reads answers.

use std::net::SocketAddr;
use std::time::Duration;

use rtc_stun::attributes::{ATTR_NONCE, ATTR_REALM, ATTR_USERNAME, ATTR_XOR_PEER_ADDRESS};
use rtc_stun::error_code::ErrorCodeAttribute;
use rtc_stun::integrity::MessageIntegrity;
use rtc_stun::message::{
    CLASS_INDICATION, CLASS_REQUEST, Getter, METHOD_ALLOCATE, METHOD_BINDING, METHOD_CHANNEL_BIND,
    METHOD_CREATE_PERMISSION, METHOD_REFRESH, METHOD_SEND, Message, MessageType, Method, Setter,
    TransactionId,
};
use rtc_stun::textattrs::TextAttribute;
use rtc_stun::xoraddr::XorMappedAddress;
use rtc_turn::proto::PROTO_UDP;
use rtc_turn::proto::channum::ChannelNumber;
use rtc_turn::proto::data::Data;
use rtc_turn::proto::lifetime::Lifetime;
use rtc_turn::proto::reqtrans::RequestedTransport;

use super::super::step::{AllocationId, Step};
use super::super::{Client, Now, TurnServer};
use crate::credentials::{Credential, SharedSecret};
use crate::peers::{PeerPolicy, PeerRules};
use crate::settings::Limits;

pub(crate) type Part = Box<dyn Setter>;

/// When the tests' servers begin, by the wall clock.
const BEGAN: u64 = 1_000_000;

pub(crate) fn now(seconds: u64) -> Now {
    Now { elapsed: Duration::from_secs(seconds), unix_seconds: BEGAN + seconds }
}

pub(crate) fn secret() -> SharedSecret {
    SharedSecret::new("north").unwrap()
}

pub(crate) fn server(limits: Limits, rules: PeerRules) -> TurnServer {
    let relayed = super::super::RelayedIps { v4: Some("198.51.100.1".parse().unwrap()), v6: None };
    TurnServer::new(secret(), PeerPolicy::new(rules), limits, relayed).unwrap()
}

pub(crate) fn at(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

pub(crate) struct Caller {
    pub(crate) client: Client,
    pub(crate) credential: Credential,
    pub(crate) realm: String,
    pub(crate) nonce: String,
}

impl Caller {
    /// A caller by UDP whose credential lasts an hour.
    pub(crate) fn new(address: &str, user: &str) -> Self {
        let credential = secret().issue(user, BEGAN + 3600).unwrap();
        Self::with(Client::Datagrams { address: at(address) }, credential)
    }

    pub(crate) fn with(client: Client, credential: Credential) -> Self {
        Self { client, credential, realm: "visavis".into(), nonce: String::new() }
    }

    /// Asks for an allocation without credentials, and takes the nonce of the refusal.
    pub(crate) fn challenged(mut self, server: &mut TurnServer, now: &Now) -> Self {
        let step = server.received(self.client, &plain(METHOD_ALLOCATE, vec![udp()]).raw, now);
        let Step::Refused { code: 401, answer, .. } = step else { panic!("{step:?}") };
        self.nonce = TextAttribute::get_from_as(&read(&answer), ATTR_NONCE).unwrap().text;
        self
    }

    /// The same, and opens an allocation.
    pub(crate) fn allocated(self, server: &mut TurnServer, port: u16, now: &Now) -> (Self, AllocationId) {
        let caller = self.challenged(server, now);
        let Step::Open(opening) = caller.asks(server, METHOD_ALLOCATE, vec![udp()], now) else { panic!() };
        let opened = server.opened(*opening, port, now).unwrap();
        (caller, opened.id)
    }

    pub(crate) fn signed(&self, method: Method, parts: Vec<Part>) -> Message {
        let Credential { username, password } = self.credential.clone();
        let secret = secret();
        let crypto = secret.crypto();
        let text = |kind, text: &str| part(TextAttribute::new(kind, text.to_owned()));
        let mut message = plain(method, parts);
        for part in
            [text(ATTR_USERNAME, &username), text(ATTR_REALM, &self.realm), text(ATTR_NONCE, &self.nonce)]
        {
            part.add_to(&mut message).unwrap();
        }
        let key = MessageIntegrity::long_term_integrity_key(username, self.realm.clone(), password, crypto);
        let integrity = MessageIntegrity::new_raw_integrity_with_provider(key.unwrap(), crypto);
        integrity.add_to(&mut message).unwrap();
        message
    }

    pub(crate) fn asks(&self, server: &mut TurnServer, method: Method, parts: Vec<Part>, now: &Now) -> Step {
        server.received(self.client, &self.signed(method, parts).raw, now)
    }

    pub(crate) fn permits(&self, server: &mut TurnServer, peer: &str, now: &Now) -> u16 {
        code(self.asks(server, METHOD_CREATE_PERMISSION, vec![to(peer)], now))
    }

    pub(crate) fn binds(&self, server: &mut TurnServer, number: u16, peer: &str, now: &Now) -> u16 {
        code(self.asks(server, METHOD_CHANNEL_BIND, vec![part(ChannelNumber(number)), to(peer)], now))
    }

    pub(crate) fn refreshes(&self, server: &mut TurnServer, seconds: u64, now: &Now) -> Step {
        self.asks(server, METHOD_REFRESH, vec![lasting(seconds)], now)
    }

    pub(crate) fn sends(&self, server: &mut TurnServer, peer: &str, data: &[u8], now: &Now) -> Step {
        let parts = vec![to(peer), part(Data(data.to_vec()))];
        server.received(self.client, &of(METHOD_SEND, CLASS_INDICATION, parts).raw, now)
    }
}

fn of(method: Method, class: rtc_stun::message::MessageClass, parts: Vec<Part>) -> Message {
    let mut all = vec![part(TransactionId::new()), part(MessageType::new(method, class))];
    all.extend(parts);
    let mut message = Message::new();
    message.build(&all).unwrap();
    message
}

/// A request without a signature.
pub(crate) fn plain(method: Method, parts: Vec<Part>) -> Message {
    of(method, CLASS_REQUEST, parts)
}

pub(crate) fn binding() -> Message {
    plain(METHOD_BINDING, Vec::new())
}

/// An attribute.
pub(crate) fn part(setter: impl Setter + 'static) -> Part {
    Box::new(setter)
}

pub(crate) fn udp() -> Part {
    part(RequestedTransport { protocol: PROTO_UDP })
}

pub(crate) fn lasting(seconds: u64) -> Part {
    part(Lifetime(Duration::from_secs(seconds)))
}

struct To(SocketAddr);

impl Setter for To {
    fn add_to(&self, message: &mut Message) -> rtc_shared::error::Result<()> {
        let hidden = XorMappedAddress { ip: self.0.ip(), port: self.0.port() };
        hidden.add_to_as(message, ATTR_XOR_PEER_ADDRESS)
    }
}

pub(crate) fn to(peer: &str) -> Part {
    part(To(at(peer)))
}

pub(crate) fn read(answer: &[u8]) -> Message {
    let mut message = Message::new();
    message.unmarshal_binary(answer).unwrap();
    message
}

/// The code of a refusal; 0 if it is granted.
pub(crate) fn code(step: Step) -> u16 {
    match step {
        Step::Answer(_) | Step::Open(_) | Step::Close { .. } => 0,
        Step::Refused { code, answer, .. } => {
            let mut error = ErrorCodeAttribute::default();
            error.get_from(&read(&answer)).unwrap();
            assert_eq!(error.code.0, code);
            code
        }
        other => panic!("no answer: {other:?}"),
    }
}
