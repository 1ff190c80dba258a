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
    /// Callers may come from other machines.
    pub(crate) is_open: bool,
    pub(crate) listen: SocketAddr,
    pub(crate) udp: SocketAddr,
    /// `server.public_addresses`.
    pub(crate) public: Vec<IpAddr>,
    /// Those of this host.
    pub(crate) host: Vec<IpAddr>,
    /// What our own server tells callers; none: it does not run.
    pub(crate) told: Option<Vec<IpAddr>>,
    /// The server looks for an outer address when it runs (`webrtc.stun`, `webrtc.metadata`).
    pub(crate) looks: bool,
    /// `webrtc.relay_only`.
    pub(crate) relay_only: bool,
    pub(crate) seen: Vec<Seen>,
}

impl Addresses {
    /// The known addresses among those that callers are told.
    fn known(&self) -> Vec<IpAddr> {
        if let Some(told) = &self.told {
            return told.clone();
        }
        let bound = self.udp.ip();
        // A port of IPv4 alone is not told at addresses of IPv6, and one that is bound to an address only there.
        let is_of_port = |ip: &&IpAddr| match bound.is_unspecified() {
            true => bound.is_ipv6() || ip.is_ipv4(),
            false => **ip == bound,
        };
        self.public.iter().chain(self.host.iter().filter(is_of_port)).copied().collect()
    }

    /// Whether callers may be told more once the server runs.
    fn may_find_more(&self) -> bool {
        self.looks && self.told.is_none()
    }
}

/// Tells public addresses from those that are of a network or a host alone.
pub(crate) struct Globe(PeerPolicy);

impl Globe {
    pub(crate) fn new() -> Self {
        Self(PeerPolicy::new(PeerRules { public: true, ..PeerRules::default() }))
    }

    /// Whether an address is public.
    pub(crate) fn has(&self, address: IpAddr) -> bool {
        self.0.judge(SocketAddr::new(address, 9)).is_ok()
    }
}

pub(crate) fn judge(facts: &Addresses) -> Finding {
    let Addresses { udp, public, .. } = facts;
    let globe = Globe::new();
    if facts.relay_only {
        return Finding::ok(
            NAME,
            "callers use the relay alone, and are told no address of this host (webrtc.relay_only)",
        );
    }
    if udp.ip().is_loopback() {
        let reach = "UDP is for callers on this machine alone (server.udp)";
        return if facts.is_open {
            Finding::warning(NAME, format!("{reach}, HTTP for others too"), "set server.udp to 0.0.0.0:PORT")
        } else {
            Finding::ok(NAME, reach)
        };
    }
    let mut problems: Vec<Problem> = public.iter().filter_map(|ip| unfit(*ip, &globe)).collect();
    let missing = missing(facts, &globe);
    if missing.is_some() && problems.is_empty() && facts.may_find_more() {
        let why = "the server looks for its outer address when it runs (webrtc.stun, webrtc.metadata): check again then";
        return Finding::skipped(NAME, why);
    }
    problems.extend(missing);
    Finding::of(NAME, fine(facts, &globe), problems)
}

