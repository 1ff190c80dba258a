//! Requests to a relay and its answers, one at a time.

use std::sync::Arc;
use std::time::Duration;

use rtc_stun::attributes::{ATTR_NONCE, ATTR_REALM, ATTR_USERNAME};
use rtc_stun::integrity::MessageIntegrity;
use rtc_stun::message::{
    CLASS_ERROR_RESPONSE, METHOD_ALLOCATE, METHOD_CREATE_PERMISSION, METHOD_REFRESH, Message, Method, Setter,
};
use rtc_stun::textattrs::TextAttribute;
use rtc_turn::crypto::{self, RTCCryptoProvider};
use rtc_turn::proto::lifetime::Lifetime;
use rtc_turn::proto::peeraddr::PeerAddress;
use tokio::time::Instant;

use super::messages::{self, Refusal};
use super::wire::{NoWay, Wire};
use crate::judge::relays::Entry;

/// The code that asks for credentials, and that of a nonce that has expired.
const UNAUTHORIZED: u16 = 401;
const STALE: u16 = 438;

/// What a relay says.
pub(super) enum Answer {
    Granted(Message),
    Refused { code: u16, reason: String },
}

/// Asks with one credential.
pub(super) struct Asker {
    wire: Wire,
    provider: Arc<dyn RTCCryptoProvider>,
    username: String,
    password: String,
    realm: String,
    nonce: String,
}

impl Asker {
    pub(super) fn new(wire: Wire, entry: &Entry) -> Result<Self, NoWay> {
        let provider = crypto::default_provider().map_err(|error| NoWay::Broken(error.to_string()))?;
        let (username, password) = (entry.username.clone(), entry.password.clone());
        Ok(Self { wire, provider, username, password, realm: String::new(), nonce: String::new() })
    }

    /// Asks for an allocation: first without a credential, for what is needed to sign.
    pub(super) async fn allocate(&mut self) -> Result<Answer, NoWay> {
        let plain = messages::allocate()?;
        match self.exchange(&plain).await? {
            Answer::Refused { code: UNAUTHORIZED, .. } => {}
            other => return Ok(other),
        }
        let signed = self.signed(METHOD_ALLOCATE, messages::transport())?;
        match self.exchange(&signed).await? {
            Answer::Refused { code: STALE, .. } => {
                let again = self.signed(METHOD_ALLOCATE, messages::transport())?;
                self.exchange(&again).await
            }
            other => Ok(other),
        }
    }

    /// Asks whether packets of this peer are relayed.
    pub(super) async fn permit(&mut self, peer: PeerAddress) -> Result<Answer, NoWay> {
        let request = self.signed(METHOD_CREATE_PERMISSION, Box::new(peer))?;
        self.exchange(&request).await
    }

    /// Ends the allocation.
    pub(super) async fn give_back(&mut self) -> Result<Answer, NoWay> {
        let request = self.signed(METHOD_REFRESH, Box::new(Lifetime(Duration::ZERO)))?;
        self.exchange(&request).await
    }

    async fn exchange(&mut self, request: &Message) -> Result<Answer, NoWay> {
        let answer = exchange(&mut self.wire, request).await?;
        for (kind, text) in [(ATTR_REALM, &mut self.realm), (ATTR_NONCE, &mut self.nonce)] {
            if let Ok(told) = TextAttribute::get_from_as(&answer, kind) {
                *text = told.text;
            }
        }
        if answer.typ.class != CLASS_ERROR_RESPONSE {
            return Ok(Answer::Granted(answer));
        }
        let Refusal { code, reason } = messages::refusal(&answer);
        Ok(Answer::Refused { code, reason })
    }

    fn signed(&self, method: Method, part: Box<dyn Setter>) -> Result<Message, NoWay> {
        let made = |error: rtc_shared::error::Error| NoWay::Broken(error.to_string());
        let mut message = messages::request(method, vec![part])?;
        for (kind, text) in
            [(ATTR_USERNAME, &self.username), (ATTR_REALM, &self.realm), (ATTR_NONCE, &self.nonce)]
        {
            TextAttribute::new(kind, text.clone()).add_to(&mut message).map_err(made)?;
        }
        let (username, realm, password) = (self.username.clone(), self.realm.clone(), self.password.clone());
        let crypto = self.provider.crypto();
        let key =
            MessageIntegrity::long_term_integrity_key(username, realm, password, crypto).map_err(made)?;
        let integrity = MessageIntegrity::new_raw_integrity_with_provider(key, crypto);
        integrity.add_to(&mut message).map_err(made)?;
        Ok(message)
    }
}

/// Asks a STUN server from where it sees us.
pub(super) async fn bind(mut wire: Wire) -> Result<Message, NoWay> {
    let request = messages::binding()?;
    exchange(&mut wire, &request).await
}

/// Sends a request, over UDP again while there is no answer.
async fn exchange(wire: &mut Wire, request: &Message) -> Result<Message, NoWay> {
    for _ in 0..wire.attempts() {
        wire.send(&request.raw).await?;
        let deadline = Instant::now() + wire.patience();
        while let Some(received) = wire.receive(deadline).await? {
            let answer = messages::read(&received);
            if let Some(answer) = answer.filter(|answer| answer.transaction_id == request.transaction_id) {
                return Ok(answer);
            }
        }
    }
    Err(NoWay::Silent)
}
