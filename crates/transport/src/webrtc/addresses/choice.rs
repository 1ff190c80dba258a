//! Which addresses clients are told. Pure.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::interface::{Device, Interface};
use super::scope::Scope;
use super::{AddressRules, Candidate, CandidateKind, OuterRule};

/// Addresses that clients are told; a host with more uses the first ones.
const MOST: usize = 12;

/// The same of the TCP port.
const MOST_TCP: usize = 4;

/// What clients are told, and what they are not.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Choice {
    /// Best first.
    pub(super) candidates: Vec<Candidate>,
    pub(super) left_out: Vec<LeftOut>,
}

/// An address that clients are not told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LeftOut {
    pub(super) name: String,
    pub(super) ip: IpAddr,
    pub(super) why: Reason,
}

/// Why clients are not told an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    Nobody,
    Loopback,
    Link,
    UniqueLocal,
    Containers,
    Down,
    Family,
    Temporary,
    Deprecated,
    Tentative,
    Replaced,
    TooMany,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nobody => "it is no address of a host",
            Self::Loopback => "it leads to the client's own host",
            Self::Link => "it reaches one link only",
            Self::UniqueLocal => "it leads nowhere outside of a site (webrtc.unique_local)",
            Self::Containers => "it is the host's side of a network of containers",
            Self::Down => "its device is down",
            Self::Family => "the port is open for IPv4 only (server.udp)",
            Self::Temporary => "it is a temporary address",
            Self::Deprecated => "it is a deprecated address",
            Self::Tentative => "it is not in use yet, or another host has it",
            Self::Replaced => "an outer address takes its place (webrtc.nat)",
            Self::TooMany => "there are too many better ones",
        })
    }
}

/// How good an address is, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Global,
    Private,
    Tunnel,
    UniqueLocal,
}

/// An address of this host that clients could use.
struct Own<'a> {
    interface: &'a Interface,
    rank: Rank,
}

/// Which addresses clients are told of a port that is bound to `local`, best first. `outer`: the port's outer addresses, as far as they
/// are known.
pub(super) fn choose(
    interfaces: &[Interface],
    local: SocketAddr,
    rules: &AddressRules,
    outer: &[SocketAddr],
) -> Choice {
    let at = |ip: IpAddr| SocketAddr::new(ip, local.port());
    if let Some(relayed) = &rules.relayed {
        let relay = |ip: &IpAddr| Candidate { kind: CandidateKind::Relay, address: at(*ip) };
        return Choice { candidates: relayed.iter().map(relay).collect(), left_out: Vec::new() };
    }
    let mut left_out = Vec::new();
    let mut inner: Vec<SocketAddr> = Vec::new();
    if local.ip().is_unspecified() {
        let mut own = usable(interfaces, local.is_ipv6(), rules, &mut left_out);
        let is_public = !outer.is_empty() || own.iter().any(|own| own.rank == Rank::Global);
        if rules.outer == OuterRule::Replace {
            own.retain(|own| keeps(own, outer, &mut left_out));
        }
        inner.extend(own.iter().map(|own| at(own.interface.ip)));
        if !is_public {
            // A browser on this host, or behind a tunnel to it, uses loopback.
            inner.push(at(Ipv4Addr::LOCALHOST.into()));
        }
    } else {
        inner.push(local);
    }
    let mut choice = Choice { candidates: ordered(&inner, outer, rules.outer), left_out };
    limit(&mut choice, interfaces);
    if let Some(listen) = rules.tcp {
        let passive = passive(&choice.candidates, listen);
        choice.candidates.extend(passive);
    }
    choice
}

/// The host's addresses that a client elsewhere could use, best first.
fn usable<'a>(
    interfaces: &'a [Interface],
    v6: bool,
    rules: &AddressRules,
    left_out: &mut Vec<LeftOut>,
) -> Vec<Own<'a>> {
    let mut own = Vec::new();
    let mut wires = Vec::new();
    for interface in interfaces {
        match judge(interface, v6, rules) {
            Ok(rank) if interface.device() == Device::Wire => wires.push(Own { interface, rank }),
            Ok(rank) => own.push(Own { interface, rank }),
            Err(why) => left_out.push(omitted(interface, why)),
        }
    }
    if own.is_empty() {
        // In a namespace of its own a server has nothing else.
        own = wires;
    } else {
        left_out.extend(wires.iter().map(|wire| omitted(wire.interface, Reason::Containers)));
    }
    own.sort_by_key(|own| own.rank);
    own
}

