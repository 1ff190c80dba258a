//! The caller: the principal that a request is counted against.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::HeaderMap;
use axum::http::request::Parts;

use super::App;
use crate::admission::Principal;

const FORWARDED_FOR: &str = "x-forwarded-for";

/// The principal of a request: the caller's address; anonymous for callers on this host, and for proxies on it that are not
/// trusted to say for whom they call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller(pub Principal);

impl FromRequestParts<App> for Caller {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip());
        let trusted = &app.config.server.trusted_proxies;
        Ok(Self(peer.and_then(|peer| caller(peer, &parts.headers, trusted)).into()))
    }
}

/// The nearest address that is not a trusted proxy's: anybody may have written those before it.
fn caller(peer: IpAddr, headers: &HeaderMap, trusted: &[IpAddr]) -> Option<IpAddr> {
    let is_trusted = |address: &IpAddr| trusted.iter().any(|proxy| proxy.to_canonical() == *address);
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
    (!address.is_loopback()).then_some(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_caller_is_the_nearest_address_that_is_not_a_trusted_proxy() {
        let trusted: Vec<IpAddr> = ["127.0.0.1", "10.0.0.2"].map(|one| one.parse().unwrap()).to_vec();
        for (peer, forwarded, expected) in [
            ("192.0.2.1", None, Some("192.0.2.1")),
            ("::ffff:192.0.2.1", None, Some("192.0.2.1")),
            ("192.0.2.1", Some("198.51.100.7"), Some("192.0.2.1")),
            ("127.0.0.1", None, None),
            ("::1", Some("198.51.100.7"), None),
            ("127.0.0.1", Some("198.51.100.7"), Some("198.51.100.7")),
            ("127.0.0.1", Some("1.2.3.4, 198.51.100.7, 10.0.0.2"), Some("198.51.100.7")),
            ("127.0.0.1", Some("[2001:db8::1]:4711"), Some("2001:db8::1")),
            ("127.0.0.1", Some("unknown"), None),
            ("10.0.0.2", Some("127.0.0.1"), None),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(forwarded) = forwarded {
                headers.insert(FORWARDED_FOR, forwarded.parse().unwrap());
            }
            let found = caller(peer.parse().unwrap(), &headers, &trusted);
            assert_eq!(found, expected.map(|one| one.parse().unwrap()), "{peer} for {forwarded:?}");
        }
    }
}
