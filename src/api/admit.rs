//! Admission of requests: turns every refusal into a problem with its status, `Retry-After` and `reason`.

use axum::http::StatusCode;

use super::App;
use super::problem::Problem;
use crate::admission::{
    ANIMATIONS, FOLLOWINGS, FOLLOWINGS_PER_ADDRESS, Kind, MEASUREMENTS, MEASUREMENTS_PER_ADDRESS, Permit,
    Principal, Refusal, SAMPLES, SAMPLES_PER_ADDRESS,
};

/// Grants a permit for this kind of work if the server can do it.
///
/// # Errors
/// If it is refused, as a problem.
pub(super) fn admit(app: &App, principal: Principal, kind: Kind) -> Result<Permit, Problem> {
    match kind {
        Kind::Call => check_engines(app)?,
        // These kinds of work check their engine themselves, or need none.
        Kind::Animation | Kind::Sample | Kind::Measurement | Kind::Request | Kind::Following => {}
    }
    Ok(app.admission.admit(principal, kind)?)
}

/// Checks that the server begins calls at all: it does not stop, and its engines can serve them.
pub(super) fn check_open(app: &App) -> Result<(), Refusal> {
    if app.admission.is_stopping() { Err(Refusal::Stopping) } else { check_engines(app) }
}

/// Checks that the engines can serve a call.
pub(super) fn check_engines(app: &App) -> Result<(), Refusal> {
    app.fleet.missing().map_or(Ok(()), |missing| Err(Refusal::NotReady(missing)))
}

/// What a refused client is told, and after how many seconds to ask again.
struct Advice {
    detail: String,
    seconds: u32,
}

impl Advice {
    fn new(seconds: u32, detail: impl Into<String>) -> Self {
        Self { detail: detail.into(), seconds }
    }

    /// The server has as much of this kind in work as it takes.
    fn full(kind: Kind) -> Self {
        match kind {
            Kind::Call => Self::new(
                10,
                "The server has reached its limit of calls (server.max_calls). Try again later.",
            ),
            Kind::Animation => Self::new(
                5,
                format!("The server animates {ANIMATIONS} texts or recordings at once. Try again later."),
            ),
            Kind::Sample => Self::new(
                2,
                format!("The server speaks {SAMPLES} samples of voices at once. Try again later."),
            ),
            Kind::Measurement => Self::new(
                2,
                format!(
                    "The server takes part in {MEASUREMENTS} measurements at once. Try again in a moment."
                ),
            ),
            Kind::Request => Self::new(
                2,
                "The server has reached its limit of requests beside calls (server.max_requests). Try again in a moment.",
            ),
            Kind::Following => Self::new(
                30,
                format!(
                    "The server streams {FOLLOWINGS} jobs at once. GET /api/jobs/{{id}} tells the same; or try again later."
                ),
            ),
        }
    }

