//! An allocation: a relayed address with the peers that its client may exchange packets with. Pure; time is passed in.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use rtc_stun::message::TransactionId;

use super::bucket::{Bucket, Rate};
use super::client::Client;

/// How long a permission and a channel last (RFC 8656, 9 and 12).
const PERMISSION: Duration = Duration::from_secs(300);
const CHANNEL: Duration = Duration::from_secs(600);
/// Most permissions and most channels of an allocation. A call needs one of each for every address of the server.
pub(super) const MOST: usize = 32;
/// Peers that are reached at another address than clients are told.
const MOST_ALIASES: usize = 4;

/// Which direction packets take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    ToPeer,
    ToClient,
}

/// Why a channel is not bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unbound {
    /// The number or the peer has another.
    Conflict,
    /// There are too many.
    Full,
}

#[derive(Debug)]
struct Permission {
    ip: IpAddr,
    until: Duration,
}

#[derive(Debug)]
struct Channel {
    number: u16,
    peer: SocketAddr,
    until: Duration,
}

/// A peer as its client knows it, and where it is.
#[derive(Debug)]
struct Alias {
    told: SocketAddr,
    reach: SocketAddr,
}

/// A client's allocation.
#[derive(Debug)]
pub(super) struct Allocation {
    pub(super) terms: Terms,
    pub(super) expires: Duration,
    permissions: Vec<Permission>,
    channels: Vec<Channel>,
    aliases: Vec<Alias>,
    to_peer: Bucket,
    to_client: Bucket,
}

/// The owner, address and lifetime of an allocation. A refresh changes only the lifetime.
#[derive(Debug)]
pub(super) struct Terms {
    pub(super) client: Client,
    /// The user name that opened it; no other user may change it.
    pub(super) username: String,
    /// The user that it is counted against.
    pub(super) user: String,
    /// The request that opened it: a retransmission gets the same answer.
    pub(super) transaction: TransactionId,
    pub(super) relayed: SocketAddr,
    pub(super) lifetime: Duration,
}

impl Allocation {
    pub(super) fn new(terms: Terms, now: Duration, rate: Rate) -> Self {
        Self {
            expires: now + terms.lifetime,
            terms,
            permissions: Vec::new(),
            channels: Vec::new(),
            aliases: Vec::new(),
            to_peer: Bucket::full(rate),
            to_client: Bucket::full(rate),
        }
    }

    /// Whether this many bytes may be relayed now.
    pub(super) fn spend(&mut self, direction: Direction, bytes: usize, rate: Rate, now: Duration) -> bool {
        let bucket = match direction {
            Direction::ToPeer => &mut self.to_peer,
            Direction::ToClient => &mut self.to_client,
        };
        bucket.take(rate, now, bytes as f32)
    }

    /// Whether there is room for permissions for these addresses.
    pub(super) fn has_room_for(&mut self, ips: &[IpAddr], now: Duration) -> bool {
        self.permissions.retain(|permission| permission.until > now);
        let mut new: Vec<IpAddr> = Vec::new();
        for ip in ips {
            if !new.contains(ip) && self.permissions.iter().all(|permission| permission.ip != *ip) {
                new.push(*ip);
            }
        }
        self.permissions.len() + new.len() <= MOST
    }

    /// Permits an address, or extends its permission. The caller has checked that there is room.
    pub(super) fn permit(&mut self, ip: IpAddr, now: Duration) {
        match self.permissions.iter_mut().find(|permission| permission.ip == ip) {
            Some(permission) => permission.until = now + PERMISSION,
            None => self.permissions.push(Permission { ip, until: now + PERMISSION }),
        }
    }

    pub(super) fn is_permitted(&self, ip: IpAddr, now: Duration) -> bool {
        self.permissions.iter().any(|permission| permission.ip == ip && permission.until > now)
    }

    /// Binds a number to a peer, or extends the binding.
    pub(super) fn bind(&mut self, number: u16, peer: SocketAddr, now: Duration) -> Result<(), Unbound> {
        self.channels.retain(|channel| channel.until > now);
        let same = |channel: &&mut Channel| channel.number == number || channel.peer == peer;
        match self.channels.iter_mut().find(same) {
            Some(channel) if channel.number == number && channel.peer == peer => {
                channel.until = now + CHANNEL;
                return Ok(());
            }
            Some(_) => return Err(Unbound::Conflict),
            None => {}
        }
        if self.channels.len() >= MOST {
            return Err(Unbound::Full);
        }
        self.channels.push(Channel { number, peer, until: now + CHANNEL });
        Ok(())
    }

    /// The peer of a channel.
    pub(super) fn peer_of(&self, number: u16, now: Duration) -> Option<SocketAddr> {
        self.channels
            .iter()
            .find(|channel| channel.number == number && channel.until > now)
            .map(|one| one.peer)
    }

    /// The channel of a peer.
    pub(super) fn channel_of(&self, peer: SocketAddr, now: Duration) -> Option<u16> {
        self.channels.iter().find(|channel| channel.peer == peer && channel.until > now).map(|one| one.number)
    }

    /// Remembers where a peer is that is reached elsewhere than its client was told.
    pub(super) fn found_at(&mut self, told: SocketAddr, reach: SocketAddr) {
        let latest = self.aliases.iter().find(|alias| alias.reach == reach).map(|alias| alias.told);
        if latest.unwrap_or(reach) == told {
            return;
        }
        self.aliases.retain(|alias| alias.told != told);
        self.aliases.insert(0, Alias { told, reach });
        self.aliases.truncate(MOST_ALIASES);
    }

    /// A peer as its client knows it. If the client used several names for one address, the latest.
    pub(super) fn known_as(&self, from: SocketAddr) -> SocketAddr {
        self.aliases.iter().find(|alias| alias.reach == from).map_or(from, |alias| alias.told)
    }
}
