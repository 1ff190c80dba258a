//! For tests of addresses that take recordings: a recogniser that follows a script behind them, forms and recordings.

use std::io::Cursor;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request};
use hound::{SampleFormat, WavSpec, WavWriter};
use serde_json::Value;
use tower::ServiceExt;
use visavis_listening::listen::{Engines, Places};
use visavis_scripted::{ScriptedStt, ScriptedTts};

use super::Desk;
use crate::admission::{Admission, Kind, Limits, Permit, Principal};
use crate::engine::{TtsCapabilities, Vad};
use crate::frame::MIC_RATE;

const BOUNDARY: &str = "a-line-between";

/// Hears speech where it is loud.
struct Loudness;

impl Vad for Loudness {
    fn probability(&mut self, window: &[i16]) -> f32 {
        let loud = window.iter().any(|sample| sample.unsigned_abs() > 1_000);
        if loud { 1.0 } else { 0.0 }
    }
}

/// The parts of a server with this recogniser and a voice that measures nothing; uploads may have a mebibyte.
pub(in crate::api) fn desk(stt: &Arc<ScriptedStt>) -> Desk {
    let tts = Arc::new(ScriptedTts::default().with_capabilities(TtsCapabilities::default()));
    let vad = Arc::new(|| Box::new(Loudness) as Box<dyn Vad>);
    let (places, busy) = (Places::new(), Arc::new(|| false));
    let engines = Engines { stt: stt.clone(), tts, vad, places, waited: true, busy };
    Desk { engines, folder: std::env::temp_dir(), largest: 1 << 20 }
}

/// A permit of a server without other work.
pub(in crate::api) fn permit() -> Permit {
    let admission = Admission::new(Limits::from(&crate::config::Server::default()));
    admission.admit(Principal::Anonymous, Kind::Sample).unwrap()
}

/// A WAV file that is as loud and changing as speech for some seconds.
pub(in crate::api) fn recording(seconds: u32) -> Vec<u8> {
    let spec =
        WavSpec { channels: 1, sample_rate: MIC_RATE, bits_per_sample: 16, sample_format: SampleFormat::Int };
    let mut file = Cursor::new(Vec::new());
    let mut writer = WavWriter::new(&mut file, spec).unwrap();
    for at in 0..seconds * MIC_RATE {
        let pitch = 0.05 + 0.04 * f64::from(at / 3_200 % 5);
        let sample = if at % 3_200 < 2_800 { (f64::from(at) * pitch).sin() * 8_000.0 } else { 0.0 };
        writer.write_sample(sample as i16).unwrap();
    }
    writer.finalize().unwrap();
    file.into_inner()
}

/// The body of a request, and its type.
#[derive(Clone)]
pub(in crate::api) struct Form {
    pub(in crate::api) kind: String,
    pub(in crate::api) body: Vec<u8>,
}

/// A form with these fields and recordings, which are named by their place.
pub(in crate::api) fn form(fields: &[(&str, &str)], recordings: &[Vec<u8>]) -> Form {
    let mut body = Vec::new();
    for (name, value) in fields {
        let part =
            format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        body.extend(part.into_bytes());
    }
    for (at, recording) in recordings.iter().enumerate() {
        let part = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{at}.wav\"\r\n\
             Content-Type: audio/wav\r\n\r\n"
        );
        body.extend(part.into_bytes());
        body.extend(recording);
        body.extend(b"\r\n");
    }
    body.extend(format!("--{BOUNDARY}--\r\n").into_bytes());
    Form { kind: format!("multipart/form-data; boundary={BOUNDARY}"), body }
}

/// What a request was answered.
pub(in crate::api) struct Sent {
    pub(in crate::api) status: u16,
    pub(in crate::api) headers: HeaderMap,
    pub(in crate::api) text: String,
    /// The text, if it is JSON.
    pub(in crate::api) body: Value,
}

/// Sends a form to a path of these routes.
pub(in crate::api) async fn send(routes: &Router, path: &str, headers: &[(&str, &str)], form: Form) -> Sent {
    let request = Request::post(path).header("content-type", form.kind);
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    let response = routes.clone().oneshot(request.body(Body::from(form.body)).unwrap()).await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let bytes = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    let body = serde_json::from_str(&text).unwrap_or_default();
    Sent { status, headers, text, body }
}
