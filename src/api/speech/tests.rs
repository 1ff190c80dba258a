//! The routes with scripted voices.

use std::net::Ipv4Addr;
use std::time::Duration;

use axum::body::{Bytes, to_bytes};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::StreamExt;
use serde_json::{Value, json};
use visavis_scripted::ScriptedTts;

use super::*;
use crate::admission::Limits;
use crate::api::{openai, speak};
use crate::config::{Server, SpeechApi, TtsEngine};
use crate::engine::{EngineError, Voice};

/// Samples of a word of the scripted voice.
const WORD: usize = 7_200;

struct Bench {
    desk: Arc<Desk>,
    tts: Arc<ScriptedTts>,
    /// The engine's state.
    engine: watch::Sender<EngineStatus>,
}

fn bench_with(tts: ScriptedTts, ready: bool, own: SpeechApi) -> Bench {
    let voice = |name: &str, language: &str| Voice {
        name: name.into(),
        language: language.into(),
        source: "piper".into(),
        ..Voice::default()
    };
    let tts = Arc::new(tts.with_voices([voice("joe", "en"), voice("eva", "de")]));
    let model = "joe.onnx".to_owned();
    let (engine, status) =
        watch::channel(EngineStatus { ready, message: "loads".into(), model, ..EngineStatus::default() });
    let config = Config { speech_api: SpeechApi { disk_mb: 0, ..own }, ..Config::default() };
    let admission = Admission::new(Limits::from(&Server::default()));
    let desk = Desk::start(&config, VoiceEngine { tts: tts.clone(), status }, admission).unwrap();
    Bench { desk, tts, engine }
}

fn bench() -> Bench {
    bench_with(ScriptedTts::default(), true, SpeechApi::default())
}