    /// The caller has its share of this kind in work.
    fn share(kind: Kind) -> Self {
        match kind {
            Kind::Call => Self::new(
                10,
                "Your address has reached its limit of calls (server.calls_per_address). Try again later.",
            ),
            Kind::Animation => {
                Self::new(5, "Your address has reached its limit of animations. Try again later.")
            }
            Kind::Sample => Self::new(
                2,
                format!(
                    "Your address already has {SAMPLES_PER_ADDRESS} samples of voices in progress. Try again when one has ended."
                ),
            ),
            Kind::Measurement => Self::new(
                2,
                format!(
                    "Your address already has {MEASUREMENTS_PER_ADDRESS} measurements in progress. Try again when one has ended."
                ),
            ),
            Kind::Request => Self::new(
                2,
                "Your address has reached its limit of requests beside calls (server.requests_per_address). Try again when one has ended.",
            ),
            Kind::Following => Self::new(
                30,
                format!(
                    "Your address already has streams of {FOLLOWINGS_PER_ADDRESS} jobs. GET /api/jobs/{{id}} tells the same; or try again when one has ended."
                ),
            ),
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let (status, reason) = (status(&refusal), refusal.reason());
        let Advice { detail, seconds } = match refusal {
            Refusal::Full(kind) => Advice::full(kind),
            Refusal::Share(kind) => Advice::share(kind),
            Refusal::Reserved(_) => Advice::new(
                10,
                "The server is nearly full, and what is left is for addresses with fewer calls than yours. Try again later.",
            ),
            Refusal::Loaded { retry } => Advice::new(
                retry,
                "The server has as many calls as it can serve well (server.target_ms, server.memory_reserve_mib). Try again later.",
            ),
            Refusal::Stopping => Advice::new(5, "The server is stopping. Try again in a moment."),
            Refusal::NotReady(missing) => Advice::new(
                2,
                format!("No calls can be taken yet: {missing}. /ready says more. Try again in a moment."),
            ),
        };
        let problem = Self::new(status, detail).retry_after(seconds);
        reason.into_iter().fold(problem, Self::reason)
    }
}

/// A program that asks for too much is told so; pages know one status for all that is not granted now.
fn status(refusal: &Refusal) -> StatusCode {
    match refusal {
        Refusal::Share(Kind::Request | Kind::Following) => StatusCode::TOO_MANY_REQUESTS,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    }
}

#[cfg(test)]
mod tests {
    use axum::http::header::RETRY_AFTER;
    use axum::response::IntoResponse;
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_refusal_has_its_reason_and_when_to_try_again() {
        for (refusal, reason, seconds) in [
            (Refusal::Full(Kind::Call), json!("server-full"), "10"),
            (Refusal::Share(Kind::Call), json!("address-full"), "10"),
            (Refusal::Reserved(Kind::Call), json!("server-full"), "10"),
            (Refusal::Loaded { retry: 7 }, json!("server-full"), "7"),
            (Refusal::Stopping, json!("server-stopping"), "5"),
            (Refusal::NotReady("the voice loads".into()), json!("not-ready"), "2"),
            (Refusal::Full(Kind::Animation), Value::Null, "5"),
            (Refusal::Full(Kind::Sample), Value::Null, "2"),
            (Refusal::Share(Kind::Sample), json!("address-full"), "2"),
            (Refusal::Full(Kind::Measurement), Value::Null, "2"),
            (Refusal::Share(Kind::Measurement), json!("address-full"), "2"),
            (Refusal::Full(Kind::Request), Value::Null, "2"),
            (Refusal::Share(Kind::Request), json!("address-full"), "2"),
            (Refusal::Full(Kind::Following), Value::Null, "30"),
            (Refusal::Share(Kind::Following), json!("address-full"), "30"),
        ] {
            let is_of_program = matches!(refusal, Refusal::Share(Kind::Request | Kind::Following));
            let status = if is_of_program { 429 } else { 503 };
            let problem = Problem::from(refusal.clone());
            assert_eq!((&problem.body()["reason"], &problem.body()["status"]), (&reason, &json!(status)));
            assert_eq!(problem.body().get("reason").is_some(), !reason.is_null(), "{refusal}");
            let response = problem.into_response();
            assert_eq!(response.status().as_u16(), status, "{refusal}");
            assert_eq!(response.headers()[RETRY_AFTER], seconds, "{refusal}");
        }
    }

    #[test]
    fn a_refusal_names_the_setting_or_engine_that_causes_it() {
        for (refusal, expected) in [
            (Refusal::Full(Kind::Call), "server.max_calls"),
            (Refusal::Share(Kind::Call), "server.calls_per_address"),
            (Refusal::Loaded { retry: 7 }, "server.target_ms"),
            (Refusal::Reserved(Kind::Call), "addresses with fewer calls"),
            (Refusal::NotReady("the voice loads".into()), "No calls can be taken yet: the voice loads."),
            (Refusal::Full(Kind::Request), "server.max_requests"),
            (Refusal::Share(Kind::Request), "server.requests_per_address"),
            (Refusal::Full(Kind::Animation), "The server animates 2 texts or recordings at once."),
        ] {
            let body = Problem::from(refusal).body();
            assert!(body["detail"].as_str().unwrap().contains(expected), "{body}");
        }
    }
}
