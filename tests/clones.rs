//! Cloned voices of a real server with real speech: over HTTP and from the command line, in one folder.
#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic fails the test")]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde_json::{Value, json};

mod live;
use live::Live;

const KEY: &str = "0123456789abcdef";

async fn sent(live: &Live, method: Method, path: &str, body: &Value) -> (u16, Value) {
    let request = live.server.http().request(method, live.server.url(path)).bearer_auth(KEY).json(body);
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap_or_default())
}

/// A command of `visavis voices` for the same folder.
fn voices(folder: &str, words: &[&str]) -> (bool, String) {
    let folder = format!("tts.clones_dir={folder}");
    let output = live::program().arg("voices").args(words).args(["--set", &folder]).output().unwrap();
    let told = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(told).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_voice_of_recorded_speech_is_cloned_listed_and_removed_by_the_server_and_the_command() {
    let folder = tempfile::tempdir().unwrap();
    let clones = folder.path().join("clones").display().to_string();
    let [key, dir] = [format!("server.admin_key={KEY}"), format!("tts.clones_dir={clones}")];
    let live = Live::start(&["--set", &key, "--set", &dir]).await;
    let jfk = std::fs::read(live::speech("jfk.wav")).unwrap();
    let body = |name: &str, clip: &[u8]| {
        let consent = "a speech in public, 20 January 1961";
        json!({ "name": name, "consent": consent, "clip": STANDARD.encode(clip) })
    };

    let (status, told) = sent(&live, Method::POST, "api/voices", &body("jfk", &jfk)).await;
    assert_eq!(status, 201, "{told}");
    let (_, told) = voices(&clones, &["list"]);
    assert!(told.contains("20 January 1961"), "{told}");
    let (_, told) = sent(&live, Method::GET, "api/voices", &Value::Null).await;
    let only = json!([{ "name": "jfk", "language": "en", "cloned": true }]);
    assert_eq!(told["clones"], only, "its clip, words and consent are told to nobody");
    let (removed, told) = voices(&clones, &["remove", "jfk"]);
    assert!(removed, "{told}");
    let (status, told) = sent(&live, Method::DELETE, "api/voices/jfk", &Value::Null).await;
    assert_eq!((status, &told["field"]), (404, &json!("name")), "{told}");

    let clip = live::speech("jfk.wav").display().to_string();
    let words = ["clone", "--name", "jfk", "--clip", &clip, "--consent", "a speech in public, 1961"];
    let (cloned, told) = voices(&clones, &words);
    assert!(cloned && told.contains("Cloned jfk (en, 11.0 s"), "{told}");
    assert_eq!(sent(&live, Method::DELETE, "api/voices/jfk", &Value::Null).await.0, 204);
    let (status, told) = sent(&live, Method::POST, "api/voices", &body("en_US-joe-medium", &jfk)).await;
    assert_eq!((status, &told["field"]), (409, &json!("name")), "{told}");
    let (status, told) = sent(&live, Method::POST, "api/voices", &body("cut", &jfk[..jfk.len() / 2])).await;
    assert_eq!((status, &told["field"]), (400, &json!("clip")), "{told}");
}