fn headers(asked: &[(HeaderName, &'static str)]) -> HeaderMap {
    asked.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect()
}

impl Bench {
    async fn openai_with(&self, body: &Value, headers: &HeaderMap) -> Response {
        let body = body.to_string();
        openai::speech::answer(&self.desk, Principal::Anonymous, headers, body.as_bytes())
            .await
            .unwrap_or_else(IntoResponse::into_response)
    }

    async fn openai(&self, body: &Value) -> Response {
        self.openai_with(body, &HeaderMap::new()).await
    }

    async fn speak_as(&self, principal: Principal, body: &Value) -> Response {
        speak::answer(&self.desk, principal, &HeaderMap::new(), body.to_string().as_bytes())
            .await
            .unwrap_or_else(IntoResponse::into_response)
    }

    async fn speak(&self, body: &Value) -> Response {
        self.speak_as(Principal::Anonymous, body).await
    }
}

async fn bytes(response: Response) -> Bytes {
    to_bytes(response.into_body(), 64 << 20).await.unwrap()
}

async fn read(response: Response) -> Value {
    serde_json::from_slice(&bytes(response).await).unwrap()
}

#[tokio::test]
async fn a_text_is_sent_as_a_file_of_exactly_its_samples_first_as_it_grows_then_whole() {
    let bench = bench();
    let body =
        json!({ "model": "tts-1", "input": "One two three.", "voice": "alloy", "response_format": "pcm" });
    let grown = bench.openai(&body).await;
    assert_eq!(grown.status(), StatusCode::OK);
    assert!(!grown.headers().contains_key(header::CONTENT_LENGTH), "its length is not known yet");
    let grown = bytes(grown).await;
    assert_eq!(grown.len(), 2 * 3 * WORD);
    let whole = bench.openai(&body).await;
    let tag = whole.headers()[header::ETAG].clone();
    assert_eq!(whole.headers()[header::ACCEPT_RANGES], "bytes");
    assert_eq!(bytes(whole).await, grown);
    let mut part = headers(&[(header::RANGE, "bytes=-4")]);
    part.insert(header::IF_RANGE, tag.clone());
    let part = bench.openai_with(&body, &part).await;
    assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!(bytes(part).await, grown[grown.len() - 4..]);
    let mut known = HeaderMap::new();
    known.insert(header::IF_NONE_MATCH, tag);
    assert_eq!(bench.openai_with(&body, &known).await.status(), StatusCode::NOT_MODIFIED);
    assert_eq!(bench.tts.asked().len(), 1);
}

#[tokio::test]
async fn events_tell_in_their_headers_whether_the_speech_was_kept() {
    let bench = bench();
    let body = json!({ "input": "One two three.", "stream_format": "sse", "timestamps": ["word"] });
    for (cache, source) in [("miss", "engine"), ("hit", "memory")] {
        let response = bench.openai(&body).await;
        let heads = response.headers();
        assert_eq!(heads["x-tts-cache"], cache);
        assert_eq!(heads["x-tts-source"], source);
        assert_eq!(heads["x-tts-engine"], "piper");
        assert!(heads.contains_key("x-tts-latency"));
        assert!(!bytes(response).await.is_empty());
    }
}

#[tokio::test]
async fn a_part_of_a_file_that_is_not_there_yet_is_sent_once_it_is_complete() {
    let bench = bench();
    let body = json!({ "input": "One two.", "voice": "joe", "response_format": "pcm" });
    let part = bench.openai_with(&body, &headers(&[(header::RANGE, "bytes=0-1")])).await;
    assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!(part.headers()[header::CONTENT_RANGE], format!("bytes 0-1/{}", 2 * 2 * WORD));
    assert_eq!(bytes(part).await.len(), 2);
}

#[tokio::test]
async fn every_format_is_sent_with_its_type() {
    let bench = bench();
    for name in ["mp3", "opus", "aac", "flac", "wav", "pcm"] {
        let body = json!({ "input": "One two.", "voice": "alloy", "response_format": name });
        let response = bench.openai(&body).await;
        assert_eq!(response.status(), StatusCode::OK, "{name}");
        let kind = response.headers()[header::CONTENT_TYPE].to_str().unwrap().to_owned();
        assert!(kind.starts_with("audio/"), "{name}: {kind}");
        assert!(!bytes(response).await.is_empty(), "{name}");
    }
    assert_eq!(bytes(bench.openai(&json!({ "input": "One two." })).await).await, {
        let body = json!({ "input": "One two.", "response_format": "mp3" });
        bytes(bench.openai(&body).await).await
    });
}

#[tokio::test]
async fn events_carry_the_file_its_word_times_and_its_usage() {
    let bench = bench();
    let body = |events: bool| {
        let mut body =
            json!({ "input": "One two. Three four five.", "voice": "joe", "response_format": "pcm" });
        if events {
            body["stream_format"] = json!("sse");
            body["timestamps"] = json!(["word"]);
        }
        body
    };
    // As it grows, and from memory.
    for _ in 0..2 {
        let response = bench.openai(&body(true)).await;
        assert_eq!(response.headers()[header::CONTENT_TYPE], "text/event-stream");
        let text = bytes(response).await;
        let text = std::str::from_utf8(&text).unwrap();
        let events: Vec<Value> = text
            .split("\n\n")
            .filter(|event| !event.is_empty())
            .map(|event| serde_json::from_str(event.strip_prefix("data: ").unwrap()).unwrap())
            .collect();
        let of = |kind: &'static str| events.iter().filter(move |event| event["type"] == kind);
        let sound: Vec<u8> = of("speech.audio.delta")
            .flat_map(|event| STANDARD.decode(event["audio"].as_str().unwrap()).unwrap())
            .collect();
        assert_eq!(sound, bytes(bench.openai(&body(false)).await).await);
        let words: Vec<Value> =
            of("speech.words").flat_map(|event| event["words"].as_array().unwrap().clone()).collect();
        let said: Vec<&str> = words.iter().map(|word| word["word"].as_str().unwrap()).collect();
        assert_eq!(said, ["One", "two.", "Three", "four", "five."]);
        assert_eq!(words[4]["start"], 4.0 * 0.3);
        let last = events.last().unwrap();
        assert_eq!(last["type"], "speech.audio.done");
        assert_eq!(last["usage"], json!({ "input_tokens": 7, "output_tokens": 30, "total_tokens": 37 }));
    }
}

#[tokio::test]
async fn a_wrong_request_is_refused_in_the_form_of_its_route() {
    let bench = bench();
    for (body, param, told) in [
        (json!({ "input": " " }), "input", "is empty"),
        (json!({ "input": "a\u{7}" }), "input", "U+0007"),
        (json!({ "input": "a".repeat(20_001) }), "input", "at most 20000"),
        (json!({ "input": "<speak>a<audio/></speak>" }), "input", "<audio>"),
        (json!({ "input": "🎉" }), "input", "nothing in it can be spoken"),
        (json!({ "input": "Hi", "voice": "bob" }), "voice", "joe (en), eva (de)"),
        (json!({ "input": "Hi", "speed": 9 }), "speed", "between 0.25 and 4"),
        (json!({ "input": "Hi", "response_format": "ogg" }), "response_format", "flac"),
        (json!({ "input": "Hi", "lexicon": { "a b": "c" } }), "lexicon", "one word"),
    ] {
        let response = bench.openai(&body).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{body:.60}");
        let error = read(response).await["error"].clone();
        assert_eq!((&error["param"], &error["type"]), (&json!(param), &json!("invalid_request_error")));
        assert!(error["message"].as_str().unwrap().contains(told), "{error}");
    }
    let response = bench.speak(&json!({ "text": "Hi", "voice": "bob" })).await;
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    let problem = read(response).await;
    assert_eq!((&problem["error"], &problem["field"]), (&json!("invalid_request"), &json!("voice")));
}

#[tokio::test]
async fn speed_respellings_and_ssml_reach_the_engine() {
    let bench = bench();
    let body =
        json!({ "input": "A gif.", "speed": 2, "lexicon": { "gif": "jif" }, "response_format": "pcm" });
    bytes(bench.openai(&body).await).await;
    let ssml = "<speak>Slow<break time='1s'/><prosody rate='slow'>down.</prosody></speak>";
    let paused = bytes(bench.openai(&json!({ "input": ssml, "response_format": "pcm" })).await).await;
    assert_eq!(paused.len(), 2 * (2 * WORD + 24_000));
    let asked = bench.tts.asked();
    let said: Vec<_> = asked.iter().map(|asked| (asked.text.trim(), asked.speed.hundredths())).collect();
    assert_eq!(said, [("A jif.", 200), ("Slow", 100), ("down.", 75)]);
    assert!(asked.iter().all(|asked| asked.ahead && asked.waited && asked.language == "en"));
}

#[tokio::test]
async fn a_page_is_told_what_spoke_and_whether_it_was_kept() {
    let bench = bench();
    let body = json!({ "text": "Hello there.", "voiceEngine": "piper", "voice": "eva", "pitch": 1, "format": "wav" });
    for (cache, source) in [("miss", "engine"), ("hit", "memory")] {
        let response = bench.speak(&body).await;
        assert_eq!(response.status(), StatusCode::OK);
        let heads = response.headers().clone();
        let head = |name: &str| heads[name].to_str().unwrap();
        assert_eq!((head("x-tts-engine"), head("x-tts-model-version")), ("piper", "joe.onnx"));
        assert_eq!((head("x-tts-cache"), head("x-tts-source")), (cache, source));
        assert!(head("x-tts-latency").parse::<u64>().is_ok());
        assert!(!bytes(response).await.is_empty());
    }
}

#[tokio::test]
async fn a_page_falls_back_while_the_voice_is_not_there() {
    let body = json!({ "text": "Hello there." });
    let failing = ScriptedTts::default().failing("", 0, EngineError::Failed("broken".into()));
    for bench in [
        bench_with(ScriptedTts::default(), false, SpeechApi::default()),
        bench_with(failing, true, SpeechApi::default()),
    ] {
        let response = bench.speak(&body).await;
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(response.headers()["x-tts-fallback"], "required");
        let told = read(response).await;
        assert_eq!((&told["fallback"], &told["error"]), (&json!(true), &json!("tts_unavailable")));
        assert!(!told["message"].as_str().unwrap().is_empty());
    }
}

#[tokio::test]
async fn an_address_has_its_number_of_syntheses_an_hour_and_what_is_kept_is_free() {
    let bench =
        bench_with(ScriptedTts::default(), true, SpeechApi { requests_per_hour: 2, ..SpeechApi::default() });
    let principal = || Principal::from(Some(Ipv4Addr::new(192, 0, 2, 1).into()));
    let mut said = Vec::new();
    for text in ["One.", "Two.", "One.", "Three."] {
        let response = bench.speak_as(principal(), &json!({ "text": text })).await;
        said.push(response.status().as_u16());
        if response.status() == StatusCode::TOO_MANY_REQUESTS {
            assert!(response.headers().contains_key(header::RETRY_AFTER));
            let told = read(response).await;
            assert!(told["message"].as_str().unwrap().contains("2 requests"), "{told}");
        } else {
            bytes(response).await;
        }
    }
    // The clock may reach a new hour meanwhile, in which all are served.
    assert!([[200, 200, 200, 429], [200; 4]].contains(&[said[0], said[1], said[2], said[3]]), "{said:?}");
}

#[tokio::test]
async fn speech_is_other_speech_once_other_settings_make_its_sound() {
    async fn key(tts: TtsEngine) -> Key {
        let speech_api = SpeechApi { disk_mb: 0, ..SpeechApi::default() };
        let config = Config { tts, speech_api, ..Config::default() };
        let (_engine, status) = watch::channel(EngineStatus::default());
        let voice = VoiceEngine { tts: Arc::new(ScriptedTts::default()), status };
        let desk = Desk::start(&config, voice, Admission::new(Limits::from(&Server::default()))).unwrap();
        desk.order(Asked::openai(br#"{"input":"Hi"}"#).unwrap()).await.unwrap().wanted.key
    }
    let usual = key(TtsEngine::default()).await;
    assert_eq!(key(TtsEngine { threads: 7, queue: 9, ..TtsEngine::default() }).await, usual);
    assert_ne!(key(TtsEngine { speed: 1.2, ..TtsEngine::default() }).await, usual);
    assert_ne!(key(TtsEngine { model: "other".into(), ..TtsEngine::default() }).await, usual);
}

#[tokio::test]
async fn what_is_kept_is_found_while_the_engine_is_away() {
    let bench = bench();
    let body = json!({ "text": "Hello there." });
    bytes(bench.speak(&body).await).await;
    bench.engine.send_replace(EngineStatus::not_ready("it restarts"));
    let kept = bench.speak(&body).await;
    assert_eq!(kept.status(), StatusCode::OK);
    assert_eq!(kept.headers()["x-tts-cache"], "hit");
    let other = bench.speak(&json!({ "text": "Something else." })).await;
    assert_eq!(other.status(), StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn a_request_that_is_refused_for_want_of_room_is_not_counted() {
    let own = SpeechApi { requests_per_hour: 1, ..SpeechApi::default() };
    let bench = bench_with(ScriptedTts::default(), true, own);
    let principal = || Principal::from(Some(Ipv4Addr::new(192, 0, 2, 1).into()));
    let mut others = Vec::new();
    while let Ok(permit) = bench.desk.admission.admit(principal(), Kind::Request) {
        others.push(permit);
    }
    let body = json!({ "text": "Hello there." });
    let refused = bench.speak_as(principal(), &body).await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    drop(others);
    assert_eq!(bench.speak_as(principal(), &body).await.status(), StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_stops_the_engine_and_the_others_get_everything() {
    let tts = ScriptedTts::default().every(Duration::from_secs(1));
    let bench = bench_with(tts, true, SpeechApi::default());
    let body = json!({
        "input": "This is a sentence of a long text. ".repeat(20), "voice": "joe", "response_format": "pcm",
    });
    let (left, stays) = (bench.openai(&body).await, bench.openai(&body).await);
    drop(left);
    assert_eq!(bytes(stays).await.len(), 2 * 20 * 8 * WORD);
    let once = bench.tts.asked().len();
    assert!((20..30).contains(&once), "{once} segments of twenty sentences");
    let alone = json!({ "input": "This is another sentence of a long text. ".repeat(40), "voice": "joe" });
    let mut alone = bench.openai(&alone).await.into_body().into_data_stream();
    alone.next().await.unwrap().unwrap();
    drop(alone);
    tokio::time::sleep(Duration::from_secs(5)).await;
    let asked = bench.tts.asked().len();
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(bench.tts.asked().len(), asked, "the engine works for nobody");
    assert!(asked < once + 30, "{asked}");
}

#[tokio::test]
async fn a_failure_in_the_middle_breaks_the_file_off_and_ends_the_events_with_an_error() {
    let tts = || ScriptedTts::default().failing("fails", 0, EngineError::Failed("broken".into()));
    let body = json!({ "input": "This goes well enough. This fails here.", "response_format": "pcm" });
    let bench = bench_with(tts(), true, SpeechApi::default());
    let response = bench.openai(&body).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert!(to_bytes(response.into_body(), 64 << 20).await.is_err(), "a part is taken for the whole");
    let mut body = body;
    body["stream_format"] = json!("sse");
    let text = bytes(bench.openai(&body).await).await;
    let text = std::str::from_utf8(&text).unwrap();
    assert!(text.contains("speech.audio.delta") && !text.contains("speech.audio.done"), "{text:.200}");
    assert!(text.trim_end().rsplit("\n\n").next().unwrap().contains("\"type\":\"error\""), "{text:.200}");
}
