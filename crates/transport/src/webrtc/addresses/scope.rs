//! How far an address reaches. Pure.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// How far an address reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// It is no address of a host.
    Nobody,
    /// This host.
    Loopback,
    /// One link.
    Link,
    /// A site's own network; a provider's behind its NAT.
    Private,
    /// A site's own network in IPv6 (fc00::/7).
    UniqueLocal,
    /// Everywhere.
    Global,
}

impl Scope {
    pub(super) fn of(ip: IpAddr) -> Self {
        match ip.to_canonical() {
            IpAddr::V4(ip) => Self::of_v4(ip),
            IpAddr::V6(ip) => Self::of_v6(ip),
        }
    }

    fn of_v4(ip: Ipv4Addr) -> Self {
        let [first, second, ..] = ip.octets();
        if first == 0 || first >= 240 || ip.is_multicast() {
            Self::Nobody
        } else if ip.is_loopback() {
            Self::Loopback
        } else if ip.is_link_local() {
            Self::Link
        } else if ip.is_private() || (first == 100 && second & 0xc0 == 64) {
            // 100.64.0.0/10: providers' NAT (RFC 6598), and VPNs such as Tailscale.
            Self::Private
        } else {
            Self::Global
        }
    }

    fn of_v6(ip: Ipv6Addr) -> Self {
        // fec0::/10, site-local, is deprecated (RFC 3879) and leads nowhere, as does what is not given out.
        let is_given_out = ip.segments()[0] & 0xe000 == 0x2000;
        if ip.is_loopback() {
            Self::Loopback
        } else if ip.is_unicast_link_local() {
            Self::Link
        } else if ip.is_unique_local() {
            Self::UniqueLocal
        } else if is_given_out {
            Self::Global
        } else {
            Self::Nobody
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_network_reaches_as_far_as_its_rfc_says() {
        for (ip, scope) in [
            ("0.0.0.0", Scope::Nobody),
            ("255.255.255.255", Scope::Nobody),
            ("224.0.0.251", Scope::Nobody),
            ("127.0.0.1", Scope::Loopback),
            ("169.254.7.7", Scope::Link),
            ("10.0.0.1", Scope::Private),
            ("172.16.0.1", Scope::Private),
            ("172.32.0.1", Scope::Global),
            ("192.168.1.1", Scope::Private),
            ("100.64.0.1", Scope::Private),
            ("100.127.255.254", Scope::Private),
            ("100.128.0.1", Scope::Global),
            ("203.0.113.5", Scope::Global),
            ("::ffff:10.0.0.1", Scope::Private),
            ("::", Scope::Nobody),
            ("::1", Scope::Loopback),
            ("fe80::1", Scope::Link),
            ("fec0::1", Scope::Nobody),
            ("fd12::1", Scope::UniqueLocal),
            ("ff02::fb", Scope::Nobody),
            ("2001:db8::1", Scope::Global),
        ] {
            assert_eq!(Scope::of(ip.parse().unwrap()), scope, "{ip}");
        }
    }
}
