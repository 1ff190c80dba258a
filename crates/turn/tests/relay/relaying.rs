//! Packets go both ways, over each transport.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::net::UdpSocket;
use visavis_turn::{Limits, Settings, Turn};

use crate::driven::{Came, Driven};
use crate::wire::Wire;
use crate::{SOON, any_port, at, credential, settings, until_allocations, with_tls, write_certificate};

/// A peer that is one of our own calls.
async fn peer() -> UdpSocket {
    UdpSocket::bind(any_port()).await.unwrap()
}

/// What a peer receives, and from whom.
async fn heard(peer: &UdpSocket) -> (Vec<u8>, SocketAddr) {
    let mut memory = vec![0; 4096];
    let (length, from) = tokio::time::timeout(SOON, peer.recv_from(&mut memory)).await.unwrap().unwrap();
    memory.truncate(length);
    (memory, from)
}

/// Exchanges packets with a peer, by indications and then on a channel, and gives the allocation back.
async fn relays_both_ways(turn: &Turn, wire: Wire, server: SocketAddr, peer: &UdpSocket) {
    let to = peer.local_addr().unwrap();
    let mut client = Driven::new(wire, server, credential("ada", 600));
    let relayed = client.allocate().await.unwrap();
    assert_eq!(turn.allocations(), 1);
    client.permit(relayed, to).await.unwrap();
    client.send(relayed, to, b"first").await;
    assert_eq!(heard(peer).await, (b"first".to_vec(), relayed));
    peer.send_to(b"answer", relayed).await.unwrap();
    let mut came = client.data().await;
    assert_eq!((came.from, came.data.as_slice()), (to, &b"answer"[..]));
    // The client has bound a channel meanwhile; lengths that need padding and that need none.
    for length in [1, 2, 3, 4, 1200] {
        let data = vec![b'x'; length];
        client.send(relayed, to, &data).await;
        assert_eq!(heard(peer).await, (data.clone(), relayed));
        peer.send_to(&data, relayed).await.unwrap();
        came = client.data().await;
        assert_eq!(came, Came { from: to, data, on_channel: true });
    }
    client.close(relayed).await;
    until_allocations(turn, 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_exchanges_packets_with_our_own_call_over_udp_tcp_and_tls() {
    let peer = peer().await;
    let tls = with_tls(&[peer.local_addr().unwrap()]);
    let turn = Turn::start(tls.settings).await.unwrap();
    let ports = turn.ports().clone();
    let udp = at(ports.udp);
    relays_both_ways(&turn, Wire::udp(udp).await, udp, &peer).await;
    let tcp = at(ports.tcp);
    relays_both_ways(&turn, Wire::tcp(tcp).await, tcp, &peer).await;
    let secure = at(ports.tls.first().copied());
    relays_both_ways(&turn, Wire::tls(secure, &tls.certificate).await, secure, &peer).await;
    turn.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_of_another_listener_is_served_like_our_own() {
    let peer = peer().await;
    let turn = Turn::start(settings(&[peer.local_addr().unwrap()])).await.unwrap();
    let (ours, theirs) = tokio::io::duplex(4096);
    let served = turn.clone();
    let from: SocketAddr = "192.0.2.1:5000".parse().unwrap();
    let serving = tokio::spawn(async move { served.serve(theirs, from).await });
    relays_both_ways(&turn, Wire::over(ours), "127.0.0.1:443".parse().unwrap(), &peer).await;
    // The client's side was dropped.
    tokio::time::timeout(SOON, serving).await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_allocation_ends_with_its_connection() {
    let peer = peer().await;
    let turn = Turn::start(settings(&[peer.local_addr().unwrap()])).await.unwrap();
    let server = at(turn.ports().tcp);
    let mut client = Driven::new(Wire::tcp(server).await, server, credential("ada", 600));
    client.allocate().await.unwrap();
    drop(client);
    until_allocations(&turn, 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_that_is_replaced_is_used_without_a_restart() {
    let tls = with_tls(&[]);
    let port = tls.settings.tls.clone().unwrap();
    let turn = Turn::start(tls.settings).await.unwrap();
    let server = at(turn.ports().tls.first().copied());
    Wire::tls(server, &tls.certificate).await;
    std::fs::write(&port.key, "half a key").unwrap();
    // It is looked at meanwhile.
    tokio::time::sleep(Duration::from_millis(200)).await;
    Wire::tls(server, &tls.certificate).await;
    let new = write_certificate(&port);
    let renewed = async {
        while Wire::try_tls(server, &new).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(4 * SOON, renewed).await.expect("a new connection is shown the new certificate");
    assert!(Wire::try_tls(server, &tls.certificate).await.is_err(), "the one before is shown no more");
    drop(tls.folder);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_could_be_waited_for_holds_up_no_connection() {
    let tls = with_tls(&[]);
    let port = tls.settings.tls.clone().unwrap();
    let turn = Turn::start(tls.settings).await.unwrap();
    let server = at(turn.ports().tls.first().copied());
    std::fs::remove_file(&port.key).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(&port.key).status().unwrap().success());
    tokio::time::sleep(Duration::from_millis(200)).await;
    for _ in 0..3 {
        let connected = tokio::time::timeout(4 * SOON, Wire::tls(server, &tls.certificate)).await;
        assert!(connected.is_ok(), "the certificate before is shown at once");
    }
    turn.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_allocation_relays_in_a_second_is_limited() {
    let peer = peer().await;
    let limits = Limits { bytes_per_second: 20_000, ..Limits::default() };
    let to = peer.local_addr().unwrap();
    let turn = Turn::start(Settings { limits, ..settings(&[to]) }).await.unwrap();
    let server = at(turn.ports().udp);
    let mut client = Driven::new(Wire::udp(server).await, server, credential("ada", 600));
    let relayed = client.allocate().await.unwrap();
    client.permit(relayed, to).await.unwrap();
    let began = Instant::now();
    for _ in 0..100 {
        client.send(relayed, to, &[7; 1000]).await;
    }
    let (mut count, mut took) = (0, Duration::ZERO);
    let mut memory = vec![0; 4096];
    while tokio::time::timeout(Duration::from_secs(1), peer.recv(&mut memory)).await.is_ok() {
        (count, took) = (count + 1, began.elapsed());
    }
    // On a busy machine they may take longer than a second, in which another 20 go through.
    let most = 40 + 20 * took.as_secs();
    assert!((15..=most).contains(&count), "{count} of 100 packets in {took:?}");
}
