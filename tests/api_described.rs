//! What a real server says of its API is what it serves; engines are not needed.
#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic fails the test")]

use std::time::{Duration, Instant};

use reqwest::{Method, Response};
use serde_json::{Value, json};

mod live;
use live::Live;

async fn served() -> Live {
    let live = Live::begin(&[]);
    let began = Instant::now();
    while live.server.http().get(live.server.url("health")).send().await.is_err() {
        assert!(began.elapsed() < Duration::from_secs(120), "no answer in two minutes");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    live
}

async fn get(live: &Live, path: &str) -> Response {
    live.server.http().get(live.server.url(path)).send().await.unwrap()
}

/// The address with the examples of its parts.
fn filled(path: &str, operation: &Value) -> String {
    let parameters = operation["parameters"].as_array().map(Vec::as_slice).unwrap_or_default();
    let parts = parameters.iter().filter(|parameter| parameter["in"] == "path");
    parts.fold(path.trim_start_matches('/').to_owned(), |path, part| {
        path.replace(&format!("{{{}}}", part["name"].as_str().unwrap()), part["example"].as_str().unwrap())
    })
}

async fn each_route_that_is_described_is_served(live: &Live) {
    let answer = get(live, "openapi.json").await;
    assert_eq!(answer.headers()["content-type"], "application/json");
    let described: Value = answer.json().await.unwrap();
    assert_eq!(described["openapi"], "3.1.0");
    let mut seen = 0;
    for (path, item) in described["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let url = live.server.url(&filled(path, operation));
            // No route takes it; the refusal tells what the address takes.
            let refused = live.server.http().request(Method::PUT, url).send().await.unwrap();
            assert_eq!(refused.status().as_u16(), 405, "{path}");
            let allowed = refused.headers()["allow"].to_str().unwrap().to_ascii_lowercase();
            assert!(allowed.split(',').any(|one| one.trim() == method), "{method} {path}: {allowed}");
            seen += 1;
        }
    }
    assert!(seen >= 35, "{seen} routes");
}

async fn a_part_that_is_not_utf_8_is_refused_in_the_form_of_its_route(live: &Live) {
    let described: Value = get(live, "openapi.json").await.json().await.unwrap();
    let mut seen = 0;
    for (path, item) in described["paths"].as_object().unwrap() {
        let Some((before, rest)) = path.split_once('{') else { continue };
        let after = rest.split_once('}').unwrap().1;
        let address = format!("{before}%FF{after}");
        for method in item.as_object().unwrap().keys() {
            let method = Method::from_bytes(method.to_ascii_uppercase().as_bytes()).unwrap();
            let url = live.server.url(address.trim_start_matches('/'));
            let refused = live.server.http().request(method, url).send().await.unwrap();
            assert_eq!(refused.status().as_u16(), 400, "{path}");
            let kind = refused.headers()["content-type"].to_str().unwrap().to_owned();
            let body: Value = refused.json().await.unwrap_or_else(|error| panic!("{path}: {error}"));
            if path.starts_with("/v1/") {
                assert!(body["error"]["message"].is_string(), "{path}: {body}");
            } else {
                assert_eq!(
                    (kind.as_str(), &body["status"]),
                    ("application/problem+json", &json!(400)),
                    "{path}"
                );
            }
            seen += 1;
        }
    }
    assert!(seen >= 12, "{seen} routes");
}

async fn the_start_page_leads_on(live: &Live) {
    let page = get(live, "").await;
    assert_eq!((page.status().as_u16(), page.url().path()), (200, "/"));
    assert!(page.headers()["content-type"].to_str().unwrap().starts_with("text/html"));
    let text = page.text().await.unwrap();
    for link in ["call", "docs", "call/network", "avatar/playground", "metrics"] {
        assert!(text.contains(&format!("href=\"{link}\"")), "nothing leads to {link}");
        assert_eq!(get(live, link).await.status().as_u16(), 200, "{link}");
    }
}

async fn health_has_the_fields_of_speech_gateways_beside_its_own(live: &Live) {
    let health: Value = get(live, "health").await.json().await.unwrap();
    assert_eq!((&health["status"], &health["calls"]), (&json!("ok"), &json!(0)), "{health}");
    assert!(health["version"].is_string() && health["models"].is_array(), "{health}");
    assert!(health["gpu_available"].is_boolean() && health["queue_length"].is_u64(), "{health}");
    for field in ["gpu_memory_used", "gpu_memory_total", "avg_latency_ms"] {
        assert!(health.as_object().unwrap().contains_key(field), "{field}: {health}");
    }
}

async fn an_address_with_nothing_at_it_names_the_documentation(live: &Live) {
    for path in ["nothing", "v1/nothing"] {
        let answer = get(live, path).await;
        assert_eq!(answer.status().as_u16(), 404, "{path}");
        assert!(answer.text().await.unwrap().contains("/docs"), "{path}");
    }
}

#[tokio::test]
async fn a_server_describes_its_api_and_itself() {
    let live = served().await;
    each_route_that_is_described_is_served(&live).await;
    a_part_that_is_not_utf_8_is_refused_in_the_form_of_its_route(&live).await;
    the_start_page_leads_on(&live).await;
    health_has_the_fields_of_speech_gateways_beside_its_own(&live).await;
    an_address_with_nothing_at_it_names_the_documentation(&live).await;
}
