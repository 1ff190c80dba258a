//! A network or one address, as the configuration names it.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// A network such as `10.0.0.0/24`, or one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Network(IpNet);

impl Network {
    /// Whether an address is in it; an IPv6 address that stands for one of IPv4 counts as that one.
    #[must_use]
    pub fn holds(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }

    /// Whether it holds every address of its family.
    #[must_use]
    pub fn is_everyone(&self) -> bool {
        self.0.prefix_len() == 0
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let one = text.parse::<IpAddr>().map(|address| IpNet::from(address.to_canonical()));
        one.or_else(|_| text.parse::<IpNet>()).map(Self).map_err(|_| {
            format!("{text:?} is no address or network, such as \"10.0.0.10\" or \"10.0.0.0/24\"")
        })
    }
}

impl TryFrom<String> for Network {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.prefix_len() == self.0.max_prefix_len() {
            write!(f, "{}", self.0.addr())
        } else {
            write!(f, "{}", self.0)
        }
    }
}

impl From<Network> for String {
    fn from(network: Network) -> Self {
        network.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::loaded;

    #[test]
    fn a_network_holds_its_addresses_and_an_address_itself() {
        for (network, address, held) in [
            ("10.0.0.0/24", "10.0.0.255", true),
            ("10.0.0.0/24", "10.0.1.0", false),
            ("10.0.0.0/24", "::ffff:10.0.0.7", true),
            ("10.0.0.7", "10.0.0.7", true),
            ("10.0.0.7", "10.0.0.8", false),
            ("::ffff:10.0.0.7", "10.0.0.7", true),
            ("fd00::/8", "fd12::1", true),
            ("fd00::/8", "10.0.0.7", false),
        ] {
            let holds = network.parse::<Network>().unwrap().holds(address.parse().unwrap());
            assert_eq!(holds, held, "{address} in {network}");
        }
    }

    #[test]
    fn proxies_are_written_as_addresses_or_networks_and_shown_as_they_were_written() {
        let text = "[server]\ntrusted_proxies = [\"127.0.0.1\", \"10.0.0.0/24\", \"fd00::7\"]\n";
        let proxies = loaded(text, &[], &[]).unwrap().server.trusted_proxies;
        assert_eq!(
            proxies.iter().map(Network::to_string).collect::<Vec<_>>(),
            ["127.0.0.1", "10.0.0.0/24", "fd00::7"]
        );
    }

    #[test]
    fn a_proxy_that_is_neither_and_one_that_would_be_everybody_are_faults() {
        for (proxy, told) in [
            ("nginx", "\"nginx\" is no address or network"),
            ("10.0.0.0/40", "\"10.0.0.0/40\" is no address or network"),
            ("0.0.0.0/0", "server.trusted_proxies: 0.0.0.0/0 is everybody"),
            ("::/0", "server.trusted_proxies: ::/0 is everybody"),
        ] {
            let text = format!("[server]\ntrusted_proxies = [\"{proxy}\"]\n");
            let faults = loaded(&text, &[], &[]).unwrap_err();
            assert!(faults.len() == 1 && faults[0].contains(told), "{proxy}: {faults:?}");
        }
    }
}
