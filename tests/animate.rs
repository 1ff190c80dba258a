//! Faces without the page, from a real server with real models: texts, recordings, a call's face stream, and renderers.
#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic fails the test")]

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio::net::UdpSocket;
use visavis::animation::recording;
use visavis_client::turn::{Question, ask};
use visavis_client::{Call, CallOptions, Mode};
use visavis_core::avatar::shapes::{SHAPES, Shape};

mod live;
use live::Live;

const PATIENCE: Duration = Duration::from_secs(90);
const TEXT: &str = "[happy] Hello there. [nod] Papa may buy a big map, as you know.";

async fn sent(live: &Live, path: &str, kind: &str, accept: &str, body: Vec<u8>) -> (u16, String) {
    let request =
        live.server.http().post(live.server.url(path)).header("content-type", kind).header("accept", accept);
    let answer = request.body(body).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

async fn animated(live: &Live, body: &Value) -> Value {
    let (status, text) =
        sent(live, "api/animate", "application/json", "*/*", body.to_string().into_bytes()).await;
    assert_eq!(status, 200, "{text}");
    serde_json::from_str(&text).unwrap()
}

fn weights(clip: &Value, shape: Shape) -> Vec<f64> {
    let frames = clip["frames"].as_array().unwrap();
    frames.iter().map(|frame| frame["weights"][shape.index()].as_f64().unwrap()).collect()
}

fn most(values: &[f64]) -> f64 {
    values.iter().copied().fold(0.0, f64::max)
}

async fn a_text_is_spoken_with_its_face(live: &Live) -> Value {
    let clip = animated(live, &json!({ "text": TEXT })).await;
    let sound = recording::decode(&STANDARD.decode(clip["audio"].as_str().unwrap()).unwrap()).unwrap();
    let seconds = clip["duration"].as_f64().unwrap();
    assert!((sound.len() as f64 / 24_000.0 - seconds).abs() < 0.001 && seconds > 2.0, "{seconds}");
    let frames = clip["frames"].as_array().unwrap();
    assert_eq!(frames.len(), ((seconds + 0.4) * 60.0).ceil() as usize);
    assert!(frames.iter().all(|frame| frame["weights"].as_array().unwrap().len() == SHAPES));
    let words: Vec<&str> =
        clip["words"].as_array().unwrap().iter().map(|word| word["text"].as_str().unwrap()).collect();
    assert_eq!(words.join(" "), "Hello there. Papa may buy a big map, as you know.");
    assert_eq!(clip["source"], "durations");
    // A bilabial closes the lips that a vowel opens.
    let (jaw, smile) = (weights(&clip, Shape::JawOpen), weights(&clip, Shape::MouthSmileLeft));
    assert!(most(&jaw) > 0.1 && most(&smile) > 0.1, "jaw {} smile {}", most(&jaw), most(&smile));
    let sounds = clip["phonemes"].as_array().unwrap();
    assert!(sounds.iter().any(|sound| sound["symbol"] == "p"), "{sounds:?}");
    let times = sounds.iter().map(|sound| (sound["start"].as_f64().unwrap(), sound["end"].as_f64().unwrap()));
    assert!(times.clone().all(|(start, end)| start <= end && end <= seconds + 0.05), "{seconds}: {sounds:?}");
    clip
}

async fn streamed_lines_equal_the_whole_clip(live: &Live, whole: &Value) {
    let body = json!({ "text": TEXT }).to_string().into_bytes();
    let (status, text) = sent(live, "api/animate", "application/json", "application/x-ndjson", body).await;
    assert_eq!(status, 200, "{text}");
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.len() > 3, "head, segments, end");
    let mut frames = Vec::new();
    for line in &lines {
        if let Some(more) = line["frames"].as_array() {
            assert_eq!(line["frame"], frames.len());
            frames.extend(more.iter().cloned());
        }
    }
    assert_eq!(&frames, whole["frames"].as_array().unwrap());
    assert_eq!(lines[lines.len() - 1]["source"], "durations");
}

async fn a_recording_moves_the_mouth(live: &Live, clip: &Value) {
    let wav = STANDARD.decode(clip["audio"].as_str().unwrap()).unwrap();
    let path = "api/animate?fps=30&expressions=false";
    let (status, text) = sent(live, path, "audio/wav", "*/*", wav).await;
    assert_eq!(status, 200, "{text}");
    let heard: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        (heard["source"].as_str(), heard["fps"].as_u64()),
        (Some("alignment"), Some(30)),
        "{text:.300}"
    );
    assert_eq!(heard["duration"], clip["duration"]);
    assert!(most(&weights(&heard, Shape::JawOpen)) > 0.05);
    // Words are recognised and aligned to where the voice said them. The voice varies from run to run, so the small recogniser
    // sometimes mishears a word, and its neighbours shift.
    let (said, found) = (starts(clip), starts(&heard));
    let placed = |(word, at): &&(String, f64)| {
        found.iter().any(|(other, found)| other == word && (at - found).abs() < 0.06)
    };
    let placed = said.iter().filter(placed).count();
    assert!(placed * 2 >= said.len(), "{placed} of {said:?} are in {found:?}");
}

