//! What a page needs to test the network between it and the server: what there is to test, and bytes to measure by.

use std::time::SystemTime;

use axum::Json;
use axum::body::{Body, BodyDataStream, Bytes, HttpBody};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::{Stream, StreamExt, stream};
use rand::RngCore;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::App;
use super::admit::admit;
use super::body::discard;
use super::caller::{Address, Caller};
use super::problem::{Problem, unread};
use super::sending::patiently;
use crate::admission::Kind;

/// Most bytes of one measurement.
const MOST: usize = 1 << 20;
/// Bytes that are made and sent at once.
const PIECE: usize = 16 << 10;

/// The query of `GET /api/network/bytes`.
#[derive(Debug, Deserialize)]
pub struct Wanted {
    /// How many bytes.
    n: usize,
}

/// By which transports a client is told of a relay.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
struct Transports {
    udp: bool,
    tcp: bool,
    tls: bool,
}

impl Transports {
    /// Those of these addresses; STUN servers relay nothing.
    fn of(urls: &[String]) -> Self {
        urls.iter().fold(Self::default(), |found, url| match url.split_once(':') {
            Some(("turns", rest)) if !rest.ends_with("transport=udp") => Self { tls: true, ..found },
            Some(("turn", rest)) if rest.ends_with("transport=tcp") => Self { tcp: true, ..found },
            Some(("turn", _)) => Self { udp: true, ..found },
            _ => found,
        })
    }
}

/// What there is to test for this client, and how it is seen.
pub async fn about(
    State(app): State<App>,
    Caller(caller): Caller,
    Address(address): Address,
    headers: HeaderMap,
) -> impl IntoResponse {
    let udp = app.webrtc.as_ref().filter(|host| host.is_reading());
    let udp = udp.map(|host| json!({ "port": host.local_addr().port(), "candidates": host.addresses() }));
    let has_udp = udp.is_some();
    let body = json!({
        // That of the nearest machine that is not a trusted proxy.
        "address": address,
        // Null: calls go over the WebSocket alone.
        "udp": udp,
        // At the port of HTTP, by ICE.
        "tcp": has_udp && app.config.webrtc.ice_tcp,
        "websocket": true,
        "turn": Transports::of(&app.ice.urls(&caller, &headers, app.admission.is_stopping())),
        "time": humantime::format_rfc3339_millis(SystemTime::now()).to_string(),
    });
    ([(header::CACHE_CONTROL, "no-store")], Json(body))
}

/// So many bytes to receive, which no proxy can compress.
///
/// # Errors
/// If they are too many, or too many measurements are in progress.
pub async fn download(
    State(app): State<App>,
    Caller(principal): Caller,
    query: Result<Query<Wanted>, QueryRejection>,
) -> Result<Response, Problem> {
    let wrong = |detail: String| Problem::new(StatusCode::BAD_REQUEST, detail).field("n");
    let Query(Wanted { n }) = query.map_err(|error| wrong(error.body_text()))?;
    if n > MOST {
        return Err(wrong(format!("n must be at most {MOST} bytes, not {n}")));
    }
    let permit = admit(&app, principal, Kind::Measurement)?;
    let heads = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::CONTENT_LENGTH, n.to_string()),
        (header::CACHE_CONTROL, "no-store, no-transform".to_owned()),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
    ];
    Ok((heads, Body::from_stream(patiently(noise(n, permit)))).into_response())
}

/// Random bytes. The permit is held until they are sent, or nobody receives them any more.
fn noise<P: Send + 'static>(n: usize, permit: P) -> impl Stream<Item = Bytes> + Send + 'static {
    stream::unfold((n, permit), |(left, permit)| async move {
        if left == 0 {
            return None;
        }
        let mut piece = vec![0; left.min(PIECE)];
        rand::rng().fill_bytes(&mut piece);
        let left = left - piece.len();
        Some((Bytes::from(piece), (left, permit)))
    })
}

