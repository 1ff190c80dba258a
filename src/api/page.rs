//! The page and its files, embedded in the binary.

use std::borrow::Cow;

use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use rust_embed::{EmbeddedFile, RustEmbed};

use super::part::Part;
use super::problem::Problem;

#[derive(RustEmbed)]
#[folder = "static/"]
struct Files;

/// The page's content security policy: it may run its own scripts, and connect to any server that its user enters.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self' blob:; \
                      connect-src *; base-uri 'none'; form-action 'none'; frame-ancestors 'self'";

/// `GET /`.
pub async fn home(headers: HeaderMap) -> Response {
    serve("home.html", &headers)
}

/// `GET /docs`.
pub async fn docs(headers: HeaderMap) -> Response {
    serve("docs.html", &headers)
}

/// `GET /call`.
pub async fn call(headers: HeaderMap) -> Response {
    serve("call.html", &headers)
}

/// `GET /call/network`.
pub async fn network(headers: HeaderMap) -> Response {
    serve("network.html", &headers)
}

/// `GET /avatar/playground`.
pub async fn playground(headers: HeaderMap) -> Response {
    serve("playground.html", &headers)
}

/// `GET /speech`.
pub async fn speech(headers: HeaderMap) -> Response {
    serve("speech.html", &headers)
}

/// `GET /static/…`.
pub async fn file(Part(path): Part, headers: HeaderMap) -> Response {
    serve(&path, &headers)
}

/// `GET /favicon.ico`.
pub async fn icon(headers: HeaderMap) -> Response {
    serve("favicon.svg", &headers)
}

fn serve(path: &str, headers: &HeaderMap) -> Response {
    let Some(file) = Files::get(path) else {
        return Problem::new(StatusCode::NOT_FOUND, format!("There is no file {path:?}.")).into_response();
    };
    let tag = tag(&file);
    if headers.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes()) {
        return StatusCode::NOT_MODIFIED.into_response();
    }
    let kind = mime_guess::from_path(path).first_or_octet_stream();
    let kind = if kind.type_() == mime_guess::mime::TEXT {
        format!("{kind}; charset=utf-8")
    } else {
        kind.to_string()
    };
    let heads = [
        (header::CONTENT_TYPE, kind),
        (header::ETAG, tag),
        (header::CACHE_CONTROL, "no-cache".into()),
        (header::CONTENT_SECURITY_POLICY, POLICY.into()),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".into()),
    ];
    // Served from the program's own memory: a thousand readers of the 3 MB head cost nothing.
    let body = match file.data {
        Cow::Borrowed(bytes) => Bytes::from_static(bytes),
        Cow::Owned(bytes) => bytes.into(),
    };
    (heads, body).into_response()
}

fn tag(file: &EmbeddedFile) -> String {
    let hash = file.metadata.sha256_hash();
    format!("\"{}\"", hash[..8].iter().map(|byte| format!("{byte:02x}")).collect::<String>())
}

// Debug builds read the files from disk.
#[cfg(test)]
#[cfg(not(debug_assertions))]
mod tests {
    use futures_util::StreamExt;

    use super::*;

    #[tokio::test]
    async fn a_large_file_is_sent_to_every_reader_without_a_copy() {
        let sent = async || {
            let mut parts = serve("avatars/amara.glb", &HeaderMap::new()).into_body().into_data_stream();
            parts.next().await.unwrap().unwrap()
        };
        let (one, other) = (sent().await, sent().await);
        assert!(one.len() > 1_000_000, "{} bytes", one.len());
        assert_eq!(one.as_ptr(), other.as_ptr());
    }
}
