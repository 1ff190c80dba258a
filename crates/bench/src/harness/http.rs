//! Checks of the HTTP API.

use std::time::{Duration, Instant};

use reqwest::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, HeaderMap, HeaderName, ORIGIN,
};
use reqwest::{Method, StatusCode};
use serde_json::Value;

use super::Finding;
use visavis_client::Server;

const READY_FLAGS: [&str; 5] = ["ready", "whisper_ready", "lid_ready", "llm_ready", "tts_ready"];
/// A reserved name that no configuration contains.
const SOME_ORIGIN: &str = "https://some-page.invalid";
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(500);

async fn get(server: &Server, path: &str) -> Result<(StatusCode, HeaderMap, String), String> {
    let told = |error| server.unreachable(&error).to_string();
    let response = server.http().get(server.url(path)).send().await.map_err(told)?;
    let (status, headers) = (response.status(), response.headers().clone());
    Ok((status, headers, response.text().await.map_err(told)?))
}

async fn get_json(server: &Server, path: &str) -> Result<(StatusCode, Value), String> {
    let (status, _, body) = get(server, path).await?;
    let value = serde_json::from_str(&body)
        .map_err(|error| format!("GET /{path} answered {status} with a body that is not JSON: {error}"))?;
    Ok((status, value))
}

pub(super) async fn health(server: &Server) -> Finding {
    let (status, _, _) = get(server, "health").await?;
    if status != StatusCode::OK {
        return Err(format!("GET /health answered {status} instead of 200"));
    }
    Ok("GET /health answered 200".to_owned())
}

pub(super) async fn readiness(server: &Server, wait: Duration) -> Finding {
    let deadline = Instant::now() + wait;
    loop {
        let (status, state) = get_json(server, "ready").await?;
        for flag in READY_FLAGS {
            if !state[flag].is_boolean() {
                return Err(format!("GET /ready does not contain {flag}"));
            }
        }
        let device = state["device"].as_str().ok_or("GET /ready does not name the device")?;
        let missing: Vec<&str> =
            READY_FLAGS.into_iter().filter(|flag| state[*flag] != Value::Bool(true)).collect();
        if missing.is_empty() {
            if status != StatusCode::OK {
                return Err(format!("GET /ready says ready with status {status}"));
            }
            return Ok(format!("all models are ready on {device}"));
        }
        if Instant::now() >= deadline {
            let waited = wait.as_secs();
            return Err(format!("after {waited} s not true: {}; {state}", missing.join(", ")));
        }
        tokio::time::sleep(ASK_AGAIN_AFTER).await;
    }
}

/// With an origin: checks that its pages may call the API. Without: that the server's own page may, and all others or none.
pub(super) async fn cors(server: &Server, origin: Option<&str>) -> Finding {
    if let Some(origin) = origin {
        may_call(server, origin).await?;
        return Ok(format!("pages of {origin} may call the API"));
    }
    let own = posted(server, &server.origin()).await?;
    if matches!(own.status(), StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED) {
        return Err(format!("the server's own page may not call the API: {}", own.status()));
    }
    let open = may_call(server, SOME_ORIGIN).await;
    let named =
        allows(posted(server, SOME_ORIGIN).await?.headers(), &ACCESS_CONTROL_ALLOW_ORIGIN, SOME_ORIGIN);
    match (open, named) {
        (Ok(()), _) => Ok("pages of every origin may call the API".to_owned()),
        (Err(_), Err(_)) => {
            Ok("the server's own page may call the API, pages of unknown origins may not".to_owned())
        }
        (Err(wrong), Ok(())) => {
            Err(format!("the response allows every origin, but its preflight does not: {wrong}"))
        }
    }
}

