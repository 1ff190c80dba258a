//! Addresses that are not public, by IANA's registries of special-purpose addresses, and those that stand for others. Pure.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use super::Denial;

/// Special networks; the first that holds an address names it. `turn/turnserver.conf` denies them to coturn.
const NETWORKS: [(&str, Denial); 38] = [
    // Most clouds; Azure's, which is public; Alibaba's; Oracle's; AWS's over IPv6.
    ("169.254.169.254/32", Denial::Metadata),
    ("168.63.129.16/32", Denial::Metadata),
    ("100.100.100.200/32", Denial::Metadata),
    ("192.0.0.192/32", Denial::Metadata),
    ("fd00:ec2::254/128", Denial::Metadata),
    ("0.0.0.0/8", Denial::Reserved),
    ("10.0.0.0/8", Denial::Private),
    ("100.64.0.0/10", Denial::CarrierNat),
    ("127.0.0.0/8", Denial::Loopback),
    ("169.254.0.0/16", Denial::LinkLocal),
    ("172.16.0.0/12", Denial::Private),
    ("192.0.0.0/24", Denial::Reserved),
    ("192.0.2.0/24", Denial::Documentation),
    ("192.88.99.0/24", Denial::Reserved),
    ("192.168.0.0/16", Denial::Private),
    ("198.18.0.0/15", Denial::Documentation),
    ("198.51.100.0/24", Denial::Documentation),
    ("203.0.113.0/24", Denial::Documentation),
    ("224.0.0.0/4", Denial::Multicast),
    ("255.255.255.255/32", Denial::Multicast),
    ("240.0.0.0/4", Denial::Reserved),
    ("::1/128", Denial::Loopback),
    // With the unspecified address, and "IPv4-compatible" addresses, which are not in use.
    ("::/96", Denial::Reserved),
    // SIIT's; the addresses of sockets of both families are unmapped before.
    ("::ffff:0:0:0/96", Denial::Reserved),
    ("::ffff:0:0/96", Denial::Reserved),
    ("64:ff9b:1::/48", Denial::Private),
    ("100::/64", Denial::Reserved),
    // With Teredo and its hidden IPv4 addresses, measurements, and identifiers.
    ("2001::/23", Denial::Reserved),
    ("2001:db8::/32", Denial::Documentation),
    ("3fff::/20", Denial::Documentation),
    ("5f00::/16", Denial::Reserved),
    ("fc00::/7", Denial::Private),
    ("fe80::/10", Denial::LinkLocal),
    ("fec0::/10", Denial::Private),
    ("ff00::/8", Denial::Multicast),
    // AS112's servers, and addresses for tests of router's duplicates of packets.
    ("192.31.196.0/24", Denial::Reserved),
    ("192.175.48.0/24", Denial::Reserved),
    ("192.52.193.0/24", Denial::Reserved),
];

/// The IPv6 addresses that are assigned. All others except NAT64's are reserved.
const GLOBAL: &str = "2000::/3";
const NAT64: &str = "64:ff9b::/96";

/// The special networks, read.
#[derive(Debug, Clone)]
pub(super) struct Special {
    networks: Vec<(IpNet, Denial)>,
    global: [IpNet; 2],
}

impl Special {
    pub(super) fn new() -> Self {
        let networks = NETWORKS.iter().map(|(text, why)| (network(text), *why)).collect();
        Self { networks, global: [network(GLOBAL), network(NAT64)] }
    }

    /// Whether an address is public.
    pub(super) fn judge(&self, ip: IpAddr) -> Result<(), Denial> {
        if let Some((_, why)) = self.networks.iter().find(|(network, _)| network.contains(&ip)) {
            return Err(*why);
        }
        let global = ip.is_ipv4() || self.global.iter().any(|network| network.contains(&ip));
        if global { Ok(()) } else { Err(Denial::Reserved) }
    }
}

fn network(text: &str) -> IpNet {
    text.parse().expect("the networks above are written as networks")
}

/// The IPv4 address at which packets to an IPv6 address arrive, or that it is made of.
pub(super) fn embedded(ip: IpAddr) -> Option<IpAddr> {
    let IpAddr::V6(v6) = ip else { return None };
    let octets = v6.octets();
    let at = |first: usize| {
        let [a, b, c, d] = [0, 1, 2, 3].map(|offset| octets[first + offset]);
        Some(Ipv4Addr::new(a, b, c, d).into())
    };
    match v6.segments() {
        // NAT64.
        [0x64, 0xff9b, 0, 0, 0, 0, ..] => at(12),
        // 6to4.
        [0x2002, ..] => at(2),
        _ if is_isatap(v6) => at(12),
        _ => None,
    }
}

/// Whether the interface's identifier is made of an IPv4 address (RFC 5214).
fn is_isatap(ip: Ipv6Addr) -> bool {
    let segments = ip.segments();
    segments[4] & !0x0200 == 0 && segments[5] == 0x5efe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coturns_configuration_denies_the_same_networks() {
        let conf = include_str!("../../../../turn/turnserver.conf");
        let denied: Vec<&str> =
            conf.lines().filter_map(|line| line.trim().strip_prefix("denied-peer-ip=")).collect();
        // coturn takes ::/96 for all of IPv4; no packet arrives there.
        for (text, _) in NETWORKS.into_iter().filter(|(text, _)| *text != "::/96") {
            let network = network(text);
            let held = denied.iter().any(|range| {
                let (first, last) = range.split_once('-').unwrap_or((range, range));
                let (first, last): (IpAddr, IpAddr) = (first.parse().unwrap(), last.parse().unwrap());
                first.is_ipv4() == network.addr().is_ipv4()
                    && first <= network.network()
                    && network.broadcast() <= last
            });
            assert!(held, "turn/turnserver.conf does not deny {text}");
        }
    }
}
