//! Many requests at once, of which half are dropped: the others sound as in a quiet run, byte for byte.

#![allow(clippy::unwrap_used)] // a helper that fails fails its test

mod common;

use common::{Engine, StillVoice, request, speak};
use tonic::transport::Channel;
use visavis_proto::v1::SynthesizeRequest;
use visavis_proto::v1::tts_client::TtsClient;

/// Requests at once. Every second one is dropped.
const AT_ONCE: usize = 12;

/// One part or two, so that they take turns with others in different places.
const TEXTS: [&str; 3] =
    ["The door is open.", "Come into the house. Sit down over there.", "It rains again today."];

/// A sentence of the texts that are dropped.
const ON_AND_ON: &str = "This goes on and on. ";

fn kept(number: usize) -> SynthesizeRequest {
    request(TEXTS[number / 2 % TEXTS.len()])
}

/// A text that is not spoken to its end before its caller is gone.
fn dropped() -> SynthesizeRequest {
    request(&ON_AND_ON.repeat(100))
}

/// The sound of a request.
async fn sound(client: &mut TtsClient<Channel>, request: SynthesizeRequest) -> Vec<u8> {
    speak(client, request).await.into_iter().flat_map(|part| part.audio).collect()
}

/// Drops a request before its first part, or after it.
async fn leave(mut client: TtsClient<Channel>, after_a_part: bool) {
    let mut stream = client.synthesize(dropped()).await.unwrap().into_inner();
    if after_a_part {
        assert!(!stream.message().await.unwrap().unwrap().last);
    }
}

/// The requests that are not dropped, with the sound of each.
async fn all_at_once(client: &TtsClient<Channel>) -> Vec<(SynthesizeRequest, Vec<u8>)> {
    let (mut staying, mut leaving) = (Vec::new(), Vec::new());
    for number in 0..AT_ONCE {
        let mut client = client.clone();
        if number.is_multiple_of(2) {
            staying.push(tokio::spawn(async move {
                let sound = sound(&mut client, kept(number)).await;
                (kept(number), sound)
            }));
        } else {
            leaving.push(tokio::spawn(leave(client, number % 4 == 1)));
        }
    }
    for task in leaving {
        task.await.unwrap();
    }
    let mut heard = Vec::new();
    for task in staying {
        heard.push(task.await.unwrap());
    }
    heard
}

async fn the_rest_is_as_in_a_quiet_run(engine: Engine) {
    let mut client = engine.ready().await;
    // A voice's level is that of what it says first, and louder sounds may lower it: then it is settled.
    for text in TEXTS.into_iter().chain([ON_AND_ON]) {
        sound(&mut client, request(text)).await;
    }
    let mut quiet = Vec::new();
    for text in TEXTS {
        let sound = sound(&mut client, request(text)).await;
        assert!(sound.len() > 20_000, "{text:?} has {} bytes", sound.len());
        quiet.push((text, sound));
    }
    let before = engine.until(|stats| stats.active + stats.queued == 0).await;
    let heard = all_at_once(&client).await;
    assert_eq!(heard.len(), AT_ONCE / 2);
    for (request, sound) in heard {
        let (text, quiet) = quiet.iter().find(|(text, _)| *text == request.text).unwrap();
        assert!(sound == *quiet, "{text:?}: {} bytes, {} in the quiet run", sound.len(), quiet.len());
    }
    let after = engine.until(|stats| stats.active + stats.queued == 0).await;
    let counts = (after.requests - before.requests, after.cancelled - before.cancelled, after.failed);
    assert_eq!(counts, (12, 6, 0), "requests, cancelled, failed");
}

#[tokio::test]
async fn twelve_requests_of_which_six_are_dropped_leave_six_as_in_a_quiet_run_of_piper() {
    let voice = StillVoice::new("cancelled");
    the_rest_is_as_in_a_quiet_run(voice.engine()).await;
}

#[tokio::test]
async fn twelve_requests_of_which_six_are_dropped_leave_six_as_in_a_quiet_run_of_kokoro() {
    the_rest_is_as_in_a_quiet_run(Engine::with_kokoro()).await;
}
