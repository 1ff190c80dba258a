use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, State};
use axum::routing::post;
use axum::{Json, Router};
use futures_util::stream;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use visavis_scripted::ScriptedStt;

use super::testing::{Form, desk, form, recording, send};
use super::*;
use crate::api::listener::{self, Limits};

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

/// A form that comes in these pieces.
fn in_pieces(kind: &str, pieces: impl Iterator<Item = Bytes> + Send + 'static) -> Request {
    let body = Body::from_stream(stream::iter(pieces.map(Ok::<_, std::io::Error>)));
    axum::http::Request::post("/").header("content-type", kind).body(body).unwrap()
}

#[tokio::test]
async fn a_form_that_comes_in_many_pieces_is_read_whole() {
    let Form { kind, body } = form(&[("name", "Ada")], &[vec![7; 1_000_000], vec![1]]);
    let pieces: Vec<Bytes> = body.chunks(50_000).map(Bytes::copy_from_slice).collect();
    let desk = desk(&Arc::new(ScriptedStt::default()));
    let upload = read(&desk, in_pieces(&kind, pieces.into_iter())).await.unwrap();
    let lengths: Vec<u64> = upload.recordings.iter().map(|it| it.file.metadata().unwrap().len()).collect();
    assert_eq!(lengths, [1_000_000, 1]);
}

#[tokio::test]
async fn a_form_whose_headers_never_end_is_refused_before_it_fills_the_memory() {
    for head in ["", "--x\r\nContent-Disposition: form-data; name=\""] {
        let pulled = Arc::new(AtomicUsize::new(0));
        let count = pulled.clone();
        let more = std::iter::repeat_n(Bytes::from(vec![b'a'; 64 << 10]), 1_000)
            .inspect(move |_| _ = count.fetch_add(1, Ordering::Relaxed));
        let pieces = std::iter::once(Bytes::from_static(head.as_bytes())).chain(more);
        let desk = desk(&Arc::new(ScriptedStt::default()));
        let request = in_pieces("multipart/form-data; boundary=x", pieces);
        let fault = read(&desk, request).await.unwrap_err();
        // What comes after the refusal is not read before this function waits.
        let pulled = pulled.load(Ordering::Relaxed);
        assert_eq!(fault.status, StatusCode::BAD_REQUEST);
        assert!(fault.detail.contains("256 KiB") && pulled < 20, "{pulled}: {}", fault.detail);
    }
}

#[tokio::test]
async fn a_text_that_is_sent_as_a_file_is_a_field() {
    let Form { kind, body } = form(&[("name", "Hello.")], &[vec![b'x']]);
    let body = String::from_utf8(body).unwrap();
    let body = body.replace("name=\"name\"", "name=\"text\"; filename=\"words.txt\"");
    let desk = desk(&Arc::new(ScriptedStt::default()));
    let upload = read(&desk, in_pieces(&kind, std::iter::once(body.into()))).await.unwrap();
    assert_eq!((upload.fields.one("text"), upload.recordings.len()), (Ok(Some("Hello.")), 1));
}

#[tokio::test]
async fn a_client_that_sends_before_it_reads_gets_its_refusal() {
    const LENGTH: usize = 8 << 20;
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    let limits = Limits { in_all: 9, of_address: 9 };
    tokio::spawn(listener::serve(socket, routes(), limits, CancellationToken::new()));
    let talk = async {
        let mut client = TcpStream::connect(address).await.unwrap();
        let head = format!(
            "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: {LENGTH}\r\n\r\n"
        );
        client.write_all(head.as_bytes()).await.unwrap();
        client.write_all(&vec![b'x'; LENGTH]).await.unwrap();
        let mut response = vec![0; 4096];
        let length = client.read(&mut response).await.unwrap();
        String::from_utf8_lossy(&response[..length]).into_owned()
    };
    let response = tokio::time::timeout(Duration::from_secs(60), talk).await.unwrap();
    assert!(response.starts_with("HTTP/1.1 413"), "{response}");
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
