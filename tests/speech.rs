//! Speech for programs from a real server with a real voice.
#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic fails the test")]

use serde_json::{Value, json};

mod live;
use live::Live;

const TEXT: &str = "The quick brown fox jumps over the lazy dog, and then it rests.";

async fn speech(live: &Live, body: &Value) -> (u16, Vec<u8>) {
    let request = live.server.http().post(live.server.url("v1/audio/speech"));
    let answer = request.header("content-type", "application/json").body(body.to_string());
    let answer = answer.send().await.unwrap();
    (answer.status().as_u16(), answer.bytes().await.unwrap().to_vec())
}

async fn a_text_is_a_file_that_is_kept(live: &Live) {
    let body = json!({ "model": "tts-1", "input": TEXT, "voice": "alloy", "response_format": "pcm" });
    let (status, first) = speech(live, &body).await;
    assert_eq!(status, 200, "{}", String::from_utf8_lossy(&first));
    assert!(first.len() > 2 * 2 * 24_000, "{} bytes of a sentence", first.len());
    let (_, again) = speech(live, &body).await;
    assert_eq!(first, again, "it was spoken anew");
    assert!(live.metric("visavis_speech_memory_bytes").await > 0.0);
}

async fn a_faster_speech_is_shorter(live: &Live) {
    let mut lengths = [0; 4];
    for (length, speed) in lengths.iter_mut().zip([0.5, 1.0, 2.0, 4.0]) {
        let body = json!({ "input": TEXT, "voice": "alloy", "response_format": "pcm", "speed": speed });
        let (status, sound) = speech(live, &body).await;
        assert_eq!(status, 200);
        *length = sound.len();
    }
    // The voice draws its lengths at random, and no sound is shorter than a frame: these are about 6.7, 3.9, 2.4 and 1.8 s.
    let [half, normal, twice, fastest] = lengths;
    let clearly = |slower: usize, faster: usize| slower * 10 > faster * 13;
    assert!(clearly(half, normal) && clearly(normal, twice) && twice > fastest, "{lengths:?}");
}

async fn words_are_timed_within_the_sound(live: &Live) {
    let body = json!({ "input": TEXT, "voice": "alloy", "response_format": "pcm", "stream_format": "sse",
        "timestamps": ["word", "phoneme", "viseme"] });
    let (status, text) = speech(live, &body).await;
    assert_eq!(status, 200);
    let text = String::from_utf8(text).unwrap();
    let events: Vec<Value> = text
        .split("\n\n")
        .filter_map(|event| serde_json::from_str(event.strip_prefix("data: ")?).ok())
        .collect();
    let words: Vec<&Value> = events.iter().filter_map(|event| event["words"].as_array()).flatten().collect();
    let said: Vec<&str> = words.iter().map(|word| word["word"].as_str().unwrap()).collect();
    assert_eq!(said.join(" "), TEXT);
    let starts: Vec<f64> = words.iter().map(|word| word["start"].as_f64().unwrap()).collect();
    assert!(starts.is_sorted() && *starts.last().unwrap() > 1.0, "{starts:?}");
    assert!(events.iter().any(|event| event["visemes"].as_array().is_some_and(|list| !list.is_empty())));
    assert_eq!(events.last().unwrap()["type"], "speech.audio.done");
}

async fn the_gateways_page_is_told_where_it_came_from(live: &Live) {
    let (status, script) = {
        let answer = live.server.http().get(live.server.url("static/tts.js")).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    assert!(status == 200 && script.contains("/speak"));
    let ask = || async {
        let request = live.server.http().post(live.server.url("speak"));
        let body = json!({ "text": TEXT, "voiceEngine": "piper", "speed": 1, "pitch": 1 }).to_string();
        request.header("content-type", "application/json").body(body).send().await.unwrap()
    };
    let (first, second) = (ask().await, ask().await);
    for answer in [&first, &second] {
        assert_eq!(answer.status().as_u16(), 200);
        assert_eq!(answer.headers()["content-type"], "audio/mpeg");
        for name in ["x-tts-engine", "x-tts-latency", "x-tts-model-version", "x-tts-source"] {
            assert!(answer.headers().contains_key(name), "{name}");
        }
    }
    first.bytes().await.unwrap();
    let third = ask().await;
    assert_eq!(third.headers()["x-tts-cache"], "hit");
}

#[tokio::test]
async fn programs_are_spoken_to() {
    let live = Live::start(&[]).await;
    a_text_is_a_file_that_is_kept(&live).await;
    a_faster_speech_is_shorter(&live).await;
    words_are_timed_within_the_sound(&live).await;
    the_gateways_page_is_told_where_it_came_from(&live).await;
}
