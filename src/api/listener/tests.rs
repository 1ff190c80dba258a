use axum::body::Bytes;
use axum::routing::{get, post};
use axum::{Json, middleware};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::Instant;

use super::*;
use crate::api::problem::Problem;

const LARGE: usize = 64 << 20;

/// A server with a few routes; its address, and the token that stops it.
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
        .layer(middleware::from_fn(body::in_time))
        .layer(middleware::from_fn(reserve::guard));
    let stop = CancellationToken::new();
    let serving = tokio::spawn(serve(listener, routes, limits, stop.clone()));
    (address, stop, serving)
}

const PLENTY: Limits = Limits { in_all: 100, of_address: 100 };

/// Says this, and reads until the server closes.
async fn said(address: SocketAddr, text: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

/// The same with a clock that jumps on while nothing happens, but for the time in which the words arrive.
async fn given_up(address: SocketAddr, text: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    tokio::time::pause();
    let mut answer = Vec::new();
    _ = stream.read_to_end(&mut answer).await;
    tokio::time::resume();
    String::from_utf8_lossy(&answer).into_owned()
}

fn asks(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
}

#[tokio::test]
async fn clients_that_are_slow_or_speak_something_else_are_given_up() {
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
        let answer = given_up(address, text).await;
        assert!(
            answer.starts_with(beginning) && answer.is_empty() == beginning.is_empty(),
            "{text:?}: {answer}"
        );
        assert!(began.elapsed() < body::UPLOAD * 2, "{text:?}");
    }
    let long = format!("GET /call HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n", "x".repeat(2 * BUFFER));
    assert!(given_up(address, &long).await.starts_with("HTTP/1.1 431"));
}

#[tokio::test]
async fn who_does_not_read_is_cut_off() {
    let (address, ..) = server(PLENTY).await;
    assert!(said(address, &asks("/large")).await.len() > LARGE, "who reads gets all of it");
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(asks("/large").as_bytes()).await.unwrap();
    stream.readable().await.unwrap();
    // From here on the clock jumps while nothing happens.
    tokio::time::pause();
    tokio::time::sleep(Duration::from_secs(120)).await;
    let mut answer = Vec::new();
    _ = stream.read_to_end(&mut answer).await;
    assert!(answer.len() < LARGE, "{} bytes", answer.len());
}

#[tokio::test]
async fn beyond_the_limits_health_is_told_and_all_else_refused() {
    let (address, ..) = server(Limits { in_all: 3, of_address: 2 }).await;
    let mut held = Vec::new();
    for _ in 0..100 {
        held.push(TcpStream::connect(address).await.unwrap());
    }
    let refused = said(address, &asks("/call")).await;
    assert!(
        refused.starts_with("HTTP/1.1 503") && refused.contains("server.connections_per_address"),
        "{refused}"
    );
    assert!(refused.contains("retry-after"), "{refused}");
    assert!(said(address, &asks("/health")).await.ends_with("well"));
    drop(held);
    // The server sees that they have gone when it next looks.
    while !said(address, &asks("/call")).await.ends_with("the page") {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn idle_connections_do_not_keep_a_server_that_stops() {
    let (address, stop, serving) = server(PLENTY).await;
    let idle = TcpStream::connect(address).await.unwrap();
    assert!(said(address, &asks("/call")).await.ends_with("the page"));
    tokio::time::pause();
    stop.cancel();
    tokio::time::timeout(LAST_ANSWERS * 2, serving).await.expect("it stops").unwrap();
    drop(idle);
}
