//! How clients reach the port of calls, as configured: what they are told of the host's addresses, and of outer ones.
//!
//! - `metadata`: asks a cloud's metadata service for the outer address; `clouds`: how each is asked, and what it says (pure)

mod clouds;
mod metadata;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use crate::config::{self, Config, Metadata, Nat};
use crate::transport::webrtc::{AddressRules, OuterRule, WebRtcHost};

/// The address at which clients are told to ask our own relay for the port of calls, when they are to know none of this host's: nobody's
/// (RFC 7600), which the relay alone understands.
const WITHIN_THE_RELAY: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 0, 8));

/// How the addresses that clients are told are chosen. `http`: where HTTP is served.
#[must_use]
pub fn rules(config: &Config, http: SocketAddr) -> AddressRules {
    let config::WebRtc { nat, unique_local, relay_only, relay_peers, ice_tcp, .. } = &config.webrtc;
    let relayed = relay_only.then(|| match relay_peers.as_slice() {
        [] => vec![WITHIN_THE_RELAY],
        peers => peers.to_vec(),
    });
    AddressRules {
        public: config.server.public_addresses.clone(),
        outer: match nat {
            Nat::First => OuterRule::First,
            Nat::Replace => OuterRule::Replace,
            Nat::Reflexive => OuterRule::Reflexive,
        },
        unique_local: *unique_local,
        stun: config.webrtc.stun_servers(),
        relayed,
        tcp: ice_tcp.then_some(http),
    }
}

/// Begins to ask for the outer address where the configuration names somebody to ask; ends with the port.
pub fn ask(config: &Config, calls: &Arc<WebRtcHost>) {
    if config.webrtc.metadata != Metadata::None {
        tokio::spawn(metadata::keep_asking(config.webrtc.metadata, Arc::downgrade(calls)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn with_the_relay_alone_clients_are_told_what_the_relay_reaches() {
        let mut config = Config::default();
        let http: SocketAddr = "0.0.0.0:443".parse().unwrap();
        assert_eq!(rules(&config, http), AddressRules::default());
        config.webrtc.ice_tcp = true;
        assert_eq!(rules(&config, http).tcp, Some(http));
        config.webrtc.relay_only = true;
        assert_eq!(rules(&config, http).relayed, Some(vec![WITHIN_THE_RELAY]));
        let peer: IpAddr = "10.0.0.7".parse().unwrap();
        config.webrtc.relay_peers = vec![peer];
        assert_eq!(rules(&config, http).relayed, Some(vec![peer]));
    }
}
