//! The form of requests and answers.

use std::net::SocketAddr;

use rtc_stun::error_code::ErrorCodeAttribute;
use rtc_stun::message::{
    CLASS_REQUEST, Getter, METHOD_ALLOCATE, METHOD_BINDING, Message, MessageType, Method, Setter,
    TransactionId,
};
use rtc_stun::xoraddr::XorMappedAddress;
use rtc_turn::proto::PROTO_UDP;
use rtc_turn::proto::relayaddr::RelayedAddress;
use rtc_turn::proto::reqtrans::RequestedTransport;

use super::wire::NoWay;

/// Why an answer refuses.
pub(super) struct Refusal {
    pub(super) code: u16,
    pub(super) reason: String,
}

/// A request with these attributes.
pub(super) fn request(method: Method, parts: Vec<Box<dyn Setter>>) -> Result<Message, NoWay> {
    let mut all: Vec<Box<dyn Setter>> =
        vec![Box::new(TransactionId::new()), Box::new(MessageType::new(method, CLASS_REQUEST))];
    all.extend(parts);
    let mut message = Message::new();
    message.build(&all).map_err(|error| NoWay::Broken(error.to_string()))?;
    Ok(message)
}

/// A request for an allocation, without a signature.
pub(super) fn allocate() -> Result<Message, NoWay> {
    request(METHOD_ALLOCATE, vec![transport()])
}

/// The question from where the server sees us.
pub(super) fn binding() -> Result<Message, NoWay> {
    request(METHOD_BINDING, Vec::new())
}

/// What is relayed: UDP, which is all that there is.
pub(super) fn transport() -> Box<dyn Setter> {
    Box::new(RequestedTransport { protocol: PROTO_UDP })
}

pub(super) fn read(bytes: &[u8]) -> Option<Message> {
    let mut message = Message::new();
    message.unmarshal_binary(bytes).ok()?;
    Some(message)
}

pub(super) fn refusal(answer: &Message) -> Refusal {
    let mut error = ErrorCodeAttribute::default();
    // Without a code, 0 is told.
    _ = error.get_from(answer);
    let reason = String::from_utf8_lossy(&error.reason);
    // A stranger's text, which goes to a terminal.
    let reason = reason.chars().filter(|letter| !letter.is_control()).take(80).collect();
    Refusal { code: error.code.0, reason }
}

/// The relayed address of an allocation.
pub(super) fn relayed(answer: &Message) -> Option<SocketAddr> {
    let mut address = RelayedAddress::default();
    address.get_from(answer).ok()?;
    Some(SocketAddr::new(address.ip, address.port))
}

/// The address from which a server sees us.
pub(super) fn mapped(answer: &Message) -> Option<SocketAddr> {
    let mut address = XorMappedAddress::default();
    address.get_from(answer).ok()?;
    Some(SocketAddr::new(address.ip, address.port))
}
