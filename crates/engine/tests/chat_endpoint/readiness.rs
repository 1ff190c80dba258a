use axum::Router;
use axum::http::StatusCode;
use axum::routing::{get, post};
use tokio::time::timeout;

use crate::chat::{config, connect, endpoint, stream};
use crate::endpoint_support::{NotReady, PATIENCE, serve};

#[tokio::test]
async fn an_endpoint_is_ready_when_it_lists_its_models_and_its_context_bounds_ours() {
    let url = endpoint(|_, _| stream(&[])).await;
    let mut llm = connect(&config(url));
    let found = timeout(PATIENCE, llm.status.wait_for(|status| status.ready)).await;
    let message = found.unwrap().unwrap().message.clone();
    assert_eq!((message.as_str(), llm.engine.capabilities().context), ("", Some(2048)));
}

#[tokio::test]
async fn an_endpoint_without_a_list_of_models_is_ready_if_it_takes_requests() {
    let refuses = post(|| async { (StatusCode::UNPROCESSABLE_ENTITY, "no model is named") });
    let without = Router::new().route("/v1/chat/completions", refuses);
    // A restricted key may permit requests for responses only.
    let forbidden = without.clone().route("/v1/models", get(|| async { StatusCode::FORBIDDEN }));
    for router in [without, forbidden] {
        let mut llm = connect(&config(serve(router).await));
        timeout(PATIENCE, llm.status.wait_for(|status| status.ready)).await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn an_endpoint_that_is_not_ready_says_what_to_set() {
    for endpoint in NotReady::each("llm").await {
        let mut llm = connect(&config(endpoint.url.clone()));
        endpoint.is_told_by(&mut llm.status).await;
    }
}
