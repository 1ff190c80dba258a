//! The relay for clients that cannot reach the UDP port, as configured: our own TURN server, the credentials of another, or none.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use anyhow::Context;
use async_trait::async_trait;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use visavis_turn::{
    Limits, OwnMedia, PeerPolicy, PeerRange, PeerRules, Ports, Settings, SharedSecret, TlsPort, Turn,
    addresses,
};

use crate::api::ice::{IceServers, Place, Relay};
use crate::config::{self, Config};
use crate::descriptors::{self, Shares};
use crate::tls;
use crate::transport::streams::{BoxedStream, StreamHandler};
use crate::transport::webrtc::{Candidate, WebRtcHost};

/// The relay of a server.
pub struct Started {
    /// Our own, if it runs.
    pub turn: Option<Turn>,
    /// What clients are told.
    pub ice: IceServers,
}

/// The relay as what serves streams of the HTTP listener.
pub struct OfListener(pub Turn);

#[async_trait]
impl StreamHandler for OfListener {
    async fn serve(&self, stream: BoxedStream, peer: SocketAddr) {
        self.0.serve(stream, peer).await;
    }
}

/// Starts what the configuration asks for. `shares`: how many sockets it may have. `calls`: the port of calls, to which our own relay
/// leads. `https`: the port of the HTTP listener, which passes streams on, if it has TLS of its own; without, a proxy may stand before
/// it that passes on HTTP alone.
///
/// # Errors
/// If a port is in use or a certificate cannot be read.
pub async fn start(
    config: &Config,
    shares: Shares,
    calls: Option<&WebRtcHost>,
    https: Option<u16>,
) -> anyhow::Result<Started> {
    let config::Turn { enabled, urls, host, credential_seconds, .. } = &config.turn;
    let fixed = config.server.ice_servers.clone();
    let relay_only = config.webrtc.relay_only;
    if !enabled && urls.is_empty() {
        return Ok(Started { turn: None, ice: IceServers::new(fixed, None).alone(relay_only) });
    }
    let secret = match secret(config)? {
        Some(secret) => secret,
        None => SharedSecret::random().context("no secret can be made for the relay")?,
    };
    let turn = if *enabled {
        Some(Turn::start(settings(config, secret.clone(), shares, calls)?).await?)
    } else {
        None
    };
    if let Some(turn) = &turn {
        announce(turn.ports());
        if let Some(calls) = calls {
            let known =
                Known { local: calls.local_addr(), host: addresses::of_host(), outer: all_outer(config) };
            tokio::spawn(follow(turn.clone(), known, calls.address_changes()));
        }
    }
    let place = match &turn {
        Some(turn) if urls.is_empty() => {
            let ports = Ports { https, ..turn.ports().clone() };
            Place::Own { host: host.clone(), ports }
        }
        _ => Place::Urls(urls.clone()),
    };
    let relay = Relay { place, secret, credential_seconds: *credential_seconds };
    Ok(Started { turn, ice: IceServers::new(fixed, Some(relay)).alone(relay_only) })
}

/// Runs the relay without a server, until `stop` is cancelled.
///
/// # Errors
/// If it has no secret, a port is in use, or a certificate cannot be read.
pub async fn alone(config: &Config, stop: CancellationToken) -> anyhow::Result<()> {
    let secret = secret(config)?.context(
        "turn.secret: a relay without a server needs the secret of the server that hands out its credentials; \
         set it, secret_file or VISAVIS_TURN_SECRET",
    )?;
    anyhow::ensure!(
        config.turn.public_peers || !config.turn.allowed_peers.is_empty(),
        "turn.allowed_peers: name the calls' port as address:port, or set turn.public_peers; else this relay leads nowhere"
    );
    let shares = descriptors::grant(Shares::of_relay(config));
    let turn = Turn::start(settings(config, secret, shares, None)?).await?;
    announce(turn.ports());
    stop.cancelled().await;
    turn.stop().await;
    tracing::info!("stopped");
    Ok(())
}

