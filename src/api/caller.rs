//! The caller: the principal that a request is counted against, and the address that it comes from.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::HeaderMap;
use axum::http::request::Parts;

use super::App;
use crate::admission::Principal;
use crate::config::Network;

const FORWARDED_FOR: &str = "x-forwarded-for";

/// The principal of a request: the caller's address; anonymous for callers on this host, and for proxies on it that are not
/// trusted to say for whom they call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller(pub Principal);

impl FromRequestParts<App> for Caller {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        Ok(Self(principal(address_of(parts, app))))
    }
}

/// The address that a request comes from, also one of this host; none where the connection tells none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Address(pub Option<IpAddr>);

impl FromRequestParts<App> for Address {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        Ok(Self(address_of(parts, app)))
    }
}

/// Who calls from this address: on this host nobody in particular.
fn principal(address: Option<IpAddr>) -> Principal {
    address.filter(|address| !address.is_loopback()).into()
}

fn address_of(parts: &Parts, app: &App) -> Option<IpAddr> {
    let ConnectInfo(peer) = parts.extensions.get::<ConnectInfo<SocketAddr>>()?;
    Some(nearest(peer.ip(), &parts.headers, &app.config.server.trusted_proxies))
}

/// The nearest address that is not a trusted proxy's: anybody may have written those before it.
fn nearest(peer: IpAddr, headers: &HeaderMap, trusted: &[Network]) -> IpAddr {
    let is_trusted = |address: &IpAddr| trusted.iter().any(|proxy| proxy.holds(*address));
    let mut address = peer.to_canonical();
    let lines = headers.get_all(FORWARDED_FOR).iter().filter_map(|line| line.to_str().ok());
    let mut names: Vec<&str> = lines.flat_map(|line| line.split(',')).map(str::trim).collect();
    while is_trusted(&address) {
        let Some(before) = names.pop() else { break };
        // A proxy may write a port, and IPv6 in brackets.
        let bare = before.parse::<SocketAddr>().map(|address| address.ip());
        let Ok(before) = bare.or_else(|_| before.trim_matches(['[', ']']).parse::<IpAddr>()) else { break };
        address = before.to_canonical();
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callers_on_this_host_and_those_without_an_address_are_anonymous() {
        for (address, known) in
            [(None, false), (Some("127.0.0.1"), false), (Some("::1"), false), (Some("192.0.2.1"), true)]
        {
            let principal = principal(address.map(|one| one.parse().unwrap()));
            assert_eq!(principal != Principal::Anonymous, known, "{address:?}");
        }
    }

    #[test]
    fn a_request_comes_from_the_nearest_address_that_is_not_a_trusted_proxy() {
        let trusted: Vec<Network> = ["127.0.0.1", "10.0.0.0/24"].map(|one| one.parse().unwrap()).to_vec();
        for (peer, forwarded, expected) in [
            ("192.0.2.1", None, "192.0.2.1"),
            ("::ffff:192.0.2.1", None, "192.0.2.1"),
            ("192.0.2.1", Some("198.51.100.7"), "192.0.2.1"),
            ("127.0.0.1", None, "127.0.0.1"),
            ("::1", Some("198.51.100.7"), "::1"),
            ("127.0.0.1", Some("198.51.100.7"), "198.51.100.7"),
            ("127.0.0.1", Some("1.2.3.4, 198.51.100.7, 10.0.0.2"), "198.51.100.7"),
            ("127.0.0.1", Some("[2001:db8::1]:4711"), "2001:db8::1"),
            ("127.0.0.1", Some("unknown"), "127.0.0.1"),
            ("10.0.0.2", Some("127.0.0.1"), "127.0.0.1"),
            ("10.0.1.2", Some("198.51.100.7"), "10.0.1.2"),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(forwarded) = forwarded {
                headers.insert(FORWARDED_FOR, forwarded.parse().unwrap());
            }
            let found = nearest(peer.parse().unwrap(), &headers, &trusted);
            assert_eq!(found, expected.parse::<IpAddr>().unwrap(), "{peer} for {forwarded:?}");
        }
    }
}
