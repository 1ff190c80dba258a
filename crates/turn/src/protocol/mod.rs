//! What becomes of each message: a state machine, which is given messages with the time, and says what to do. Pure.
//!
//! The messages themselves, their attributes and their signatures are read and written by `rtc-stun` and `rtc-turn`.
//!
//! - `request`, `response`: messages of clients, and ours
//! - `authority` (with `nonces`): who a client is; `sources`: how often strangers are answered
//! - `allocation` (with `bucket`): what a client has; `client`: where it is
//! - `granting`: allocations, permissions and channels, and whether clients get them
//! - [`step`]: what to do

mod allocation;
mod authority;
mod bucket;
mod client;
mod granting;
mod nonces;
mod request;
mod response;
mod sources;
pub(crate) mod step;

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use rtc_stun::attributes::ATTR_XORMAPPED_ADDRESS;
use rtc_stun::error_code::{CODE_FORBIDDEN, CODE_UNAUTHORIZED, CODE_UNKNOWN_ATTRIBUTE};
use rtc_turn::crypto::CryptoError;

use allocation::{Allocation, Direction};
use authority::Authority;
use bucket::Rate;
pub(crate) use client::Client;
use granting::{Denied, Signed};
pub(crate) use request::Family;
use request::{Kind, Request};
use response::{Response, data_indication};
use sources::Sources;
use step::{AllocationId, Reason, Step};

use crate::credentials::SharedSecret;
use crate::peers::{OwnMedia, PeerPolicy};
use crate::settings::Limits;

/// Longest message and longest packet of a peer, in bytes: more than an Ethernet frame, with room for what we add.
pub(crate) const LONGEST: usize = 2048;
/// Bytes before a channel's data.
const CHANNEL_HEADER: usize = 4;

/// The time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Now {
    /// Since any moment; it does not go back.
    pub(crate) elapsed: Duration,
    /// By the wall clock, which credentials go by.
    pub(crate) unix_seconds: u64,
}

/// What clients are told as their relayed address, without the port.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct RelayedIps {
    pub(crate) v4: Option<IpAddr>,
    pub(crate) v6: Option<IpAddr>,
}

impl RelayedIps {
    fn of(&self, family: Family) -> Option<IpAddr> {
        match family {
            Family::V4 => self.v4,
            Family::V6 => self.v6,
        }
    }
}

/// The server.
#[derive(Debug)]
pub(crate) struct TurnServer {
    authority: Authority,
    policy: PeerPolicy,
    limits: Limits,
    relayed: RelayedIps,
    rate: Rate,
    sources: Sources,
    allocations: HashMap<AllocationId, Allocation>,
    of_client: HashMap<Client, AllocationId>,
    /// Allocations of each user.
    of_user: HashMap<String, usize>,
    next: u64,
}

impl TurnServer {
    /// A server without clients.
    ///
    /// # Errors
    /// If there is no randomness.
    pub(crate) fn new(
        secret: SharedSecret,
        policy: PeerPolicy,
        limits: Limits,
        relayed: RelayedIps,
    ) -> Result<Self, CryptoError> {
        let per_second = limits.bytes_per_second as f32;
        Ok(Self {
            authority: Authority::new(secret)?,
            policy,
            limits,
            relayed,
            rate: Rate { per_second, burst: per_second },
            sources: Sources::default(),
            allocations: HashMap::new(),
            of_client: HashMap::new(),
            of_user: HashMap::new(),
            next: 0,
        })
    }

    /// Replaces the addresses of this host, as the policy knows them.
    pub(crate) fn set_own(&mut self, own_media: Vec<OwnMedia>, own_addresses: Vec<IpAddr>) {
        self.policy.set_own(own_media, own_addresses);
    }

    /// Number of allocations.
    pub(crate) fn count(&self) -> usize {
        self.allocations.len()
    }

    pub(crate) fn has_allocation(&self, client: &Client) -> bool {
        self.of_client.contains_key(client)
    }

    /// Takes a whole message of a client.
    pub(crate) fn received(&mut self, client: Client, packet: &[u8], now: &Now) -> Step {
        if let [0x40..=0x7f, ..] = packet {
            return self.channel_data(client, packet, now);
        }
        let Some(request) = Request::read(packet) else { return Step::Dropped(Reason::Malformed) };
        match request.kind {
            Kind::Binding => self.binding(client, &request, packet.len(), now),
            Kind::Send => self.send(client, &request, now),
            _ => self.request(client, request, packet.len(), now),
        }
    }

