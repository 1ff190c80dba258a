//! Credentials that are no good, peers that may not be, and quotas.

use std::time::Duration;

use visavis_turn::credentials::UNKNOWN;
use visavis_turn::{Limits, Settings, Turn};

use crate::asking::Asker;
use crate::wire::Wire;
use crate::{SOON, at, credential, settings, until_allocations};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn credentials_that_are_wrong_or_expired_open_nothing() {
    let turn = Turn::start(settings(&[])).await.unwrap();
    let server = at(turn.ports().udp);
    let mut wrong = credential("ada", 600);
    wrong.password = credential("bob", 600).password;
    let mut longer = credential("ada", 600);
    longer.username = longer.username.replacen(':', "0:", 1);
    for (credential, code) in [
        (credential("ada", 600), 0),
        (wrong, 401),
        (longer, 401),
        (credential("ada", -1), 401),
        (credential("", 600), 0),
    ] {
        let mut asker = Asker::new(Wire::udp(server).await, credential);
        assert_eq!(asker.allocates().await, Some(code), "{:?}", asker.credential);
    }
    assert_eq!(turn.allocations(), 2);
    turn.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn loopback_private_networks_and_metadata_are_no_peers_over_udp_and_tcp() {
    let calls = "127.0.0.1:8080".parse().unwrap();
    let turn = Turn::start(settings(&[calls])).await.unwrap();
    let wires = [Wire::udp(at(turn.ports().udp)).await, Wire::tcp(at(turn.ports().tcp)).await];
    for wire in wires {
        let mut asker = Asker::new(wire, credential("ada", 600));
        assert_eq!(asker.allocates().await, Some(0));
        for peer in ["127.0.0.1:1", "169.254.169.254:80", "10.0.0.1:80", "192.168.1.1:80", "100.64.0.1:80"] {
            assert_eq!(asker.permits(peer).await, Some(403), "{peer}");
            assert_eq!(asker.binds(0x4000, peer).await, Some(403), "{peer}");
        }
        assert_eq!(asker.permits("[::1]:80").await, Some(443), "of another family");
        for peer in ["127.0.0.1:8080", "8.8.8.8:80"] {
            assert_eq!(asker.permits(peer).await, Some(0), "{peer}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_allocations_ends_at_the_quota_and_leaves_room_for_others() {
    let limits = Limits { allocations_per_user: 5, ..Limits::default() };
    let turn = Turn::start(Settings { limits, ..settings(&[]) }).await.unwrap();
    let server = at(turn.ports().udp);
    let mut held = Vec::new();
    for number in 0..20 {
        let mut asker = Asker::new(Wire::udp(server).await, credential("ada", 600));
        let expected = if number < 5 { 0 } else { 486 };
        assert_eq!(asker.allocates().await, Some(expected), "{number}");
        held.push(asker);
    }
    let mut bob = Asker::new(Wire::udp(server).await, credential("bob", 600));
    assert_eq!(bob.allocates().await, Some(0));
    until_allocations(&turn, 6).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn those_whom_nobody_knows_share_half_of_all_and_leave_the_rest_to_others() {
    let limits = Limits { allocations: 8, allocations_per_user: 2, ..Limits::default() };
    let turn = Turn::start(Settings { limits, ..settings(&[]) }).await.unwrap();
    let server = at(turn.ports().udp);
    let mut held = Vec::new();
    for number in 0..6 {
        // A new credential each time, as each request for one gets it.
        let mut asker = Asker::new(Wire::udp(server).await, credential(UNKNOWN, 600 + number));
        assert_eq!(asker.allocates().await, Some(if number < 4 { 0 } else { 486 }), "{number}");
        held.push(asker);
    }
    for user in ["ada", "ada", "bob", "bob"] {
        let mut asker = Asker::new(Wire::udp(server).await, credential(user, 600));
        assert_eq!(asker.allocates().await, Some(0), "{user}");
        held.push(asker);
    }
    turn.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_address_cannot_take_all_connections() {
    let limits = Limits { connections_per_address: 3, ..Limits::default() };
    let turn = Turn::start(Settings { limits, ..settings(&[]) }).await.unwrap();
    let server = at(turn.ports().tcp);
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(Wire::tcp(server).await);
    }
    // Connections are accepted in order.
    assert!(Wire::tcp(server).await.is_over(SOON).await);
    assert!(!held[2].is_over(Duration::from_millis(200)).await);
    held.pop();
    // The server notices a little later that it has gone.
    let asks = async {
        loop {
            let mut asker = Asker::new(Wire::tcp(server).await, credential("ada", 600));
            if asker.challenged().await == Some(401) {
                return asker;
            }
        }
    };
    let mut asker = tokio::time::timeout(SOON, asks).await.expect("its place is free again");
    assert_eq!(asker.allocates().await, Some(0));
}
