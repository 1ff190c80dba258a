//! The addresses at which clients are told to reach the server.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Addresses in an answer; a host with more uses the first ones.
const MAX_ADDRESSES: usize = 12;

/// The addresses of a port that is bound to `local`, best first: those of `public`, then the host's own.
pub(super) fn of(local: SocketAddr, public: &[IpAddr]) -> Vec<SocketAddr> {
    let mut ips = public.to_vec();
    if local.ip().is_unspecified() {
        ips.extend(host_addresses(local.is_ipv6()));
        // A browser on this machine, or behind a tunnel to it, uses loopback.
        ips.push(Ipv4Addr::LOCALHOST.into());
    } else {
        ips.push(local.ip());
    }
    let mut addresses: Vec<SocketAddr> = Vec::with_capacity(ips.len());
    for ip in ips {
        let address = SocketAddr::new(ip, local.port());
        if !addresses.contains(&address) && addresses.len() < MAX_ADDRESSES {
            addresses.push(address);
        }
    }
    addresses
}

/// The host's own addresses that a client elsewhere could use.
fn host_addresses(v6: bool) -> Vec<IpAddr> {
    let interfaces = rtc::shared::ifaces::ifaces().unwrap_or_default();
    let ips = interfaces.into_iter().filter_map(|interface| interface.addr).map(|address| address.ip());
    ips.filter(|ip| match ip {
        IpAddr::V4(ip) => !ip.is_loopback() && !ip.is_link_local() && !ip.is_unspecified(),
        IpAddr::V6(ip) => v6 && !ip.is_loopback() && !ip.is_unicast_link_local() && !ip.is_unspecified(),
    })
    .collect()
}