fn announce(ports: &Ports) {
    let Ports { udp, tcp, tls, .. } = ports;
    tracing::info!(?udp, ?tcp, ?tls, "the TURN relay is listening");
}

/// The configured secret.
fn secret(config: &Config) -> anyhow::Result<Option<SharedSecret>> {
    let secret = config.turn.shared_secret().map_err(anyhow::Error::msg)?;
    let given = (!secret.is_empty()).then(|| SharedSecret::new(secret.expose()));
    given.transpose().context("turn.secret")
}

fn settings(
    config: &Config,
    secret: SharedSecret,
    shares: Shares,
    calls: Option<&WebRtcHost>,
) -> anyhow::Result<Settings> {
    let config::Turn { listen, tls_listen, tls_cert, tls_key, .. } = &config.turn;
    let turn = &config.turn;
    let outer = outer(config);
    let host = addresses::of_host();
    let own = |calls: &WebRtcHost| own_media(&calls.addresses(), calls.local_addr(), &host);
    let rules = PeerRules {
        own_media: calls.map(own).unwrap_or_default(),
        denied: ranges("turn.denied_peers", &turn.denied_peers)?,
        allowed: ranges("turn.allowed_peers", &turn.allowed_peers)?,
        own_addresses: host.iter().copied().chain(all_outer(config)).collect(),
        public: turn.public_peers,
    };
    let (certificate, key) = (tls_cert.clone(), tls_key.clone());
    let tls = TlsPort { listen: *tls_listen, certificate, key, look: tls::LOOK };
    Ok(Settings {
        udp: Some(*listen),
        tcp: Some(*listen),
        tls: turn.has_tls().then_some(tls),
        relays: addresses::relays(turn.relay_address, outer, turn.first_port..=turn.last_port),
        secret,
        policy: PeerPolicy::new(rules),
        limits: Limits {
            allocations: shares.allocations,
            allocations_per_user: turn.allocations_per_user,
            bytes_per_second: turn.bytes_per_second,
            connections: shares.relay_connections,
            connections_per_address: turn.connections_per_address,
        },
    })
}

/// The relay's outer addresses, as configured.
fn outer(config: &Config) -> &[IpAddr] {
    match config.turn.public_addresses.as_slice() {
        [] => &config.server.public_addresses,
        own => own,
    }
}

/// All outer addresses of this host, as configured: behind each of them are its other services, which are no peers.
fn all_outer(config: &Config) -> Vec<IpAddr> {
    let (relays, calls) = (&config.turn.public_addresses, &config.server.public_addresses);
    relays.iter().chain(calls).copied().collect()
}

/// What is known of this host's addresses.
struct Known {
    /// Where the port of calls is bound.
    local: SocketAddr,
    /// Those of its interfaces, as they were listed last.
    host: Vec<IpAddr>,
    /// The outer addresses, as configured.
    outer: Vec<IpAddr>,
}

impl Known {
    /// Takes what the system lists now. A list that is empty is a failure: what was known stays, since the relay keeps clients from it.
    fn listed(&mut self, host: Vec<IpAddr>) {
        if !host.is_empty() {
            self.host = host;
        }
    }

    /// This host's addresses: no peers, but for the port of calls.
    fn own_addresses(&self, told: &[SocketAddr]) -> Vec<IpAddr> {
        let told = told.iter().map(SocketAddr::ip);
        self.host.iter().copied().chain(told).chain(self.outer.iter().copied()).collect()
    }
}

/// Tells the relay of this host's addresses whenever they change, until the port of calls is closed.
async fn follow(turn: Turn, mut known: Known, mut changes: watch::Receiver<Vec<Candidate>>) {
    // What has changed since the relay was started counts as well.
    changes.mark_changed();
    let over_udp = |candidate: &Candidate| candidate.is_udp().then_some(candidate.address);
    while changes.changed().await.is_ok() {
        let told: Vec<SocketAddr> = changes.borrow_and_update().iter().filter_map(over_udp).collect();
        known.listed(addresses::of_host());
        turn.set_own(own_media(&told, known.local, &known.host), known.own_addresses(&told));
    }
}

