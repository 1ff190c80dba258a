//! The response as a file: whole, a part of it, or as it grows.

use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use visavis_speech::Whole;

use super::range::{Part, is_part, part};
use super::{Order, Ready};

/// A client may keep a file, but must ask whether it is still the same: the voice may have changed.
const CACHED: &str = "private, no-cache";

/// Whether the client wants a part of the file, or to know whether it has changed: then it has to be complete.
pub(in crate::api) fn wants_whole(headers: &HeaderMap) -> bool {
    headers.contains_key(header::IF_NONE_MATCH) || text(headers, header::RANGE).is_some_and(is_part)
}

/// The response.
pub(in crate::api) fn as_file(ready: Ready, order: &Order, headers: &HeaderMap) -> Response {
    let mut response = match ready {
        Ready::Whole(whole, _) => complete(&whole, headers),
        Ready::Growing(growing) => ([(header::CACHE_CONTROL, "no-store")], growing.body()).into_response(),
    };
    if response.status().is_success() {
        let kind = HeaderValue::from_static(order.wanted.format.content_type());
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
    }
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

fn complete(whole: &Whole, headers: &HeaderMap) -> Response {
    let heads = [
        (header::ETAG, whole.tag.clone()),
        (header::CACHE_CONTROL, CACHED.to_owned()),
        (header::ACCEPT_RANGES, "bytes".to_owned()),
    ];
    if text(headers, header::IF_NONE_MATCH).is_some_and(|known| is_known(known, &whole.tag)) {
        return (StatusCode::NOT_MODIFIED, heads).into_response();
    }
    // A part of a file that has changed since is of no use.
    let is_same = text(headers, header::IF_RANGE).is_none_or(|known| known.trim() == whole.tag);
    let length = whole.bytes.len();
    let asked = text(headers, header::RANGE).filter(|_| is_same);
    match asked.map_or(Part::All, |range| part(range, length)) {
        Part::All => (heads, whole.bytes.clone()).into_response(),
        Part::Some(range) => {
            let told = format!("bytes {}-{}/{length}", range.start, range.end - 1);
            let bytes: Bytes = whole.bytes.slice(range);
            (StatusCode::PARTIAL_CONTENT, heads, [(header::CONTENT_RANGE, told)], bytes).into_response()
        }
        Part::Nothing => {
            let told = format!("bytes */{length}");
            (StatusCode::RANGE_NOT_SATISFIABLE, heads, [(header::CONTENT_RANGE, told)]).into_response()
        }
    }
}

/// Whether a list of tags has this one.
fn is_known(list: &str, tag: &str) -> bool {
    list.split(',')
        .map(|known| known.trim().trim_start_matches("W/"))
        .any(|known| known == tag || known == "*")
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use axum::body::to_bytes;
    use visavis_speech::Times;

    use super::*;

    fn whole() -> Whole {
        let bytes = Bytes::from((0..100).collect::<Vec<u8>>());
        let (times, tag) = (Times::default(), "\"abc\"".to_owned());
        Whole { bytes, times, samples: 1, tag, made: SystemTime::UNIX_EPOCH }
    }

    async fn answered(asked: &[(HeaderName, &'static str)]) -> (u16, Option<String>, Vec<u8>) {
        let headers: HeaderMap =
            asked.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect();
        let response = complete(&whole(), &headers);
        let range = response.headers().get(header::CONTENT_RANGE);
        let range = range.map(|range| range.to_str().unwrap().to_owned());
        assert_eq!(response.headers()[header::ETAG], "\"abc\"");
        let status = response.status().as_u16();
        (status, range, to_bytes(response.into_body(), 1000).await.unwrap().to_vec())
    }

    #[tokio::test]
    async fn a_part_is_sent_with_its_place_and_only_of_the_same_file() {
        let all: Vec<u8> = (0..100).collect();
        assert_eq!(answered(&[]).await, (200, None, all.clone()));
        let part: (u16, Option<String>, Vec<u8>) =
            (206, Some("bytes 10-19/100".to_owned()), (10..20).collect());
        assert_eq!(answered(&[(header::RANGE, "bytes=10-19")]).await, part);
        let same = [(header::RANGE, "bytes=10-19"), (header::IF_RANGE, "\"abc\"")];
        assert_eq!(answered(&same).await, part);
        let other = [(header::RANGE, "bytes=10-19"), (header::IF_RANGE, "\"old\"")];
        assert_eq!(answered(&other).await, (200, None, all));
        let beyond = answered(&[(header::RANGE, "bytes=100-")]).await;
        assert_eq!(beyond, (416, Some("bytes */100".to_owned()), Vec::new()));
    }

    #[tokio::test]
    async fn what_the_client_has_is_not_sent_again() {
        for known in ["\"abc\"", "W/\"abc\"", "\"x\", \"abc\"", "*"] {
            let (status, _, bytes) = answered(&[(header::IF_NONE_MATCH, known)]).await;
            assert_eq!((status, bytes.len()), (304, 0), "{known}");
        }
        assert_eq!(answered(&[(header::IF_NONE_MATCH, "\"x\"")]).await.0, 200);
    }
}
