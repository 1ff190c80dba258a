//! A relay, asked for an allocation that is given back at once, and a STUN server, asked from where it sees us.
//!
//! - `wire`: the way there, over UDP, TCP or TLS; `asker`: requests and answers; `messages`: their form

mod asker;
mod messages;
mod wire;

use std::net::SocketAddr;
use std::time::Duration;

use rtc_turn::proto::peeraddr::PeerAddress;

use crate::judge::relays::{Entry, Target};
use crate::judge::turn::{Asked, Leads};
use asker::{Answer, Asker};
use wire::{NoWay, Wire};

/// How long a name may take to be looked up.
const LOOK_UP: Duration = Duration::from_secs(5);
/// Most addresses of our calls of which one has to be a peer.
const MOST_PEERS: usize = 4;

/// Opens an allocation and gives it back. `calls`: addresses of the port of calls, to which the relay should lead.
pub(crate) async fn ask(target: &Target, entry: &Entry, calls: &[SocketAddr]) -> Asked {
    match asked(target, entry, calls).await {
        Ok(asked) => asked,
        Err(NoWay::Silent) => Asked::Silent,
        Err(NoWay::Broken(why)) => Asked::Unreachable(why),
        Err(NoWay::Untrusted(why)) => Asked::Untrusted(why),
    }
}

async fn asked(target: &Target, entry: &Entry, calls: &[SocketAddr]) -> Result<Asked, NoWay> {
    let server = resolve(target).await?;
    let wire = Wire::open(target.transport, &target.host, server).await?;
    let mut asker = Asker::new(wire, entry)?;
    let relayed = match asker.allocate().await? {
        Answer::Granted(message) => {
            messages::relayed(&message).ok_or_else(|| NoWay::odd("no relayed address"))?
        }
        Answer::Refused { code, reason } => return Ok(Asked::Refused { code, reason }),
    };
    let leads = leads(&mut asker, relayed, calls).await?;
    // An allocation that is not given back ends by itself.
    _ = asker.give_back().await;
    Ok(Asked::Granted { relayed, leads })
}

/// Whether a relay passes packets on to one of these addresses; those of another family are skipped.
async fn leads(asker: &mut Asker, relayed: SocketAddr, calls: &[SocketAddr]) -> Result<Leads, NoWay> {
    let mut last = Leads::NotAsked;
    for to in calls.iter().copied().filter(|to| to.is_ipv4() == relayed.is_ipv4()).take(MOST_PEERS) {
        let peer = PeerAddress { ip: to.ip(), port: to.port() };
        match asker.permit(peer).await? {
            Answer::Granted(_) => return Ok(Leads::To(to)),
            Answer::Refused { code, .. } => last = Leads::Not { to, code },
        }
    }
    Ok(last)
}

/// The address from which a STUN server sees this host; none: it does not tell.
pub(crate) async fn seen_by(target: &Target) -> Option<SocketAddr> {
    let server = resolve(target).await.ok()?;
    let wire = Wire::open(target.transport, &target.host, server).await.ok()?;
    messages::mapped(&asker::bind(wire).await.ok()?)
}

async fn resolve(target: &Target) -> Result<SocketAddr, NoWay> {
    let Target { host, port, .. } = target;
    let looked = tokio::time::timeout(LOOK_UP, tokio::net::lookup_host((host.as_str(), *port))).await;
    let unknown = |why: String| NoWay::Broken(format!("the name {host} is not found: {why}"));
    let found = looked.map_err(|_| unknown("no answer in time".to_owned()))?;
    let mut found = found.map_err(|error| unknown(error.to_string()))?;
    found.next().ok_or_else(|| unknown("it has no address".to_owned()))
}

#[cfg(test)]
mod tests {
    use std::time::{SystemTime, UNIX_EPOCH};

    use visavis_turn::{Limits, OwnMedia, PeerPolicy, PeerRules, Settings, SharedSecret, Turn, addresses};

    use super::*;
    use crate::judge::relays::Transport;

    const SECRET: &str = "a-secret-of-these-tests";

    fn local(port: u16) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    /// A relay that leads to this port of calls.
    async fn relay(calls: SocketAddr) -> Turn {
        let own_media = vec![OwnMedia { told: calls, reach: calls }];
        let settings = Settings {
            udp: Some(local(0)),
            tcp: Some(local(0)),
            tls: None,
            relays: addresses::relays(local(0).ip(), &[], 49_152..=65_535),
            secret: SharedSecret::new(SECRET).unwrap(),
            policy: PeerPolicy::new(PeerRules { own_media, ..PeerRules::default() }),
            limits: Limits::default(),
        };
        Turn::start(settings).await.unwrap()
    }

    fn entry(secret: &str) -> Entry {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let made = SharedSecret::new(secret).unwrap().issue("ada", now + 600).unwrap();
        Entry { url: String::new(), username: made.username, password: made.password }
    }

    fn target(transport: Transport, port: u16) -> Target {
        Target { host: "127.0.0.1".into(), port, transport }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_relay_is_asked_over_udp_and_tcp_and_has_no_allocation_afterwards() {
        let calls = local(8080);
        let turn = relay(calls).await;
        let ports = turn.ports().clone();
        for (transport, port) in [(Transport::Udp, ports.udp), (Transport::Tcp, ports.tcp)] {
            let target = target(transport, port.unwrap());
            let asked = ask(&target, &entry(SECRET), &[calls]).await;
            assert!(matches!(asked, Asked::Granted { leads: Leads::To(to), .. } if to == calls), "{asked:?}");
            let other = local(9999);
            let asked = ask(&target, &entry(SECRET), &[other]).await;
            let refused =
                matches!(asked, Asked::Granted { leads: Leads::Not { to, code: 403 }, .. } if to == other);
            assert!(refused, "{asked:?}");
            let asked = ask(&target, &entry("another-secret-of-others"), &[]).await;
            assert!(matches!(asked, Asked::Refused { code: 401, .. }), "{asked:?}");
        }
        for _ in 0..500 {
            if turn.allocations() == 0 {
                return turn.stop().await;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{} allocations are left", turn.allocations());
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_stun_server_tells_the_address_that_it_sees() {
        let turn = relay(local(8080)).await;
        let seen = seen_by(&target(Transport::Udp, turn.ports().udp.unwrap())).await;
        assert_eq!(seen.map(|seen| seen.ip()), Some(local(0).ip()));
        turn.stop().await;
    }

    #[tokio::test]
    async fn a_port_where_nothing_answers_is_told_as_such() {
        let silent = tokio::net::UdpSocket::bind(local(0)).await.unwrap();
        let port = silent.local_addr().unwrap().port();
        assert_eq!(ask(&target(Transport::Udp, port), &entry(SECRET), &[]).await, Asked::Silent);
        // Bound, so that no other socket is given the port, and not listening.
        let closed = tokio::net::TcpSocket::new_v4().unwrap();
        closed.bind(local(0)).unwrap();
        let port = closed.local_addr().unwrap().port();
        let asked = ask(&target(Transport::Tcp, port), &entry(SECRET), &[]).await;
        assert!(matches!(asked, Asked::Unreachable(_)), "{asked:?}");
    }
}
