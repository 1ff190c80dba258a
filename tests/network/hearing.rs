//! The server's microphone path alone, from packets to frames, over any network and clock.

use std::sync::LazyLock;
use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;
use visavis::audio::opus::{Encoder, MAX_PACKET};
use visavis::transport::webrtc::mic::MicPath;
use visavis_core::frame::{AudioFrame, FRAME_TICKS, OUT_FRAME, OUT_RATE};

use super::call::FRAME;
use super::cases;
use super::net::{Link, Profile};
use super::profiles::PERFECT;
use super::scene::{BLURRED, Said, compare};
use super::tones::{self, FRAMES};

const TEXT: &str =
    "what is the capital of france say once more please stop my friend there stands hotel in old madrid";
/// Ticks after the last packet, for everything late to arrive.
const REST: u32 = 150;

/// The packets that say [`TEXT`], with silence around it.
static SPEECH: LazyLock<Vec<Bytes>> = LazyLock::new(|| {
    let mut samples = vec![0; OUT_FRAME * FRAMES];
    samples.extend(tones::words(TEXT).into_iter().flat_map(|word| tones::word(word, OUT_RATE)));
    samples.resize(samples.len() + OUT_FRAME * FRAMES, 0);
    let mut encoder = Encoder::new().unwrap();
    let mut encode = |frame: &[i16]| {
        let mut packet = [0; MAX_PACKET];
        let length = encoder.encode(frame, &mut packet).unwrap();
        Bytes::copy_from_slice(&packet[..length])
    };
    samples.chunks(OUT_FRAME).map(&mut encode).collect()
});

/// What was heard in each tick, and the network that it came over.
struct Heard {
    ticks: Vec<Vec<AudioFrame>>,
    link: Link<(u32, Bytes)>,
}

impl Heard {
    fn frames(&self) -> impl Iterator<Item = &AudioFrame> {
        self.ticks.iter().flatten()
    }
}

/// A microphone that sends this many packets, repeating [`SPEECH`], and a server that hears them.
fn hear(profile: &Profile, seed: u64, packets: u32, stall: (u64, u64, bool)) -> Heard {
    let mut link = Link::new(profile, seed);
    let (from, length, lost) = stall;
    link.stall(Duration::from_millis(from), Duration::from_millis(length), lost);
    let period = Duration::from_nanos(20_000_000_000_000 / u64::try_from(1_000_000 + profile.drift).unwrap());
    let mut ear = MicPath::new().unwrap();
    let mut sent = 0;
    let mut tick = |tick: u32| {
        let now = FRAME * tick;
        while sent < packets && period * (sent + 1) <= now {
            let payload = SPEECH[sent as usize % SPEECH.len()].clone();
            link.send(period * (sent + 1), (sent, payload));
            sent += 1;
        }
        while let Some((at, (number, payload))) = link.arrived(now) {
            let (sequence, timestamp) =
                (65_000 + number, (u32::MAX - 90_000).wrapping_add(number * FRAME_TICKS));
            assert!(ear.packet(at, sequence as u16, timestamp, payload));
        }
        ear.tick(now)
    };
    let ticks = (0..packets + REST).map(&mut tick).collect();
    Heard { ticks, link }
}

fn once(profile: &Profile, seed: u64, stall: (u64, u64, bool)) -> Heard {
    hear(profile, seed, SPEECH.len() as u32, stall)
}

/// The words of [`TEXT`] that were sent, with their losses.
fn said(link: &Link<(u32, Bytes)>) -> Vec<Said> {
    let lost = |from: usize, to: usize| link.missing(from..to, Duration::MAX / 2);
    let word = |(at, word)| Said::new(word, FRAMES * (at + 1), lost);
    tones::words(TEXT).into_iter().enumerate().map(word).collect()
}

