//! A voice server for tests.
#![allow(dead_code, reason = "each test file uses a part of it")]

#[path = "../endpoint_support/mod.rs"]
mod endpoint_support;

use axum::body::Body;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::StreamExt;
use futures_util::stream::{self, Stream};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use visavis_config::{Config, Secret, TtsApi};
use visavis_engine::backends::{Backend, Backends};
use visavis_engine::model_files::ModelFiles;
use visavis_engine::{EngineError, Tts, TtsPart, TtsRequest};

pub(crate) use endpoint_support::{KEY, serve};

/// Samples per second: those of the output, so that nothing is converted.
pub(crate) const RATE: u32 = 24_000;

/// The parts of a segment.
pub(crate) type Parts = Vec<TtsPart>;

/// Starts an OpenAI-compatible server that lists no voices and answers each request for speech like this.
pub(crate) async fn answers(
    speak: impl Fn(HeaderMap, Value) -> Response + Clone + Send + Sync + 'static,
) -> String {
    serve(speaking(speak)).await
}

/// The same with this list of voices.
pub(crate) async fn listens(
    list: Value,
    speak: impl Fn(HeaderMap, Value) -> Response + Clone + Send + Sync + 'static,
) -> String {
    serve(speaking(speak).route("/v1/audio/voices", get(move || async move { Json(list) }))).await
}

fn speaking(speak: impl Fn(HeaderMap, Value) -> Response + Clone + Send + Sync + 'static) -> Router {
    let speak = post(move |headers: HeaderMap, Json(body): Json<Value>| {
        // A readiness check sends no text.
        let look = body.get("input").is_none();
        let response = if look {
            axum::http::StatusCode::UNPROCESSABLE_ENTITY.into_response()
        } else {
            speak(headers, body)
        };
        async move { response }
    });
    Router::new().route("/v1/audio/speech", speak)
}

/// Starts a server as those of HTTP/1.0: only the end of its connection ends a response. To each request for speech it sends these
/// bytes as sound of this kind, and refuses all others.
pub(crate) async fn closes(kind: &'static str, sound: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let sound = sound.clone();
            tokio::spawn(async move {
                let speaks = asked(&mut stream).await.contains("\"input\"");
                let (status, sound) =
                    if speaks { ("200 OK", sound) } else { ("422 Unprocessable Entity", Vec::new()) };
                let head = format!("HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nConnection: close\r\n\r\n");
                stream.write_all(&[head.into_bytes(), sound].concat()).await.unwrap();
                _ = stream.shutdown().await;
            });
        }
    });
    url
}

/// A whole request: a connection that is closed before it was read is reset, which cuts the response as well.
async fn asked(stream: &mut TcpStream) -> String {
    let mut reader = BufReader::new(stream);
    let (mut length, mut line) = (0, String::new());
    while reader.read_line(&mut line).await.unwrap() > 2 {
        if let Some((_, value)) =
            line.split_once(':').filter(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        {
            length = value.trim().parse().unwrap();
        }
        line.clear();
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).await.unwrap();
    String::from_utf8(body).unwrap()
}

/// A response that the test writes.
pub(crate) fn written(kind: &'static str) -> (mpsc::Sender<Result<Vec<u8>, std::io::Error>>, Response) {
    let (sender, pieces) = mpsc::channel(8);
    let body = Body::from_stream(ReceiverStream::new(pieces));
    (sender, ([(CONTENT_TYPE, kind)], body).into_response())
}

/// Bytes in pieces of this size.
pub(crate) fn cut(bytes: &[u8], size: usize) -> impl Stream<Item = Result<Vec<u8>, std::io::Error>> + use<> {
    let pieces: Vec<_> = bytes.chunks(size).map(|piece| Ok(piece.to_vec())).collect();
    stream::iter(pieces)
}

/// The configuration of a server.
pub(crate) fn config(api: TtsApi, url: String) -> Config {
    let mut config = Config::default();
    // This folder contains no clips of cloned voices.
    config.models.dir = "/nowhere/visavis".into();
    (config.tts.api, config.tts.url) = (api, url);
    (config.tts.model, config.tts.voice) = ("small".into(), "joe".into());
    config.tts.key = Secret::new(KEY);
    config
}

/// The voice. Its tasks end with the test's runtime.
pub(crate) fn connect(config: &Config) -> Backend<dyn Tts> {
    Backends::new(false).unwrap().tts(config, &ModelFiles::default()).unwrap()
}

/// A request for the configured voice, or for the first one.
pub(crate) fn request(text: &str, language: &str) -> TtsRequest {
    let voice = if language.is_empty() { "joe" } else { "" };
    TtsRequest { text: text.into(), voice: voice.into(), language: language.into(), ..TtsRequest::default() }
}

/// All parts, up to an error.
pub(crate) async fn parts(
    tts: &Backend<dyn Tts>,
    request: TtsRequest,
) -> Result<Parts, (Parts, EngineError)> {
    let mut parts = Vec::new();
    let mut sound = match tts.engine.synthesize(request).await {
        Ok(sound) => sound,
        Err(error) => return Err((parts, error)),
    };
    while let Some(part) = sound.next().await {
        match part {
            Ok(part) => parts.push(part),
            Err(error) => return Err((parts, error)),
        }
    }
    Ok(parts)
}

/// The samples of all parts.
pub(crate) fn heard(parts: &Parts) -> Vec<i16> {
    assert!(parts.iter().all(|part| part.rate == RATE && !part.measured));
    parts.iter().flat_map(|part| part.samples.iter().copied()).collect()
}

/// A square wave.
pub(crate) fn tone(samples: usize) -> Vec<i16> {
    (0..samples).map(|at| if at % 120 < 60 { 8192 } else { -8192 }).collect()
}

/// Samples as raw PCM.
pub(crate) fn pcm(samples: &[i16]) -> Vec<u8> {
    samples.iter().flat_map(|sample| sample.to_le_bytes()).collect()
}

/// Bytes in base64.
pub(crate) fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// A WAV file of samples with this many bits (33: floats), and this size in its header.
pub(crate) fn wav(samples: &[i16], channels: u16, bits: u16, size: u32) -> Vec<u8> {
    let one = |sample: i16| match bits {
        8 => vec![u8::try_from((i32::from(sample) >> 8) + 128).unwrap()],
        16 => sample.to_le_bytes().to_vec(),
        24 => (i32::from(sample) << 8).to_le_bytes()[..3].to_vec(),
        32 => (i32::from(sample) << 16).to_le_bytes().to_vec(),
        _ => (f32::from(sample) / 32_768.0).to_le_bytes().to_vec(),
    };
    let (kind, bits) = if bits == 33 { (3_u16, 32) } else { (1, bits) };
    let frame = channels * bits / 8;
    let mut file = b"RIFF".to_vec();
    file.extend(size.wrapping_add(36).to_le_bytes());
    file.extend(b"WAVEfmt \x10\0\0\0");
    for value in [kind, channels] {
        file.extend(value.to_le_bytes());
    }
    file.extend(RATE.to_le_bytes());
    file.extend((RATE * u32::from(frame)).to_le_bytes());
    for value in [frame, bits] {
        file.extend(value.to_le_bytes());
    }
    file.extend(b"data");
    file.extend(size.to_le_bytes());
    file.extend(samples.iter().flat_map(|sample| one(*sample)));
    file
}
