//! Allocations, permissions and channels, and whether clients get them. Pure.
//!
//! All clients here are authenticated. A credential that has expired opens nothing, but keeps what it has opened: a call may last longer.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use rtc_stun::attributes::{
    ATTR_EVEN_PORT, ATTR_RESERVATION_TOKEN, ATTR_XOR_RELAYED_ADDRESS, ATTR_XORMAPPED_ADDRESS, AttrType,
};
use rtc_stun::error_code::{
    CODE_ADDR_FAMILY_NOT_SUPPORTED, CODE_ALLOC_MISMATCH, CODE_ALLOC_QUOTA_REACHED, CODE_BAD_REQUEST,
    CODE_INSUFFICIENT_CAPACITY, CODE_PEER_ADDR_FAMILY_MISMATCH, CODE_UNSUPPORTED_TRANS_PROTO,
    CODE_WRONG_CREDENTIALS, ErrorCode,
};
use rtc_turn::proto::PROTO_UDP;

use super::allocation::{Allocation, Terms, Unbound};
use super::authority::User;
use super::client::Client;
use super::request::{Family, Request};
use super::response::Response;
use super::step::{AllocationId, DeniedPeer, Opened, Opening, Reason, Step};
use super::{Now, TurnServer};

/// How long an allocation lasts unless its client asks for more, and at most (RFC 8656, 7.2).
const LIFETIME: Duration = Duration::from_secs(600);
const LONGEST_LIFETIME: Duration = Duration::from_secs(3600);

/// Why a client does not get what it asks for.
pub(super) enum Denied {
    /// With this code.
    Code(ErrorCode),
    /// It requires attributes that are not understood.
    Unknown(Vec<AttrType>),
    /// Its credential has expired.
    Expired,
    /// It names a peer to whom nothing is relayed.
    Peer(DeniedPeer),
}

impl From<ErrorCode> for Denied {
    fn from(code: ErrorCode) -> Self {
        Self::Code(code)
    }
}

/// A request whose signature is genuine.
pub(super) struct Signed<'a> {
    pub(super) client: Client,
    /// The client's allocation, if it has one.
    pub(super) known: Option<AllocationId>,
    pub(super) request: &'a Request,
    pub(super) user: &'a User,
    pub(super) now: &'a Now,
}

impl TurnServer {
    pub(super) fn allocate(&self, signed: &Signed<'_>) -> Result<Step, Denied> {
        let Signed { client, known, request, user, .. } = *signed;
        if let Some(allocation) = known.and_then(|id| self.allocations.get(&id)) {
            // A request comes again when its answer was lost.
            let Terms { transaction, username, .. } = &allocation.terms;
            let again = *transaction == request.transaction() && *username == user.username;
            if !again {
                return Err(CODE_ALLOC_MISMATCH.into());
            }
            return Ok(self.answer(allocated(allocation, Response::success(request)), user));
        }
        if user.expired {
            return Err(Denied::Expired);
        }
        let family = asked_family(request)?;
        let relayed = self.relayed.of(family).ok_or(CODE_ADDR_FAMILY_NOT_SUPPORTED)?;
        let quota = self.limits.allocations_of(&user.name);
        if self.of_user.get(&user.name).is_some_and(|count| *count >= quota) {
            return Err(CODE_ALLOC_QUOTA_REACHED.into());
        }
        if self.allocations.len() >= self.limits.allocations {
            return Err(CODE_INSUFFICIENT_CAPACITY.into());
        }
        let terms = Terms {
            client,
            username: user.username.clone(),
            user: user.name.clone(),
            transaction: request.transaction(),
            relayed: SocketAddr::new(relayed, 0),
            lifetime: lifetime(request.lifetime()),
        };
        Ok(Step::Open(Box::new(Opening {
            family,
            terms,
            key: user.key.clone(),
            granted: Response::success(request),
            full: Response::error(request, CODE_INSUFFICIENT_CAPACITY),
        })))
    }

    /// Begins an allocation whose socket has been opened at this port; `None`: there is no cryptography, and no allocation.
    pub(crate) fn opened(&mut self, opening: Opening, port: u16, now: &Now) -> Option<Opened> {
        let Opening { mut terms, key, granted, .. } = opening;
        terms.relayed.set_port(port);
        let allocation = Allocation::new(terms, now.elapsed, self.rate);
        let answer = allocated(&allocation, granted).signed(&key, self.authority.crypto())?;
        let id = AllocationId(self.next);
        self.next += 1;
        self.of_client.insert(allocation.terms.client, id);
        *self.of_user.entry(allocation.terms.user.clone()).or_default() += 1;
        self.allocations.insert(id, allocation);
        Some(Opened { id, answer })
    }

    /// Refuses an allocation for which no socket could be opened.
    pub(crate) fn not_opened(&self, opening: Opening) -> Step {
        let refused = |answer| Step::Refused { code: CODE_INSUFFICIENT_CAPACITY.0, answer, denied: None };
        let answer = opening.full.signed(&opening.key, self.authority.crypto());
        answer.map_or(Step::Dropped(Reason::Internal), refused)
    }

    pub(super) fn refresh(&mut self, signed: &Signed<'_>) -> Result<Step, Denied> {
        let Signed { request, user, now, .. } = *signed;
        let own = own(&mut self.allocations, signed)?;
        let family = request.family().map_err(|()| CODE_BAD_REQUEST)?;
        if family.is_some_and(|family| family != Family::of(own.allocation.terms.relayed)) {
            return Err(CODE_PEER_ADDR_FAMILY_MISMATCH.into());
        }
        let asked = request.lifetime();
        if asked == Some(Duration::ZERO) {
            let id = own.id;
            self.remove(id);
            let answer = Response::success(request).lifetime(Duration::ZERO);
            let answer = answer.signed(&user.key, self.authority.crypto());
            return Ok(Step::Close { allocation: id, answer });
        }
        let lifetime = lifetime(asked);
        own.allocation.terms.lifetime = lifetime;
        own.allocation.expires = now.elapsed + lifetime;
        Ok(self.answer(Response::success(request).lifetime(lifetime), user))
    }

