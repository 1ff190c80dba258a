//! Endpoints behind HTTP, for tests: what all kinds of them do alike.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::time::Duration;

use axum::body::Body;
use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use axum::response::{Html, IntoResponse, Response};
use axum::{Json, Router};
use serde_json::json;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;
use visavis_engine::status::EngineStatus;

/// Far longer than anything here takes; only turns a hang into a failure.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The configured key.
pub(crate) const KEY: &str = "sk-very-secret";

/// Starts a server; returns its address with `/v1`.
pub(crate) async fn serve(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    url
}

/// A body that the test writes.
pub(crate) fn written() -> (mpsc::Sender<Result<String, std::io::Error>>, Body) {
    let (sender, pieces) = mpsc::channel(8);
    (sender, Body::from_stream(ReceiverStream::new(pieces)))
}

/// A refusal with this message, or with this web page.
pub(crate) fn refuses(status: u16, message: &'static str) -> Response {
    let status = StatusCode::from_u16(status).unwrap();
    if message.starts_with('<') {
        return (status, Html(message)).into_response();
    }
    (status, Json(json!({ "error": { "message": message } }))).into_response()
}

/// A refusal for a while, in seconds, if it says for how long.
pub(crate) fn slow_down(status: u16, seconds: Option<&str>) -> Response {
    let mut response = (StatusCode::from_u16(status).unwrap(), "slow down").into_response();
    if let Some(seconds) = seconds {
        response.headers_mut().insert(RETRY_AFTER, seconds.parse().unwrap());
    }
    response
}

/// An endpoint that is not ready.
pub(crate) struct NotReady {
    pub(crate) url: String,
    /// Part of what its status says.
    says: String,
    /// Keeps others from a port on which nobody listens.
    _kept: Option<TcpSocket>,
}

impl NotReady {
    /// Those that deny, show a page, do something else, and are closed; `section` holds their settings.
    pub(crate) async fn each(section: &str) -> [Self; 4] {
        let denies = serve(Router::new().fallback(|| async { StatusCode::UNAUTHORIZED })).await;
        let page = serve(Router::new().fallback(|| async { Html("<h1>Welcome</h1>") })).await;
        let elsewhere = serve(Router::new()).await;
        let kept = TcpSocket::new_v4().unwrap();
        kept.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let closed = format!("http://{}/v1?key=in-the-query", kept.local_addr().unwrap());
        let one = |url: String, says: String| Self { url, says, _kept: None };
        [
            one(denies, format!("Set {section}.key")),
            one(page, "web page".into()),
            one(elsewhere, format!("Set {section}.url")),
            Self { _kept: Some(kept), ..one(closed, format!("correct {section}.url")) },
        ]
    }

    /// Waits until the status says so, without a secret.
    pub(crate) async fn is_told_by(&self, status: &mut watch::Receiver<EngineStatus>) {
        let found = status.wait_for(|status| status.message.contains(&self.says));
        let status = timeout(PATIENCE, found).await.unwrap().unwrap();
        assert!(!status.ready && !status.message.contains("in-the-query"), "{status:?}");
    }
}
