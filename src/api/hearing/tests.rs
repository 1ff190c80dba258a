use std::io::Read;
use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, Request, State};
use axum::routing::post;
use axum::{Json, Router};
use visavis_scripted::ScriptedStt;

use super::testing::{Form, desk, form, recording, send};
use super::*;
use crate::api::problem::Problem;

/// A route that tells what it has read.
fn routes() -> Router {
    let told = |State(desk): State<Desk>, request: Request| async move {
        let upload = read(&desk, request).await.map_err(Problem::from)?;
        let mut lengths = Vec::new();
        for Recording { name, mut file } in upload.recordings {
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes).unwrap();
            lengths.push(json!([name, bytes.len()]));
        }
        let names: Vec<&str> = upload.fields.all("name").collect();
        Ok::<_, Problem>(Json(json!({ "recordings": lengths, "names": names })))
    };
    let route = post(told).layer(DefaultBodyLimit::disable());
    Router::new().route("/", route).with_state(desk(&Arc::new(ScriptedStt::default())))
}

#[tokio::test]
async fn recordings_are_read_whole_whatever_their_size_and_fields_beside_them() {
    let large = vec![7; 1_000_000];
    let body = form(&[("name", "Ada"), ("other", "x")], &[large, vec![1]]);
    let sent = send(&routes(), "/", &[], body).await;
    assert_eq!(sent.status, 200, "{}", sent.text);
    assert_eq!(sent.body["recordings"], json!([["0.wav", 1_000_000], ["1.wav", 1]]));
    assert_eq!(sent.body["names"], json!(["Ada"]));
}

#[tokio::test]
async fn a_recording_may_come_alone_with_its_fields_in_the_address() {
    let alone = Form { kind: "audio/wav".into(), body: recording(1) };
    let sent = send(&routes(), "/?name=Ada", &[], alone).await;
    assert_eq!(sent.status, 200, "{}", sent.text);
    assert_eq!(sent.body["recordings"], json!([["", 32_044]]));
    assert_eq!(sent.body["names"], json!(["Ada"]));
}

#[tokio::test]
async fn a_request_that_cannot_be_used_is_refused_with_what_to_do() {
    let cut = || {
        let whole = form(&[], &[recording(1)]);
        Form { body: whole.body[..20_000].to_vec(), ..whole }
    };
    let kind = |kind: &str, body: &[u8]| Form { kind: kind.into(), body: body.to_vec() };
    let not_text = || {
        let whole = form(&[("name", "?")], &[vec![1]]);
        let body = whole.body.iter().map(|byte| if *byte == b'?' { 0xff } else { *byte }).collect();
        Form { body, ..whole }
    };
    let many: Vec<(&str, &str)> = vec![("name", "x"); 300];
    for (case, body, status, part) in [
        ("no type", kind("text/plain", b"hello"), 415, "multipart/form-data"),
        ("no boundary", kind("multipart/form-data", b"hello"), 400, "boundary"),
        ("no form", kind("multipart/form-data; boundary=x", b"hello"), 400, "cannot be read"),
        ("cut short", cut(), 400, "cannot be read"),
        ("no bytes", form(&[], &[Vec::new()]), 400, "empty"),
        ("no bytes alone", kind("audio/wav", b""), 400, "empty"),
        ("no text", not_text(), 400, "UTF-8"),
        ("many fields", form(&many, &[vec![1]]), 400, "256 fields"),
        ("many recordings", form(&[], &vec![vec![1]; 70]), 400, "64 recordings"),
        ("large", form(&[], &[vec![1; (1 << 20) + 1]]), 413, "listening.largest_upload_mib"),
        ("large together", form(&[], &vec![vec![1; 600_000]; 2]), 413, "1 MiB"),
        ("large alone", kind("audio/mpeg", &vec![1; (1 << 20) + 1]), 413, "in parts"),
        ("far too large", kind("audio/mpeg", &vec![1; 6 << 20]), 413, "in parts"),
    ] {
        let sent = send(&routes(), "/", &[], body).await;
        assert_eq!(sent.status, status, "{case}: {}", sent.text);
        assert!(sent.body["detail"].as_str().unwrap().contains(part), "{case}: {}", sent.text);
    }
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_is_told_as_such() {
    let stt = Arc::new(ScriptedStt::default());
    let folder = PathBuf::from("/dev/null/uploads");
    let request =
        axum::http::Request::post("/").header("content-type", "audio/wav").body(recording(1).into()).unwrap();
    let fault = read(&Desk { folder, ..desk(&stt) }, request).await.unwrap_err();
    assert_eq!(fault.status, StatusCode::INSUFFICIENT_STORAGE);
    assert!(fault.detail.contains("listening.dir"), "{}", fault.detail);
}

#[test]
fn an_engine_s_refusal_names_the_field_and_what_passes_says_when_to_try_again() {
    let of = |error: EngineError| Fault::from(ListenError::Engine(error));
    let refused = of(EngineError::Invalid("start.language: tiny does not know \"xx\"".into()));
    assert_eq!((refused.status.as_u16(), refused.field), (400, Some("language")));
    assert_eq!(of(EngineError::Busy("calls".into())).retry_after, Some(5));
    assert_eq!(of(EngineError::Failed("broke".into())).status, StatusCode::BAD_GATEWAY);
    let unreadable = Fault::from(ListenError::Unreadable("it is a PNG picture, not a sound".into()));
    assert_eq!((unreadable.status.as_u16(), unreadable.field), (400, Some("file")));
    assert!(unreadable.detail.ends_with("not a sound."), "{}", unreadable.detail);
}
