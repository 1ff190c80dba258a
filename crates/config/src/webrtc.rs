//! How clients reach the port of WebRTC calls: outer addresses, and the relay alone.

use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use super::{Server, Turn};

/// Most STUN servers.
const MOST_SERVERS: usize = 8;
/// Most addresses at which relays reach the port.
const MOST_PEERS: usize = 4;
/// The port of STUN (RFC 8489, 18.6).
const STUN_PORT: u16 = 3478;

/// How clients reach the port of WebRTC calls.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct WebRtc {
    /// What becomes of outer addresses, wherever they are known from: `server.public_addresses`, `stun` or `metadata`.
    pub nat: Nat,
    /// STUN servers that are asked for the outer address of the UDP port, such as `stun.example.org:3478`, at the start and again
    /// every two minutes; none: nobody is asked.
    pub stun: Vec<String>,
    /// The cloud whose metadata service is asked for the outer address: `none`, `aws`, `gcp` or `azure`.
    pub metadata: Metadata,
    /// Whether clients are told unique local addresses of IPv6 (fc00::/7), which lead nowhere outside of a site.
    pub unique_local: bool,
    /// Whether clients reach calls through the relay alone: they are told to use nothing else, and are told no address of this host.
    pub relay_only: bool,
    /// With `relay_only`: the addresses at which the relay reaches the UDP port. Empty, with our own relay: clients are told an address
    /// that means something to the relay alone.
    pub relay_peers: Vec<IpAddr>,
    /// Whether calls are taken over TCP as well, at the port of HTTP (`server.listen`), which clients must reach without a proxy.
    pub ice_tcp: bool,
}

/// What becomes of outer addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Nat {
    /// They come before the host's own addresses.
    #[default]
    First,
    /// They replace the host's private addresses of their family.
    Replace,
    /// They are added behind the host's own addresses, as server-reflexive ones.
    Reflexive,
}

/// A cloud with a metadata service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Metadata {
    /// None is asked.
    #[default]
    None,
    /// Amazon's, by IMDSv2.
    Aws,
    /// Google's.
    Gcp,
    /// Microsoft's.
    Azure,
}

impl WebRtc {
    /// The STUN servers as `host:port`.
    #[must_use]
    pub fn stun_servers(&self) -> Vec<String> {
        self.stun.iter().filter_map(|text| stun_server(text)).collect()
    }
}

/// A STUN server as `host:port`; `None`: it is none.
fn stun_server(text: &str) -> Option<String> {
    let text = text.strip_prefix("stun:").unwrap_or(text);
    if let Ok(address) = text.parse::<SocketAddr>() {
        return (address.port() != 0).then(|| address.to_string());
    }
    if let Ok(ip) = text.trim_matches(['[', ']']).parse::<IpAddr>() {
        return Some(SocketAddr::new(ip, STUN_PORT).to_string());
    }
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) => (host, port.parse::<u16>().ok().filter(|port| *port != 0)?),
        None => (text, STUN_PORT),
    };
    let is_name = url::Host::parse(host).is_ok_and(|parsed| parsed.to_string() == host.to_ascii_lowercase());
    is_name.then(|| format!("{host}:{port}"))
}

/// Adds a line for each fault.
pub(super) fn check(own: &WebRtc, server: &Server, turn: &Turn, faults: &mut Vec<String>) {
    for (key, count, most) in [
        ("webrtc.stun", own.stun.len(), MOST_SERVERS),
        ("webrtc.relay_peers", own.relay_peers.len(), MOST_PEERS),
    ] {
        if count > most {
            faults.push(format!("{key}: {count} entries; at most {most}"));
        }
    }
    for text in own.stun.iter().filter(|text| stun_server(text).is_none()) {
        faults.push(format!(
            "webrtc.stun: {text:?} is not a name or an address with a port, such as \"stun.example.org:3478\"; it is asked over UDP"
        ));
    }
    for (key, addresses) in
        [("server.public_addresses", &server.public_addresses), ("webrtc.relay_peers", &own.relay_peers)]
    {
        if let Some(ip) = addresses.iter().find(|ip| ip.is_unspecified() || ip.is_multicast()) {
            faults.push(format!("{key}: {ip} is nobody's address"));
        }
    }
    if own.relay_only {
        check_relay(own, server, turn, faults);
    } else if !own.relay_peers.is_empty() {
        faults.push(
            "webrtc.relay_peers: is for webrtc.relay_only, which is false; set that, or remove this".into(),
        );
    }
}

