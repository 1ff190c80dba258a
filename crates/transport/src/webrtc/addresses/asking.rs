//! Asks STUN servers how the port looks from outside: from the port itself, since a NAT may give each port another address.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::net::lookup_host;
use tokio::time::timeout;

use crate::webrtc::mux::Mux;
use crate::webrtc::questions::Asked;

/// Longest time for a name.
const LOOKUP: Duration = Duration::from_secs(5);
/// How long each request waits for its response (RFC 8489, 6.2.1).
const WAITS: [Duration; 4] =
    [Duration::from_millis(500), Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(4)];

/// Where each server sees the port, for those that respond.
pub(super) async fn ask(mux: &Mux, servers: &[String]) -> Vec<SocketAddr> {
    let each = servers.iter().map(|server| ask_server(mux, server));
    join_all(each).await.into_iter().flatten().collect()
}

/// Where one server sees the port, in each family that both have.
async fn ask_server(mux: &Mux, server: &str) -> Vec<SocketAddr> {
    let addresses = match timeout(LOOKUP, lookup_host(server)).await {
        Ok(Ok(found)) => found.collect::<Vec<_>>(),
        Ok(Err(error)) => {
            tracing::warn!(server, %error, "a STUN server's name is not known: correct webrtc.stun, or the system's DNS");
            return Vec::new();
        }
        Err(_) => {
            tracing::warn!(
                server,
                "a STUN server's name is not found within 5 s: correct webrtc.stun, or the system's DNS"
            );
            return Vec::new();
        }
    };
    let local = mux.local_addr().ip();
    let has_v4 = local.is_ipv4() || local.is_unspecified();
    let v4 = addresses.iter().copied().find(SocketAddr::is_ipv4).filter(|_| has_v4);
    let v6 = addresses.iter().copied().find(SocketAddr::is_ipv6).filter(|_| local.is_ipv6());
    let each = [v4, v6].into_iter().flatten().map(|address| ask_address(mux, address));
    let seen: Vec<SocketAddr> = join_all(each).await.into_iter().flatten().collect();
    if seen.is_empty() {
        tracing::warn!(
            server,
            "a STUN server does not respond within 8 s: open UDP to it, or set another one in webrtc.stun"
        );
    }
    seen
}

async fn ask_address(mux: &Mux, server: SocketAddr) -> Option<SocketAddr> {
    let Asked { transaction, request, mut mapped } = mux.questions().open(server)?;
    let mut seen = None;
    for wait in WAITS {
        mux.send_question(server, &request);
        if let Ok(told) = timeout(wait, &mut mapped).await {
            seen = told.ok();
            break;
        }
    }
    mux.questions().close(&transaction);
    seen
}
