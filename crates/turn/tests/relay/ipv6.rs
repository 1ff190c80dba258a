//! The relay over IPv6: clients, relayed addresses and peers.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use tokio::net::UdpSocket;
use visavis_turn::{Settings, Turn, addresses};

use crate::asking::Asker;
use crate::wire::Wire;
use crate::{SOON, credential, settings};

/// A number that clients may give a channel.
const CHANNEL: u16 = 0x4000;

/// What one side sends the other.
const DATA: &[u8; 8] = b"a packet";

fn own(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv6Addr::LOCALHOST, port))
}

/// What travels between client and relay for a packet on the channel.
fn on_channel(data: &[u8; 8]) -> Vec<u8> {
    let length = u16::try_from(data.len()).unwrap();
    [&CHANNEL.to_be_bytes()[..], &length.to_be_bytes(), data].concat()
}

/// Exchanges packets with a peer, on a channel.
async fn relays_both_ways(wire: Wire, peer: &UdpSocket) {
    let mut asker = Asker::new(wire, credential("ada", 600));
    assert_eq!(asker.allocates_v6().await, Some(0));
    let relayed = asker.relayed.expect("it was told");
    assert_eq!(relayed.ip(), IpAddr::from(Ipv6Addr::LOCALHOST));
    let to = peer.local_addr().unwrap();
    assert_eq!(asker.binds(CHANNEL, &to.to_string()).await, Some(0));
    asker.wire.send(&on_channel(DATA)).await;
    let mut memory = [0; 64];
    let (length, from) = tokio::time::timeout(SOON, peer.recv_from(&mut memory)).await.unwrap().unwrap();
    assert_eq!((&memory[..length], from), (&DATA[..], relayed));
    peer.send_to(DATA, relayed).await.unwrap();
    assert_eq!(asker.wire.receive(SOON).await, Some(on_channel(DATA)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_exchanges_packets_with_our_own_call_over_ipv6() {
    let Ok(peer) = UdpSocket::bind(own(0)).await else {
        eprintln!("SKIPPED: this machine has no IPv6, not even on loopback");
        return;
    };
    let settings = Settings {
        udp: Some(own(0)),
        tcp: Some(own(0)),
        relays: addresses::relays(IpAddr::from(Ipv6Addr::LOCALHOST), &[], 49_152..=65_535),
        ..settings(&[peer.local_addr().unwrap()])
    };
    let turn = Turn::start(settings).await.unwrap();
    let ports = turn.ports().clone();
    relays_both_ways(Wire::udp(own(ports.udp.unwrap())).await, &peer).await;
    relays_both_ways(Wire::tcp(own(ports.tcp.unwrap())).await, &peer).await;

    let mut asker = Asker::new(Wire::udp(own(ports.udp.unwrap())).await, credential("bob", 600));
    assert_eq!(asker.allocates().await, Some(440), "there is no relayed address of IPv4");
    assert_eq!(asker.allocates_v6().await, Some(0));
    for other in ["[::1]:80", "[fe80::1]:80", "[fd00::1]:80", "[fd00:ec2::254]:80", "[ff02::1]:80"] {
        assert_eq!(asker.permits(other).await, Some(403), "{other}");
    }
    assert_eq!(asker.permits("127.0.0.1:80").await, Some(443), "of another family");
    turn.stop().await;
}