/// What callers elsewhere would have to be told, and are not.
fn missing(facts: &Addresses, globe: &Globe) -> Option<Problem> {
    let Addresses { listen, udp, public, host, seen, .. } = facts;
    let known = facts.known();
    let is_new = |ip: &IpAddr| globe.has(*ip) && !known.contains(ip) && !host.contains(ip);
    if let Some(Seen { by, address }) = seen.iter().find(|seen| is_new(&seen.address)) {
        return Some(Problem::warning(
            format!("{by} sees this host at {address}, of which callers are not told"),
            format!(
                "if the NAT leads UDP port {} of {address} here, set server.public_addresses = [\"{address}\"]; else run a relay (docs/turn.md)",
                udp.port()
            ),
        ));
    }
    let is_reached = known.iter().any(|ip| globe.has(*ip));
    (!is_reached && public.is_empty() && !listen.ip().is_loopback()).then(|| {
        Problem::warning(
            "callers are told no address that is reached from the internet",
            "if a NAT leads the UDP port here, name the outer address in server.public_addresses, or have it found (docs/addresses.md); on a private network nothing is missing",
        )
    })
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
    let known = facts.known();
    let told: Vec<String> = known.iter().filter(|ip| globe.has(**ip)).map(IpAddr::to_string).collect();
    let of = if told.is_empty() { "its private addresses".to_owned() } else { told.join(", ") };
    let proof = facts.seen.first().map(|seen| format!("; {} sees {}", seen.by, seen.address));
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
            is_open: true,
            listen: SocketAddr::from(([0, 0, 0, 0], 443)),
            udp: SocketAddr::from(([0, 0, 0, 0], 443)),
            public: ips(public),
            host: ips(host),
            told: None,
            looks: false,
            relay_only: false,
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
            (&[], &["10.0.0.5"], &["10.0.0.5"], State::Warning, "reached from the internet"),
            (&[], &["10.0.0.5"], &[], State::Warning, "reached from the internet"),
            (&["192.168.1.2"], &["10.0.0.5"], &[], State::Warning, "192.168.1.2 is not reached"),
            (&[], &["2606:4700::1"], &["2606:4700::1"], State::Warning, "reached from the internet"),
        ] {
            let found = judge(&facts(public, host, seen));
            assert_eq!(found.state, state, "{found:?}");
            assert!(found.message.contains(told), "{told}: {found:?}");
        }
    }

    #[test]
    fn a_port_is_told_at_addresses_of_its_family_and_one_that_is_bound_at_its_own() {
        let both = facts(&[], &["8.8.4.4", "2606:4700::1"], &[]);
        for (udp, told) in [
            ("0.0.0.0:443", "callers are told 8.8.4.4"),
            ("[::]:443", "callers are told 8.8.4.4, 2606:4700::1"),
            ("[2606:4700::1]:443", "callers are told 2606:4700::1"),
        ] {
            assert_eq!(judge(&Addresses { udp: udp.parse().unwrap(), ..both.clone() }).message, told);
        }
    }

    #[test]
    fn what_our_own_server_tells_counts_and_what_it_will_find_is_no_fault_before_it_runs() {
        let hidden = Addresses { looks: true, ..facts(&[], &["10.0.0.5"], &["1.1.1.1"]) };
        assert_eq!(judge(&hidden).state, State::Skipped);
        let told = |ip: &str| Some(vec![ip.parse().unwrap()]);
        assert_eq!(judge(&Addresses { told: told("1.1.1.1"), ..hidden.clone() }).state, State::Ok);
        assert_eq!(judge(&Addresses { told: told("10.0.0.5"), ..hidden.clone() }).state, State::Warning);
        let open = Addresses { looks: true, ..facts(&[], &["8.8.4.4"], &[]) };
        assert_eq!(judge(&open).state, State::Ok);
        let relayed = Addresses { relay_only: true, looks: false, ..hidden };
        assert_eq!(judge(&relayed).state, State::Ok);
    }

    #[test]
    fn a_server_for_this_machine_alone_needs_no_public_address() {
        let local = SocketAddr::from(([127, 0, 0, 1], 8080));
        let here = Addresses { is_open: false, listen: local, udp: local, ..facts(&[], &["10.0.0.5"], &[]) };
        assert_eq!(judge(&here).state, State::Ok);
        assert_eq!(judge(&Addresses { is_open: true, ..here }).state, State::Warning, "behind a proxy");
        let half = Addresses { udp: local, ..facts(&[], &["8.8.4.4"], &[]) };
        assert_eq!(judge(&half).state, State::Warning);
        let proxied = Addresses { listen: local, ..facts(&[], &["10.0.0.5"], &[]) };
        assert_eq!(judge(&proxied).state, State::Ok);
    }
}
