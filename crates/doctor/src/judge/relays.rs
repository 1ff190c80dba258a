//! Relays as clients are told of them: their addresses (RFC 7065) and credentials. Pure.

use serde_json::Value;

/// A relay, and a credential for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) url: String,
    pub(crate) username: String,
    pub(crate) password: String,
}

/// How a relay is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transport {
    Udp,
    Tcp,
    Tls,
}

impl Transport {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
        }
    }
}

/// Where a STUN or TURN server is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) transport: Transport,
}

impl Target {
    /// Reads `stun:`, `turn:` or `turns:`; none: it is no such address, or of a transport that no browser speaks.
    pub(crate) fn read(url: &str) -> Option<Self> {
        let (scheme, rest) = url.split_once(':')?;
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        let transport = match (scheme, query.strip_prefix("transport=").unwrap_or(query)) {
            ("stun", "") | ("turn", "" | "udp") => Transport::Udp,
            ("turn", "tcp") => Transport::Tcp,
            ("turns", "" | "tcp") => Transport::Tls,
            _ => return None,
        };
        let usual = if transport == Transport::Tls { 5349 } else { 3478 };
        let (host, port) = if let Some(rest) = place.strip_prefix('[') {
            let (host, port) = rest.split_once(']')?;
            (host, port.strip_prefix(':'))
        } else {
            place.split_once(':').map_or((place, None), |(host, port)| (host, Some(port)))
        };
        let port = port.map_or(Some(usual), |port| port.parse().ok())?;
        (!host.is_empty()).then(|| Self { host: host.to_owned(), port, transport })
    }
}

/// The relays of an answer of `/api/ice-servers`; STUN servers are left out.
pub(crate) fn told(answer: &Value) -> Vec<Entry> {
    let servers = answer["iceServers"].as_array().map(Vec::as_slice).unwrap_or_default();
    let of = |server: &Value| {
        let text = |field: &str| server[field].as_str().unwrap_or_default().to_owned();
        let urls: Vec<String> = match &server["urls"] {
            Value::String(url) => vec![url.clone()],
            Value::Array(urls) => urls.iter().filter_map(|url| Some(url.as_str()?.to_owned())).collect(),
            _ => Vec::new(),
        };
        let (username, password) = (text("username"), text("credential"));
        urls.into_iter().filter(|url| url.starts_with("turn")).map(move |url| Entry {
            url,
            username: username.clone(),
            password: password.clone(),
        })
    };
    servers.iter().flat_map(of).collect()
}

/// Whether an answer of `/api/ice-servers` tells clients to use nothing but a relay.
pub(crate) fn are_the_only_way(answer: &Value) -> bool {
    answer["iceTransportPolicy"] == "relay"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_browsers_read_them() {
        for (url, expected) in [
            ("turn:turn.example.org", Some(("turn.example.org", 3478, Transport::Udp))),
            ("turn:192.0.2.1:3479?transport=udp", Some(("192.0.2.1", 3479, Transport::Udp))),
            ("turn:[2001:db8::1]:443?transport=tcp", Some(("2001:db8::1", 443, Transport::Tcp))),
            ("turns:turn.example.org?transport=tcp", Some(("turn.example.org", 5349, Transport::Tls))),
            ("turns:[2001:db8::1]", Some(("2001:db8::1", 5349, Transport::Tls))),
            ("stun:stun.example.org:19302", Some(("stun.example.org", 19_302, Transport::Udp))),
            ("turns:turn.example.org?transport=udp", None),
            ("turn:", None),
            ("turn:host:port", None),
            ("https://example.org", None),
        ] {
            let read = Target::read(url);
            let read = read.as_ref().map(|target| (target.host.as_str(), target.port, target.transport));
            assert_eq!(read, expected, "{url}");
        }
    }

    #[test]
    fn relays_are_taken_from_an_answer_with_their_credentials_and_stun_is_left_out() {
        let answer = serde_json::json!({ "iceServers": [
            { "urls": ["stun:stun.example.org"] },
            { "urls": "turn:a", "username": "ada", "credential": "x" },
            { "urls": ["turn:b", "turns:b"], "username": "bob", "credential": "y" },
        ], "ttl": 600 });
        let found = told(&answer);
        let found: Vec<_> = found.iter().map(|entry| (entry.url.as_str(), entry.username.as_str())).collect();
        assert_eq!(found, [("turn:a", "ada"), ("turn:b", "bob"), ("turns:b", "bob")]);
        assert!(told(&Value::Null).is_empty());
        assert!(!are_the_only_way(&answer) && !are_the_only_way(&Value::Null));
        assert!(are_the_only_way(&serde_json::json!({ "iceServers": [], "iceTransportPolicy": "relay" })));
    }
}
