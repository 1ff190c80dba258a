//! Services that answer as the clouds' own do.

use axum::Router;
use axum::http::HeaderMap;
use axum::routing::{get, put};

use super::*;

/// Serves these routes; returns their address.
async fn served(routes: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, routes).await });
    format!("http://{address}")
}

fn has(headers: &HeaderMap, name: &str, value: &str) -> bool {
    headers.get(name).is_some_and(|have| have == value)
}

async fn asked(cloud: Metadata, routes: Router) -> anyhow::Result<Vec<IpAddr>> {
    ask(&client().unwrap(), &served(routes).await, cloud).await
}

fn outer() -> Vec<IpAddr> {
    vec!["203.0.113.5".parse().unwrap()]
}

#[tokio::test]
async fn amazon_is_asked_with_the_token_of_a_session() {
    let token = put(|headers: HeaderMap| async move {
        let is_right = has(&headers, "x-aws-ec2-metadata-token-ttl-seconds", "60");
        if is_right { (StatusCode::OK, "a-token") } else { (StatusCode::BAD_REQUEST, "") }
    });
    let address = get(|headers: HeaderMap| async move {
        let is_right = has(&headers, "x-aws-ec2-metadata-token", "a-token");
        if is_right { (StatusCode::OK, "203.0.113.5") } else { (StatusCode::UNAUTHORIZED, "") }
    });
    let routes = Router::new().route("/latest/api/token", token.clone());
    let with_address = routes.clone().route("/latest/meta-data/public-ipv4", address);
    assert_eq!(asked(Metadata::Aws, with_address).await.unwrap(), outer());
    // An instance without an outer address.
    assert!(asked(Metadata::Aws, routes).await.unwrap().is_empty());
}

#[tokio::test]
async fn google_is_asked_with_its_header() {
    let path = "/computeMetadata/v1/instance/network-interfaces/0/access-configs/0/external-ip";
    let address = get(|headers: HeaderMap| async move {
        let is_right = has(&headers, "metadata-flavor", "Google");
        if is_right { (StatusCode::OK, "203.0.113.5") } else { (StatusCode::FORBIDDEN, "") }
    });
    assert_eq!(asked(Metadata::Gcp, Router::new().route(path, address)).await.unwrap(), outer());
}

#[tokio::test]
async fn at_azure_the_load_balancer_is_asked_where_the_instance_has_no_address() {
    let instance = get(|headers: HeaderMap| async move {
        if has(&headers, "metadata", "true") { StatusCode::OK } else { StatusCode::BAD_REQUEST }
    });
    let balancer = get(|| async {
        r#"{"loadbalancer":{"publicIpAddresses":[{"frontendIpAddress":"203.0.113.5","privateIpAddress":"10.0.0.4"}]}}"#
    });
    let routes = Router::new()
        .route("/metadata/instance/network/interface/0/ipv4/ipAddress/0/publicIpAddress", instance)
        .route("/metadata/loadbalancer", balancer);
    assert_eq!(asked(Metadata::Azure, routes).await.unwrap(), outer());
}

#[tokio::test]
async fn a_service_that_refuses_or_is_none_is_told_with_what_it_said() {
    let refused = asked(Metadata::Aws, Router::new().route("/latest/api/token", put(StatusCode::FORBIDDEN)));
    assert!(format!("{:#}", refused.await.unwrap_err()).contains("/latest/api/token answers 403"));
    let elsewhere = asked(Metadata::Aws, Router::new()).await.unwrap_err();
    assert!(format!("{elsewhere:#}").contains("/latest/api/token is not there"), "{elsewhere:#}");
    let path = "/computeMetadata/v1/instance/network-interfaces/0/access-configs/0/external-ip";
    let page = Router::new().route(path, get("<html>Please log in"));
    let page = format!("{:#}", asked(Metadata::Gcp, page).await.unwrap_err());
    assert!(page.contains("which is no address") && page.contains("Please log in"), "{page}");
    let nobody = ask(&client().unwrap(), "http://127.0.0.1:9", Metadata::Gcp).await.unwrap_err();
    assert!(format!("{nobody:#}").contains("it does not answer"), "{nobody:#}");
}