    pub(super) fn create_permission(&mut self, signed: &Signed<'_>) -> Result<Step, Denied> {
        let Signed { request, user, now, .. } = *signed;
        let own = own(&mut self.allocations, signed)?;
        let peers = request.peers().filter(|peers| !peers.is_empty()).ok_or(CODE_BAD_REQUEST)?;
        for peer in &peers {
            check_family(*peer, own.allocation)?;
            self.policy
                .judge_permission(*peer)
                .map_err(|why| Denied::Peer(DeniedPeer { peer: *peer, why }))?;
        }
        let ips: Vec<IpAddr> = peers.iter().map(SocketAddr::ip).collect();
        if !own.allocation.has_room_for(&ips, now.elapsed) {
            return Err(CODE_INSUFFICIENT_CAPACITY.into());
        }
        for peer in peers {
            own.allocation.permit(peer.ip(), now.elapsed);
            own.allocation.found_at(peer, self.policy.reach(peer));
        }
        Ok(self.answer(Response::success(request), user))
    }

    pub(super) fn bind_channel(&mut self, signed: &Signed<'_>) -> Result<Step, Denied> {
        let Signed { request, user, now, .. } = *signed;
        let own = own(&mut self.allocations, signed)?;
        let peers = request.peers().unwrap_or_default();
        let (Some(number), [peer]) = (request.channel(), peers.as_slice()) else {
            return Err(CODE_BAD_REQUEST.into());
        };
        check_family(*peer, own.allocation)?;
        self.policy.judge(*peer).map_err(|why| Denied::Peer(DeniedPeer { peer: *peer, why }))?;
        if !own.allocation.has_room_for(&[peer.ip()], now.elapsed) {
            return Err(CODE_INSUFFICIENT_CAPACITY.into());
        }
        own.allocation.bind(number, *peer, now.elapsed).map_err(|unbound| match unbound {
            Unbound::Conflict => CODE_BAD_REQUEST,
            Unbound::Full => CODE_INSUFFICIENT_CAPACITY,
        })?;
        own.allocation.permit(peer.ip(), now.elapsed);
        own.allocation.found_at(*peer, self.policy.reach(*peer));
        Ok(self.answer(Response::success(request), user))
    }

    fn answer(&self, response: Response, user: &User) -> Step {
        response
            .signed(&user.key, self.authority.crypto())
            .map_or(Step::Dropped(Reason::Internal), Step::Answer)
    }
}

/// A client's own allocation.
struct Own<'a> {
    id: AllocationId,
    allocation: &'a mut Allocation,
}

/// The allocation that a request would change, if it is the sender's and the request asks for nothing unknown.
fn own<'a>(
    allocations: &'a mut HashMap<AllocationId, Allocation>,
    signed: &Signed<'_>,
) -> Result<Own<'a>, Denied> {
    let Signed { known, request, user, now, .. } = *signed;
    let id = known.ok_or(CODE_ALLOC_MISMATCH)?;
    let allocation = allocations.get_mut(&id).filter(|allocation| allocation.expires > now.elapsed);
    let allocation = allocation.ok_or(CODE_ALLOC_MISMATCH)?;
    if allocation.terms.username != user.username {
        return Err(CODE_WRONG_CREDENTIALS.into());
    }
    check_known(request)?;
    Ok(Own { id, allocation })
}

fn allocated(allocation: &Allocation, response: Response) -> Response {
    response
        .address(ATTR_XOR_RELAYED_ADDRESS, allocation.terms.relayed)
        .address(ATTR_XORMAPPED_ADDRESS, allocation.terms.client.address())
        .lifetime(allocation.terms.lifetime)
}

fn check_known(request: &Request) -> Result<(), Denied> {
    let unknown = request.unknown();
    if unknown.is_empty() { Ok(()) } else { Err(Denied::Unknown(unknown)) }
}

fn check_family(peer: SocketAddr, allocation: &Allocation) -> Result<(), ErrorCode> {
    let fits = Family::of(peer) == Family::of(allocation.terms.relayed);
    if fits { Ok(()) } else { Err(CODE_PEER_ADDR_FAMILY_MISMATCH) }
}

/// The family of relayed addresses that a request for an allocation asks for, if all that it asks for is supported.
fn asked_family(request: &Request) -> Result<Family, Denied> {
    check_known(request)?;
    match request.transport() {
        None => return Err(CODE_BAD_REQUEST.into()),
        Some(number) if number != PROTO_UDP.0 => return Err(CODE_UNSUPPORTED_TRANS_PROTO.into()),
        Some(_) => {}
    }
    // Pairs of ports are for RTP without multiplexing.
    if request.has(ATTR_EVEN_PORT) || request.has(ATTR_RESERVATION_TOKEN) {
        return Err(CODE_INSUFFICIENT_CAPACITY.into());
    }
    let family = request.family().map_err(|()| CODE_ADDR_FAMILY_NOT_SUPPORTED)?;
    Ok(family.unwrap_or(Family::V4))
}

fn lifetime(asked: Option<Duration>) -> Duration {
    asked.unwrap_or(LIFETIME).clamp(LIFETIME, LONGEST_LIFETIME)
}