/// A clip's words without punctuation, with their start times in seconds.
fn starts(clip: &Value) -> Vec<(String, f64)> {
    let words = clip["words"].as_array().unwrap().iter();
    let bare = |word: &Value| word["text"].as_str().unwrap().trim_matches(['.', ',', '!']).to_lowercase();
    words.map(|word| (bare(word), word["start"].as_f64().unwrap())).collect()
}

async fn noise_is_not_speech(live: &Live) {
    let noise: Vec<i16> = (0..48_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 20) as i16).collect();
    let wav = recording::encode(&noise).unwrap();
    let (status, text) = sent(live, "api/animate?language=en", "audio/wav", "*/*", wav).await;
    assert_eq!(status, 200, "{text}");
    let heard: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((heard["source"].as_str(), heard["words"].as_array().unwrap().len()), (Some("audio"), 0));
}

async fn text_without_words_gives_a_face_at_rest(live: &Live) {
    for text in ["🎉 … ***", "[sad]"] {
        let clip = animated(live, &json!({ "text": text, "expressions": false })).await;
        assert_eq!(
            (clip["duration"].as_f64(), clip["frames"].as_array().unwrap().len()),
            (Some(0.0), 24),
            "{text}"
        );
        assert_eq!(most(&weights(&clip, Shape::JawOpen)), 0.0);
    }
}

