//! Speculative responses through the whole pipeline on a virtual clock: with random speech, every frame sent belongs to a
//! response that the client was told of.
#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic fails the test")]

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::time::sleep;
use visavis::config::Config;
use visavis::pipeline;
use visavis::pipeline::options::CallOptions;
use visavis::pipeline::scope::Scope;
use visavis::ports::{TransportPorts, call_ports};
use visavis_core::event::CallEvent;
use visavis_core::frame::{AudioFrame, MIC_FRAME, ResponseId};
use visavis_core::recording::replay::replay;
use visavis_scripted::{Scripted, ScriptedEndOfTurn, ScriptedLlm, ScriptedResponse, ScriptedStt};

/// What the client was told and heard.
#[derive(Default)]
struct Client {
    told: BTreeSet<ResponseId>,
    heard: BTreeSet<ResponseId>,
    untold: usize,
    said: Vec<String>,
}

impl Client {
    async fn mic(&mut self, ports: &mut TransportPorts, ms: u64, loud: bool) {
        for _ in 0..ms / 20 {
            let samples = vec![if loud { 8000 } else { 0 }; MIC_FRAME];
            ports.mic.send(AudioFrame { samples, received: true });
            sleep(Duration::from_millis(20)).await;
            while let Ok(event) = ports.events.try_recv() {
                match event {
                    CallEvent::ResponseStarted(id) => _ = self.told.insert(id),
                    CallEvent::SegmentSpoken { text, .. } => self.said.push(text),
                    _ => {}
                }
            }
            while let Ok(frame) = ports.media.try_recv() {
                self.untold += usize::from(!self.told.contains(&frame.response));
                self.heard.insert(frame.response);
            }
        }
    }
}

fn response(number: u32) -> ScriptedResponse {
    ScriptedResponse::words(&format!("Response {number} has some words. And some more of them."))
        .every(Duration::from_millis(25))
}

/// One call with random speech; how many responses were begun, and what the client knows of them.
async fn call(seed: u64, recordings: &Path) -> (usize, Client) {
    let mut random = StdRng::seed_from_u64(seed);
    let lines = ["What is it?", "I would like tea and", "Stop that now.", "okay", "", "My number is 55"];
    let stt = ScriptedStt::new((0..40).map(|_| lines[random.random_range(0..lines.len())]));
    let judge = ScriptedEndOfTurn::new((0..80).map(|_| random.random()));
    let scripted = Scripted::with(ScriptedLlm::new((0..80).map(response))).hearing(stt).judging(judge);
    let engines = scripted.engines();
    let mut config = Config::default();
    config.recording.dir = recordings.to_path_buf();
    let (mut ports, pipeline) = call_ports();
    let scope = Scope::default();
    let run = tokio::spawn(async move {
        Box::pin(pipeline::run(
            format!("call-{seed}"),
            pipeline,
            engines,
            &config,
            CallOptions::default(),
            scope,
        ))
        .await
    });
    let mut client = Client::default();
    for _ in 0..8 {
        client.mic(&mut ports, random.random_range(5..60) * 20, true).await;
        let pause =
            if random.random_bool(0.3) { random.random_range(60..150) } else { random.random_range(5..45) };
        client.mic(&mut ports, pause * 20, false).await;
    }
    client.mic(&mut ports, 4000, false).await;
    drop(ports);
    run.await.unwrap();
    (scripted.llm.asked().len(), client)
}

#[tokio::test(start_paused = true)]
async fn in_200_random_calls_no_frame_of_discarded_speculation_reaches_the_client_and_each_replays() {
    let recordings = tempfile::tempdir().unwrap();
    let (mut asked, mut heard) = (0, 0);
    for seed in 0..200 {
        let (responses, client) = call(seed, recordings.path()).await;
        assert_eq!(client.untold, 0, "seed {seed}: frames of a response that the client was not told of");
        assert!(client.heard.is_subset(&client.told), "seed {seed}");
        asked += responses;
        heard += client.told.len();
    }
    println!("200 calls: {asked} responses begun, {heard} told of, {} discarded unheard", asked - heard);
    assert!(asked > heard + 200, "too little was discarded to show anything: {asked} {heard}");

    // The writers run on their own threads, which the virtual clock does not wait for.
    let file = |seed: u64| recordings.path().join(format!("call-{seed}.jsonl"));
    for seed in 0..200 {
        let whole = (0..500).any(|_| {
            let there = file(seed).exists();
            if !there {
                std::thread::sleep(Duration::from_millis(20));
            }
            there
        });
        assert!(whole, "call {seed} was not recorded");
        let report = replay(std::io::BufReader::new(std::fs::File::open(file(seed)).unwrap()));
        assert!(report.good() && report.complete, "seed {seed}: {report:?}");
    }
}
