use axum::body::Bytes;
use axum::routing::{get, post};
use axum::{Json, middleware};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::Instant;

use super::connection::BUFFER;
use super::*;
use crate::api::body;
use crate::api::problem::Problem;

const LARGE: usize = 64 << 20;

/// Starts a server with a few routes; returns its address, the token that stops it, and its task.
async fn server(limits: Limits) -> (SocketAddr, CancellationToken, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let large = Bytes::from(vec![b'x'; LARGE]);
    let offer = |body: Result<Json<serde_json::Value>, axum::extract::rejection::JsonRejection>| async {
        body.map(|_| "taken").map_err(Problem::from)
    };
    let routes = Router::new()
        .route("/call", get(|| async { "the page" }))
        .route("/health", get(|| async { "well" }))
        .route("/large", get(move || std::future::ready(large.clone())))
        .route("/api/offer", post(offer))
        .layer(middleware::from_fn_with_state(body::Uploads::at([]), body::in_time))
        .layer(middleware::from_fn(reserve::guard));
    let stop = CancellationToken::new();
    let serving = tokio::spawn(serve(listener, routes, limits, stop.clone()));
    (address, stop, serving)
}

const PLENTY: Limits = Limits { in_all: 100, of_address: 100 };

/// Sends this, and reads until the server closes the connection.
async fn send(address: SocketAddr, text: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut response = Vec::new();
    _ = stream.read_to_end(&mut response).await;
    String::from_utf8_lossy(&response).into_owned()
}

/// The same with a clock that jumps ahead whenever nothing happens, once the text has arrived.
async fn send_and_wait(address: SocketAddr, text: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    // Far longer than the server takes to accept and read it, also beside other tests.
    tokio::time::sleep(Duration::from_millis(400)).await;
    tokio::time::pause();
    let mut response = Vec::new();
    _ = stream.read_to_end(&mut response).await;
    tokio::time::resume();
    String::from_utf8_lossy(&response).into_owned()
}

fn get_request(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
}

#[tokio::test]
async fn slow_clients_and_other_protocols_are_cut_off() {
    let (address, ..) = server(PLENTY).await;
    let offer = "POST /api/offer HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 60\r\n\r\n{";
    for (text, beginning) in [
        ("", ""),
        ("GET /call HTTP/1.1\r\nHost: x\r\nX-Slow: ", ""),
        ("GET /call HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200"),
        (offer, "HTTP/1.1 408"),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\u{4}\0\0\0\0\0", ""),
        ("\u{16}\u{3}\u{1}\0 nonsense\r\n\r\n", "HTTP/1.1 400"),
    ] {
        let began = Instant::now();
        let response = send_and_wait(address, text).await;
        assert!(
            response.starts_with(beginning) && response.is_empty() == beginning.is_empty(),
            "{text:?}: {response}"
        );
        assert!(began.elapsed() < body::UPLOAD * 2, "{text:?}");
    }
    let long = format!("GET /call HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n", "x".repeat(2 * BUFFER));
    assert!(send_and_wait(address, &long).await.starts_with("HTTP/1.1 431"));
}

#[tokio::test]
async fn a_client_that_does_not_read_is_cut_off() {
    let (address, ..) = server(PLENTY).await;
    assert!(send(address, &get_request("/large")).await.len() > LARGE, "a client that reads gets everything");
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(get_request("/large").as_bytes()).await.unwrap();
    stream.readable().await.unwrap();
    // From here on the clock jumps whenever nothing happens.
    tokio::time::pause();
    tokio::time::sleep(Duration::from_secs(120)).await;
    let mut response = Vec::new();
    _ = stream.read_to_end(&mut response).await;
    assert!(response.len() < LARGE, "{} bytes", response.len());
}

#[tokio::test]
async fn beyond_the_limits_only_health_is_served() {
    let (address, ..) = server(Limits { in_all: 3, of_address: 2 }).await;
    let mut held = Vec::new();
    for _ in 0..100 {
        held.push(TcpStream::connect(address).await.unwrap());
    }
    let refused = send(address, &get_request("/call")).await;
    assert!(
        refused.starts_with("HTTP/1.1 503") && refused.contains("server.connections_per_address"),
        "{refused}"
    );
    assert!(refused.contains("retry-after"), "{refused}");
    assert!(send(address, &get_request("/health")).await.ends_with("well"));
    drop(held);
    // The server notices a little later that they are gone.
    while !send(address, &get_request("/call")).await.ends_with("the page") {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn idle_connections_do_not_keep_a_stopping_server_running() {
    let (address, stop, serving) = server(PLENTY).await;
    let idle = TcpStream::connect(address).await.unwrap();
    assert!(send(address, &get_request("/call")).await.ends_with("the page"));
    tokio::time::pause();
    stop.cancel();
    tokio::time::timeout(LAST_RESPONSES * 2, serving).await.expect("it stops").unwrap();
    drop(idle);
}
