//! Many calls: at once on one port, and one after another; and many packets of strangers on that port.
#![allow(clippy::unwrap_used)] // in a test, a panic is the report

mod webrtc_support;

use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use futures_util::future::join_all;
use rand::RngCore;
use tokio::sync::Mutex;
use tokio_util::task::TaskTracker;
use webrtc_support::{Client, PATIENCE, best_share_of, host, play, until, within};

/// Held by each of these tests: one measures the memory of the process, and the other's forty calls load the machine.
static ALONE: Mutex<()> = Mutex::const_new(());

/// Resident memory of this process in KiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_ascii_whitespace().nth(1).unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forty_calls_share_one_port_and_none_hears_another() {
    let _alone = ALONE.lock().await;
    let host = host().await;
    let one = async |number: u32| {
        let mut client = Client::new().await;
        let mut call = client.dial(&host, TaskTracker::new()).await.unwrap();
        client.connected().await;
        let (ours, theirs) = (f64::from(300 + number * 20), f64::from(1_300 + number * 20));
        let listen = async {
            let mut heard = Vec::new();
            while heard.len() < 16_000 {
                let frame = within(PATIENCE, call.pipeline.mic.recv()).await.unwrap();
                if frame.received {
                    heard.extend(frame.samples);
                }
            }
            heard
        };
        let (_, heard) = tokio::join!(client.speak(theirs, 150, 0), listen);
        play(&call.pipeline, 1, ours, 50, 0).await;
        until("the response is heard", async || client.heard.packets.lock().len() >= 30).await;
        let answer = best_share_of(ours, &client.heard.samples.lock());
        (best_share_of(theirs, &heard), answer, client, call)
    };
    let calls = join_all((0..40).map(one)).await;
    for (number, (server, client, ..)) in calls.iter().enumerate() {
        assert!(*server > 0.9 && *client > 0.9, "call {number}: {server:.2} of its own, {client:.2} of ours");
    }
    drop(calls);
    until("all are gone", async || host.routes() == 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_that_come_and_go_leave_nothing_behind() {
    let _alone = ALONE.lock().await;
    let host = host().await;
    let tasks = TaskTracker::new();
    let mut memory = Vec::new();
    for _round in 0..20 {
        let one = async |hang_up: bool| {
            let mut client = Client::new().await;
            let call = client.dial(&host, tasks.clone()).await.unwrap();
            client.connected().await;
            client.speak(440.0, 5, 0).await;
            if hang_up {
                client.pc.close().await.unwrap();
                let mut mic = call.pipeline.mic;
                while within(PATIENCE, mic.recv()).await.is_some() {}
            } else {
                drop(call);
                until("the client sees the end", async || client.channel.send_text("x").await.is_err()).await;
                client.pc.close().await.unwrap();
            }
        };
        join_all((0..10).map(|number| one(number % 2 == 0))).await;
        until("all tasks have ended", async || tasks.is_empty()).await;
        assert_eq!(host.routes(), 0);
        memory.push(resident());
    }
    println!("resident KiB after every ten calls: {memory:?}");
    let least = |rounds: std::ops::Range<usize>| *memory[rounds].iter().min().unwrap();
    let (before, after) = (least(8..12), least(16..20));
    assert!(after < before + 4 * 1024, "{before} KiB after 100 calls, {after} after 200");
}

/// A packet that looks like STUN, DTLS, RTP or none of them, with any bytes behind that.
fn strange(number: u32) -> Vec<u8> {
    let mut packet = vec![0_u8; rand::random_range(1..1_400)];
    rand::rng().fill_bytes(&mut packet);
    packet[0] = [0, 22, 128, 200][number as usize % 4];
    if let [0, kind, _, _, a, b, c, d, ..] = packet.as_mut_slice() {
        // A Binding request with STUN's magic cookie.
        *kind = 1;
        (*a, *b, *c, *d) = (0x21, 0x12, 0xa4, 0x42);
    }
    packet
}

/// Sends so many of them from 20 ports, about as fast as they are taken.
async fn flood(to: SocketAddr, packets: u32) {
    let sending = tokio::task::spawn_blocking(move || {
        let sockets: Vec<_> = (0..20).map(|_| UdpSocket::bind("127.0.0.1:0").unwrap()).collect();
        for number in 0..packets {
            _ = sockets[number as usize % sockets.len()].send_to(&strange(number), to);
            if number % 50 == 0 {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    });
    sending.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_thousand_packets_of_strangers_leave_the_call_and_the_memory_as_they_were() {
    let _alone = ALONE.lock().await;
    let host = host().await;
    let mut client = Client::new().await;
    let mut call = client.dial(&host, TaskTracker::new()).await.unwrap();
    client.connected().await;
    flood(host.local_addr(), 20_000).await;
    let before = resident();
    flood(host.local_addr(), 100_000).await;
    until("no more memory is held", async || resident() < before + 8 * 1024).await;
    assert!(host.routes() < 20, "{} addresses and names lead to one call", host.routes());
    let listen = async {
        let mut heard = Vec::new();
        while heard.len() < 16_000 {
            let frame = within(PATIENCE, call.pipeline.mic.recv()).await.unwrap();
            if frame.received {
                heard.extend(frame.samples);
            }
        }
        heard
    };
    let (_, heard) = tokio::join!(client.speak(440.0, 150, 0), listen);
    assert!(best_share_of(440.0, &heard) > 0.9);
}
