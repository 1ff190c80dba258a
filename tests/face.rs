//! The face that goes with a response, through the whole pipeline with scripted engines on a virtual clock.
#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic fails the test")]

use std::time::Duration;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use visavis::config::Config;
use visavis::pipeline;
use visavis::pipeline::options::CallOptions;
use visavis::pipeline::scope::Scope;
use visavis::ports::{TransportPorts, call_ports};
use visavis_core::avatar::face::Face;
use visavis_core::avatar::shapes::Shape;
use visavis_core::avatar::wire::Batch;
use visavis_core::frame::{AudioFrame, MIC_FRAME};
use visavis_scripted::{Scripted, ScriptedLlm, ScriptedResponse, ScriptedStt};

/// Ticks of the media clock in a millisecond.
const MS: u32 = 48;

struct Call {
    ports: TransportPorts,
    /// Timestamps of the response's frames, with their response.
    sound: Vec<(u32, u32)>,
    batches: Vec<Batch>,
    _stop: CancellationToken,
}

impl Call {
    fn begin(responses: &[&str], config: Config) -> Self {
        let responses =
            responses.iter().map(|text| ScriptedResponse::words(text).every(Duration::from_millis(20)));
        let stt = ScriptedStt::new(["What is it?", "Stop, what was that?"]);
        let engines = Scripted::with(ScriptedLlm::new(responses)).hearing(stt).engines();
        let (ports, pipeline) = call_ports();
        let stop = CancellationToken::new();
        let scope = Scope { drain: CancellationToken::new(), token: stop.clone() };
        tokio::spawn(async move {
            Box::pin(pipeline::run("test".into(), pipeline, engines, &config, CallOptions::default(), scope))
                .await
        });
        Self { ports, sound: Vec::new(), batches: Vec::new(), _stop: stop }
    }

    /// Speaks (or is silent) for this long in real time, and collects what arrives.
    async fn mic(&mut self, ms: u64, loud: bool) {
        for _ in 0..ms / 20 {
            let samples = vec![if loud { 8000 } else { 0 }; MIC_FRAME];
            self.ports.mic.send(AudioFrame { samples, received: true });
            sleep(Duration::from_millis(20)).await;
            while let Ok(frame) = self.ports.media.try_recv() {
                self.sound.push((frame.timestamp, frame.response.0));
            }
            while let Ok(batch) = self.ports.faces.try_recv() {
                self.batches.push(batch);
            }
            while self.ports.events.try_recv().is_ok() {}
        }
    }

    async fn ask(&mut self) {
        self.mic(1000, true).await;
        self.mic(700, false).await;
    }

    /// What a client would show, in order: timestamp, response, face.
    fn shown(&self) -> Vec<(u32, u32, Face)> {
        let mut shown: Vec<(u32, u32, u8, Face)> = Vec::new();
        for batch in &self.batches {
            shown.retain(|(at, _, epoch, _)| *epoch >= batch.epoch || *at < batch.timestamp);
            let times = (0..).map(|index| batch.timestamp + index * batch.spacing());
            shown.extend(times.zip(&batch.faces).map(|(at, face)| (at, batch.response, batch.epoch, *face)));
        }
        shown.sort_by_key(|(at, ..)| *at);
        shown.into_iter().map(|(at, response, _, face)| (at, response, face)).collect()
    }
}

fn is_closed(face: &Face) -> bool {
    face.weights[Shape::JawOpen] < 0.03 && face.level < 0.01
}

#[tokio::test(start_paused = true)]
async fn every_sample_of_a_response_has_a_face_and_a_silent_agent_sends_none() {
    let mut call = Call::begin(&["One two three four five six. Seven eight nine ten."], Config::default());
    call.ask().await;
    call.mic(8000, false).await;
    let (first, last) = (call.sound[0].0, call.sound.last().unwrap().0);
    let shown = call.shown();
    assert!(shown.windows(2).all(|pair| pair[1].0 - pair[0].0 == 1600), "30 per second, without a gap");
    assert!(shown[0].0 == first && shown.last().unwrap().0 > last);
    let inside = |at: u32| at > first + 40 * MS && at < last - 40 * MS;
    for (at, response, face) in shown.iter().filter(|(at, ..)| inside(*at)) {
        assert_eq!(*response, call.sound[0].1, "{at}");
        // The scripted voice is a square wave of 8,000.
        assert!((face.level - 8000.0 / 32768.0).abs() < 0.02, "{at}: {}", face.level);
    }
    let jaw = |(_, _, face): &(u32, u32, Face)| face.weights[Shape::JawOpen];
    assert!(shown.iter().map(jaw).fold(0.0, f32::max) > 0.1, "the mouth opens");
    assert!(is_closed(&shown.last().unwrap().2));
    let end = shown.last().unwrap().0;
    assert!(end - last < 800 * MS, "and is still {} ms after the sound", (end - last) / MS);
    assert!(call.batches.last().unwrap().last || call.batches[call.batches.len() - 2].last);
}

#[tokio::test(start_paused = true)]
async fn after_an_interruption_the_mouth_closes_within_100_ms_of_the_last_sound() {
    let responses = ["One two three four five six seven eight nine ten.", "Yes."];
    let mut call = Call::begin(&responses, Config::default());
    call.ask().await;
    call.mic(1000, false).await;
    assert!(!call.sound.is_empty(), "it responds");
    call.mic(1000, true).await;
    let stopped = call.sound.last().unwrap().0 + 20 * MS;
    let after: Vec<_> = call.shown().into_iter().filter(|(at, ..)| *at >= stopped + 100 * MS).collect();
    assert!(!after.is_empty(), "the closed mouth is shown");
    assert!(after.iter().all(|(_, _, face)| is_closed(face)), "{after:?}");
}

#[tokio::test(start_paused = true)]
async fn a_call_without_a_face_sends_none() {
    let mut config = Config::default();
    config.avatar.enabled = false;
    let mut call = Call::begin(&["One two three."], config);
    call.ask().await;
    call.mic(2000, false).await;
    assert!(!call.sound.is_empty());
    assert!(call.batches.is_empty());
}
