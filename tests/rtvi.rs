//! A real server as Pipecat's clients see it: how they connect, and the responses to their messages.
#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic fails the test")]

use serde_json::{Value, json};

mod live;
mod webrtc_support;
use live::Live;
use live::socket::Client;
use webrtc_support::{Client as Browser, PATIENCE, until, within};

const OFFER: &str = include_str!("webrtc_support/offer-chromium.sdp");

/// The server's HTTP response.
struct Answered {
    status: u16,
    body: Value,
}

async fn sent(live: &Live, method: reqwest::Method, path: &str, body: Value) -> Answered {
    let answer = live.server.http().request(method, live.server.url(path)).json(&body).send().await.unwrap();
    let status = answer.status().as_u16();
    Answered { status, body: answer.json().await.unwrap_or_default() }
}

async fn a_session_begins_and_takes_offers(live: &Live) {
    let asked =
        json!({ "enableDefaultIceServers": true, "createDailyRoom": false, "body": { "name": "Ada" } });
    let start = sent(live, reqwest::Method::POST, "start", asked).await;
    assert_eq!(start.status, 200, "{}", start.body);
    assert_eq!(start.body["iceConfig"], json!({ "iceServers": [{ "urls": ["stun:stun.example.org"] }] }));
    let path = format!("sessions/{}/api/offer", start.body["sessionId"].as_str().unwrap());
    let offer = json!({ "sdp": OFFER, "type": "offer", "restart_pc": false, "requestData": {} });
    let call = sent(live, reqwest::Method::POST, &path, offer).await;
    assert_eq!((call.status, &call.body["type"]), (200, &json!("answer")), "{}", call.body);
    let candidates = json!({ "pc_id": call.body["pc_id"], "candidates": [] });
    assert_eq!(sent(live, reqwest::Method::PATCH, &path, candidates).await.status, 204);
    // Another offer with its id joins the same call; an unknown id begins a new one.
    for (id, is_same) in [(&call.body["pc_id"], true), (&json!("0123456789abcdef"), false)] {
        let offer = json!({ "sdp": OFFER, "type": "offer", "restart_pc": !is_same, "pc_id": id });
        let answer = sent(live, reqwest::Method::POST, "api/offer", offer).await;
        assert_eq!((answer.status, answer.body["pc_id"] == *id), (200, is_same), "{}", answer.body);
        if !is_same {
            let other = format!("api/calls/{}", answer.body["pc_id"].as_str().unwrap());
            assert_eq!(sent(live, reqwest::Method::DELETE, &other, Value::Null).await.status, 204);
        }
    }
    let ended = format!("api/calls/{}", call.body["pc_id"].as_str().unwrap());
    assert_eq!(sent(live, reqwest::Method::DELETE, &ended, Value::Null).await.status, 204);
    // Its client may have been cut off meanwhile, but the operator does not want another call.
    let again = json!({ "sdp": OFFER, "type": "offer", "restart_pc": true, "pc_id": call.body["pc_id"] });
    let again = sent(live, reqwest::Method::POST, "api/offer", again).await;
    assert_eq!((again.status, &again.body["reason"]), (410, &json!("ended-by-operator")), "{}", again.body);
    let empty = live.server.http().post(live.server.url("start")).send().await.unwrap();
    assert_eq!(empty.status().as_u16(), 200, "the body may be empty");
}

async fn bad_sessions_and_offers_are_refused_with_a_hint(live: &Live) {
    let start = sent(live, reqwest::Method::POST, "start", json!({})).await;
    let path = format!("sessions/{}/api/offer", start.body["sessionId"].as_str().unwrap());
    let (post, patch) = (reqwest::Method::POST, reqwest::Method::PATCH);
    for (method, path, status, part) in [
        (post.clone(), "sessions/undefined/api/offer", 404, "POST /start"),
        (patch.clone(), "sessions/undefined/api/offer", 404, "POST /start"),
        (reqwest::Method::GET, "start", 405, "Allow"),
        (post, path.as_str(), 400, "sdp"),
        (patch, path.as_str(), 400, "pc_id"),
    ] {
        let answer = sent(live, method, path, json!({ "type": "offer" })).await;
        assert_eq!((answer.status, &answer.body["status"]), (status, &json!(status)), "{path}");
        assert!(answer.body["detail"].as_str().unwrap().contains(part), "{path}: {}", answer.body);
    }
}

async fn standard_messages_are_answered(live: &Live) {
    let mut client = Client::call(live, "").await;
    let of = |id: &'static str| move |message: &Value| message["id"] == id;
    client.send("client-message", "p1", json!({ "t": "ping" })).await;
    assert_eq!(client.until(of("p1")).await["data"], json!({ "t": "ping", "d": {} }));
    client.send("client-ready", "h1", json!({ "version": "9.0.0" })).await;
    assert!(client.until(of("h1")).await["data"]["error"].as_str().unwrap().contains("9.0.0"));
    client.until(|message| message["type"] == "bot-ready").await;
    client.send("client-ready", "h2", json!({ "version": "2.1.0" })).await;
    let tools = json!({ "tools": [{ "name": "colour", "description": "Paints the page." }] });
    client.send("client-message", "t1", json!({ "t": "set-tools", "d": tools })).await;
    assert_eq!(client.until(of("t1")).await["type"], "server-response");
    client.send("append-to-context", "a1", json!({ "role": "user", "content": "My name is Ada." })).await;
    assert_eq!(client.until(of("a1")).await["type"], "append-to-context-result");
}

