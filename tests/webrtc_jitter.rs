//! The jitter buffer against networks of all kinds, in a time of their own.
#![allow(clippy::unwrap_used)] // in a test, a panic is the report

use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;
use visavis::audio::jitter::{JitterBuffer, Playout};

const FRAME: u32 = 960;
const TICK: u64 = 20;

/// A packet on its way: which one, when it arrives (ms), and whether it sounds quiet.
#[derive(Debug, Clone, Copy)]
struct Sent {
    index: u32,
    arrives: u64,
    quiet: bool,
}

/// What each tick sounded.
#[derive(Debug, Clone, PartialEq)]
enum Sounded {
    Packet(u32),
    Recovered { next: u32, ticks: u32 },
    Concealed,
    Silence,
}

struct Call {
    buffer: JitterBuffer,
    sounded: Vec<Sounded>,
    dropped: Vec<u32>,
    longest: Duration,
}

fn id(payload: &Bytes) -> u32 {
    u32::from_be_bytes(payload[..4].try_into().unwrap())
}

fn payload(index: u32, quiet: bool) -> Bytes {
    let mut bytes = index.to_be_bytes().to_vec();
    bytes.extend([u8::from(quiet); 20]);
    bytes.into()
}

/// Plays `sent` until `end` ms; packet `index` has the sequence number `first + index` and its place on the clock.
fn play(first: u16, clock: u32, sent: &[Sent], end: u64) -> Call {
    let mut queue = sent.to_vec();
    queue.sort_by_key(|packet| packet.arrives);
    let mut queue = queue.into_iter().peekable();
    let mut call = Call {
        buffer: JitterBuffer::new(),
        sounded: Vec::new(),
        dropped: Vec::new(),
        longest: Duration::ZERO,
    };
    for now in (0..end).step_by(usize::try_from(TICK).unwrap()) {
        while let Some(packet) = queue.next_if(|packet| packet.arrives <= now) {
            let sequence = first.wrapping_add(packet.index as u16);
            let timestamp = clock.wrapping_add(packet.index.wrapping_mul(FRAME));
            let body = payload(packet.index, packet.quiet);
            call.buffer.insert(Duration::from_millis(packet.arrives), sequence, timestamp, FRAME, body);
        }
        call.longest = call.longest.max(call.buffer.held());
        call.tick(Duration::from_millis(now));
    }
    call
}

impl Call {
    /// One tick sounds one thing; at most one quiet packet is left out before it.
    fn tick(&mut self, now: Duration) {
        for _ in 0..2 {
            let sounded = match self.buffer.pull(now) {
                Playout::Packet { payload, droppable } => {
                    let quiet = payload[4] == 1;
                    self.buffer.heard(quiet);
                    if droppable && quiet {
                        self.dropped.push(id(&payload));
                        continue;
                    }
                    Sounded::Packet(id(&payload))
                }
                Playout::Recover { next, ticks } => Sounded::Recovered { next: id(&next), ticks },
                Playout::Conceal(ticks) => {
                    assert_eq!(ticks, FRAME);
                    Sounded::Concealed
                }
                Playout::Silence => Sounded::Silence,
            };
            return self.sounded.push(sounded);
        }
        panic!("two packets in a row were left out");
    }

    fn packets(&self) -> Vec<u32> {
        let packet =
            |sounded: &Sounded| if let Sounded::Packet(index) = sounded { Some(*index) } else { None };
        self.sounded.iter().filter_map(packet).collect()
    }

    fn count(&self, what: &Sounded) -> usize {
        self.sounded.iter().filter(|sounded| *sounded == what).count()
    }
}

fn steady(count: u32) -> Vec<Sent> {
    (0..count).map(|index| Sent { index, arrives: u64::from(index) * TICK + 7, quiet: false }).collect()
}

#[test]
fn a_calm_network_costs_no_more_than_one_frame_of_delay() {
    let call = play(0, 0, &steady(500), 10_100);
    assert_eq!(call.packets(), (0..500).collect::<Vec<_>>());
    assert_eq!(call.sounded[1], Sounded::Packet(0), "arrived at 7 ms, sounded at 20 ms");
    assert_eq!(call.sounded[500], Sounded::Packet(499));
    assert_eq!(call.buffer.counts().lost + call.buffer.counts().late, 0);
}

#[test]
fn numbers_that_wrap_around_are_in_order_all_the_same() {
    let call = play(65_500, u32::MAX - 30_000, &steady(200), 4_100);
    assert_eq!(call.packets(), (0..200).collect::<Vec<_>>());
}

#[test]
fn one_lost_packet_is_recovered_from_the_next_and_two_cost_one_concealment() {
    let lost = [50, 100, 101];
    let sent: Vec<Sent> = steady(150).into_iter().filter(|packet| !lost.contains(&packet.index)).collect();
    let call = play(7, 0, &sent, 3_100);
    // The first loss is too late for its copy, which is heard with a delay; from then on there is time.
    assert_eq!(call.buffer.counts().lost, 3);
    let after = |index| call.sounded.iter().position(|sounded| *sounded == Sounded::Packet(index)).unwrap();
    let recovered = Sounded::Recovered { next: 51, ticks: FRAME };
    assert_eq!(
        call.sounded[after(49) + 1..after(49) + 4],
        [Sounded::Concealed, recovered, Sounded::Packet(51)]
    );
    assert_eq!(
        call.sounded[after(99) + 1..after(99) + 4],
        [Sounded::Concealed, Sounded::Recovered { next: 102, ticks: FRAME }, Sounded::Packet(102)]
    );
}