fn ranges(key: &str, texts: &[String]) -> anyhow::Result<Vec<PeerRange>> {
    texts.iter().map(|text| text.parse::<PeerRange>().with_context(|| key.to_owned())).collect()
}

/// The port of calls as clients are told of it, and where the relay finds it: an outer address of a 1:1 NAT is often not reached from
/// inside, so packets for it go to the first of the host's own addresses in its family, or to where the port is bound (`local`), which
/// may be loopback.
fn own_media(told: &[SocketAddr], local: SocketAddr, host: &[IpAddr]) -> Vec<OwnMedia> {
    let is_here = |address: &SocketAddr| host.contains(&address.ip()) || address.ip().is_loopback();
    let reach = |outer: SocketAddr| {
        if is_here(&outer) {
            return outer;
        }
        let inner = told.iter().copied().find(|own| own.is_ipv4() == outer.is_ipv4() && is_here(own));
        let loopback: IpAddr =
            if outer.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() };
        let is_bound = !local.ip().is_unspecified() && local.is_ipv4() == outer.is_ipv4();
        inner.unwrap_or(if is_bound { local } else { SocketAddr::new(loopback, local.port()) })
    };
    told.iter().map(|told| OwnMedia { told: *told, reach: reach(*told) }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_outer_address_is_forgotten_nor_the_hosts_own_where_the_system_lists_none() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let mut config = Config::default();
        config.server.public_addresses = vec![ip("203.0.113.9")];
        config.turn.public_addresses = vec![ip("203.0.113.10")];
        let (local, host) = (SocketAddr::from(([0, 0, 0, 0], 8080)), vec![ip("10.0.0.5")]);
        let mut known = Known { local, host, outer: all_outer(&config) };
        known.listed(Vec::new());
        // With the relay alone, clients are told an address that is nobody's.
        let own = known.own_addresses(&[SocketAddr::new(ip("192.0.0.8"), 8080)]);
        assert_eq!(own, ["10.0.0.5", "192.0.0.8", "203.0.113.10", "203.0.113.9"].map(ip));
        known.listed(vec![ip("10.0.0.6")]);
        assert_eq!(known.own_addresses(&[]), ["10.0.0.6", "203.0.113.10", "203.0.113.9"].map(ip));
    }

    #[test]
    fn our_own_calls_are_reached_inside_also_by_their_outer_address() {
        let at = |text: &str| text.parse::<SocketAddr>().unwrap();
        let host: Vec<IpAddr> =
            ["127.0.0.1", "10.0.0.5", "fd00::5"].map(|text| text.parse().unwrap()).to_vec();
        let told = ["203.0.113.9:8080", "10.0.0.5:8080", "[fd00::5]:8080", "127.0.0.1:8080"].map(at);
        let anywhere = at("0.0.0.0:8080");
        let reached = own_media(&told, anywhere, &host).into_iter().map(|own| own.reach);
        let inside = ["10.0.0.5:8080", "10.0.0.5:8080", "[fd00::5]:8080", "127.0.0.1:8080"].map(at);
        assert_eq!(reached.collect::<Vec<_>>(), inside);
        let alone = own_media(&[at("203.0.113.9:8080"), at("[2001:db8::9]:8080")], anywhere, &host);
        assert_eq!(alone[0].reach, at("127.0.0.1:8080"));
        assert_eq!(alone[1].reach, at("[::1]:8080"));
        // Nobody's address, which clients are told where they may use the relay alone.
        let hidden = [at("192.0.0.8:8080")];
        assert_eq!(own_media(&hidden, anywhere, &host)[0].reach, at("127.0.0.1:8080"));
        assert_eq!(own_media(&hidden, at("10.0.0.5:8080"), &host)[0].reach, at("10.0.0.5:8080"));
    }
}
