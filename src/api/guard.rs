//! Refuses what is meant for another server, and pages of foreign origins, by the server's `names`.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::App;
use super::problem::Problem;

/// Refuses requests meant for another server. Health is served under every name, since load balancers know none.
pub(super) async fn check_host(State(app): State<App>, request: Request, next: Next) -> Response {
    if matches!(request.uri().path(), "/health" | "/ready") {
        return next.run(request).await;
    }
    let headers = request.headers().get_all(header::HOST).iter();
    let named = headers.map(|host| host.to_str().unwrap_or("?").to_owned());
    let mut named = named.chain(request.uri().authority().map(ToString::to_string));
    match named.find(|host| !app.names.host(host)) {
        None => next.run(request).await,
        Some(host) => {
            metrics::counter!("visavis_misdirected_requests_total").increment(1);
            let detail = format!(
                "{host:?} is no name of this server. If clients or a proxy use it, add it to server.names."
            );
            Problem::new(StatusCode::MISDIRECTED_REQUEST, detail).into_response()
        }
    }
}

/// Checks the origin of a WebSocket request, because browsers let any page open one.
pub(super) fn check_origin(app: &App, headers: &HeaderMap) -> Result<(), Problem> {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let Some(origin) = text(header::ORIGIN) else { return Ok(()) };
    if app.names.origin(origin, text(header::HOST).unwrap_or("")) {
        return Ok(());
    }
    let detail = format!(
        "Pages of {origin} may not call this server; add it to server.cors_origins, or its name to server.names if a \
         proxy serves this server under it."
    );
    Err(Problem::new(StatusCode::FORBIDDEN, detail))
}