async fn bad_requests_name_the_faulty_field(live: &Live) {
    let text = |body: Value| ("application/json", "api/animate", body.to_string().into_bytes());
    let wav = |path: &'static str, body: &[u8]| ("audio/wav", path, body.to_vec());
    let silence = recording::encode(&[0; 2400]).unwrap();
    for ((kind, path, body), status, field, part) in [
        (text(json!({ "text": " " })), 400, "text", "empty"),
        (text(json!({ "text": "a".repeat(5001) })), 400, "text", "5000"),
        (text(json!({ "text": "Hi", "voice": "nobody" })), 400, "voice", "joe"),
        (text(json!({ "text": "Hi", "language": "xx" })), 400, "language", "xx"),
        (text(json!({ "text": "Hi", "language": "english" })), 400, "language", "two letters"),
        (text(json!({ "text": "Hi", "fps": 25 })), 400, "fps", "25"),
        (text(json!({ "text": "Hi", "mood": "angry" })), 400, "", "angry"),
        (text(json!({ "text": 7 })), 400, "", "text"),
        (text(json!({ "say": "Hi" })), 400, "", "say"),
        (("application/json", "api/animate", vec![b'x'; 70_000]), 413, "", "65536"),
        (("text/plain", "api/animate", b"Hi".to_vec()), 415, "", "audio/wav"),
        (wav("api/animate", b"no sound"), 400, "body", "WAV"),
        (wav("api/animate?language=english", &silence), 400, "language", "two letters"),
        (wav("api/animate?fps=7", &silence), 400, "fps", "30 or 60"),
        (wav("api/animate?mood=angry", &silence), 400, "", "angry"),
    ] {
        let (got, answer) = sent(live, path, kind, "*/*", body).await;
        let problem: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(got, status, "{problem}");
        assert_eq!(problem["field"].as_str().unwrap_or(""), field, "{problem}");
        assert!(problem["detail"].as_str().unwrap().contains(part), "{part}: {problem}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_and_recordings_become_sound_and_faces() {
    let live = Live::start(&[]).await;
    let clip = a_text_is_spoken_with_its_face(&live).await;
    streamed_lines_equal_the_whole_clip(&live, &clip).await;
    a_recording_moves_the_mouth(&live, &clip).await;
    noise_is_not_speech(&live).await;
    text_without_words_gives_a_face_at_rest(&live).await;
    bad_requests_name_the_faulty_field(&live).await;
    let voices = live.server.http().get(live.server.url("api/voices")).send().await.unwrap();
    let voices: Value = voices.json().await.unwrap();
    assert_eq!(voices["voices"][0]["language"], "en", "{voices}");
}

/// The name and the jaw weight in a packet.
fn packet(buffer: &[u8]) -> (String, f32) {
    let name = 45 + usize::from(buffer[44]);
    assert_eq!((&buffer[..4], buffer.len()), (&6_u32.to_le_bytes()[..], name + 17 + 61 * 4));
    let jaw = name + 17 + 4 * Shape::JawOpen.index();
    let jaw = f32::from_be_bytes(buffer[jaw..jaw + 4].try_into().unwrap());
    (String::from_utf8(buffer[45..name].to_vec()).unwrap(), jaw)
}

/// Reads packets until there are many, and a mouth has opened. They are read while they come: a socket keeps a few hundred.
async fn packets(listener: Arc<UdpSocket>) -> Vec<(String, f32)> {
    let mut buffer = [0; 2048];
    let mut all = Vec::new();
    while all.len() <= 20 || !all.iter().any(|(_, jaw)| *jaw > 0.05) {
        let length = listener.recv(&mut buffer).await.unwrap();
        all.push(packet(&buffer[..length]));
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn renderers_and_streams_get_the_face_of_their_own_call_only() {
    let listener = Arc::new(UdpSocket::bind("127.0.0.1:0").await.unwrap());
    let address = listener.local_addr().unwrap();
    let own = format!("renderers.live_link=[\"{address}\", \"no-such-host.invalid:1\"]");
    let live = Live::start(&["--set", &own, "--set", "renderers.from_clients=true"]).await;
    let mut call = Call::start(&live.server, Mode::WebSocket, CallOptions::default()).await.unwrap();
    let second = Call::start(&live.server, Mode::WebSocket, CallOptions::default()).await.unwrap();
    let read = |id: &str, format: &str| {
        let url = live.server.url(&format!("api/calls/{id}/face?format={format}"));
        let request = live.server.http().get(url);
        tokio::spawn(async move { request.send().await.unwrap().text().await.unwrap() })
    };
    let (faces, rows, silent) =
        (read(call.id(), "weights"), read(call.id(), "azure"), read(second.id(), "weights"));
    let told = tokio::spawn(packets(listener.clone()));
    let report =
        ask(&mut call, &Question::Typed("What is the capital of France?".into()), PATIENCE).await.unwrap();
    assert!(report.voice_to_voice_ms.is_some());
    // The second call is silent, and the renderer belongs to the first.
    let told = tokio::time::timeout(PATIENCE, told).await.expect("the mouth opens").unwrap();
    assert!(told.iter().all(|(name, _)| name == "Visavis"), "{told:?}");
    // A name that leads nowhere may be looked for as long as the machine's resolver likes.
    live.metric_when("visavis_renderer_errors_total", |errors| errors >= 2.0).await;
    assert!(call.hang_up().await && second.hang_up().await);
    let lines =
        |text: String| text.lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<Value>>();
    let ended = async { (faces.await.unwrap(), rows.await.unwrap(), silent.await.unwrap()) };
    let (faces, rows, silent) =
        tokio::time::timeout(PATIENCE, ended).await.expect("streams end with their calls");
    let (faces, rows, silent) = (lines(faces), lines(rows), lines(silent));
    let jaw = |line: &Value| line["weights"][Shape::JawOpen.index()].as_f64().unwrap();
    assert!(faces.iter().any(|line| line["response"] != 0 && jaw(line) > 0.05), "{} lines", faces.len());
    assert!(!silent.is_empty() && silent.iter().all(|line| line["response"] == 0 && jaw(line) < 0.05));
    assert_eq!(rows[0]["FrameIndex"], 0);
    let all: Vec<&Value> = rows.iter().flat_map(|row| row["BlendShapes"].as_array().unwrap()).collect();
    assert!(all.len() > 40 && all.iter().all(|row| row.as_array().unwrap().len() == 55), "{}", all.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_renderers_and_streams_are_refused_naming_the_field() {
    let live = Live::start(&[]).await;
    let offer =
        |avatar: Value| json!({ "sdp": "v=0", "type": "offer", "avatar": avatar }).to_string().into_bytes();
    let (status, text) =
        sent(&live, "api/offer", "application/json", "*/*", offer(json!({ "vmc": "a:1" }))).await;
    assert!(
        status == 403 && text.contains("avatar.vmc") && text.contains("renderers.from_clients"),
        "{text}"
    );
    let (status, text) =
        sent(&live, "api/offer", "application/json", "*/*", offer(json!({ "osc": "a:1" }))).await;
    assert!(status == 400 && text.contains("osc"), "{text}");
    for (path, status, part) in [
        ("ws?live_link=a:1", 403, "renderers.from_clients"),
        ("ws?subject=", 400, "subject"),
        ("api/calls/nobody/face", 404, "nobody"),
        ("api/calls/nobody/face?format=gif", 400, "azure"),
    ] {
        let answer = live.server.http().get(live.server.url(path)).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), status, "{path}");
        assert!(answer.text().await.unwrap().contains(part), "{path}");
    }
}
