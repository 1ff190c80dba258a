//! The engine's memory after texts that needed much of it.

#![allow(clippy::unwrap_used)] // a helper that fails fails its test

mod common;

use std::time::{Duration, Instant};

use common::{Engine, request, speak};

/// What the engine may keep, in MiB: allocators keep some. Before its mend it kept 300 to 800.
const KEPT: u64 = 80;
/// How soon it gives the rest back.
const WITHIN: Duration = Duration::from_secs(60);

/// The engine's resident memory in MiB.
fn memory(engine: &Engine) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", engine.child.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() >> 10
}

#[tokio::test]
async fn memory_for_long_sentences_is_given_back() {
    let engine = Engine::start(&[]);
    let mut client = engine.ready().await;
    let short = "This is a short sentence, like those of a call.";
    speak(&mut client, request(short)).await;
    let before = memory(&engine);
    // No full stop and no comma: one run for as much as the voice takes at once.
    speak(&mut client, request(&"the sea is wide and the wind is strong ".repeat(40))).await;
    let most = memory(&engine);
    let begun = Instant::now();
    while memory(&engine) > before + KEPT && begun.elapsed() < WITHIN {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let after = memory(&engine);
    assert!(after <= before + KEPT, "{before} MiB before, {most} with long sentences, {after} afterwards");
    assert!(speak(&mut client, request(short)).await[0].audio.len() > 20_000);
}
