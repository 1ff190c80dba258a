//! How calls begin, go on and end.

use axum::{Extension, middleware};
use serde_json::json;

use super::Method::{Delete, Get, Patch, Post};
use super::Route;
use crate::api::openapi::shape::{
    any, choice, field, list, maybe, needed, object, some_text, text, text_or_null, whole, whole_of,
};
use crate::api::openapi::{About, JSON, Topic};
use crate::api::{data, offer, socket, start};
use crate::transport::protocol::Dialect;

/// The routes.
pub(super) fn routes() -> Vec<Route> {
    // What clients at an address speak.
    let rtvi = || Extension(Dialect::Rtvi);
    let of_session = |about: About| about.part("id", "What `/start` has named", SESSION);
    vec![
        Route::new(Post, "/api/offer", offer::offer, offered()).behind(|serve| serve.layer(rtvi())),
        Route::new(Patch, "/api/offer", offer::candidates, candidates()).behind(|serve| serve.layer(rtvi())),
        Route::new(Post, "/start", start::start, started()),
        Route::new(Post, "/sessions/{id}/api/offer", offer::offer, of_session(offered()))
            .behind(|serve| serve.layer(rtvi()))
            .behind(|serve| serve.route_layer(middleware::from_fn(start::of_session))),
        Route::new(Patch, "/sessions/{id}/api/offer", offer::candidates, of_session(candidates()))
            .behind(|serve| serve.layer(rtvi()))
            .behind(|serve| serve.route_layer(middleware::from_fn(start::of_session))),
        Route::new(
            Delete,
            "/api/calls/{id}",
            offer::hang_up,
            About::new(Topic::Calls, "Hangs up").part("id", "The call", CALL).done("The call ends"),
        ),
        Route::new(
            Delete,
            "/api/calls/{id}/data",
            data::forget,
            About::new(Topic::Calls, "Deletes what is kept of a call")
                .more("Nothing of it is kept from now on, even if it goes on.")
                .part("id", "The call", CALL)
                .done("It is deleted"),
        ),
        Route::new(Get, "/ws", socket::socket, over_socket()).behind(|serve| serve.layer(rtvi())),
    ]
}

const CALL: &str = "3f0c1a52-7f0e-4a5e-9b1c-2d8f6a1b4c3d";
const SESSION: &str = "9d2b7c64-1e5a-4b8f-8a3d-5c6e7f809112";

fn offered() -> About {
    let resume = object([
        needed("call", text("The call to go on with")),
        needed("token", text("Its token, of the last message `resume`")),
    ]);
    let avatar = object([
        field("live_link", text_or_null("host:port of a Live Link renderer")),
        field("vmc", text_or_null("host:port of a VMC renderer")),
        field("subject", text_or_null("The name of the face there")),
    ]);
    let asked = object([
        needed("sdp", some_text("The offer")),
        needed("type", choice("It is an offer", &["offer"])),
        field("pc_id", text_or_null("The call to continue")),
        field("language", text_or_null("Two letters (ISO 639-1); null: as configured")),
        field("voice", text_or_null("A voice of `/api/voices`; null: as configured")),
        maybe("avatar", avatar),
        maybe("resume", resume),
    ]);
    let answer = object([
        needed("sdp", text("The answer")),
        needed("type", choice("It is an answer", &["answer"])),
        needed("pc_id", text("The call")),
        field("resume", any("With what the call is gone on with if its connection is lost")),
    ]);
    About::new(Topic::Calls, "Begins a call over WebRTC")
        .more("Or continues the one that `pc_id` names. Messages go over the data channel; docs/protocol.md has them.")
        .takes(JSON, asked, Some(json!({ "sdp": "v=0\r\n…", "type": "offer", "language": "en" })))
        .answers("The call begins", answer, json!({ "sdp": "v=0\r\n…", "type": "answer", "pc_id": CALL }))
}

fn candidates() -> About {
    let line = "candidate:1 1 udp 2130706431 192.0.2.7 50000 typ host";
    let candidate = object([
        needed("candidate", text("As the browser has it")),
        field("sdp_mid", text_or_null("Its media")),
        field("sdp_mline_index", any("Its place among the media")),
    ]);
    let shape =
        object([needed("pc_id", text("The call")), needed("candidates", list("At most 64", candidate))]);
    let example =
        json!({ "pc_id": CALL, "candidates": [{ "candidate": line, "sdp_mid": "0", "sdp_mline_index": 0 }] });
    About::new(Topic::Calls, "Takes ICE candidates").takes(JSON, shape, Some(example)).done("They are taken")
}

fn started() -> About {
    let shape = object([
        needed("sessionId", text("For `/sessions/{id}/api/offer`")),
        needed("iceConfig", any("For the connection")),
    ]);
    let example = json!({ "sessionId": SESSION, "iceConfig": { "iceServers": [] } });
    About::new(Topic::Calls, "Begins as Pipecat's clients do")
        .may_take(JSON, any("Ignored"), Some(json!({})))
        .answers("A session", shape, example)
}

fn over_socket() -> About {
    About::new(Topic::Calls, "A call over a WebSocket")
        .more("Sound and messages are those of docs/protocol.md.")
        .query("rate", whole("Samples per second: 16000 unless this says 8000, 24000, 44100 or 48000"))
        .query("language", text("Two letters (ISO 639-1)"))
        .query("voice", text("A voice of `/api/voices`"))
        .query("avatar", whole_of("1: send faces", &(0..=1)))
        .query("resume", text("The token with which a call goes on"))
        .query("call", text("That call"))
        .gives("101", "The call begins")
}
