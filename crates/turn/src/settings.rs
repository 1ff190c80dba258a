//! What a server is told. Pure.

use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use super::credentials::{SharedSecret, UNKNOWN};
use super::peers::PeerPolicy;

/// A server's settings.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where it listens on UDP; none: not.
    pub udp: Option<SocketAddr>,
    /// Where it listens on TCP; none: not.
    pub tcp: Option<SocketAddr>,
    /// Where it listens for TLS; none: not.
    pub tls: Option<TlsPort>,
    /// Which relayed addresses it gives out.
    pub relays: Relays,
    /// The secret of its credentials.
    pub secret: SharedSecret,
    /// To whom it relays.
    pub policy: PeerPolicy,
    /// How much clients may have of it.
    pub limits: Limits,
}

/// A port for TLS, and its certificate in PEM. The files are read again when they change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsPort {
    /// Where it listens.
    pub listen: SocketAddr,
    /// The certificate, with those that lead to its root.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// How often they are looked at.
    pub look: Duration,
}

/// Relayed addresses: those at which peers reach a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relays {
    /// For IPv4; none: clients get no IPv4 address.
    pub v4: Option<RelayAddress>,
    /// For IPv6; none: clients get no IPv6 address.
    pub v6: Option<RelayAddress>,
    /// The ports of both.
    pub ports: RangeInclusive<u16>,
}

/// The relayed addresses of one family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RelayAddress {
    /// Where sockets are opened.
    pub bind: IpAddr,
    /// What clients and peers are told: the outer address behind a 1:1 NAT.
    pub told: IpAddr,
}

/// How much clients may have of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Allocations in all.
    pub allocations: usize,
    /// Allocations of one user; all anonymous callers together share half of the total.
    pub allocations_per_user: usize,
    /// Bytes per second that one allocation relays in each direction; a second's worth at once.
    pub bytes_per_second: u32,
    /// Connections over TCP and TLS in all.
    pub connections: usize,
    /// The same of one address; of an IPv6 network (/64).
    pub connections_per_address: usize,
}

impl Limits {
    /// Allocations of a user with this name.
    pub(crate) fn allocations_of(&self, user: &str) -> usize {
        let Self { allocations, allocations_per_user, .. } = *self;
        if user == UNKNOWN { allocations_per_user.max(allocations / 2) } else { allocations_per_user }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            allocations: 1000,
            allocations_per_user: 64,
            bytes_per_second: 1_000_000,
            connections: 512,
            connections_per_address: 64,
        }
    }
}
