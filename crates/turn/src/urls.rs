//! What clients are told of a server: its addresses (RFC 7065). Pure.

use std::net::{IpAddr, Ipv6Addr};

/// The ports at which a server is reached.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ports {
    /// By UDP.
    pub udp: Option<u16>,
    /// By TCP.
    pub tcp: Option<u16>,
    /// By TLS.
    pub tls: Vec<u16>,
    /// That of HTTPS, if its listener passes streams on: by TCP and by TLS.
    pub https: Option<u16>,
}

impl Ports {
    /// The addresses of a server with this name or IP address, in the order in which clients should try them. Over TLS a server needs a
    /// name: certificates are made for names.
    #[must_use]
    pub fn urls(&self, host: &str) -> Vec<String> {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let named = bare.parse::<IpAddr>().is_err();
        let host = if bare.parse::<Ipv6Addr>().is_ok() { format!("[{bare}]") } else { bare.to_owned() };
        let udp = self.udp.map(|port| format!("turn:{host}:{port}?transport=udp"));
        let tcp =
            self.tcp.into_iter().chain(self.https).map(|port| format!("turn:{host}:{port}?transport=tcp"));
        let tls = self.tls.iter().copied().chain(self.https).filter(|_| named);
        let tls = tls.map(|port| format!("turns:{host}:{port}?transport=tcp"));
        udp.into_iter().chain(tcp).chain(tls).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_told_each_way_that_it_can_use() {
        let ports = Ports { udp: Some(3478), tcp: Some(3479), tls: vec![5349], https: Some(443) };
        assert_eq!(
            ports.urls("voice.example.org"),
            [
                "turn:voice.example.org:3478?transport=udp",
                "turn:voice.example.org:3479?transport=tcp",
                "turn:voice.example.org:443?transport=tcp",
                "turns:voice.example.org:5349?transport=tcp",
                "turns:voice.example.org:443?transport=tcp",
            ]
        );
        for (host, first) in [
            ("192.0.2.1", "turn:192.0.2.1:3478?transport=udp"),
            ("2001:db8::1", "turn:[2001:db8::1]:3478?transport=udp"),
            ("[2001:db8::1]", "turn:[2001:db8::1]:3478?transport=udp"),
        ] {
            let urls = ports.urls(host);
            assert_eq!((urls.len(), urls[0].as_str()), (3, first));
        }
        assert!(Ports::default().urls("voice.example.org").is_empty());
    }
}
