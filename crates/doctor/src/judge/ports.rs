//! Whether the ports on which the server listens are free, or held by our own server. Pure.

use std::net::SocketAddr;

use crate::finding::Finding;

/// A port of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Port {
    Http,
    Calls,
    RelayUdp,
    RelayTcp,
    RelayTls,
}

impl Port {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Http => "port-http",
            Self::Calls => "port-udp",
            Self::RelayUdp => "port-relay-udp",
            Self::RelayTcp => "port-relay-tcp",
            Self::RelayTls => "port-relay-tls",
        }
    }

    pub(crate) fn is_udp(self) -> bool {
        matches!(self, Self::Calls | Self::RelayUdp)
    }

    fn key(self) -> &'static str {
        match self {
            Self::Http => "server.listen",
            Self::Calls => "server.udp",
            Self::RelayUdp | Self::RelayTcp => "turn.listen",
            Self::RelayTls => "turn.tls_listen",
        }
    }
}

/// What came of binding a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Bound {
    Free,
    Taken,
    /// This user may not bind it.
    Forbidden,
    /// This machine does not have the address.
    NotHere,
    Fault(String),
}

/// Whether our own server has the port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ours {
    /// No server of ours answers at `server.listen`.
    NotRunning,
    Holds,
    /// It runs without this port.
    Lacks,
}

pub(crate) fn judge(port: Port, address: SocketAddr, bound: &Bound, ours: Ours) -> Finding {
    let (name, key) = (port.name(), port.key());
    let protocol = if port.is_udp() { "UDP" } else { "TCP" };
    let place = format!("{protocol} {address} ({key})");
    match (bound, ours) {
        (Bound::Free, Ours::NotRunning) => Finding::ok(name, format!("{place} is free")),
        (Bound::Taken | Bound::Forbidden, Ours::Holds) => {
            Finding::ok(name, format!("{place} is held by our own server"))
        }
        (Bound::Free, Ours::Holds | Ours::Lacks) => Finding::warning(
            name,
            format!("{place} is free, although our own server runs"),
            "see why in its log, or whether it was started with another configuration, and restart it",
        ),
        (Bound::Taken, Ours::NotRunning | Ours::Lacks) => {
            let (letter, number) = (if port.is_udp() { 'u' } else { 't' }, address.port());
            Finding::failed(
                name,
                format!("{place} is taken by another program"),
                format!(
                    "`ss -l{letter}np sport = :{number}` names it: stop it, or choose another port in {key}"
                ),
            )
        }
        (Bound::Forbidden, Ours::NotRunning | Ours::Lacks) => Finding::warning(
            name,
            format!("{place} may not be bound by this user: ports below 1024 are the superuser's"),
            "give the server CAP_NET_BIND_SERVICE, as docs/deployment.md says, or choose a port above 1023",
        ),
        (Bound::NotHere, _) => Finding::failed(
            name,
            format!("{place} cannot be bound: {} is no address of this machine", address.ip()),
            format!(
                "set {key} to 0.0.0.0 or to one of this machine's addresses; outer ones are server.public_addresses"
            ),
        ),
        (Bound::Fault(fault), _) => Finding::failed(
            name,
            format!("{place} cannot be bound: {fault}"),
            format!("choose another address or port in {key}"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::State;

    #[test]
    fn a_port_is_fine_if_it_is_free_before_the_server_runs_or_its_own_while_it_does() {
        let address = SocketAddr::from(([0, 0, 0, 0], 443));
        for (bound, ours, state, told) in [
            (Bound::Free, Ours::NotRunning, State::Ok, "is free"),
            (Bound::Taken, Ours::Holds, State::Ok, "our own server"),
            (Bound::Forbidden, Ours::Holds, State::Ok, "our own server"),
            (Bound::Free, Ours::Lacks, State::Warning, "is free, although"),
            (Bound::Free, Ours::Holds, State::Warning, "is free, although"),
            (Bound::Taken, Ours::NotRunning, State::Failed, "another program"),
            (Bound::Taken, Ours::Lacks, State::Failed, "another program"),
            (Bound::Forbidden, Ours::NotRunning, State::Warning, "below 1024"),
            (Bound::NotHere, Ours::NotRunning, State::Failed, "no address of this machine"),
            (Bound::Fault("too many".into()), Ours::NotRunning, State::Failed, "too many"),
        ] {
            let found = judge(Port::Calls, address, &bound, ours);
            assert_eq!(found.state, state, "{bound:?} {ours:?}");
            assert!(found.message.contains(told) && found.message.contains("server.udp"), "{found:?}");
            assert_eq!(found.fix.is_some(), state > State::Ok);
        }
    }
}
