//! Admission of requests: turns every refusal into a problem with its status, `Retry-After` and `reason`.

use axum::http::StatusCode;

use super::App;
use super::problem::Problem;
use crate::admission::{ANIMATIONS, Kind, Permit, Principal, Refusal, SAMPLES, SAMPLES_PER_ADDRESS};

/// Grants a permit for this kind of work if the server can do it.
///
/// # Errors
/// If it is refused, as a problem.
pub(super) fn admit(app: &App, principal: Principal, kind: Kind) -> Result<Permit, Problem> {
    match kind {
        Kind::Call => check_engines(app)?,
        // This kind of work checks its engine itself.
        Kind::Animation | Kind::Sample => {}
    }
    Ok(app.admission.admit(principal, kind)?)
}

/// Checks that the engines can serve a call.
pub(super) fn check_engines(app: &App) -> Result<(), Refusal> {
    app.fleet.missing().map_or(Ok(()), |missing| Err(Refusal::NotReady(missing)))
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let reason = refusal.reason();
        let (detail, seconds) = match refusal {
            Refusal::Full(Kind::Call) => {
                ("The server has reached its limit of calls (server.max_calls). Try again later.".into(), 10)
            }
            Refusal::Full(Kind::Animation) => {
                let detail =
                    format!("The server animates {ANIMATIONS} texts or recordings at once. Try again later.");
                (detail, 5)
            }
            Refusal::Share(Kind::Call) => {
                let detail = "Your address has reached its limit of calls (server.calls_per_address). Try again later.";
                (detail.into(), 10)
            }
            Refusal::Share(Kind::Animation) => {
                ("Your address has reached its limit of animations. Try again later.".into(), 5)
            }
            Refusal::Full(Kind::Sample) => {
                let detail =
                    format!("The server speaks {SAMPLES} samples of voices at once. Try again later.");
                (detail, 2)
            }
            Refusal::Share(Kind::Sample) => {
                let detail = format!(
                    "Your address already has {SAMPLES_PER_ADDRESS} samples of voices in progress. Try again when one has ended."
                );
                (detail, 2)
            }
            Refusal::Stopping => ("The server is stopping. Try again in a moment.".into(), 5),
            Refusal::NotReady(missing) => {
                let detail =
                    format!("No calls can be taken yet: {missing}. /ready says more. Try again in a moment.");
                (detail, 2)
            }
        };
        let problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, detail).retry_after(seconds);
        reason.into_iter().fold(problem, Self::reason)
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
            (Refusal::Stopping, json!("server-stopping"), "5"),
            (Refusal::NotReady("the voice loads".into()), json!("not-ready"), "2"),
            (Refusal::Full(Kind::Animation), Value::Null, "5"),
            (Refusal::Full(Kind::Sample), Value::Null, "2"),
            (Refusal::Share(Kind::Sample), json!("address-full"), "2"),
        ] {
            let problem = Problem::from(refusal.clone());
            assert_eq!((&problem.body()["reason"], &problem.body()["status"]), (&reason, &json!(503)));
            assert_eq!(problem.body().get("reason").is_some(), !reason.is_null(), "{refusal}");
            let response = problem.into_response();
            assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
            assert_eq!(response.headers()[RETRY_AFTER], seconds, "{refusal}");
        }
    }

    #[test]
    fn a_refusal_names_the_setting_or_engine_that_causes_it() {
        for (refusal, expected) in [
            (Refusal::Full(Kind::Call), "server.max_calls"),
            (Refusal::Share(Kind::Call), "server.calls_per_address"),
            (Refusal::NotReady("the voice loads".into()), "No calls can be taken yet: the voice loads."),
            (Refusal::Full(Kind::Animation), "The server animates 2 texts or recordings at once."),
        ] {
            let body = Problem::from(refusal).body();
            assert!(body["detail"].as_str().unwrap().contains(expected), "{body}");
        }
    }
}
