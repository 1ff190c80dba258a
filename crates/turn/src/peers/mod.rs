//! To whom packets may be relayed. Pure.
//!
//! A relay sends from inside a network on behalf of strangers. Without a policy they could reach the host's own services, its
//! private
//! network and the credentials of its cloud. So only public addresses may be peers, unless the configuration
//! says otherwise. The port of our own calls may be a peer at any address: it is what the relay is for.
//!
//! - `range`: addresses as the configuration names them
//! - `special`: addresses that are not public, and those that stand for others

mod range;
mod special;

use std::fmt;
use std::net::{IpAddr, SocketAddr};

pub use range::{NoRange, PeerRange};
use special::Special;

/// An address of the port of our own calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OwnMedia {
    /// The address that clients are told.
    pub told: SocketAddr,
    /// Where the relay sends packets for it: behind a 1:1 NAT a host does not reach its own public address.
    pub reach: SocketAddr,
}

/// What a policy is made of.
#[derive(Debug, Clone, Default)]
pub struct PeerRules {
    /// The addresses of the port of our own calls.
    pub own_media: Vec<OwnMedia>,
    /// Never peers, except the port of our own calls.
    pub denied: Vec<PeerRange>,
    /// Peers although they are not public.
    pub allowed: Vec<PeerRange>,
    /// This host's addresses, including public ones: not peers, except the port of our own calls.
    pub own_addresses: Vec<IpAddr>,
    /// Whether all other public addresses are peers.
    pub public: bool,
}

/// Decides who may be a peer.
#[derive(Debug, Clone)]
pub struct PeerPolicy {
    rules: PeerRules,
    special: Special,
}

/// Why an address may not be a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denial {
    /// The configuration says so.
    Configured,
    /// It is this host, at another port than that of calls.
    ThisHost,
    /// A cloud's service of credentials and settings.
    Metadata,
    /// This host.
    Loopback,
    /// A private network.
    Private,
    /// A provider's network behind its NAT.
    CarrierNat,
    /// The link.
    LinkLocal,
    /// Several hosts at once.
    Multicast,
    /// For documentation and measurements.
    Documentation,
    /// Not an assigned address.
    Reserved,
    /// Public, and the relay is not open to those.
    NotOurs,
    /// Port 0.
    NoPort,
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Configured => "is denied by turn.denied_peers",
            Self::ThisHost => "is this host, but not the port of its calls",
            Self::Metadata => "is a cloud's metadata service",
            Self::Loopback => "is a loopback address",
            Self::Private => "is a private address",
            Self::CarrierNat => "is behind a provider's NAT",
            Self::LinkLocal => "is a link-local address",
            Self::Multicast => "is a multicast or broadcast address",
            Self::Documentation => "is reserved for documentation or measurements",
            Self::Reserved => "is reserved",
            Self::NotOurs => "is not the port of our calls (turn.public_peers)",
            Self::NoPort => "has the port 0",
        })
    }
}

impl PeerPolicy {
    /// The policy of these rules.
    #[must_use]
    pub fn new(rules: PeerRules) -> Self {
        Self { rules, special: Special::new() }
    }

    /// Replaces this host's addresses, which may change while a server runs. Channels that are bound stay.
    pub fn set_own(&mut self, own_media: Vec<OwnMedia>, own_addresses: Vec<IpAddr>) {
        self.rules.own_media = own_media;
        self.rules.own_addresses = own_addresses;
    }

    /// Whether packets may be relayed to and from this address.
    ///
    /// # Errors
    /// If not: why.
    pub fn judge(&self, peer: SocketAddr) -> Result<(), Denial> {
        let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
        let PeerRules { own_media, denied, allowed, own_addresses, public } = &self.rules;
        if own_media.iter().any(|own| own.told == peer) {
            return Ok(());
        }
        if peer.port() == 0 {
            return Err(Denial::NoPort);
        }
        // An IPv6 address that stands for an IPv4 address is judged as both.
        let within = |ranges: &[PeerRange], ip| {
            ranges.iter().any(|range| range.holds(SocketAddr::new(ip, peer.port())))
        };
        let stands_for = special::embedded(peer.ip());
        if [Some(peer.ip()), stands_for].into_iter().flatten().any(|ip| within(denied, ip)) {
            return Err(Denial::Configured);
        }
        if within(allowed, peer.ip()) {
            return Ok(());
        }
        for ip in [stands_for, Some(peer.ip())].into_iter().flatten() {
            if own_addresses.iter().any(|own| own.to_canonical() == ip) {
                return Err(Denial::ThisHost);
            }
            self.special.judge(ip)?;
        }
        if *public { Ok(()) } else { Err(Denial::NotOurs) }
    }

    /// Whether a permission for this address may be given. The port of a permission means nothing to TURN, and some clients send 0.
    ///
    /// # Errors
    /// If no port of the address may be a peer, or, where a port is named, that one may not: why.
    pub fn judge_permission(&self, peer: SocketAddr) -> Result<(), Denial> {
        if peer.port() != 0 {
            return self.judge(peer);
        }
        let ip = peer.ip().to_canonical();
        let ports = self.rules.own_media.iter().map(|own| own.told);
        let ports = ports.chain(self.rules.allowed.iter().filter_map(|range| range.port_at(ip)));
        let mut named = ports.filter(|told| told.ip() == ip);
        // Port 9 stands for all ports that no rule names.
        if named.any(|told| self.judge(told).is_ok()) { Ok(()) } else { self.judge(SocketAddr::new(ip, 9)) }
    }

    /// Where packets for this peer are sent.
    #[must_use]
    pub fn reach(&self, peer: SocketAddr) -> SocketAddr {
        self.rules.own_media.iter().find(|own| own.told == peer).map_or(peer, |own| own.reach)
    }
}

#[cfg(test)]
mod tests;
