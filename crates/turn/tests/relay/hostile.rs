//! Garbage, at the UDP port and on connections.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use rtc_stun::message::{METHOD_ALLOCATE, METHOD_BINDING, METHOD_CREATE_PERMISSION, METHOD_REFRESH};
use visavis_turn::Turn;

use crate::asking::{Asker, plain, udp};
use crate::wire::Wire;
use crate::{at, credential, settings};

/// Bytes of the headers of IP and UDP.
const HEADERS: usize = 28;

/// Resident memory of this process in KiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or_default()
}

/// A message that is damaged somewhere.
fn damaged(random: &mut StdRng, whole: &[Vec<u8>]) -> Vec<u8> {
    let mut message = whole[random.random_range(0..whole.len())].clone();
    match random.random_range(0..5) {
        0 => message.truncate(random.random_range(0..message.len())),
        1 => message.extend((0..random.random_range(1..1500)).map(|_| random.random::<u8>())),
        2 => message = (0..random.random_range(0..1500)).map(|_| random.random()).collect(),
        _ => {
            for _ in 0..random.random_range(1..6) {
                let at = random.random_range(0..message.len());
                message[at] = random.random();
            }
        }
    }
    message
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_malformed_packets_get_no_large_answer_and_leave_the_server_as_it_was() {
    let turn = Turn::start(settings(&[])).await.unwrap();
    let server = at(turn.ports().udp);
    let mut asker = Asker::new(Wire::udp(server).await, credential("ada", 600));
    assert_eq!(asker.challenged().await, Some(401));
    let whole = [
        plain(METHOD_BINDING, Vec::new()).raw,
        plain(METHOD_ALLOCATE, vec![udp()]).raw,
        asker.signed(METHOD_ALLOCATE, vec![udp()]).raw,
        asker.signed(METHOD_REFRESH, Vec::new()).raw,
        asker.signed(METHOD_CREATE_PERMISSION, Vec::new()).raw,
        [&[0x40, 0, 0, 8][..], b"12345678"].concat(),
    ];
    let mut random = StdRng::seed_from_u64(12);
    let mut wire = Wire::udp(server).await;
    let before = resident();
    let (mut sent, mut got) = (0, 0);
    for _ in 0..1000 {
        let message = damaged(&mut random, &whole);
        wire.send(&message).await;
        sent += message.len() + HEADERS;
        // An answer may be to a message before this one.
        if let Some(answer) = wire.receive(Duration::from_millis(2)).await {
            got += answer.len() + HEADERS;
            assert!(2 * got <= 3 * sent, "{got} bytes for {sent}; the last were {answer:?}");
        }
    }
    assert!(resident() < before + 65_536, "{} KiB became {}", before, resident());
    assert_eq!(turn.allocations(), 0);
    // The flood has used up the share of this address, which grows again.
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(asker.allocates().await, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_does_not_speak_turn_is_ended() {
    let turn = Turn::start(settings(&[])).await.unwrap();
    let server = at(turn.ports().tcp);
    let endless = [&[0, 1, 0xff, 0xfc, 0x21, 0x12, 0xa4, 0x42][..], &[0; 4096]].concat();
    for begun in [&b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03"[..], &[0xff; 16], &endless[..]] {
        let mut wire = Wire::tcp(server).await;
        wire.send(begun).await;
        // The first of these waits for the rest of a long message.
        let waits = begun[0] == 0x16;
        assert_eq!(
            wire.is_over(Duration::from_millis(if waits { 500 } else { 20_000 })).await,
            !waits,
            "{begun:?}"
        );
    }
    let mut asker = Asker::new(Wire::tcp(server).await, credential("ada", 600));
    assert_eq!(asker.allocates().await, Some(0));
}
