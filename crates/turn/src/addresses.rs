//! This host's addresses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::ops::RangeInclusive;

use crate::settings::{RelayAddress, Relays};

/// Destinations in networks that are reserved for documentation: only the route to them is looked up, and nothing is sent.
const SOMEWHERE_V4: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 9);
const SOMEWHERE_V6: SocketAddr =
    SocketAddr::new(IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)), 9);

/// All addresses of the host's interfaces.
#[must_use]
pub fn of_host() -> Vec<IpAddr> {
    let interfaces = rtc_shared::ifaces::ifaces().unwrap_or_default();
    interfaces.into_iter().filter_map(|interface| interface.addr).map(|address| address.ip()).collect()
}

/// The relayed addresses of a host: sockets at `bind`, where an unspecified address means both families, told as the first of `outer` in
/// their family, or else as the address from which the host itself sends.
#[must_use]
pub fn relays(bind: IpAddr, outer: &[IpAddr], ports: RangeInclusive<u16>) -> Relays {
    let any = bind.is_unspecified();
    let v4 = (any || bind.is_ipv4()).then(|| {
        let told = outer.iter().copied().find(IpAddr::is_ipv4);
        let own = || sending_from(Ipv4Addr::UNSPECIFIED.into(), SOMEWHERE_V4);
        RelayAddress {
            bind: if any { Ipv4Addr::UNSPECIFIED.into() } else { bind },
            // A host without a network has only this one.
            told: told.or((!any).then_some(bind)).or_else(own).unwrap_or(Ipv4Addr::LOCALHOST.into()),
        }
    });
    let v6 = (any || bind.is_ipv6()).then(|| {
        let told = outer.iter().copied().find(IpAddr::is_ipv6);
        let own = || sending_from(Ipv6Addr::UNSPECIFIED.into(), SOMEWHERE_V6);
        let told = told.or((!any).then_some(bind)).or_else(own)?;
        Some(RelayAddress { bind: if any { Ipv6Addr::UNSPECIFIED.into() } else { bind }, told })
    });
    Relays { v4, v6: v6.flatten(), ports }
}

/// The address from which this host sends to another.
fn sending_from(bind: IpAddr, to: SocketAddr) -> Option<IpAddr> {
    let socket = UdpSocket::bind(SocketAddr::new(bind, 0)).ok()?;
    socket.connect(to).ok()?;
    let address = socket.local_addr().ok()?.ip();
    (!address.is_unspecified()).then_some(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relayed_addresses_are_told_as_configured_or_as_the_hosts_own() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let outer = [ip("203.0.113.9"), ip("2001:db8::9")];
        let both = relays(ip("0.0.0.0"), &outer, 50_000..=50_001);
        assert_eq!(both.v4, Some(RelayAddress { bind: ip("0.0.0.0"), told: outer[0] }));
        assert_eq!(both.v6, Some(RelayAddress { bind: ip("::"), told: outer[1] }));
        let one = relays(ip("10.0.0.5"), &outer[..1], 50_000..=50_001);
        assert_eq!((one.v4, one.v6), (Some(RelayAddress { bind: ip("10.0.0.5"), told: outer[0] }), None));
        let plain = relays(ip("127.0.0.1"), &[], 50_000..=50_001);
        assert_eq!(plain.v4, Some(RelayAddress { bind: ip("127.0.0.1"), told: ip("127.0.0.1") }));
        let own = relays(ip("0.0.0.0"), &[], 50_000..=50_001);
        assert!(own.v4.is_some_and(|relay| !relay.told.is_unspecified()));
    }

    #[test]
    fn a_host_knows_its_own_addresses() {
        assert!(of_host().contains(&Ipv4Addr::LOCALHOST.into()));
    }
}