#[test]
fn swapped_packets_are_sounded_in_order_once_the_network_is_known() {
    let mut sent = steady(600);
    for pair in sent.chunks_mut(2) {
        pair[0].arrives += 30;
    }
    let call = play(0, 0, &sent, 12_300);
    assert!(call.packets().windows(2).all(|pair| pair[0] < pair[1]));
    assert!(call.packets().ends_with(&(400..600).collect::<Vec<_>>()), "none of the later ones is missing");
}

#[test]
fn a_stall_delays_speech_and_pauses_pay_the_delay_back() {
    let mut sent = steady(400);
    for packet in &mut sent {
        // Nothing comes through from 2.0 to 2.3 s; from 4 s on nobody speaks.
        if (2_000..2_300).contains(&packet.arrives) {
            packet.arrives = 2_300;
        }
        packet.quiet = packet.index >= 200;
    }
    let call = play(0, 0, &sent, 8_600);
    assert!(call.packets().starts_with(&(0..200).collect::<Vec<_>>()), "all speech is sounded");
    assert!(!call.dropped.is_empty() && call.dropped.iter().all(|index| *index >= 200));
    let last = call.sounded.iter().position(|sounded| *sounded == Sounded::Packet(399)).unwrap();
    assert!(last * 20 <= 399 * 20 + 80, "the delay is small again: {} ms", last * 20 - 399 * 20);
}

#[test]
fn a_pause_of_the_sender_is_silence_and_nothing_is_lost() {
    let mut buffer = JitterBuffer::new();
    let mut sounded = Vec::new();
    for tick in 0..100_u32 {
        let now = Duration::from_millis(u64::from(tick) * 20);
        // Frames 0 to 9 and 60 to 99 are sent, the last before the pause as an empty one.
        let sequence = if tick < 10 { tick } else { tick.wrapping_sub(50) };
        if !(10..60).contains(&tick) {
            let body = if tick == 9 { Bytes::from_static(&[0]) } else { payload(tick, false) };
            buffer.insert(now, sequence as u16, tick * FRAME, FRAME, body);
        }
        sounded.push(buffer.pull(now + Duration::from_millis(5)));
    }
    assert_eq!(sounded.iter().filter(|playout| **playout == Playout::Silence).count(), 50);
    assert_eq!(buffer.counts(), visavis::audio::jitter::JitterCounts::default());
    assert!(matches!(&sounded[60], Playout::Packet { payload, .. } if id(payload) == 60), "without delay");
}

#[test]
fn a_stream_that_starts_anew_is_followed_at_once() {
    let mut buffer = JitterBuffer::new();
    for tick in 0..100_u32 {
        let now = Duration::from_millis(u64::from(tick) * 20);
        let (sequence, clock) =
            if tick < 50 { (tick, tick * FRAME) } else { (tick + 30_000, (tick + 90_000) * FRAME) };
        buffer.insert(now, sequence as u16, clock, FRAME, payload(tick, false));
        let playout = buffer.pull(now + Duration::from_millis(5));
        assert!(matches!(playout, Playout::Packet { payload, .. } if id(&payload) == tick), "tick {tick}");
    }
}

fn network() -> impl Strategy<Value = (u16, u32, Vec<Sent>)> {
    let packet = (0_u8..100, 0_u64..200, 0_u8..100, any::<bool>());
    (any::<u16>(), any::<u32>(), proptest::collection::vec(packet, 1..300), 0_u8..40, 1_u64..200).prop_map(
        |(first, clock, packets, loss, jitter)| {
            let mut sent = Vec::new();
            for (index, (lost, delay, twice, quiet)) in (0_u32..).zip(packets) {
                let arrives = u64::from(index) * TICK + delay % jitter;
                if lost >= loss {
                    sent.push(Sent { index, arrives, quiet });
                }
                if twice < 10 {
                    sent.push(Sent { index, arrives: arrives + delay, quiet });
                }
            }
            (first, clock, sent)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_the_network_does_sound_is_in_order_once_and_within_bounds((first, clock, sent) in network()) {
        let end = sent.iter().map(|packet| packet.arrives).max().unwrap_or(0) + 1_000;
        let call = play(first, clock, &sent, end);
        prop_assert_eq!(call.sounded.len() as u64, end.div_ceil(TICK), "one for each tick");
        let packets = call.packets();
        prop_assert!(packets.windows(2).all(|pair| pair[0] < pair[1]));
        prop_assert!(call.longest <= Duration::from_millis(500), "held {:?}", call.longest);
        prop_assert_eq!(call.buffer.held(), Duration::ZERO, "all is sounded in the end");
        prop_assert!(call.buffer.target_delay() <= Duration::from_millis(120));
        prop_assert!(call.buffer.target_delay() >= Duration::from_millis(20));
        let counts = call.buffer.counts();
        prop_assert!(counts.plc >= call.count(&Sounded::Concealed) as u64);
    }

    #[test]
    fn numbers_without_any_sense_do_no_harm(
        packets in proptest::collection::vec((any::<u16>(), any::<u32>(), 1_u32..5_760, 0_u64..40), 1..400)
    ) {
        let mut buffer = JitterBuffer::new();
        let mut now = Duration::ZERO;
        for (sequence, timestamp, ticks, step) in packets {
            now += Duration::from_millis(step);
            buffer.insert(now, sequence, timestamp, ticks, payload(0, true));
            buffer.heard(true);
            if let Playout::Conceal(ticks) | Playout::Recover { ticks, .. } = buffer.pull(now) {
                prop_assert!((120..=5_760).contains(&ticks) && ticks % 120 == 0);
            }
        }
    }
}
