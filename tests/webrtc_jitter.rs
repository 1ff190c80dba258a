//! The jitter buffer against networks of all kinds, on simulated time.
#![allow(clippy::unwrap_used)] // in a test, a panic is the report

use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;
use visavis::audio::jitter::{JitterBuffer, JitterCounts, Playout};

const FRAME: u32 = 960;
const TICK: u64 = 20;

/// A packet on its way: which one, and when it arrives (ms).
#[derive(Debug, Clone, Copy)]
struct Sent {
    index: u32,
    arrives: u64,
}

/// What sounded, and at which tick (ms).
#[derive(Debug, Clone, Copy, PartialEq)]
enum Sounded {
    Packet(u32),
    Recovered { next: u32, ticks: u32 },
    Concealed,
    Silence,
}

struct Call {
    buffer: JitterBuffer,
    sounded: Vec<(u64, Sounded)>,
    longest: Duration,
}

fn id(payload: &Bytes) -> u32 {
    u32::from_be_bytes(payload[..4].try_into().unwrap())
}

fn payload(index: u32) -> Bytes {
    let mut bytes = index.to_be_bytes().to_vec();
    bytes.extend([0; 20]);
    bytes.into()
}

/// Plays `sent` until `end` ms; packet `index` has the sequence number `first + index` and the timestamp to match.
fn play(first: u16, clock: u32, sent: &[Sent], end: u64) -> Call {
    let mut queue = sent.to_vec();
    queue.sort_by_key(|packet| packet.arrives);
    let mut queue = queue.into_iter().peekable();
    let mut call = Call { buffer: JitterBuffer::new(), sounded: Vec::new(), longest: Duration::ZERO };
    for now in (0..end).step_by(usize::try_from(TICK).unwrap()) {
        while let Some(packet) = queue.next_if(|packet| packet.arrives <= now) {
            let sequence = first.wrapping_add(packet.index as u16);
            let timestamp = clock.wrapping_add(packet.index.wrapping_mul(FRAME));
            let arrives = Duration::from_millis(packet.arrives);
            call.buffer.insert(arrives, sequence, timestamp, FRAME, payload(packet.index));
        }
        call.longest = call.longest.max(call.buffer.held());
        call.tick(now);
    }
    call
}

impl Call {
    /// Pulls everything that is available.
    fn tick(&mut self, now: u64) {
        loop {
            let sounded = match self.buffer.pull(Duration::from_millis(now)) {
                Playout::Packet(payload) => Sounded::Packet(id(&payload)),
                Playout::Recover { next, ticks } => Sounded::Recovered { next: id(&next), ticks },
                Playout::Conceal(ticks) => {
                    assert_eq!(ticks, FRAME);
                    Sounded::Concealed
                }
                Playout::Silence => Sounded::Silence,
                Playout::Wait => return,
            };
            self.sounded.push((now, sounded));
        }
    }

    /// What sounded from the first packet on.
    fn since_first(&self) -> Vec<Sounded> {
        let sounded = self.sounded.iter().map(|(_, sounded)| *sounded);
        sounded.skip_while(|sounded| *sounded == Sounded::Silence).collect()
    }

    fn packets(&self) -> Vec<u32> {
        let packet = |(_, sounded): &(u64, Sounded)| match sounded {
            Sounded::Packet(index) => Some(*index),
            _ => None,
        };
        self.sounded.iter().filter_map(packet).collect()
    }

    /// When packet `index` sounded, in ms.
    fn when(&self, index: u32) -> u64 {
        self.sounded.iter().find(|(_, sounded)| *sounded == Sounded::Packet(index)).unwrap().0
    }
}

fn steady(count: u32) -> Vec<Sent> {
    (0..count).map(|index| Sent { index, arrives: u64::from(index) * TICK + 7 }).collect()
}

/// The packets from `from` to `to`, with nothing between them.
fn all(from: u32, to: u32) -> Vec<Sounded> {
    (from..to).map(Sounded::Packet).collect()
}

#[test]
fn available_packets_are_played_at_once() {
    let call = play(0, 0, &steady(500), 10_100);
    assert_eq!(call.since_first()[..500], all(0, 500));
    for index in 0..500 {
        assert_eq!(call.when(index), u64::from(index) * TICK + 20, "arrived 13 ms before");
    }
    assert_eq!(call.buffer.counts(), JitterCounts::default());
}