/// Receives bytes, and discards them.
///
/// # Errors
/// If they are too many or too slow, or too many measurements are in progress.
pub async fn upload(
    State(app): State<App>,
    Caller(principal): Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, Problem> {
    let told = body.size_hint().lower();
    let mut pieces = body.into_data_stream();
    let taken = match admit(&app, principal, Kind::Measurement) {
        Ok(_permit) if told <= MOST as u64 => take(&mut pieces).await,
        Ok(_) => Err(too_large()),
        Err(problem) => Err(problem),
    };
    // A client that waits for permission to send (`Expect: 100-continue`) does not get it.
    if taken.is_err() && !headers.contains_key(header::EXPECT) {
        discard(pieces);
    }
    taken.map(|()| StatusCode::NO_CONTENT)
}

/// Reads to the end, or to the limit.
async fn take(pieces: &mut BodyDataStream) -> Result<(), Problem> {
    let mut taken = 0;
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|error| unread(&error))?;
        taken += piece.len();
        if taken > MOST {
            return Err(too_large());
        }
    }
    Ok(())
}

fn too_large() -> Problem {
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, format!("Send at most {MOST} bytes at once."))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn a_relay_is_offered_by_the_transports_of_its_addresses() {
        let of = |urls: &[&str]| {
            let urls: Vec<String> = urls.iter().map(|url| (*url).to_owned()).collect();
            let Transports { udp, tcp, tls } = Transports::of(&urls);
            [udp, tcp, tls]
        };
        assert_eq!(of(&[]), [false; 3]);
        assert_eq!(of(&["stun:a.example", "stuns:a.example"]), [false; 3]);
        assert_eq!(of(&["turn:a.example"]), [true, false, false], "UDP is the default");
        assert_eq!(of(&["turn:a.example:3478?transport=udp"]), [true, false, false]);
        assert_eq!(of(&["turn:a.example:3478?transport=tcp"]), [false, true, false]);
        assert_eq!(of(&["turns:a.example"]), [false, false, true], "TCP is the default");
        assert_eq!(
            of(&["turns:a.example:5349?transport=udp"]),
            [false; 3],
            "no browser speaks DTLS to relays"
        );
        assert_eq!(of(&["turns:a.example:443?transport=tcp", "turn:[::1]:3478"]), [true, false, true]);
    }

    #[tokio::test]
    async fn as_many_bytes_come_as_were_asked_for_and_the_permit_is_given_back_behind_the_last() {
        for n in [0, 1, PIECE, PIECE + 1, MOST] {
            let permit = Arc::new(());
            let mut pieces = Box::pin(noise(n, permit.clone()));
            assert_eq!(Arc::strong_count(&permit), 2, "{n}");
            let mut sent = 0;
            while let Some(piece) = pieces.next().await {
                assert!(piece.len() <= PIECE, "{n}");
                sent += piece.len();
            }
            assert_eq!((sent, Arc::strong_count(&permit)), (n, 1));
        }
    }

    #[tokio::test]
    async fn the_bytes_are_spread_evenly_so_that_nothing_compresses_them() {
        let mut pieces = Box::pin(noise(MOST, ()));
        let mut bytes = Vec::with_capacity(MOST);
        while let Some(piece) = pieces.next().await {
            bytes.extend_from_slice(&piece);
        }
        let mut counts = [0_usize; 256];
        for byte in &bytes {
            counts[usize::from(*byte)] += 1;
        }
        let mean = MOST / 256;
        assert!(counts.iter().all(|count| count.abs_diff(mean) < mean / 4), "{counts:?}");
        assert_ne!(bytes[..PIECE], bytes[PIECE..2 * PIECE]);
    }

    #[tokio::test]
    async fn a_body_is_taken_up_to_the_limit() {
        let body = |length: usize| {
            let pieces = stream::iter((0..length).step_by(PIECE))
                .map(move |at| Ok::<_, std::io::Error>(Bytes::from(vec![7_u8; PIECE.min(length - at)])));
            Body::from_stream(pieces).into_data_stream()
        };
        take(&mut body(0)).await.unwrap();
        take(&mut body(MOST)).await.unwrap();
        let refused = take(&mut body(MOST + 1)).await.unwrap_err();
        assert_eq!(refused.body()["status"], 413);
        let broken = stream::iter([Err::<Bytes, _>(std::io::Error::other("cut off"))]);
        let refused = take(&mut Body::from_stream(broken).into_data_stream()).await.unwrap_err();
        assert_eq!(refused.body()["status"], 400);
    }
}
