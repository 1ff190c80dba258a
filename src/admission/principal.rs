//! Who requests work. Pure.

use std::net::{IpAddr, Ipv6Addr};

/// The party that a piece of work is counted against. API keys and users would be further variants; `Limits::of` sets each
/// one's limit.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Principal {
    /// Unknown: callers on this host, and proxies on it that do not name their client. It has no limit of its own.
    Anonymous,
    /// The subscriber of an address.
    Address(Subscriber),
}

impl Principal {
    /// A stable name of the caller for routes; empty: not known.
    #[must_use]
    pub fn user(&self) -> String {
        match self {
            Self::Anonymous => String::new(),
            Self::Address(Subscriber(address)) => address.to_string(),
        }
    }

    /// Whose a call is, so that nobody else may go on with it; empty: whoever has its token. An address owns no call: it changes
    /// with the network, and the call is to outlive that.
    #[must_use]
    pub fn owner(&self) -> String {
        match self {
            Self::Anonymous | Self::Address(_) => String::new(),
        }
    }
}

impl From<Option<IpAddr>> for Principal {
    fn from(address: Option<IpAddr>) -> Self {
        address.map_or(Self::Anonymous, |address| Self::Address(address.into()))
    }
}

/// The subscriber of an address. IPv6 addresses are assigned as /64 networks, each to one machine or household.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Subscriber(IpAddr);

impl From<IpAddr> for Subscriber {
    fn from(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64)).into(),
            v4 @ IpAddr::V4(_) => v4,
        })
    }
}
