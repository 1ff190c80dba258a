//! The part of an address that names something: a call, a job, a voice, a file.

use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;

use super::problem::Problem;

/// The one part of a route's address that varies. A refusal is a problem, as all others are; axum's own is plain text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part(pub String);

impl<S: Send + Sync> FromRequestParts<S> for Part {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let read = Path::<String>::from_request_parts(parts, state).await;
        read.map(|Path(part)| Self(part)).map_err(|rejection| unreadable(&rejection))
    }
}

fn unreadable(rejection: &PathRejection) -> Problem {
    let detail = format!(
        "The address cannot be read: {}. Write bytes outside of ASCII as the percent-encoded bytes of UTF-8.",
        rejection.body_text()
    );
    Problem::new(rejection.status(), detail)
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::{Body, to_bytes};
    use axum::http::Request;
    use axum::routing::get;
    use serde_json::Value;
    use tower::ServiceExt;

    use super::*;
    use crate::api::openai::error::ApiError;

    async fn ask(path: &str) -> (u16, String, String) {
        let told = |Part(part): Part| async move { part };
        let as_openai = |part: Result<Part, Problem>| async move {
            let Part(part) = part?;
            Ok::<_, ApiError>(part)
        };
        let routes = Router::new().route("/told/{id}", get(told)).route("/v1/{*id}", get(as_openai));
        let response = routes.oneshot(Request::get(path).body(Body::empty()).unwrap()).await.unwrap();
        let kind = response.headers()["content-type"].to_str().unwrap().to_owned();
        let status = response.status().as_u16();
        let body = to_bytes(response.into_body(), 1 << 16).await.unwrap();
        (status, kind, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn a_part_that_is_not_utf_8_is_refused_in_the_form_of_its_route() {
        let (status, _, body) = ask("/told/%C3%A9").await;
        assert_eq!((status, body.as_str()), (200, "é"));
        let (status, kind, body) = ask("/told/%FF").await;
        assert_eq!((status, kind.as_str()), (400, "application/problem+json"), "{body}");
        let body: Value = serde_json::from_str(&body).unwrap();
        assert!(body["detail"].as_str().unwrap().contains("UTF-8"), "{body}");
        let (status, kind, body) = ask("/v1/a/%FF").await;
        assert_eq!((status, kind.as_str()), (400, "application/json"), "{body}");
        let body: Value = serde_json::from_str(&body).unwrap();
        assert!(body["error"]["message"].as_str().unwrap().contains("UTF-8"), "{body}");
    }
}
