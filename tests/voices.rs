//! Voices of a real server with real models: the list, samples, and the voice that a client chooses for its call.
#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic fails the test")]

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Error;
use visavis::animation::recording;

mod live;
use live::Live;
use live::socket::Client;

async fn the_list(live: &Live) -> Vec<Value> {
    let answer = live.server.http().get(live.server.url("api/voices")).send().await.unwrap();
    let list: Value = answer.json().await.unwrap();
    list["voices"].as_array().unwrap().clone()
}

async fn a_voice_is_listed_with_what_speaks_it(live: &Live) -> String {
    let voices = the_list(live).await;
    let voice = &voices[0];
    assert_eq!((&voice["language"], &voice["source"]), (&json!("en"), &json!("piper")), "{voice}");
    assert!(voice["title"].is_string() && voice.get("mixes").is_none(), "{voice}");
    voice["name"].as_str().unwrap().to_owned()
}

async fn a_sample_is_speech_and_is_not_sent_twice(live: &Live, name: &str) {
    let url = live.server.url(&format!("api/voices/{name}/sample"));
    let first = live.server.http().get(url.clone()).send().await.unwrap();
    assert_eq!(first.status().as_u16(), 200);
    assert_eq!(first.headers()["content-type"], "audio/wav");
    assert!(first.headers()["cache-control"].to_str().unwrap().contains("no-cache"));
    let tag = first.headers()["etag"].clone();
    let samples = recording::decode(&first.bytes().await.unwrap()).unwrap();
    let loud = samples.iter().filter(|sample| sample.unsigned_abs() > 1_000).count();
    assert!(
        (24_000..240_000).contains(&samples.len()) && loud > 5_000,
        "{} samples, {loud} loud",
        samples.len()
    );
    let again = live.server.http().get(url).header("if-none-match", tag).send().await.unwrap();
    assert_eq!(again.status().as_u16(), 304);
}

async fn what_cannot_be_sampled_is_refused(live: &Live, name: &str) {
    for (path, status, part) in [
        ("api/voices/nobody/sample".to_owned(), 404, name),
        (format!("api/voices/{name}%237/sample"), 404, "one speaker"),
        (format!("api/voices/{name}/sample?language=de"), 400, "leave language out"),
        (format!("api/voices/{name}/sample?language=german"), 400, "two letters"),
    ] {
        let answer = live.server.http().get(live.server.url(&path)).send().await.unwrap();
        assert_eq!(answer.headers()["content-type"], "application/problem+json", "{path}");
        let problem: Value = answer.json().await.unwrap();
        assert_eq!(problem["status"], json!(status), "{path}: {problem}");
        assert!(problem["detail"].as_str().unwrap().contains(part), "{path}: {problem}");
    }
}

async fn a_call_with_a_voice_that_does_not_exist_is_refused_with_those_that_do(live: &Live, name: &str) {
    let Err(Error::Http(refused)) =
        tokio_tungstenite::connect_async(format!("ws://{}/ws?voice=nobody", live.address)).await
    else {
        panic!("the call begins")
    };
    assert_eq!(refused.status().as_u16(), 400);
    let body = json!({ "sdp": "v=0", "type": "offer", "voice": "nobody" });
    let answer = live.server.http().post(live.server.url("api/offer")).json(&body).send().await.unwrap();
    let problem: Value = answer.json().await.unwrap();
    assert_eq!((&problem["status"], &problem["field"]), (&json!(400), &json!("voice")), "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains(name), "{problem}");
}

async fn choose(client: &mut Client, id: &str, voice: &str) -> Value {
    client.send("client-message", id, json!({ "t": "set-voice", "d": { "voice": voice } })).await;
    client.until(|message| message["id"] == id).await
}

async fn a_call_chooses_its_voice_and_is_told_which_one_speaks(live: &Live, name: &str) {
    let mut client = Client::call(live, &format!("?language=en&voice={name}")).await;
    client.send("client-ready", "1", json!({ "version": "2.1.0" })).await;
    let refused = choose(&mut client, "2", "nobody").await;
    assert_eq!(refused["type"], "error-response");
    assert!(refused["data"]["error"].as_str().unwrap().contains(name), "{refused}");
    let granted = choose(&mut client, "3", name).await;
    assert_eq!((&granted["type"], &granted["data"]["t"]), (&json!("server-response"), &json!("set-voice")));
    client.send("send-text", "4", json!({ "content": "What is the capital of France?" })).await;
    let spoken = client.until(|message| message["data"]["spoken_status"] == "new").await;
    assert_eq!(
        (&spoken["data"]["voice"], &spoken["data"]["language"]),
        (&json!(name), &json!("en")),
        "{spoken}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_lists_hears_and_chooses_voices() {
    let live = Live::start(&[]).await;
    let name = a_voice_is_listed_with_what_speaks_it(&live).await;
    a_sample_is_speech_and_is_not_sent_twice(&live, &name).await;
    what_cannot_be_sampled_is_refused(&live, &name).await;
    a_call_with_a_voice_that_does_not_exist_is_refused_with_those_that_do(&live, &name).await;
    a_call_chooses_its_voice_and_is_told_which_one_speaks(&live, &name).await;
}
