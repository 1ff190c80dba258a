//! Who asks for work: pure.

use std::net::{IpAddr, Ipv6Addr};

/// Whose share a piece of work counts for. API keys and users are further variants; what each may have, `Limits::of` says.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Principal {
    /// Nobody in particular: callers on this host, and proxies on it that do not say who they call for. It has no share.
    Anonymous,
    /// Whoever has an address.
    Address(Subscriber),
}

impl From<Option<IpAddr>> for Principal {
    fn from(address: Option<IpAddr>) -> Self {
        address.map_or(Self::Anonymous, |address| Self::Address(address.into()))
    }
}

/// Who has an address: of IPv6 a whole /64 is one subscriber's.
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
