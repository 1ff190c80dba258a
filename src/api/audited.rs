//! Notes in the audit log who deletes, adds or ends what over HTTP.

use axum::extract::{MatchedPath, Request};
use axum::http::{Method, header};
use axum::middleware::Next;
use axum::response::Response;

use super::caller::Caller;
use crate::admission::Principal;
use crate::audit::{self, Deed, Outcome};

/// What a request at a route does.
struct Action {
    method: Method,
    route: &'static str,
    name: &'static str,
}

/// The requests that are noted.
static ACTIONS: [Action; 6] = [
    Action { method: Method::POST, route: "/api/voices", name: "clone-voice" },
    Action { method: Method::DELETE, route: "/api/voices/{name}", name: "remove-voice" },
    Action { method: Method::DELETE, route: "/api/calls/{id}", name: "hang-up" },
    Action { method: Method::DELETE, route: "/api/calls/{id}/data", name: "delete-data" },
    Action { method: Method::DELETE, route: "/api/jobs/{id}", name: "delete-job" },
    Action { method: Method::POST, route: "/api/jobs/{id}/cancel", name: "cancel-job" },
];

/// Notes what comes of a request that does one of these.
pub(super) async fn note(Caller(principal): Caller, request: Request, next: Next) -> Response {
    noted(principal, request, next).await
}

async fn noted(principal: Principal, request: Request, next: Next) -> Response {
    let Some(action) = action_of(&request) else { return next.run(request).await };
    let path = request.uri().path().to_owned();
    let response = next.run(request).await;
    // A new voice has its address from its name, which the body of the request holds.
    let made = response.headers().get(header::LOCATION).and_then(|place| place.to_str().ok());
    let what = made.unwrap_or(&path);
    let status = response.status();
    let outcome = if status.is_success() { Outcome::Done } else { Outcome::Refused(status.as_str()) };
    audit::note(Deed { who: &principal.user(), action, what, outcome });
    response
}

fn action_of(request: &Request) -> Option<&'static str> {
    let route = request.extensions().get::<MatchedPath>()?.as_str();
    let is_it = |action: &&Action| action.route == route && action.method == request.method();
    ACTIONS.iter().find(is_it).map(|action| action.name)
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::StatusCode;
    use axum::response::IntoResponse;
    use axum::routing::{MethodRouter, delete, get};
    use axum::{Router, middleware};
    use tower::ServiceExt;
    use utoipa::openapi::HttpMethod;

    use super::*;
    use crate::api::openapi::Document;
    use crate::api::routes::{Route, Routes};
    use crate::audit::testing::Lines;

    /// Asks routes that are noted for a stranger.
    async fn ask(method: Method, path: &str) {
        let stranger: std::net::IpAddr = "192.0.2.7".parse().unwrap();
        let note = move |request: Request, next: Next| noted(Some(stranger).into(), request, next);
        let made =
            || async { (StatusCode::CREATED, [(header::LOCATION, "/api/voices/ada")]).into_response() };
        let voices: MethodRouter = get(|| async { "" }).post(made);
        let routes = Router::new()
            .route("/api/voices", voices)
            .route("/api/calls/{id}", delete(|| async { StatusCode::NO_CONTENT }))
            .route("/api/jobs/{id}", delete(|| async { StatusCode::NOT_FOUND }))
            .layer(middleware::from_fn(note));
        let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
        routes.oneshot(request).await.unwrap();
    }

    #[tokio::test]
    async fn what_is_deleted_added_or_ended_is_noted_with_who_and_result_and_what_is_read_is_not() {
        let (lines, _guard) = Lines::kept();
        ask(Method::POST, "/api/voices").await;
        ask(Method::GET, "/api/voices").await;
        ask(Method::DELETE, "/api/calls/3f0c").await;
        ask(Method::DELETE, "/api/jobs/0b5e").await;
        let expected = [
            "INFO who=192.0.2.7 action=clone-voice what=/api/voices/ada result=done",
            "INFO who=192.0.2.7 action=hang-up what=/api/calls/3f0c result=done",
            "WARN who=192.0.2.7 action=delete-job what=/api/jobs/0b5e result=404",
        ];
        assert_eq!(lines.take(), expected);
    }

    #[test]
    fn every_route_that_deletes_is_noted() {
        let document = Document::default();
        let table = Routes::all(&document);
        let deletes = table.iter().map(Route::described).filter(|row| row.method == HttpMethod::Delete);
        let mut seen = 0;
        for row in deletes {
            let is_it = |action: &Action| action.method == Method::DELETE && action.route == row.path;
            assert!(ACTIONS.iter().any(is_it), "DELETE {} is not noted", row.path);
            seen += 1;
        }
        let rows = ACTIONS.iter().filter(|action| action.method == Method::DELETE);
        assert_eq!(seen, rows.count(), "a route that is noted is there");
    }
}