#[test]
fn sequence_numbers_that_wrap_around_keep_their_order() {
    let call = play(65_500, u32::MAX - 30_000, &steady(200), 4_100);
    assert_eq!(call.packets(), (0..200).collect::<Vec<_>>());
}

#[test]
fn one_lost_packet_is_recovered_from_the_next_and_two_cost_one_concealment() {
    let lost = [50, 100, 101];
    let sent: Vec<Sent> = steady(150).into_iter().filter(|packet| !lost.contains(&packet.index)).collect();
    let call = play(7, 0, &sent, 3_060);
    let recovered = |next| Sounded::Recovered { next, ticks: FRAME };
    let right = [
        all(0, 50),
        vec![recovered(51)],
        all(51, 100),
        vec![Sounded::Concealed, recovered(102)],
        all(102, 150),
    ];
    assert_eq!(call.since_first()[..150], right.concat());
    assert_eq!((call.buffer.counts().lost, call.buffer.counts().fec, call.buffer.counts().plc), (3, 2, 1));
    assert!(call.when(51) <= 51 * TICK + 60, "the lost one was waited for, but not long");
    assert_eq!(call.when(60), 60 * TICK + 20, "and no delay remains");
}

#[test]
fn swapped_packets_are_played_in_order_and_none_is_lost() {
    let mut sent = steady(600);
    for pair in sent.chunks_mut(2) {
        pair[0].arrives += 30;
    }
    let call = play(0, 0, &sent, 12_100);
    assert_eq!(call.since_first()[..600], all(0, 600));
}

#[test]
fn late_speech_is_heard_without_a_hole_and_catches_up() {
    // The client's sound device stops for 60 ms four times a second, and continues where it stopped.
    let late = steady(400).into_iter().map(|sent| match sent.arrives {
        2_000..2_700 => Sent { arrives: 2_700, ..sent },
        _ => sent,
    });
    let call = play(0, 0, &late.collect::<Vec<_>>(), 8_060);
    assert_eq!(call.since_first()[..400], all(0, 400));
    assert_eq!(call.when(140), 140 * TICK + 20);
    assert_eq!(call.buffer.counts().gaps, 1);
}

#[test]
fn a_microphone_that_stutters_at_its_source_is_heard_without_a_hole() {
    // The client's sound device stops for 60 ms four times a second, and goes on where it stopped.
    let stuttering = (0..400).map(|index| {
        let sent = steady(index + 1)[index as usize];
        Sent { arrives: sent.arrives + u64::from(index / 12) * 60, ..sent }
    });
    let call = play(0, 0, &stuttering.collect::<Vec<_>>(), 10_100);
    assert_eq!(call.since_first()[..400], all(0, 400));
}

#[test]
fn without_packets_there_is_silence_in_real_time() {
    let call = play(0, 0, &steady(50), 3_000);
    let silence: Vec<u64> = call.sounded.iter().filter(|(at, _)| *at > 1_000).map(|(at, _)| *at).collect();
    assert_eq!(silence[..40], [1_800; 40], "packets may be late by 800 ms; then all of that was silence");
    assert_eq!(silence[40..], (1_820..3_000).step_by(20).collect::<Vec<_>>());
    let nothing = play(0, 0, &[], 1_000);
    assert_eq!(nothing.sounded.len(), 50, "a client that has not begun to send is silent");
}

/// Sends frames 0 to 9, the last of them empty, and 60 to 99, each when `arrives` says; the pause between is not sent.
fn with_pause(arrives: impl Fn(u32) -> u64) -> (Vec<Sounded>, JitterCounts) {
    let mut call = Call { buffer: JitterBuffer::new(), sounded: Vec::new(), longest: Duration::ZERO };
    let mut tick = 0;
    for now in (0..3_000).step_by(20) {
        while tick < 100 && arrives(tick) <= now {
            let sequence = if tick < 10 { tick } else { tick.wrapping_sub(50) };
            if !(10..60).contains(&tick) {
                let mut body = payload(tick).to_vec();
                body.truncate(if tick == 9 { 1 } else { 24 });
                call.buffer.insert(
                    Duration::from_millis(now),
                    sequence as u16,
                    tick * FRAME,
                    FRAME,
                    body.into(),
                );
            }
            tick += 1;
        }
        loop {
            let sounded = match call.buffer.pull(Duration::from_millis(now)) {
                Playout::Packet(body) if body.len() == 1 => Sounded::Packet(9),
                Playout::Packet(body) => Sounded::Packet(id(&body)),
                Playout::Silence => Sounded::Silence,
                Playout::Wait => break,
                playout => panic!("{playout:?}"),
            };
            call.sounded.push((now, sounded));
        }
    }
    let first = call.since_first();
    (first[..100].to_vec(), call.buffer.counts())
}