#[test]
fn clock_drift_makes_nothing_late_in_ten_minutes() {
    for drift in [-500, 500] {
        let packets = 30_000;
        let heard = hear(&Profile { drift, ..PERFECT }, 0, packets, (0, 0, false));
        let mut before = 0;
        for (frames, tick) in heard.ticks[..packets as usize - 100].iter().zip(0_usize..) {
            before += frames.iter().filter(|frame| frame.received).count();
            let sent = heard.link.fates.partition_point(|(at, _)| *at <= FRAME * tick as u32);
            assert!(sent - before <= 1, "{before} of {sent} packets at tick {tick}, drift {drift}");
        }
        let counts = heard.ticks[10..packets as usize - 100].iter().map(Vec::len);
        assert!(counts.max() <= Some(2), "drift {drift}");
        assert_eq!(heard.frames().filter(|frame| frame.received).count(), packets as usize);
    }
}

fn network() -> impl Strategy<Value = Profile> {
    let shares = (0.0..0.2_f64, 0.0..0.03_f64, 0.0..0.1_f64, 0.0..0.3_f64);
    (0..400_u64, 0..200_u64, 1..10_u32, shares, -1_000..1_000_i32).prop_map(
        |(delay, jitter, burst, (lost, bursts, overtaken, twice), drift)| Profile {
            name: "any",
            delay,
            jitter,
            lost,
            bursts,
            burst,
            overtaken,
            twice,
            drift,
            handover: 0,
            tunnel: 0,
            dtx: false,
        },
    )
}

proptest! {
    #![proptest_config(cases(48))]

    #[test]
    fn words_are_heard_in_order_and_once_with_no_more_missing_than_was_lost(profile in network(), seed: u64) {
        let heard = once(&profile, seed, (0, 0, false));
        let samples: Vec<i16> = heard.frames().flat_map(|frame| frame.samples.clone()).collect();
        let (words, said) = (tones::hear(&samples), said(&heard.link));
        compare(TEXT, &said, &words);
        // What was lost is replaced by sound of the same length, so that the other words keep their places.
        let place = |heard: &tones::Heard| tones::words(TEXT).iter().position(|word| *word == heard.word).unwrap();
        let whole: Vec<_> = words.iter().filter(|heard| said[place(heard)].is_whole()).collect();
        for heard in &whole {
            let (after, right) = (heard.from - whole[0].from, FRAMES * (place(heard) - place(whole[0])));
            prop_assert!(after.abs_diff(right) <= BLURRED, "{heard:?} after {after} frames, spoken after {right}");
        }
    }

    #[test]
    fn no_more_sound_is_heard_than_was_sent_or_than_time_has_passed(
        profile in network(), seed: u64, from in 0..4_000_u64, length in 0..3_000_u64, lost: bool,
    ) {
        let heard = once(&profile, seed, (from, length, lost));
        let (mut all, mut received) = (0, 0);
        // What was replaced by silence while it was late is heard when it arrives.
        let late = profile.spread() + Duration::from_millis(if lost { 0 } else { length });
        for (frames, tick) in heard.ticks.iter().zip(0_u32..) {
            all += frames.len();
            received += frames.iter().filter(|frame| frame.received).count();
            let now = FRAME * tick;
            let sent = heard.link.fates.partition_point(|(at, _)| *at <= now);
            prop_assert!(received <= sent, "{received} frames of {sent} packets at {now:?}");
            let passed = (now + late).as_millis() / FRAME.as_millis() + 2;
            prop_assert!(all as u128 <= passed, "{all} frames at {now:?}");
        }
    }

    #[test]
    fn duplicates_change_nothing_and_the_same_network_gives_the_same_sound(profile in network(), seed: u64) {
        let frames = |profile: &Profile| once(profile, seed, (0, 0, false)).ticks;
        let [single, copied, again] = [0.0, 0.3, 0.0].map(|twice| frames(&Profile { twice, ..profile }));
        prop_assert!(single == copied);
        prop_assert!(single == again);
    }
}