    fn binding(&mut self, client: Client, request: &Request, length: usize, now: &Now) -> Step {
        if !self.sources.take(client.address().ip(), now.elapsed) {
            return Step::Dropped(Reason::Rate);
        }
        if !request.unknown().is_empty() {
            return Step::Dropped(Reason::Malformed);
        }
        let answer = Response::success(request).address(ATTR_XORMAPPED_ADDRESS, client.address()).plain();
        if client.may_get(answer.len(), length) {
            Step::Answer(answer)
        } else {
            Step::Dropped(Reason::Larger)
        }
    }

    /// A request that needs a signature.
    fn request(&mut self, client: Client, mut request: Request, length: usize, now: &Now) -> Step {
        let (address, known) = (client.address(), self.of_client.get(&client).copied());
        if known.is_none() && !self.sources.take(address.ip(), now.elapsed) {
            return Step::Dropped(Reason::Rate);
        }
        let user = match self.authority.identify(&mut request, address, now) {
            Ok(user) => user,
            Err(code) => {
                // A stranger who sends in a client's name must not be able to flood it with answers.
                if known.is_some() && !self.sources.take(address.ip(), now.elapsed) {
                    return Step::Dropped(Reason::Rate);
                }
                let answer = self.authority.refuse(&request, code, address, now);
                return match answer {
                    None => Step::Dropped(Reason::Internal),
                    Some(answer) if !client.may_get(answer.len(), length) => Step::Dropped(Reason::Larger),
                    Some(answer) => Step::Refused { code: code.0, answer, denied: None },
                };
            }
        };
        let signed = Signed { client, known, request: &request, user: &user, now };
        let granted = match request.kind {
            Kind::Allocate => self.allocate(&signed),
            Kind::Refresh => self.refresh(&signed),
            Kind::CreatePermission => self.create_permission(&signed),
            _ => self.bind_channel(&signed),
        };
        granted.unwrap_or_else(|denied| self.deny(&signed, &denied))
    }

    /// A refusal for an authenticated client.
    fn deny(&self, signed: &Signed<'_>, denied: &Denied) -> Step {
        let Signed { client, request, user, now, .. } = *signed;
        let sign = |response: Response| response.signed(&user.key, self.authority.crypto());
        let (code, denied_peer) = match denied {
            Denied::Code(code) => (*code, None),
            Denied::Unknown(_) => (CODE_UNKNOWN_ATTRIBUTE, None),
            Denied::Expired => (CODE_UNAUTHORIZED, None),
            Denied::Peer(peer) => (CODE_FORBIDDEN, Some(*peer)),
        };
        let answer = match denied {
            Denied::Unknown(unknown) => sign(Response::error(request, code).unknown(unknown)),
            Denied::Expired => self.authority.refuse(request, code, client.address(), now),
            Denied::Code(_) | Denied::Peer(_) => sign(Response::error(request, code)),
        };
        let refused = |answer| Step::Refused { code: code.0, answer, denied: denied_peer };
        answer.map_or(Step::Dropped(Reason::Internal), refused)
    }

    /// Data for a peer, as an indication.
    fn send(&mut self, client: Client, request: &Request, now: &Now) -> Step {
        let peers = request.peers().unwrap_or_default();
        let ([peer], Some(payload)) = (peers.as_slice(), request.data()) else {
            return Step::Dropped(Reason::Malformed);
        };
        if !request.unknown().is_empty() {
            return Step::Dropped(Reason::Malformed);
        }
        if self.policy.judge(*peer).is_err() {
            return Step::Dropped(Reason::Forbidden);
        }
        self.forward(client, |_| Some(*peer), payload, now)
    }

    /// Data for a peer, on a channel.
    fn channel_data(&mut self, client: Client, packet: &[u8], now: &Now) -> Step {
        let [a, b, high, low, ref rest @ ..] = *packet else { return Step::Dropped(Reason::Malformed) };
        let length = usize::from(u16::from_be_bytes([high, low]));
        if length > rest.len() || packet.len() > LONGEST {
            return Step::Dropped(Reason::Malformed);
        }
        let (number, payload) = (u16::from_be_bytes([a, b]), CHANNEL_HEADER..CHANNEL_HEADER + length);
        self.forward(client, |allocation| allocation.peer_of(number, now.elapsed), payload, now)
    }

