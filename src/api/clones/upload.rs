//! Reads a body with a clip: one that is too large is refused before it is in memory.

use axum::body::{Body, Bytes, HttpBody};
use axum::http::{HeaderMap, StatusCode, header};
use futures_util::StreamExt;

use crate::api::body::discard;
use crate::api::problem::{Problem, unread};
use visavis_media::clip::LARGEST;

/// Largest body in bytes: the largest clip in base64, and 256 KiB for the fields.
pub(super) const LARGEST_BODY: usize = LARGEST.div_ceil(3) * 4 + (256 << 10);

/// Refuses bodies that are not JSON.
pub(super) fn check_kind(headers: &HeaderMap) -> Result<(), Problem> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    let kind = kind.split(';').next().unwrap_or("").trim();
    if kind.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    let detail =
        "Send JSON as Content-Type: application/json, with the clip's WAV file in base64 as \"clip\".";
    Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail))
}

/// Reads the whole body, unless it is too large or too slow.
pub(super) async fn read(body: Body, headers: &HeaderMap) -> Result<Bytes, Problem> {
    let told = body.size_hint().lower();
    let mut pieces = body.into_data_stream();
    if told > LARGEST_BODY as u64 {
        // A client that waits for permission to send (`Expect: 100-continue`) does not get it.
        if !headers.contains_key(header::EXPECT) {
            discard(pieces);
        }
        return Err(too_large());
    }
    let mut bytes = Vec::with_capacity(usize::try_from(told).unwrap_or(0));
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|error| unread(&error))?;
        if bytes.len() + piece.len() > LARGEST_BODY {
            discard(pieces);
            return Err(too_large());
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes.into())
}

fn too_large() -> Problem {
    let mib = LARGEST >> 20;
    let detail =
        format!("The clip is larger than {mib} MiB. Send 6 to 20 s of speech as a WAV file with 16 bits.");
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail).field("clip")
}
