//! Places for what must be answered also when all others are taken: health, and the calls in progress.

use std::collections::VecDeque;

use axum::extract::Request;
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio_util::sync::CancellationToken;

use super::places::Full;
use crate::api::problem::Problem;

/// Connections beyond the limits; the newest puts the oldest out, so that a flood never keeps a place.
const RESERVE: usize = 32;

/// The connections in the reserve, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Reserve(VecDeque<CancellationToken>);

impl Reserve {
    /// A place, and with it the token by which it is taken away again. It is the holder's last reference when it ends.
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

/// Refuses, on a connection in the reserve, all that can wait.
pub(crate) async fn guard(request: Request, next: Next) -> Response {
    let reserved = request.extensions().get::<Reserved>().copied();
    match reserved.filter(|_| !first_needs(request.method(), request.uri().path())) {
        None => next.run(request).await,
        Some(Reserved(full)) => {
            let key = match full {
                Full::InAll => "server.max_connections",
                Full::OfAddress => "server.connections_per_address",
            };
            let detail =
                format!("The server has as many connections as it may ({key}). Try again in a moment.");
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail).retry_after(5).into_response()
        }
    }
}

/// Health, and what a call in progress needs.
fn first_needs(method: &Method, path: &str) -> bool {
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
    fn the_newest_puts_the_oldest_out() {
        let mut reserve = Reserve::default();
        let tokens: Vec<_> = (0..RESERVE).map(|_| reserve.enter()).collect();
        tokens[3].cancel();
        let newest = [reserve.enter(), reserve.enter()];
        assert!(tokens[0].is_cancelled() && !tokens[1].is_cancelled(), "one had left by itself");
        assert!(newest.iter().all(|token| !token.is_cancelled()));
    }
}
