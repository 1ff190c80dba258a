//! Connections beyond the limits, which serve only health and the calls in progress.

use std::collections::VecDeque;

use axum::extract::Request;
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio_util::sync::CancellationToken;

use super::places::Full;
use crate::api::problem::Problem;

/// Most connections beyond the limits; the newest evicts the oldest, so that a flood never keeps a place.
const RESERVE: usize = 32;

/// The connections in the reserve, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Reserve(VecDeque<CancellationToken>);

impl Reserve {
    /// Takes a place; returns the token that evicts it. The holder cancels the token when its connection ends.
    pub(super) fn enter(&mut self) -> CancellationToken {
        self.0.retain(|token| !token.is_cancelled());
        if self.0.len() >= RESERVE
            && let Some(oldest) = self.0.pop_front()
        {
            oldest.cancel();
        }
        let token = CancellationToken::new();
        self.0.push_back(token.clone());
        token
    }
}

/// Marks requests of a connection in the reserve.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reserved(pub(super) Full);

/// Refuses, on a connection in the reserve, everything that is not essential.
pub(crate) async fn guard(request: Request, next: Next) -> Response {
    let reserved = request.extensions().get::<Reserved>().copied();
    match reserved.filter(|_| !is_essential(request.method(), request.uri().path())) {
        None => next.run(request).await,
        Some(Reserved(full)) => {
            let key = match full {
                Full::InAll => "server.max_connections",
                Full::OfAddress => "server.connections_per_address",
            };
            let detail =
                format!("The server has reached its limit of connections ({key}). Try again in a moment.");
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail).retry_after(5).into_response()
        }
    }
}

/// Whether a request is for health or for a call in progress.
fn is_essential(method: &Method, path: &str) -> bool {
    match *method {
        Method::GET => matches!(path, "/health" | "/ready" | "/metrics"),
        Method::PATCH => path == "/api/offer" || path.starts_with("/sessions/"),
        Method::DELETE => path.starts_with("/api/calls/"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_connection_evicts_the_oldest() {
        let mut reserve = Reserve::default();
        let tokens: Vec<_> = (0..RESERVE).map(|_| reserve.enter()).collect();
        tokens[3].cancel();
        let newest = [reserve.enter(), reserve.enter()];
        assert!(tokens[0].is_cancelled() && !tokens[1].is_cancelled(), "one place was already free");
        assert!(newest.iter().all(|token| !token.is_cancelled()));
    }
}
