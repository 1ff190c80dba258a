//! Whether callers elsewhere reach the UDP port at the addresses that they are told. Pure.

use std::net::{IpAddr, SocketAddr};

use visavis_turn::{PeerPolicy, PeerRules};

use crate::finding::{Finding, Problem};

const NAME: &str = "public-address";

/// The address from which this host is seen, and by whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) by: String,
    pub(crate) address: IpAddr,
}

/// What is configured, and what is the case.
#[derive(Debug, Clone)]
pub(crate) struct Addresses {
    pub(crate) listen: SocketAddr,
    pub(crate) udp: SocketAddr,
    /// `server.public_addresses`.
    pub(crate) public: Vec<IpAddr>,
    /// Those of this host.
    pub(crate) host: Vec<IpAddr>,
    pub(crate) seen: Vec<Seen>,
}

/// Tells public addresses from those that are of a network or a host alone.
pub(crate) struct Globe(PeerPolicy);

impl Globe {
    pub(crate) fn new() -> Self {
        Self(PeerPolicy::new(PeerRules { public: true, ..PeerRules::default() }))
    }

    /// Whether an address is reached from everywhere, as far as its number tells.
    pub(crate) fn has(&self, address: IpAddr) -> bool {
        self.0.judge(SocketAddr::new(address, 9)).is_ok()
    }
}

pub(crate) fn judge(facts: &Addresses) -> Finding {
    let Addresses { listen, udp, public, host, seen } = facts;
    let globe = Globe::new();
    if udp.ip().is_loopback() {
        let reach = "UDP is for callers on this machine alone (server.udp)";
        return if listen.ip().is_loopback() {
            Finding::ok(NAME, reach)
        } else {
            Finding::warning(NAME, format!("{reach}, HTTP for others too"), "set server.udp to 0.0.0.0:PORT")
        };
    }
    let mut problems: Vec<Problem> = public.iter().filter_map(|ip| unfit(*ip, &globe)).collect();
    let told = |ip: &IpAddr| public.contains(ip) || host.contains(ip);
    let unknown = seen.iter().find(|seen| globe.has(seen.address) && !told(&seen.address));
    if let Some(Seen { by, address }) = unknown {
        problems.push(Problem::warning(
            format!("{by} sees this host at {address}, which is neither its own address nor in server.public_addresses"),
            format!(
                "if the NAT leads UDP port {} of {address} here, set server.public_addresses = [\"{address}\"]; else run a relay (docs/turn.md)",
                udp.port()
            ),
        ));
    } else if public.is_empty() && !listen.ip().is_loopback() && !host.iter().any(|ip| globe.has(*ip)) {
        problems.push(Problem::warning(
            "this host has private addresses alone, and server.public_addresses is empty: callers on the internet are told none that they reach",
            "set it to the outer address, if a NAT leads the UDP port here; on a private network nothing is missing",
        ));
    }
    Finding::of(NAME, fine(facts, &globe), problems)
}

fn unfit(ip: IpAddr, globe: &Globe) -> Option<Problem> {
    (!globe.has(ip)).then(|| {
        Problem::warning(
            format!("server.public_addresses: {ip} is not reached from the internet"),
            "name the address at which this host is seen from outside",
        )
    })
}

fn fine(facts: &Addresses, globe: &Globe) -> String {
    let Addresses { public, host, seen, .. } = facts;
    let told = public.iter().chain(host.iter().filter(|ip| globe.has(**ip)));
    let told: Vec<String> = told.map(IpAddr::to_string).collect();
    let of = if told.is_empty() { "its private addresses".to_owned() } else { told.join(", ") };
    let proof = seen.first().map(|seen| format!("; {} sees {}", seen.by, seen.address));
    format!("callers are told {of}{}", proof.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::State;

    /// Listens everywhere; the addresses: configured, the host's, seen from outside.
    fn facts(public: &[&str], host: &[&str], seen: &[&str]) -> Addresses {
        let ips = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<IpAddr>>();
        let seen = ips(seen).into_iter().map(|address| Seen { by: "the other".into(), address });
        Addresses {
            listen: SocketAddr::from(([0, 0, 0, 0], 443)),
            udp: SocketAddr::from(([0, 0, 0, 0], 443)),
            public: ips(public),
            host: ips(host),
            seen: seen.collect(),
        }
    }

    #[test]
    fn what_callers_are_told_is_compared_with_what_is_seen() {
        for (public, host, seen, state, told) in [
            (&[][..], &["8.8.4.4"][..], &[][..], State::Ok, "told 8.8.4.4"),
            (&["8.8.4.4"], &["10.0.0.5"], &["8.8.4.4"], State::Ok, "the other sees 8.8.4.4"),
            (&["8.8.4.4"], &["10.0.0.5"], &["1.1.1.1"], State::Warning, "sees this host at 1.1.1.1"),
            (&[], &["10.0.0.5"], &["1.1.1.1"], State::Warning, "sees this host at 1.1.1.1"),
            (&[], &["10.0.0.5"], &["10.0.0.5"], State::Warning, "private addresses alone"),
            (&[], &["10.0.0.5"], &[], State::Warning, "private addresses alone"),
            (&["192.168.1.2"], &["10.0.0.5"], &[], State::Warning, "192.168.1.2 is not reached"),
            (&[], &["2606:4700::1"], &["2606:4700::1"], State::Ok, "told 2606:4700::1"),
        ] {
            let found = judge(&facts(public, host, seen));
            assert_eq!(found.state, state, "{found:?}");
            assert!(found.message.contains(told), "{told}: {found:?}");
        }
    }

    #[test]
    fn a_server_for_this_machine_alone_needs_no_public_address() {
        let local = SocketAddr::from(([127, 0, 0, 1], 8080));
        let here = Addresses { listen: local, udp: local, ..facts(&[], &["10.0.0.5"], &[]) };
        assert_eq!(judge(&here).state, State::Ok);
        let half = Addresses { udp: local, ..facts(&[], &["8.8.4.4"], &[]) };
        assert_eq!(judge(&half).state, State::Warning);
        let proxied = Addresses { listen: local, ..facts(&[], &["10.0.0.5"], &[]) };
        assert_eq!(judge(&proxied).state, State::Ok);
    }
}
