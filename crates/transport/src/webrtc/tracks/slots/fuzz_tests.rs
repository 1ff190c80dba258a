//! Two offers of one connection, of arbitrary bytes, for a call with video in both directions.

use webrtc::peer_connection::RTCSessionDescription;

use super::*;
use crate::ports::Codec;
use crate::webrtc::sdp::check_offer;
use crate::webrtc::sdp::fuzz_tests::is_answered;

/// What separates the two offers. None: the first comes twice.
const THEN: &str = "\nthen\n";

#[test]
fn tracks_keep_their_sections_in_arbitrary_offers() {
    visavis_fuzz::run("track_offers", |input| {
        let text = visavis_fuzz::text(input);
        let (first, second) = text.split_once(THEN).unwrap_or((&text, &text));
        let mut slots = slots();
        let mut before = Vec::new();
        for text in [first, second] {
            let Ok(offer) = check_offer(text) else { continue };
            let assigned = slots.slot(&offer);
            is_answered(&assigned, text.len());
            are_distinct(&assigned);
            let plain = assigned.plain(&[], assigned.carried.before_data.is_some());
            let sections = sections(&plain);
            assert!(sections.starts_with(&before), "{before:?}, then {sections:?}");
            before = sections;
            RTCSessionDescription::offer(plain).unwrap();
        }
    });
}

fn slots() -> Slots {
    let vp8 = Codec { mime_type: "video/VP8".into(), clock_rate: 90_000, channels: 0, fmtp: String::new() };
    let opus = Codec { mime_type: "audio/opus".into(), clock_rate: 48_000, channels: 2, fmtp: String::new() };
    let track = |name, codec: &Codec| Track { name, codec: codec.clone() };
    Slots::new(Arc::new(Catalogue {
        outgoing: vec![track("face", &vp8), track("screen", &vp8), track("music", &opus)],
        incoming: vec![track("camera", &vp8)],
    }))
}

/// Checks that no slot has two sections, and that the packets of each can be told apart.
fn are_distinct(assigned: &Offer) {
    let mut taken: Vec<usize> = assigned.taken().map(|taken| taken.slot).collect();
    let count = taken.len();
    taken.sort_unstable();
    taken.dedup();
    assert_eq!(taken.len(), count, "a slot is in two sections");
    assert!(taken.iter().all(|at| *at < assigned.carried.slots.len()));
    let named = assigned.carried.slots.iter().filter(|slot| slot.is_incoming());
    let mut streams: Vec<u32> = named.filter_map(|slot| slot.ssrc).collect();
    let count = streams.len();
    streams.sort_unstable();
    streams.dedup();
    assert_eq!(streams.len(), count, "two tracks have one stream");
}

/// The crate's sections, in order.
fn sections(plain: &str) -> Vec<String> {
    plain.lines().filter_map(|line| line.strip_prefix("a=mid:")).map(str::to_owned).collect()
}