async fn may_call(server: &Server, origin: &str) -> Result<(), String> {
    let preflight = server
        .http()
        .request(Method::OPTIONS, server.url("api/offer"))
        .header(ORIGIN, origin)
        .header(ACCESS_CONTROL_REQUEST_METHOD, "POST")
        .header(ACCESS_CONTROL_REQUEST_HEADERS, "content-type");
    let response = preflight.send().await.map_err(|error| server.unreachable(&error).to_string())?;
    if !response.status().is_success() {
        return Err(format!("the preflight of {origin} for POST /api/offer answered {}", response.status()));
    }
    allows(response.headers(), &ACCESS_CONTROL_ALLOW_ORIGIN, origin)?;
    allows(response.headers(), &ACCESS_CONTROL_ALLOW_METHODS, "POST")?;
    allows(response.headers(), &ACCESS_CONTROL_ALLOW_HEADERS, "content-type")?;
    // The response itself needs the header too, even for errors, so that the page can read what went wrong.
    allows(posted(server, origin).await?.headers(), &ACCESS_CONTROL_ALLOW_ORIGIN, origin)
}

async fn posted(server: &Server, origin: &str) -> Result<reqwest::Response, String> {
    let actual = server.http().post(server.url("api/offer")).header(ORIGIN, origin).json(&Value::Null).send();
    actual.await.map_err(|error| server.unreachable(&error).to_string())
}

fn allows(headers: &HeaderMap, name: &HeaderName, wanted: &str) -> Result<(), String> {
    let value = headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let allowed = value.split(',').map(str::trim).any(|one| one == "*" || one.eq_ignore_ascii_case(wanted));
    if allowed {
        return Ok(());
    }
    Err(format!("{name} is {value:?} and does not allow {wanted}"))
}

pub(super) async fn ice_servers(server: &Server) -> Finding {
    let (status, body) = get_json(server, "api/ice-servers").await?;
    if status != StatusCode::OK {
        return Err(format!("GET /api/ice-servers answered {status}"));
    }
    let servers = body["iceServers"].as_array().ok_or("iceServers is not a list")?;
    let mut names = Vec::new();
    for entry in servers {
        let urls = entry["urls"].as_array().filter(|urls| !urls.is_empty());
        for url in urls.ok_or("an entry has no urls")? {
            let url = url.as_str().ok_or("a url is not a string")?;
            let scheme = url.split_once(':').map_or("", |(scheme, _)| scheme);
            if !matches!(scheme, "stun" | "stuns" | "turn" | "turns") {
                return Err(format!("{url:?} is neither stun nor turn"));
            }
            if scheme.starts_with("turn")
                && !(entry["username"].is_string() && entry["credential"].is_string())
            {
                return Err(format!("{url:?} has no username and credential"));
            }
            names.push(url);
        }
    }
    let list = if names.is_empty() { "none needed".to_owned() } else { names.join(", ") };
    Ok(format!("ICE servers: {list}"))
}

pub(super) async fn metrics(server: &Server) -> Finding {
    let (status, headers, body) = get(server, "metrics").await?;
    if status != StatusCode::OK {
        return Err(format!("GET /metrics answered {status}"));
    }
    let content = headers.get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !content.starts_with("text/plain") {
        return Err(format!("GET /metrics is {content:?}; Prometheus reads text/plain"));
    }
    let series = body.lines().filter(|line| line.starts_with("visavis_")).count();
    if metric(&body, "visavis_calls_active").is_none() {
        return Err(format!("visavis_calls_active is not among the {series} series of visavis"));
    }
    Ok(format!("{series} series"))
}

/// The value of a series without labels.
pub(crate) fn metric(body: &str, name: &str) -> Option<f64> {
    body.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_allows_an_exact_name_or_a_star_only() {
        let allow = |value: &'static str, wanted: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, value.parse().unwrap());
            allows(&headers, &ACCESS_CONTROL_ALLOW_ORIGIN, wanted).is_ok()
        };
        assert!(allow("http://a:1", "http://a:1") && allow("*", "http://a:1"));
        assert!(!allow("http://a:12", "http://a:1") && !allow("", "http://a:1"));
    }

    #[test]
    fn a_metric_is_not_mistaken_for_one_with_a_longer_name() {
        let body = "visavis_calls_active_max 9\nvisavis_calls_active 2\n";
        assert_eq!(metric(body, "visavis_calls_active"), Some(2.0));
        assert_eq!(metric("visavis_calls_active_max 9", "visavis_calls_active"), None);
    }
}