#[test]
fn a_pause_of_the_sender_is_silence_of_the_same_length_even_if_it_arrives_late() {
    let right = [all(0, 10), vec![Sounded::Silence; 50], all(60, 100)].concat();
    let (heard, counts) = with_pause(|tick| u64::from(tick) * TICK);
    assert_eq!((heard, counts), (right.clone(), JitterCounts::default()));
    // All packets after the first five arrive at once.
    let (heard, counts) = with_pause(|tick| if tick < 5 { u64::from(tick) * TICK } else { 250 });
    assert_eq!((heard, counts.lost), (right, 0));
}

#[test]
fn a_restarted_stream_is_followed_at_once() {
    let mut buffer = JitterBuffer::new();
    for tick in 0..100_u32 {
        let now = Duration::from_millis(u64::from(tick) * 20);
        let (sequence, clock) =
            if tick < 50 { (tick, tick * FRAME) } else { (tick + 30_000, (tick + 90_000) * FRAME) };
        buffer.insert(now, sequence as u16, clock, FRAME, payload(tick));
        let playout = buffer.pull(now + Duration::from_millis(5));
        assert!(matches!(playout, Playout::Packet(payload) if id(&payload) == tick), "tick {tick}");
    }
}

fn network() -> impl Strategy<Value = (u16, u32, Vec<Sent>)> {
    let packet = (0_u8..100, 0_u64..200, 0_u8..100);
    (any::<u16>(), any::<u32>(), proptest::collection::vec(packet, 1..300), 0_u8..40, 1_u64..200).prop_map(
        |(first, clock, packets, loss, jitter)| {
            let mut sent = Vec::new();
            for (index, (lost, delay, twice)) in (0_u32..).zip(packets) {
                let arrives = u64::from(index) * TICK + delay % jitter;
                if lost >= loss {
                    sent.push(Sent { index, arrives });
                }
                if twice < 10 {
                    sent.push(Sent { index, arrives: arrives + delay });
                }
            }
            (first, clock, sent)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn over_any_network_packets_are_played_in_order_once_and_within_bounds((first, clock, sent) in network()) {
        let end = sent.iter().map(|packet| packet.arrives).max().unwrap_or(0) + 1_000;
        let call = play(first, clock, &sent, end);
        let packets = call.packets();
        prop_assert!(packets.windows(2).all(|pair| pair[0] < pair[1]));
        prop_assert!(call.longest <= Duration::from_millis(600), "held {:?}", call.longest);
        prop_assert_eq!(call.buffer.held(), Duration::ZERO, "everything is played in the end");
        prop_assert!(call.buffer.target_delay() <= Duration::from_millis(120));
        prop_assert!(call.buffer.target_delay() >= Duration::from_millis(20));
        // Every packet that arrived in time is played; the others are counted as late.
        let counts = call.buffer.counts();
        prop_assert!(sent.len() as u64 >= packets.len() as u64);
        let known = sent.iter().map(|packet| packet.index).collect::<std::collections::BTreeSet<_>>();
        prop_assert!(packets.len() as u64 + counts.late >= known.len() as u64);
    }

    #[test]
    fn nonsense_numbers_and_timestamps_do_no_harm(
        packets in proptest::collection::vec((any::<u16>(), any::<u32>(), 1_u32..5_760, 0_u64..40), 1..400)
    ) {
        let mut buffer = JitterBuffer::new();
        let mut now = Duration::ZERO;
        for (sequence, timestamp, ticks, step) in packets {
            now += Duration::from_millis(step);
            buffer.insert(now, sequence, timestamp, ticks, payload(0));
            if let Playout::Conceal(ticks) | Playout::Recover { ticks, .. } = buffer.pull(now) {
                prop_assert!((120..=5_760).contains(&ticks) && ticks % 120 == 0);
            }
        }
    }
}