    /// `peer`: the peer, as the allocation knows it. The policy has judged it, now or when it was bound.
    fn forward(
        &mut self,
        client: Client,
        peer: impl FnOnce(&Allocation) -> Option<SocketAddr>,
        payload: std::ops::Range<usize>,
        now: &Now,
    ) -> Step {
        let Some(id) = self.of_client.get(&client).copied() else { return Step::Dropped(Reason::Unknown) };
        let Some(allocation) = self.allocations.get_mut(&id) else { return Step::Dropped(Reason::Unknown) };
        let Some(peer) = peer(allocation) else { return Step::Dropped(Reason::Unknown) };
        let fits = Family::of(peer) == Family::of(allocation.terms.relayed);
        if !fits || allocation.expires <= now.elapsed || !allocation.is_permitted(peer.ip(), now.elapsed) {
            return Step::Dropped(Reason::Forbidden);
        }
        if !allocation.spend(Direction::ToPeer, payload.len(), self.rate, now.elapsed) {
            return Step::Dropped(Reason::Bandwidth);
        }
        let to = self.policy.reach(peer);
        allocation.found_at(peer, to);
        Step::Forward { allocation: id, to, payload }
    }

    /// Takes a packet that a peer has sent to a relayed address, and writes the message for the client into `out`.
    ///
    /// # Errors
    /// If the client does not get it: why.
    pub(crate) fn peer_sent(
        &mut self,
        id: AllocationId,
        from: SocketAddr,
        payload: &[u8],
        now: &Now,
        out: &mut Vec<u8>,
    ) -> Result<Client, Reason> {
        out.clear();
        let allocation = self.allocations.get_mut(&id).ok_or(Reason::Unknown)?;
        let peer = allocation.known_as(SocketAddr::new(from.ip().to_canonical(), from.port()));
        if allocation.expires <= now.elapsed || !allocation.is_permitted(peer.ip(), now.elapsed) {
            return Err(Reason::Forbidden);
        }
        let channel = allocation.channel_of(peer, now.elapsed);
        // A permission is for an address; of some addresses only one port may be a peer.
        if channel.is_none() && self.policy.judge(peer).is_err() {
            return Err(Reason::Forbidden);
        }
        if !allocation.spend(Direction::ToClient, payload.len(), self.rate, now.elapsed) {
            return Err(Reason::Bandwidth);
        }
        let length = u16::try_from(payload.len()).map_err(|_| Reason::Malformed)?;
        match channel {
            Some(number) => {
                out.extend_from_slice(&number.to_be_bytes());
                out.extend_from_slice(&length.to_be_bytes());
                out.extend_from_slice(payload);
                if allocation.terms.client.is_stream() {
                    out.resize(out.len().next_multiple_of(4), 0);
                }
            }
            None => *out = data_indication(peer, payload),
        }
        Ok(allocation.terms.client)
    }

    /// Takes back allocations whose time is over; their sockets are to be closed.
    pub(crate) fn expire(&mut self, now: &Now) -> Vec<AllocationId> {
        let over = self.allocations.iter().filter(|(_, allocation)| allocation.expires <= now.elapsed);
        let over: Vec<AllocationId> = over.map(|(id, _)| *id).collect();
        over.iter().for_each(|id| self.remove(*id));
        over
    }

    /// Takes back the allocation of a client whose connection has ended; its socket is to be closed.
    pub(crate) fn hung_up(&mut self, client: &Client) -> Option<AllocationId> {
        let id = self.of_client.get(client).copied()?;
        self.remove(id);
        Some(id)
    }

    fn remove(&mut self, id: AllocationId) {
        let Some(allocation) = self.allocations.remove(&id) else { return };
        self.of_client.remove(&allocation.terms.client);
        if let Some(count) = self.of_user.get_mut(&allocation.terms.user) {
            *count -= 1;
            if *count == 0 {
                self.of_user.remove(&allocation.terms.user);
            }
        }
    }
}

#[cfg(test)]
mod fuzz_tests;
#[cfg(test)]
mod tests;
