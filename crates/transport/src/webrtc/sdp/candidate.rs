//! Candidates: which of a client's are used, and how ours are written.

use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};

/// Addresses that one client may name between two negotiations; browsers name fewer than twenty.
const MOST: usize = 32;

/// The addresses that a client has named, so that each is used once.
#[derive(Debug, Default)]
pub(in crate::webrtc) struct Candidates {
    named: HashSet<SocketAddr>,
}

impl Candidates {
    /// Whether this one is new, usable and within the limit. `by_loopback`: the server listens on loopback only.
    pub(in crate::webrtc) fn take(&mut self, candidate: &str, by_loopback: bool) -> bool {
        let Some(address) = usable_address(candidate, by_loopback) else { return false };
        self.named.len() < MOST && self.named.insert(address)
    }
}

/// The address of a candidate, if UDP can reach it. Names ending in `.local`, which hide a browser's addresses, are skipped
/// without loss: the browser's own checks show its address. So are the loopback addresses of a client on this host, unless the
/// server listens on loopback only.
fn usable_address(candidate: &str, by_loopback: bool) -> Option<SocketAddr> {
    let words: Vec<&str> =
        candidate.trim().trim_start_matches("candidate:").split_ascii_whitespace().collect();
    let [foundation, component, protocol, priority, address, port, "typ", kind, ..] = words[..] else {
        return None;
    };
    let ip = address.parse::<IpAddr>().ok()?.to_canonical();
    let port = port.parse::<u16>().ok()?;
    let usable = foundation.len() <= 32
        && component == "1"
        && protocol.eq_ignore_ascii_case("udp")
        && priority.parse::<u32>().is_ok()
        && is_peer(ip, by_loopback)
        && port != 0
        && matches!(kind, "host" | "srflx" | "prflx" | "relay");
    usable.then(|| SocketAddr::new(ip, port))
}

fn is_peer(ip: IpAddr, by_loopback: bool) -> bool {
    let special = match ip {
        IpAddr::V4(ip) => ip.is_broadcast(),
        IpAddr::V6(_) => false,
    };
    !(special || ip.is_unspecified() || ip.is_multicast() || (ip.is_loopback() && !by_loopback))
}

/// Writes a host candidate of ours; the first is the best.
pub(super) fn candidate_line(index: usize, address: SocketAddr) -> String {
    // RFC 8445, 5.1.2.1: the type preference of a host candidate is 126, its component 1.
    let preference = 65_535_u32.saturating_sub(u32::try_from(index).unwrap_or(u32::MAX));
    let priority = (126 << 24) + (preference << 8) + 255;
    format!("a=candidate:{} 1 udp {priority} {} {} typ host", index + 1, address.ip(), address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(address: &str, port: u16) -> String {
        format!("candidate:1 1 udp 2122260223 {address} {port} typ host")
    }

    #[test]
    fn each_address_is_used_once_and_their_number_is_limited() {
        let mut candidates = Candidates::default();
        assert!(candidates.take(&host("192.0.2.7", 5000), false));
        assert!(!candidates.take(&host("192.0.2.7", 5000), false));
        assert!(!candidates.take(&host("::ffff:192.0.2.7", 5000), false));
        let taken = (6000..7000).filter(|port| candidates.take(&host("192.0.2.7", *port), false)).count();
        assert_eq!(taken, MOST - 1);
    }

    #[test]
    fn addresses_that_no_client_can_have_are_refused() {
        for (address, by_loopback, expected) in [
            ("192.0.2.7", false, true),
            ("2001:db8::1", false, true),
            ("127.0.0.1", false, false),
            ("127.0.0.1", true, true),
            ("::1", false, false),
            ("0.0.0.0", true, false),
            ("::", true, false),
            ("224.0.0.251", true, false),
            ("ff02::fb", true, false),
            ("255.255.255.255", true, false),
            ("host.local", true, false),
        ] {
            let taken = Candidates::default().take(&host(address, 5000), by_loopback);
            assert_eq!(taken, expected, "{address}, by loopback: {by_loopback}");
        }
    }
}