async fn a_text_response_is_shown_and_not_spoken_and_the_next_one_is_spoken(live: &Live) {
    let mut client = Client::call(live, "").await;
    client.send("client-ready", "1", json!({ "version": "2.1.0" })).await;
    let question = "What is the capital of France?";
    let options = json!({ "audio_response": false });
    client.send("send-text", "2", json!({ "content": question, "options": options })).await;
    let echo = client.until(|message| message["data"]["text"] == question).await;
    assert_eq!(echo["type"], "user-llm-text");
    let output = client.until(|message| message["type"] == "bot-output").await;
    assert_eq!(
        (&output["data"]["will_be_spoken"], output["data"].get("spoken_status")),
        (&json!(false), None)
    );
    let spoken =
        |message: &Value| message["type"] == "bot-started-speaking" || message["data"]["type"] == "turn";
    assert_eq!(client.until(spoken).await["data"]["type"], "turn");
    client.send("send-text", "3", json!({ "content": "Tell me something about the sea." })).await;
    let status = |of: &'static str| move |message: &Value| message["data"]["spoken_status"] == of;
    let new = client.until(status("new")).await;
    assert_eq!(new["data"]["spoken_progress"]["remaining_text"], new["data"]["text"]);
    let going = client.until(status("in-progress")).await["data"].clone();
    let progress = |part: &str| going["spoken_progress"][part].as_str().unwrap();
    assert_eq!(format!("{}{}", progress("accumulated_text"), progress("remaining_text")), going["text"]);
    let done = client.until(status("completed")).await;
    assert_eq!(done["data"]["segment_id"], going["segment_id"]);
    let metrics = client.until(|message| message["type"] == "metrics").await;
    assert_eq!(metrics["data"]["processing"][0]["processor"], "turn");
}

/// A browser's offer with these further fields, answered and connected; returns what the server said.
async fn connected(live: &Live, browser: &mut Browser, more: &Value) -> Value {
    let sdp = browser.offer(false).await;
    let mut offer = json!({ "sdp": sdp, "type": "offer", "requestData": {} });
    offer.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let answer = sent(live, reqwest::Method::POST, "api/offer", offer).await;
    assert_eq!((answer.status, &answer.body["type"]), (200, &json!("answer")), "{}", answer.body);
    browser.accept(answer.body["sdp"].as_str().unwrap().to_owned()).await;
    browser.connected().await;
    answer.body
}

/// The next message that matches.
async fn told(browser: &mut Browser, wanted: impl Fn(&Value) -> bool) -> Value {
    let found = async {
        loop {
            let text = browser.messages.recv().await.expect("the channel stays open");
            let message: Value = serde_json::from_str(&text).unwrap_or_default();
            if wanted(&message) {
                return message;
            }
        }
    };
    within(PATIENCE, found).await
}

async fn say(browser: &Browser, kind: &str, data: Value) {
    let message = json!({ "label": "rtvi-ai", "type": kind, "id": kind, "data": data });
    browser.say(&message.to_string()).await;
}

/// As the official client does it: a new peer connection, hence other ICE credentials and another certificate, with the old id.
async fn a_client_repairs_its_call_with_a_new_connection(live: &Live) {
    let mut old = Browser::new().await;
    let first = connected(live, &mut old, &json!({ "restart_pc": false })).await;
    say(&old, "client-ready", json!({ "version": "2.1.0" })).await;
    told(&mut old, |message| message["type"] == "bot-ready").await;

    let mut new = Browser::new().await;
    let again = json!({ "restart_pc": true, "pc_id": first["pc_id"] });
    let second = connected(live, &mut new, &again).await;
    assert_eq!(second["pc_id"], first["pc_id"], "the same call");
    old.pc.close().await.unwrap();
    say(&new, "client-ready", json!({ "version": "2.1.0" })).await;
    told(&mut new, |message| message["type"] == "bot-ready").await;
    let question = "What is the capital of France?";
    say(&new, "send-text", json!({ "content": question })).await;
    told(&mut new, |message| message["type"] == "user-llm-text" && message["data"]["text"] == question).await;
    told(&mut new, |message| message["type"] == "bot-started-speaking").await;
    until("the response is heard", async || new.heard.packets.lock().len() >= 8).await;
    let calls = format!("api/calls/{}", first["pc_id"].as_str().unwrap());
    assert_eq!(sent(live, reqwest::Method::DELETE, &calls, Value::Null).await.status, 204);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipecat_client_gets_what_its_standard_says() {
    let ice = r#"server.ice_servers=[{ urls = ["stun:stun.example.org"] }]"#;
    // The small model responds at random: what is left of a long response is spoken for longer than anything here waits.
    let live = Live::start(&["--set", ice, "--set", "llm.max_tokens=48"]).await;
    a_session_begins_and_takes_offers(&live).await;
    bad_sessions_and_offers_are_refused_with_a_hint(&live).await;
    standard_messages_are_answered(&live).await;
    a_text_response_is_shown_and_not_spoken_and_the_next_one_is_spoken(&live).await;
    Box::pin(a_client_repairs_its_call_with_a_new_connection(&live)).await;
}
