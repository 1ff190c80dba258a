//! Whether a relay opens allocations for our credentials, and leads to our calls. Pure.

use std::net::SocketAddr;

use super::relays::{Entry, Target};
use crate::finding::Finding;

/// What came of asking a relay for an allocation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Asked {
    Granted {
        relayed: SocketAddr,
        leads: Leads,
    },
    Refused {
        code: u16,
        reason: String,
    },
    /// There was no answer.
    Silent,
    /// There is no way to it.
    Unreachable(String),
    /// Its certificate was refused.
    Untrusted(String),
}

/// Whether a relay passes packets on to the port of calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leads {
    /// It was not asked, since that address is not known.
    NotAsked,
    To(SocketAddr),
    Not {
        to: SocketAddr,
        code: u16,
    },
}

/// Who made the credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Issuer {
    /// This program, with `turn.secret`.
    Secret,
    /// A server that was asked for it.
    Server,
    /// It is in `server.ice_servers`.
    Fixed,
}

/// What is asked of a relay whose address cannot be read.
pub(crate) fn unreadable(prefix: &str, url: &str) -> Finding {
    let message = format!("{url}: browsers speak UDP and TCP with turn:, TLS over TCP with turns:");
    let fix =
        "write it as turn:HOST:PORT?transport=udp, turn:…?transport=tcp or turns:HOST:PORT?transport=tcp";
    Finding::warning(format!("{prefix}turn"), message, fix)
}

pub(crate) fn judge(prefix: &str, target: &Target, entry: &Entry, issuer: Issuer, asked: &Asked) -> Finding {
    let name = format!("{prefix}turn-{}:{}", target.transport.name(), target.port);
    let url = &entry.url;
    match asked {
        Asked::Granted { relayed, leads: Leads::NotAsked } => {
            Finding::ok(name, format!("{url} has opened an allocation at {relayed}"))
        }
        Asked::Granted { relayed, leads: Leads::To(calls) } => {
            Finding::ok(name, format!("{url} has opened an allocation at {relayed} that leads to {calls}"))
        }
        Asked::Granted { leads: Leads::Not { to, code }, .. } => Finding::failed(
            name,
            format!("{url} opens allocations, but does not relay to {to}, the port of calls ({code})"),
            format!("allow it there: turn.allowed_peers = [\"{to}\"], allowed-peer-ip in coturn"),
        ),
        Asked::Refused { code, reason } => refused(name, url, *code, reason, issuer),
        Asked::Silent => Finding::failed(
            name,
            format!("{url} does not answer"),
            "see that it runs and that firewalls on the way let this port through",
        ),
        Asked::Unreachable(why) => Finding::failed(
            name,
            format!("{url} cannot be reached: {why}"),
            "see that it runs, that its name is right, and that firewalls on the way let this port through",
        ),
        Asked::Untrusted(why) => Finding::failed(
            name,
            format!("{url} shows a certificate that clients refuse: {why}"),
            "give it one for this name, with those that lead to its authority's (turn.tls_cert, server.tls_cert)",
        ),
    }
}

fn refused(name: String, url: &str, code: u16, reason: &str, issuer: Issuer) -> Finding {
    let message = format!("{url} refuses the credential ({code} {reason})");
    match (code, issuer) {
        (401 | 441, Issuer::Secret | Issuer::Server) => Finding::failed(
            name,
            message,
            "give it and the server the same secret (turn.secret, coturn's static-auth-secret), and compare their clocks",
        ),
        (401 | 441, Issuer::Fixed) => {
            Finding::failed(name, message, "set its username and credential anew in server.ice_servers")
        }
        (486 | 508, _) => Finding::warning(
            name,
            format!("{url} has no room for another allocation now ({code} {reason})"),
            "raise turn.allocations_per_user or turn.max_allocations, if that is usual",
        ),
        _ => Finding::failed(
            name,
            format!("{url} refuses an allocation ({code} {reason})"),
            "see the relay's log for the reason",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::State;

    fn judged(issuer: Issuer, asked: &Asked) -> Finding {
        let entry = Entry {
            url: "turn:turn.example.org?transport=tcp".into(),
            username: "1:a".into(),
            password: "hush-hush".into(),
        };
        judge("from-", &Target::read(&entry.url).unwrap(), &entry, issuer, asked)
    }

    #[test]
    fn what_a_relay_says_is_told_with_what_to_change_and_without_the_password() {
        let at = |text: &str| text.parse::<SocketAddr>().unwrap();
        let refused = |code| Asked::Refused { code, reason: "so".into() };
        let granted = |leads| Asked::Granted { relayed: at("192.0.2.1:50000"), leads };
        let calls = at("192.0.2.9:8080");
        for (issuer, asked, state, told) in [
            (Issuer::Secret, granted(Leads::NotAsked), State::Ok, "192.0.2.1:50000"),
            (Issuer::Secret, granted(Leads::To(calls)), State::Ok, "leads to 192.0.2.9:8080"),
            (Issuer::Secret, granted(Leads::Not { to: calls, code: 403 }), State::Failed, "not relay to"),
            (Issuer::Secret, refused(401), State::Failed, "refuses the credential"),
            (Issuer::Server, refused(441), State::Failed, "refuses the credential"),
            (Issuer::Fixed, refused(401), State::Failed, "refuses the credential"),
            (Issuer::Server, refused(486), State::Warning, "no room"),
            (Issuer::Server, refused(500), State::Failed, "500 so"),
            (Issuer::Server, Asked::Silent, State::Failed, "does not answer"),
            (Issuer::Server, Asked::Unreachable("no route".into()), State::Failed, "no route"),
            (Issuer::Server, Asked::Untrusted("expired".into()), State::Failed, "expired"),
        ] {
            let found = judged(issuer, &asked);
            assert_eq!((found.state, found.name.as_str()), (state, "from-turn-tcp:3478"), "{found:?}");
            assert!(found.message.contains(told), "{told}: {found:?}");
            assert!(!format!("{found:?}").contains("hush-hush"));
        }
        let fix = judged(Issuer::Secret, &refused(401)).fix.unwrap();
        assert!(fix.contains("static-auth-secret") && fix.contains("clocks"), "{fix}");
    }
}