/// How good an address is.
///
/// # Errors
/// If no client elsewhere could use it: why.
fn judge(interface: &Interface, v6: bool, rules: &AddressRules) -> Result<Rank, Reason> {
    let Interface { ip, link, state, .. } = interface;
    let (scope, device) = (Scope::of(*ip), interface.device());
    let faults = [
        (ip.is_ipv6() && !v6, Reason::Family),
        (scope == Scope::Nobody, Reason::Nobody),
        (scope == Scope::Loopback || device == Device::Loopback, Reason::Loopback),
        (scope == Scope::Link, Reason::Link),
        (device == Device::Containers, Reason::Containers),
        (link.is_down, Reason::Down),
        (state.is_tentative, Reason::Tentative),
        (state.is_deprecated, Reason::Deprecated),
        (state.is_temporary, Reason::Temporary),
        (scope == Scope::UniqueLocal && !rules.unique_local, Reason::UniqueLocal),
    ];
    if let Some((_, why)) = faults.into_iter().find(|(is_so, _)| *is_so) {
        return Err(why);
    }
    Ok(match (scope, device) {
        (Scope::Global, _) => Rank::Global,
        (Scope::UniqueLocal, _) => Rank::UniqueLocal,
        (_, Device::Tunnel) => Rank::Tunnel,
        (_, _) => Rank::Private,
    })
}

fn omitted(interface: &Interface, why: Reason) -> LeftOut {
    LeftOut { name: interface.name.clone(), ip: interface.ip, why }
}

/// Whether an address stays beside outer ones that replace the private ones of their family.
fn keeps(own: &Own<'_>, outer: &[SocketAddr], left_out: &mut Vec<LeftOut>) -> bool {
    let ip = own.interface.ip;
    let is_replaced = own.rank != Rank::Global && outer.iter().any(|outer| outer.is_ipv4() == ip.is_ipv4());
    if is_replaced {
        left_out.push(omitted(own.interface, Reason::Replaced));
    }
    !is_replaced
}

/// The candidates in their order, each address once.
fn ordered(inner: &[SocketAddr], outer: &[SocketAddr], rule: OuterRule) -> Vec<Candidate> {
    let own = inner.iter().copied().map(Candidate::host);
    let all: Vec<Candidate> = match rule {
        OuterRule::First | OuterRule::Replace => {
            outer.iter().copied().map(Candidate::host).chain(own).collect()
        }
        OuterRule::Reflexive => own.chain(outer.iter().map(|outer| reflexive(*outer, inner))).collect(),
    };
    let mut candidates: Vec<Candidate> = Vec::with_capacity(all.len());
    for candidate in all {
        if candidates.iter().all(|other| other.address != candidate.address) {
            candidates.push(candidate);
        }
    }
    candidates
}

/// An outer address behind the first of the host's own in its family; without one there, the host's own.
fn reflexive(outer: SocketAddr, inner: &[SocketAddr]) -> Candidate {
    let base = inner.iter().find(|inner| inner.is_ipv4() == outer.is_ipv4());
    let kind = base.map_or(CandidateKind::Host, |base| CandidateKind::Reflexive(*base));
    Candidate { kind, address: outer }
}

/// The addresses of the TCP port: those of the UDP port that it has as well.
fn passive(candidates: &[Candidate], listen: SocketAddr) -> Vec<Candidate> {
    let is_open = |ip: IpAddr| match listen.ip() {
        any if any.is_unspecified() => ip.is_ipv4() || listen.is_ipv6(),
        own => own == ip,
    };
    let hosts = candidates.iter().filter(|candidate| candidate.kind == CandidateKind::Host);
    let mut open: Vec<IpAddr> = Vec::new();
    for ip in hosts.map(|candidate| candidate.address.ip()).filter(|ip| is_open(*ip)) {
        // Over UDP an outer address may have two ports: the configured one, and the one that a NAT has chosen.
        if open.len() < MOST_TCP && !open.contains(&ip) {
            open.push(ip);
        }
    }
    let address = |ip| SocketAddr::new(ip, listen.port());
    open.into_iter().map(|ip| Candidate { kind: CandidateKind::Passive, address: address(ip) }).collect()
}

/// Leaves out what is too much.
fn limit(choice: &mut Choice, interfaces: &[Interface]) {
    if choice.candidates.len() <= MOST {
        return;
    }
    for candidate in choice.candidates.split_off(MOST) {
        let ip = candidate.address.ip();
        let interface = interfaces.iter().find(|interface| interface.ip == ip);
        let name = interface.map_or_else(String::new, |interface| interface.name.clone());
        choice.left_out.push(LeftOut { name, ip, why: Reason::TooMany });
    }
}

#[cfg(test)]
mod tests;
