//! Whole calls over networks that lose, delay, reorder and duplicate packets, on a virtual clock: real Opus, the real jitter
//! buffer and pipeline, and engines that understand and speak tones.
//!
//! - `net`, `profiles`: networks, deterministic per seed
//! - `tones`: the language that is spoken; `engines`: recogniser, model and voice for it
//! - `call`: both sides of a call; `person`: what the person does, `player`: what they hear; `microphone`: their encoder
//! - `scene`: a typical call, and what people would notice
//! - `outages`: packets that arrive too late or never; `quiet`: silence that is not sent
//! - `hearing`: the server's microphone path alone, over any network
#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic fails the test")]
#![allow(unreachable_pub, reason = "modules of one test")]

mod call;
mod engines;
mod hearing;
mod microphone;
mod net;
mod outages;
mod person;
mod player;
mod profiles;
mod quiet;
mod scene;
mod tones;

use std::sync::LazyLock;
use std::time::Duration;

use net::Profile;
use profiles::{FAR_WIFI, FULL_UPLINK, LTE, PERFECT, SATELLITE, TRAIN, WIFI};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use scene::{assert_fine, whole_call};

/// Two runs of each network.
const SEEDS: std::ops::Range<u64> = 1..3;

/// How long each response of a call takes over a perfect network.
static BY_WIRE: LazyLock<Vec<Duration>> = LazyLock::new(|| {
    let call = on_paused_clock(whole_call(&PERFECT, 0));
    call.responses.iter().map(|(_, took)| *took).collect()
});

fn is_fine_over(profile: Profile) {
    for seed in SEEDS {
        eprintln!("{}, seed {seed}", profile.name);
        assert_fine(&on_paused_clock(whole_call(&profile, seed)), &BY_WIRE);
    }
}

#[test]
fn a_call_over_a_perfect_network_is_fine() {
    is_fine_over(PERFECT);
    // The endpointing delay is 352 ms when the end of the turn is sure.
    let quick = BY_WIRE[1..].iter().all(|took| *took < Duration::from_millis(600));
    assert!(quick, "{:?}", *BY_WIRE);
}

#[test]
fn a_call_over_wifi_is_fine() {
    is_fine_over(WIFI);
}

#[test]
fn a_call_at_the_edge_of_wifi_is_fine() {
    is_fine_over(FAR_WIFI);
}

#[test]
fn a_call_with_cell_handovers_is_fine() {
    is_fine_over(LTE);
}

#[test]
fn a_call_beside_an_upload_is_fine() {
    is_fine_over(FULL_UPLINK);
}

#[test]
fn a_call_by_satellite_is_fine() {
    is_fine_over(SATELLITE);
}

#[test]
fn a_call_from_a_train_is_fine_except_for_what_is_lost_in_the_tunnel() {
    is_fine_over(TRAIN);
}

#[test]
fn every_call_over_the_same_network_is_the_same() {
    let [one, same, other] = [7, 7, 8].map(|seed| on_paused_clock(whole_call(&TRAIN, seed)));
    assert_eq!(one.left, same.left);
    assert_eq!(one.events, same.events);
    assert_eq!(one.recorded.utterances(), same.recorded.utterances());
    assert_ne!(one.left, other.left, "another seed is another network");
}

/// Runs a call on its own paused clock.
fn on_paused_clock<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.unwrap().block_on(work)
}

/// The same cases in every run.
fn cases(cases: u32) -> ProptestConfig {
    let (rng_seed, failure_persistence) = (RngSeed::Fixed(1), None);
    ProptestConfig { cases, rng_seed, failure_persistence, max_shrink_iters: 64, ..ProptestConfig::default() }
}

/// Any network over which words stay intelligible.
fn network() -> impl Strategy<Value = Profile> {
    let shares = (0.0..0.04_f64, 0.0..0.01_f64, 0.0..0.05_f64, 0.0..0.2_f64);
    (0..350_u64, 0..150_u64, 1..4_u32, shares, -500..500_i32, 0..700_u64).prop_map(
        |(delay, jitter, burst, (lost, bursts, overtaken, twice), drift, handover)| Profile {
            name: "any",
            delay,
            jitter,
            lost,
            bursts,
            burst,
            overtaken,
            twice,
            drift,
            handover,
            tunnel: 0,
            dtx: false,
        },
    )
}

proptest! {
    #![proptest_config(cases(8))]

    #[test]
    fn a_call_over_any_network_that_lets_words_through_is_fine(profile in network(), seed: u64) {
        assert_fine(&on_paused_clock(whole_call(&profile, seed)), &BY_WIRE);
    }
}
