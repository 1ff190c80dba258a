//! Notes in the audit log who deletes, adds or ends what over HTTP.

use axum::extract::{MatchedPath, Request};
use axum::http::{Method, StatusCode, header};
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
    let what = request.uri().path().to_owned();
    let mut row = Row { who: principal.user(), action, what, status: None };
    let response = next.run(request).await;
    row.ended(&response);
    response
}

/// A line that is written in any case: also if the client leaves, or the handler panics, before there is a response.
struct Row {
    who: String,
    action: &'static str,
    what: String,
    status: Option<StatusCode>,
}

impl Row {
    fn ended(&mut self, response: &Response) {
        self.status = Some(response.status());
        // A new voice has its address from its name, which the body of the request holds.
        if let Some(made) = response.headers().get(header::LOCATION).and_then(|place| place.to_str().ok()) {
            made.clone_into(&mut self.what);
        }
    }
}

impl Drop for Row {
    fn drop(&mut self) {
        let outcome = match &self.status {
            None => Outcome::Unknown,
            Some(status) if status.is_success() => Outcome::Done,
            Some(status) => Outcome::Refused(status.as_str()),
        };
        audit::note(Deed { who: &self.who, action: self.action, what: &self.what, outcome });
    }
}

fn action_of(request: &Request) -> Option<&'static str> {
    let route = request.extensions().get::<MatchedPath>()?.as_str();
    let is_it = |action: &&Action| action.route == route && action.method == request.method();
    ACTIONS.iter().find(is_it).map(|action| action.name)
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
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

    #[tokio::test]
    async fn what_a_client_does_that_leaves_before_the_response_is_noted() {
        let (lines, _guard) = Lines::kept();
        let note = |request: Request, next: Next| noted(Principal::Anonymous, request, next);
        let never: MethodRouter = delete(std::future::pending::<StatusCode>);
        let routes = Router::new().route("/api/jobs/{id}", never).layer(middleware::from_fn(note));
        let request = Request::delete("/api/jobs/0b5e").body(Body::empty()).unwrap();
        tokio::select! {
            biased;
            _ = routes.oneshot(request) => panic!("there is no response"),
            () = std::future::ready(()) => {}
        }
        assert_eq!(
            lines.take(),
            ["WARN who=this machine action=delete-job what=/api/jobs/0b5e result=unknown"]
        );
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
