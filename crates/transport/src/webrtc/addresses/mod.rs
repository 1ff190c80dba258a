//! The addresses at which clients are told to reach the server: only those that can work.
//!
//! - `interface`: an address of this host, and what its device is (pure); `kernel`: what the kernel's tables say (pure);
//!   `listing`: reads both of the system
//! - `choice`: which addresses clients are told (pure); `scope`: how far an address reaches (pure)
//! - `asking`: asks STUN servers how the port looks from outside; `agreement`: what their responses mean (pure)
//! - [`told`]: the addresses now, looked at again while the server runs

mod agreement;
mod asking;
mod choice;
mod interface;
mod kernel;
mod listing;
mod scope;
pub(super) mod told;

use std::net::{IpAddr, SocketAddr};

/// How the addresses that clients are told are chosen.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AddressRules {
    /// The port's outer addresses, as configured.
    pub public: Vec<IpAddr>,
    /// What becomes of outer addresses, wherever they are known from.
    pub outer: OuterRule,
    /// Whether unique local addresses of IPv6 are told.
    pub unique_local: bool,
    /// STUN servers, as `host:port`, that are asked for the outer address.
    pub stun: Vec<String>,
    /// The addresses at which a relay reaches the port: clients are told these alone, as relayed ones. `None`: they reach the port
    /// itself.
    pub relayed: Option<Vec<IpAddr>>,
    /// Where streams with ICE are accepted; `None`: nowhere.
    pub tcp: Option<SocketAddr>,
}

/// What becomes of outer addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OuterRule {
    /// They come before the host's own addresses.
    #[default]
    First,
    /// They replace the host's private addresses of their family.
    Replace,
    /// They are added behind the host's own addresses, as server-reflexive ones.
    Reflexive,
}

/// An address of ours as clients are told it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    /// Its kind.
    pub kind: CandidateKind,
    /// The address.
    pub address: SocketAddr,
}

/// The kind of a candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CandidateKind {
    /// The host's own address, or the outer one in its place.
    Host,
    /// An outer address behind which the host has this one.
    Reflexive(SocketAddr),
    /// An address at which a relay reaches the port.
    Relay,
    /// An address at which the host accepts streams, over TCP.
    Passive,
}

impl Candidate {
    /// A host candidate.
    #[must_use]
    pub fn host(address: SocketAddr) -> Self {
        Self { kind: CandidateKind::Host, address }
    }

    /// Whether it is an address of the UDP port.
    #[must_use]
    pub fn is_udp(&self) -> bool {
        self.kind != CandidateKind::Passive
    }
}
