//! Which addresses belong to one subscriber. Pure.

use std::net::{IpAddr, Ipv6Addr};

/// The subscriber of an address, by which shares are counted: a whole network (/64) in IPv6.
pub(crate) fn of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64)).into(),
        v4 @ IpAddr::V4(_) => v4,
    }
}
