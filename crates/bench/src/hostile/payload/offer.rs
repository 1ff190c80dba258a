//! WebRTC offers that are never completed, and the contents of their answers.

use serde_json::{Value, json};

/// Chromium's offer; its ICE fragment is replaced in each copy.
const SDP: &str = include_str!("offer.sdp");
const ITS_FRAGMENT: &str = "+Ixq";
/// Number of candidates of one client.
const CANDIDATES: u8 = 90;

/// Where a call awaits its client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Media {
    /// The server's part of the user name in connectivity checks.
    pub(crate) fragment: String,
    /// The UDP port.
    pub(crate) port: u16,
}

/// The body of an offer.
pub(crate) fn body(dice: u32) -> String {
    json!({ "type": "offer", "sdp": SDP.replace(ITS_FRAGMENT, &format!("{dice:08x}")) }).to_string()
}

/// Candidates that would have the server send to other addresses: for a server on loopback, further loopback addresses; for
/// others, addresses for documentation (RFC 5737), which nobody uses.
pub(crate) fn candidates(loopback: bool) -> Vec<Value> {
    let network = if loopback { "127.66.0" } else { "192.0.2" };
    (1..=CANDIDATES)
        .map(|host| {
            let candidate = format!("candidate:{host} 1 udp 2122260223 {network}.{host} 9 typ host");
            json!({ "candidate": candidate, "sdp_mid": "0", "sdp_mline_index": 0 })
        })
        .collect()
}

/// Reads an answer.
pub(crate) fn media(sdp: &str) -> Option<Media> {
    let mut lines = sdp.lines();
    let fragment = lines.clone().find_map(|line| line.strip_prefix("a=ice-ufrag:"))?.trim().to_owned();
    let candidate = lines.find_map(|line| line.strip_prefix("a=candidate:"))?;
    let port = candidate.split_whitespace().nth(5)?.parse().ok()?;
    Some(Media { fragment, port })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offers_differ_in_their_fragment_alone() {
        let (one, other) = (body(1), body(2));
        assert!(one.contains("a=ice-ufrag:00000001") && !one.contains(ITS_FRAGMENT));
        assert_eq!(one.replace("00000001", "00000002"), other);
    }

    #[test]
    fn candidates_are_90_addresses_where_nobody_is_disturbed() {
        for (loopback, network) in [(true, " 127.66.0."), (false, " 192.0.2.")] {
            let candidates = candidates(loopback);
            assert_eq!(candidates.len(), 90);
            assert!(candidates.iter().all(|one| one["candidate"].as_str().unwrap().contains(network)));
        }
    }

    #[test]
    fn an_answer_tells_where_the_call_awaits_its_client() {
        let sdp = "v=0\r\na=ice-ufrag:abcd\r\na=candidate:1 1 udp 2130706431 10.0.0.1 8081 typ host\r\n";
        assert_eq!(media(sdp), Some(Media { fragment: "abcd".to_owned(), port: 8081 }));
        assert_eq!(media("v=0\r\na=ice-ufrag:abcd\r\n"), None);
    }
}
