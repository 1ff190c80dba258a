//! Candidates: which of a client's are used, and how ours are written.

use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};

use crate::webrtc::addresses::{Candidate, CandidateKind};

/// Addresses that one client may name between two negotiations; browsers name fewer than twenty.
const MOST: usize = 32;

/// Which candidates of clients are usable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::webrtc) struct Usable {
    /// The server listens on loopback only, so that its clients may be there.
    pub(in crate::webrtc) by_loopback: bool,
    /// Clients reach the server through a relay alone, and the server them.
    pub(in crate::webrtc) relayed_only: bool,
}

/// The addresses that a client has named, so that each is used once.
#[derive(Debug, Default)]
pub(in crate::webrtc) struct Candidates {
    named: HashSet<SocketAddr>,
}

impl Candidates {
    /// Whether this one is new, usable and within the limit.
    pub(in crate::webrtc) fn take(&mut self, candidate: &str, usable: Usable) -> bool {
        let Some(address) = usable_address(candidate, usable) else { return false };
        self.named.len() < MOST && self.named.insert(address)
    }
}

/// The address of a candidate, if UDP can reach it. Names ending in `.local`, which hide a browser's addresses, are skipped
/// without loss: the browser's own checks show its address. So are the loopback addresses of a client on this host, unless the
/// server listens on loopback only.
fn usable_address(candidate: &str, usable: Usable) -> Option<SocketAddr> {
    let words: Vec<&str> =
        candidate.trim().trim_start_matches("candidate:").split_ascii_whitespace().collect();
    let [foundation, component, protocol, priority, address, port, "typ", kind, ..] = words[..] else {
        return None;
    };
    let ip = address.parse::<IpAddr>().ok()?.to_canonical();
    let port = port.parse::<u16>().ok()?;
    let is_kind = match kind {
        "relay" => true,
        "host" | "srflx" | "prflx" => !usable.relayed_only,
        _ => false,
    };
    let is_usable = foundation.len() <= 32
        && component == "1"
        && protocol.eq_ignore_ascii_case("udp")
        && priority.parse::<u32>().is_ok()
        && is_peer(ip, usable.by_loopback)
        && port != 0
        && is_kind;
    is_usable.then(|| SocketAddr::new(ip, port))
}

fn is_peer(ip: IpAddr, by_loopback: bool) -> bool {
    let special = match ip {
        IpAddr::V4(ip) => ip.is_broadcast(),
        IpAddr::V6(_) => false,
    };
    !(special || ip.is_unspecified() || ip.is_multicast() || (ip.is_loopback() && !by_loopback))
}

/// Writes a candidate of ours; the first is the best.
pub(super) fn candidate_line(index: usize, candidate: &Candidate) -> String {
    let Candidate { kind, address } = candidate;
    let (ip, port) = (address.ip(), address.port());
    let index = u32::try_from(index).unwrap_or(u32::MAX);
    // The kind's preference, as RFC 8445, 5.1.2.1 recommends it, and what is behind the address.
    let (of_kind, name, behind) = match kind {
        CandidateKind::Host => (126_u32, "host", String::new()),
        CandidateKind::Reflexive(base) => {
            (100, "srflx", format!(" raddr {} rport {}", base.ip(), base.port()))
        }
        // What is behind the relay is nobody's business.
        CandidateKind::Relay => (0, "relay", " raddr 0.0.0.0 rport 0".to_owned()),
        // Below all that go over UDP; 4 is the preference of passive ones (RFC 6544, 4.2).
        CandidateKind::Passive => (90, "host", " tcptype passive".to_owned()),
    };
    let (transport, preference) = match kind {
        CandidateKind::Passive => ("tcp", (4_u32 << 13) + 8_191_u32.saturating_sub(index)),
        _ => ("udp", 65_535_u32.saturating_sub(index)),
    };
    // Its component is 1.
    let priority = (of_kind << 24) + (preference << 8) + 255;
    let foundation = index.saturating_add(1);
    format!("a=candidate:{foundation} 1 {transport} {priority} {ip} {port} typ {name}{behind}")
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
        let any = Usable::default();
        assert!(candidates.take(&host("192.0.2.7", 5000), any));
        assert!(!candidates.take(&host("192.0.2.7", 5000), any));
        assert!(!candidates.take(&host("::ffff:192.0.2.7", 5000), any));
        let taken = (6000..7000).filter(|port| candidates.take(&host("192.0.2.7", *port), any)).count();
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
            let usable = Usable { by_loopback, ..Usable::default() };
            let taken = Candidates::default().take(&host(address, 5000), usable);
            assert_eq!(taken, expected, "{address}, by loopback: {by_loopback}");
        }
    }

    #[test]
    fn with_the_relay_alone_a_client_is_reached_at_relayed_addresses_only() {
        let usable = Usable { relayed_only: true, ..Usable::default() };
        for (kind, expected) in [("host", false), ("srflx", false), ("prflx", false), ("relay", true)] {
            let candidate = host("192.0.2.7", 5000).replace("typ host", &format!("typ {kind}"));
            assert_eq!(Candidates::default().take(&candidate, usable), expected, "{kind}");
            assert!(Candidates::default().take(&candidate, Usable::default()), "{kind}");
        }
    }

    #[test]
    fn our_candidates_are_written_with_their_kind_and_what_is_behind_them() {
        let address: SocketAddr = "203.0.113.5:8080".parse().unwrap();
        let base: SocketAddr = "10.0.3.17:8080".parse().unwrap();
        for (kind, written) in [
            (CandidateKind::Host, "a=candidate:1 1 udp 2130706431 203.0.113.5 8080 typ host"),
            (
                CandidateKind::Reflexive(base),
                "a=candidate:1 1 udp 1694498815 203.0.113.5 8080 typ srflx raddr 10.0.3.17 rport 8080",
            ),
            (
                CandidateKind::Passive,
                "a=candidate:1 1 tcp 1520435199 203.0.113.5 8080 typ host tcptype passive",
            ),
            (
                CandidateKind::Relay,
                "a=candidate:1 1 udp 16777215 203.0.113.5 8080 typ relay raddr 0.0.0.0 rport 0",
            ),
        ] {
            assert_eq!(candidate_line(0, &Candidate { kind, address }), written);
        }
    }
}
