//! Addresses as the configuration names them. Pure.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use ipnet::IpNet;

/// A network, an address, or one port of an address: `10.0.0.0/8`, `10.0.0.7`, `10.0.0.7:8080`, `[fd00::7]:8080`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeerRange {
    network: IpNet,
    /// `None`: all ports.
    port: Option<u16>,
}

impl PeerRange {
    /// Whether the address, and its port, are in it.
    #[must_use]
    pub fn holds(&self, address: SocketAddr) -> bool {
        self.network.contains(&address.ip()) && self.port.is_none_or(|port| port == address.port())
    }

    /// This address with the port that the range names, if it names one and the address is in it.
    pub(super) fn port_at(&self, ip: IpAddr) -> Option<SocketAddr> {
        let port = self.port.filter(|_| self.network.contains(&ip))?;
        Some(SocketAddr::new(ip, port))
    }
}

/// A text that names no addresses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no network, address or address:port, such as 10.0.0.0/8, 10.0.0.7 or [fd00::7]:8080")]
pub struct NoRange(String);

impl FromStr for PeerRange {
    type Err = NoRange;

    fn from_str(text: &str) -> Result<Self, NoRange> {
        if let Ok(address) = text.parse::<SocketAddr>() {
            return Ok(Self { network: address.ip().into(), port: Some(address.port()) });
        }
        let network = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        network.map(|network| Self { network, port: None }).map_err(|_| NoRange(text.to_owned()))
    }
}

impl fmt::Display for PeerRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Some(port) => write!(f, "{}", SocketAddr::new(self.network.addr(), port)),
            None => write!(f, "{}", self.network),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_addresses_and_ports_are_read_and_nonsense_is_refused_with_examples() {
        for (text, inside, outside) in [
            ("10.0.0.0/8", "10.255.0.1:5", "11.0.0.1:5"),
            ("10.0.0.7", "10.0.0.7:5", "10.0.0.8:5"),
            ("10.0.0.7:8080", "10.0.0.7:8080", "10.0.0.7:8081"),
            ("fd00::/8", "[fd12::1]:5", "[fe80::1]:5"),
            ("[fd00::7]:8080", "[fd00::7]:8080", "[fd00::8]:8080"),
        ] {
            let range: PeerRange = text.parse().unwrap();
            assert!(range.holds(inside.parse().unwrap()), "{text}");
            assert!(!range.holds(outside.parse().unwrap()), "{text}");
        }
        for text in ["", "10.0.0.0/33", "10.0.0", "all", "10.0.0.7:port", "example.org"] {
            let told = text.parse::<PeerRange>().unwrap_err().to_string();
            assert!(told.contains("10.0.0.0/8"), "{told}");
        }
    }
}