/// Checks that there is a relay, and an address at which it reaches the port.
fn check_relay(own: &WebRtc, server: &Server, turn: &Turn, faults: &mut Vec<String>) {
    let mut fixed = server.ice_servers.iter().flat_map(|server| &server.urls);
    let is_own = turn.enabled && turn.urls.is_empty();
    let is_elsewhere = !turn.urls.is_empty() || fixed.any(|url| url.starts_with("turn"));
    if !is_own && !is_elsewhere {
        faults.push(
            "webrtc.relay_only: there is no relay; set turn.enabled (--turn), or turn.urls for one elsewhere"
                .into(),
        );
        return;
    }
    if is_elsewhere && own.relay_peers.is_empty() {
        faults.push(
            "webrtc.relay_only: a relay elsewhere needs webrtc.relay_peers, the address at which it reaches server.udp, such as \
             [\"10.0.0.7\"]"
                .into(),
        );
    }
    let relay = turn.relay_address;
    if is_own && own.relay_peers.is_empty() && relay.is_ipv6() && !relay.is_unspecified() {
        faults.push(format!(
            "turn.relay_address: {relay} is an IPv6 address, and with webrtc.relay_only clients ask for one of IPv4; set \"0.0.0.0\""
        ));
    }
    let unused = [
        ("webrtc.stun", !own.stun.is_empty()),
        ("webrtc.metadata", own.metadata != Metadata::None),
        ("webrtc.ice_tcp", own.ice_tcp),
        ("server.public_addresses", !server.public_addresses.is_empty() && is_elsewhere),
    ];
    for (key, _) in unused.into_iter().filter(|(_, is_set)| *is_set) {
        faults.push(format!(
            "{key}: is for addresses that webrtc.relay_only keeps from clients; remove one of them"
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::loaded;

    #[test]
    fn each_fault_names_its_key_and_what_would_be_right() {
        let relay = "[turn]\nenabled = true\n";
        let elsewhere = "[turn]\nurls = [\"turn:turn.example.org\"]\nsecret = \"0123456789abcdef\"\n[webrtc]\nrelay_only = true\n";
        for (text, told) in [
            ("[webrtc]\nstun = [\"stuns:stun.example.org\"]".to_owned(), "webrtc.stun: \"stuns:"),
            ("[webrtc]\nstun = [\"stun.example.org:0\"]".to_owned(), "asked over UDP"),
            ("[webrtc]\nstun = [\"stun.example.org:3478?transport=tcp\"]".to_owned(), "asked over UDP"),
            (format!("[webrtc]\nstun = {:?}", ["stun.example.org"; 9]), "webrtc.stun: 9 entries; at most 8"),
            ("[webrtc]\nmetadata = \"hetzner\"".to_owned(), "webrtc.metadata"),
            ("[webrtc]\nnat = \"both\"".to_owned(), "webrtc.nat"),
            (
                "[server]\npublic_addresses = [\"0.0.0.0\"]".to_owned(),
                "server.public_addresses: 0.0.0.0 is nobody's",
            ),
            (
                "[webrtc]\nrelay_only = true".to_owned(),
                "webrtc.relay_only: there is no relay; set turn.enabled",
            ),
            ("[webrtc]\nrelay_peers = [\"10.0.0.7\"]".to_owned(), "is for webrtc.relay_only"),
            (elsewhere.to_owned(), "needs webrtc.relay_peers"),
            (
                format!("{relay}relay_address = \"2001:db8::1\"\n[webrtc]\nrelay_only = true"),
                "turn.relay_address: 2001:db8::1",
            ),
            (
                format!("{relay}[webrtc]\nrelay_only = true\nstun = [\"stun.example.org\"]"),
                "webrtc.stun: is for addresses that webrtc.relay_only keeps from clients",
            ),
        ] {
            let faults = loaded(&format!("{text}\n"), &[], &[]).unwrap_err();
            assert!(faults.len() == 1 && faults[0].contains(told), "{text}: {faults:#?}");
        }
        for text in [
            format!("{relay}[webrtc]\nrelay_only = true"),
            format!("{relay}relay_address = \"::\"\n[webrtc]\nrelay_only = true"),
            format!("{elsewhere}relay_peers = [\"10.0.0.7\"]"),
            "[webrtc]\nmetadata = \"aws\"\nnat = \"replace\"".to_owned(),
        ] {
            assert!(loaded(&text, &[], &[]).is_ok(), "{text}");
        }
    }

    #[test]
    fn a_stun_server_may_be_written_with_its_scheme_and_without_its_port() {
        for (written, asked) in [
            ("stun.example.org", Some("stun.example.org:3478")),
            ("stun:stun.example.org", Some("stun.example.org:3478")),
            ("stun:stun.example.org:19302", Some("stun.example.org:19302")),
            ("192.0.2.7", Some("192.0.2.7:3478")),
            ("192.0.2.7:5000", Some("192.0.2.7:5000")),
            ("2001:db8::7", Some("[2001:db8::7]:3478")),
            ("[2001:db8::7]:5000", Some("[2001:db8::7]:5000")),
            ("", None),
            ("stun.example.org:port", None),
            ("https://stun.example.org", None),
        ] {
            assert_eq!(stun_server(written).as_deref(), asked, "{written}");
        }
    }
}
