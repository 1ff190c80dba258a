//! How Pipecat's clients begin a call: `POST /start`, then an offer to the session that it names.
//!
//! A session is only a name. It allows nothing that `/api/offer` does not, so the server keeps no state for it that could
//! expire during its call.

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, JsonRejection};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::de::IgnoredAny;
use serde_json::json;
use uuid::Uuid;

use super::App;
use super::admit::check_open;
use super::caller::Caller;
use super::offer;
use super::part::Part;
use super::problem::Problem;

/// Names a session, if calls can be taken. Other fields of the request are for other kinds of servers and ignored.
///
/// # Errors
/// As problem details.
pub async fn start(
    State(app): State<App>,
    Caller(caller): Caller,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<impl IntoResponse, Problem> {
    let body = body.map_err(JsonRejection::from)?;
    if !body.is_empty() && serde_json::from_slice::<IgnoredAny>(&body).is_err() {
        return Err(Problem::new(StatusCode::BAD_REQUEST, "The body must be JSON, or empty."));
    }
    app.webrtc.as_ref().ok_or_else(offer::no_udp)?;
    check_open(&app)?;
    let session = Uuid::new_v4().to_string();
    let ice = app.ice.plain(&caller, &headers);
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(json!({ "sessionId": session, "iceConfig": ice }))))
}

/// Passes on requests to a session whose name `/start` could have issued.
pub(super) async fn of_session(Part(id): Part, request: Request, next: Next) -> Response {
    if is_session(&id) {
        return next.run(request).await;
    }
    let detail = format!("There is no session {id:?}. POST /start returns the sessionId to use.");
    Problem::new(StatusCode::NOT_FOUND, detail).field("sessionId").into_response()
}

fn is_session(id: &str) -> bool {
    // Only in the form that was issued: with hyphens, in lower case.
    Uuid::parse_str(id).is_ok_and(|uuid| uuid.get_version_num() == 4 && uuid.to_string() == id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_name_that_start_could_have_issued_is_a_session() {
        assert!(is_session(&Uuid::new_v4().to_string()));
        for id in ["", "nobody", ":sessionId", "undefined", "6F9619FF-8B86-4D01-B42D-00CF4FC964FF"] {
            assert!(!is_session(id), "{id}");
        }
    }
}
