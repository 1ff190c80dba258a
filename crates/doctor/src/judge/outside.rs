//! What a server looks like from outside, as a client sees it. Pure.

use crate::finding::Finding;

/// How a client's connection went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Connected {
    /// The agent was ready after these milliseconds; the call was hung up at once.
    Ready {
        ms: u64,
    },
    /// The server has no room for a call now, or for this caller.
    Full(String),
    Fault(String),
}

/// The HTTP side, when it is not a server of ours that answers.
pub(crate) fn unreached(address: &str, why: &str) -> Finding {
    Finding::failed(
        "from-http",
        why,
        format!(
            "see that {address} is right, that the server or the proxy before it runs, and that the port is open"
        ),
    )
}

/// Another program answers there.
pub(crate) fn foreign(address: &str) -> Finding {
    Finding::failed(
        "from-http",
        format!("what answers at {address} is no server of ours: it has no /health and /ready"),
        "name the server as its page is named, without /call; a proxy has to pass these two on",
    )
}

pub(crate) fn websocket(connected: &Connected) -> Finding {
    let name = "from-websocket";
    match connected {
        Connected::Ready { ms } => Finding::ok(name, format!("a call over the WebSocket began in {ms} ms")),
        Connected::Full(why) => full(name, why),
        Connected::Fault(why) => Finding::failed(
            name,
            format!("no call over the WebSocket: {why}"),
            "have the proxy pass on the upgrade of /ws (Upgrade, Connection), as docs/deployment.md says",
        ),
    }
}

/// A call over UDP; without it a relay or the WebSocket serves, so that it is no failure by itself.
pub(crate) fn udp(connected: &Connected) -> Finding {
    let name = "from-udp";
    match connected {
        Connected::Ready { ms } => Finding::ok(name, format!("a call over UDP began in {ms} ms")),
        Connected::Full(why) => full(name, why),
        Connected::Fault(why) => Finding::warning(
            name,
            format!("no call over UDP: {why}"),
            "open the UDP port of server.udp on every firewall on the way, and set server.public_addresses behind a NAT; \
             if it is this side's network that lets no UDP through, a relay helps (docs/turn.md)",
        ),
    }
}

/// Callers of the server are to use nothing but its relay.
pub(crate) fn relayed_only() -> Finding {
    Finding::skipped("from-udp", "the server's callers use its relay alone (webrtc.relay_only)")
}

fn full(name: &str, why: &str) -> Finding {
    Finding::warning(
        name,
        format!("the server takes no call now: {why}"),
        "check again when it has fewer calls",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::State;

    #[test]
    fn a_client_needs_http_and_the_websocket_and_is_better_off_with_udp() {
        let (fault, busy) = (Connected::Fault("no answer".into()), Connected::Full("503".into()));
        for (found, state, told) in [
            (websocket(&Connected::Ready { ms: 12 }), State::Ok, "12 ms"),
            (websocket(&fault), State::Failed, "no answer"),
            (websocket(&busy), State::Warning, "503"),
            (udp(&Connected::Ready { ms: 34 }), State::Ok, "34 ms"),
            (udp(&fault), State::Warning, "no answer"),
            (udp(&busy), State::Warning, "503"),
            (unreached("https://a", "cannot reach it"), State::Failed, "cannot reach it"),
            (foreign("https://a"), State::Failed, "no server of ours"),
        ] {
            assert_eq!(found.state, state, "{found:?}");
            assert!(found.message.contains(told), "{told}: {found:?}");
        }
    }
}
