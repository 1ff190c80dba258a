//! Whether a request may change the server: it must contain `server.admin_key`. Pure.
//!
//! An address would not suffice: behind a proxy on the same host every stranger appears to be local. And a foreign page in a
//! browser cannot send an `Authorization` header without permission.

use std::hint::black_box;

use axum::http::{HeaderMap, StatusCode, header};

use crate::api::problem::Problem;
use crate::config::Secret;

/// Refuses a request without the key, and every request if no key is configured.
pub(super) fn check(key: &Secret, headers: &HeaderMap) -> Result<(), Problem> {
    if key.is_empty() {
        let detail = "Voices cannot be cloned or removed over HTTP: the server has no server.admin_key. On \
                      its machine use `visavis voices clone` and `visavis voices remove`, or set the key.";
        return Err(Problem::new(StatusCode::FORBIDDEN, detail).reason("no-admin-key"));
    }
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let bearer = given.and_then(|value| value.split_once(' '));
    let token =
        bearer.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, token)| token.trim());
    if token.is_some_and(|token| is_same(token.as_bytes(), key.expose().as_bytes())) {
        return Ok(());
    }
    let detail = match token {
        Some(_) => "The key is not the server's server.admin_key.",
        None => "Send the server's server.admin_key as Authorization: Bearer KEY.",
    };
    Err(Problem::new(StatusCode::UNAUTHORIZED, detail))
}

/// Compares in constant time for texts of the same length.
fn is_same(one: &[u8], other: &[u8]) -> bool {
    let differ = one.iter().zip(other).fold(0, |differ, (one, other)| black_box(differ | (one ^ other)));
    one.len() == other.len() && differ == 0
}
