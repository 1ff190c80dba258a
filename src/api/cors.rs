//! What pages of other origins may send and read. Pure.

use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, Method, header};
use tower_http::cors::{AllowOrigin, CorsLayer};

use super::speak;

/// How long a browser may remember what is allowed.
const REMEMBERED: Duration = Duration::from_secs(600);
/// Headers that OpenAI's own client for JavaScript sends beside those of any page; we read none of them.
const OPENAI: [&str; 15] = [
    "openai-organization",
    "openai-project",
    "idempotency-key",
    "x-stainless-arch",
    "x-stainless-async",
    "x-stainless-custom-poll-interval",
    "x-stainless-helper-method",
    "x-stainless-lang",
    "x-stainless-os",
    "x-stainless-package-version",
    "x-stainless-poll-helper",
    "x-stainless-retry-count",
    "x-stainless-runtime",
    "x-stainless-runtime-version",
    "x-stainless-timeout",
];

/// Pages of these origins may use the API; of other ones, none may.
pub(super) fn layer(origins: &[String]) -> CorsLayer {
    let allow = if origins.iter().any(|origin| origin == "*") {
        AllowOrigin::any()
    } else {
        AllowOrigin::list(origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok()))
    };
    let exposed = [header::RETRY_AFTER, header::LOCATION, header::ETAG, header::CONTENT_RANGE].into_iter();
    let sent =
        [header::CONTENT_TYPE, header::AUTHORIZATION, header::RANGE, header::IF_RANGE, header::IF_NONE_MATCH];
    CorsLayer::new()
        .allow_origin(allow)
        .allow_methods([Method::GET, Method::POST, Method::PATCH, Method::DELETE])
        .allow_headers(sent.into_iter().chain(OPENAI.map(HeaderName::from_static)).collect::<Vec<_>>())
        .expose_headers(exposed.chain(speak::HEADERS.map(HeaderName::from_static)).collect::<Vec<_>>())
        .max_age(REMEMBERED)
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::Body;
    use axum::http::Request;
    use axum::routing::post;
    use tower::ServiceExt;

    use super::*;

    /// What a browser is told before a page of this origin sends such headers; none: not this origin.
    async fn allowed(origin: &'static str) -> Option<String> {
        let layer = layer(&["https://page.example".to_owned()]);
        let routes = Router::new().route("/", post(|| async {})).layer(layer);
        let request = Request::options("/")
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "content-type,x-stainless-lang");
        let response = routes.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        response.headers().get("access-control-allow-origin")?;
        let headers = response.headers()["access-control-allow-headers"].to_str().unwrap();
        Some(headers.to_ascii_lowercase())
    }

    #[tokio::test]
    async fn a_page_of_an_allowed_origin_may_send_what_openais_client_does() {
        let allowed = allowed("https://page.example").await.unwrap();
        let allowed: Vec<&str> = allowed.split(',').map(str::trim).collect();
        for name in ["content-type", "authorization"].into_iter().chain(OPENAI) {
            assert!(allowed.contains(&name), "{name}: {allowed:?}");
        }
    }

    #[tokio::test]
    async fn a_page_of_another_origin_is_allowed_nothing() {
        assert_eq!(allowed("https://other.example").await, None);
    }
}
