//! The server's own TLS: what is served behind a handshake, files that change, and clients that hold it up or speak something else.
#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic fails the test")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::routing::get;
use futures_util::{SinkExt, StreamExt};
use rustls::pki_types::CertificateDer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_util::sync::CancellationToken;
use visavis::api::listener::{self, Limits, Options};
use visavis::tls::Certificate;
use visavis::transport::streams::{BoxedStream, StreamHandler, StreamHandlers};

mod live;
mod tls_support;
use live::Live;
use tls_support::{Folder, connect, last_get, send};

const PATIENCE: Duration = Duration::from_secs(20);
const PLENTY: Limits = Limits { in_all: 100, of_address: 100 };

/// A listener with a route and TLS.
struct Served {
    address: String,
    folder: Folder,
    certificate: Arc<Certificate>,
    /// What it shows at first.
    shown: CertificateDer<'static>,
}

async fn served(limits: Limits, handlers: StreamHandlers) -> Served {
    let folder = Folder::new();
    let shown = folder.write();
    let certificate = Certificate::load(folder.files.clone()).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let routes = Router::new().route("/call", get(|| async { "the page" }));
    let options = Options { limits, certificate: Some(certificate.clone()), handlers };
    tokio::spawn(listener::serve(listener, routes, options, CancellationToken::new()));
    Served { address, folder, certificate, shown }
}

/// Repeats an attempt until it succeeds.
async fn in_time<T>(patience: Duration, attempt: impl AsyncFn() -> Option<T>) -> T {
    let repeated = async {
        loop {
            if let Some(done) = attempt().await {
                return done;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(patience, repeated).await.expect("it succeeds in time")
}

#[tokio::test]
async fn a_connection_outlives_a_change_of_the_files_and_the_next_one_shows_what_they_hold() {
    let Served { address, folder, certificate, shown } = served(PLENTY, StreamHandlers::default()).await;
    tokio::spawn(async move { certificate.keep(Duration::from_millis(20)).await });
    let mut open = connect(&address, &shown).await.unwrap();
    assert_eq!(open.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]), "h2 is not spoken");
    open.write_all(b"GET /call HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let mut head = [0; 12];
    open.read_exact(&mut head).await.unwrap();
    assert_eq!(&head, b"HTTP/1.1 200");
    let new = folder.write();
    let renewed = in_time(PATIENCE, async || connect(&address, &new).await.ok()).await;
    assert!(connect(&address, &shown).await.is_err(), "the one before is shown no more");
    for stream in [open, renewed] {
        let response = send(stream, &last_get("/call")).await;
        assert!(response.ends_with("the page"), "{response}");
    }
}

#[tokio::test]
async fn http_where_tls_is_spoken_is_told_so_and_closed() {
    let Served { address, shown, .. } = served(PLENTY, StreamHandlers::default()).await;
    let body = vec![b'x'; 30_000];
    let upload =
        [&b"POST /api/offer HTTP/1.1\r\nHost: x\r\nContent-Length: 30000\r\n\r\n"[..], &body].concat();
    for request in [last_get("/call"), upload] {
        let response = send(TcpStream::connect(&address).await.unwrap(), &request).await;
        assert!(response.starts_with("HTTP/1.1 400"), "{response}");
        assert!(response.contains("This port speaks https"), "{response}");
    }
    let response = send(connect(&address, &shown).await.unwrap(), &last_get("/call")).await;
    assert!(response.ends_with("the page"), "{response}");
}

#[tokio::test]
async fn a_client_that_does_not_finish_its_handshake_holds_a_connection_for_ten_seconds() {
    let limits = Limits { in_all: 3, of_address: 2 };
    let Served { address, shown, .. } = served(limits, StreamHandlers::default()).await;
    let mut held = Vec::new();
    let connecting = Instant::now();
    // The beginning of a client's hello, and nothing at all.
    for bytes in [&[22, 3, 1, 2, 0, 1, 0, 1][..], &[]] {
        let mut stream = TcpStream::connect(&address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        held.push(stream);
    }
    assert!(is_last(&address, &shown).await, "a third connection is in the reserve, and serves one request");
    let began = Instant::now();
    // From here on the clock jumps whenever nothing happens.
    tokio::time::pause();
    for mut stream in held {
        let mut rest = Vec::new();
        _ = stream.read_to_end(&mut rest).await;
    }
    let (least, most) = (began.elapsed(), connecting.elapsed());
    tokio::time::resume();
    // The limit began somewhere between the two, which lie apart on a busy machine.
    assert!(least.as_secs() <= 11 && most.as_secs() >= 9, "{least:?} to {most:?}");
    assert!(!is_last(&address, &shown).await, "their places are free again");
}

/// Whether a request that does not say so is the last of its connection.
async fn is_last(address: &str, shown: &CertificateDer<'static>) -> bool {
    let mut stream = connect(address, shown).await.unwrap();
    stream.write_all(b"GET /call HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let mut response = String::new();
    while !response.ends_with("the page") {
        response.push(char::from(timeout(PATIENCE, stream.read_u8()).await.unwrap().unwrap()));
    }
    response.to_ascii_lowercase().contains("\r\nconnection: close\r\n")
}

/// Answers a message of this length with its name and the message.
struct Named {
    name: &'static str,
    length: usize,
}

#[async_trait]
impl StreamHandler for Named {
    async fn serve(&self, mut stream: BoxedStream, peer: SocketAddr) {
        let mut message = vec![0; self.length];
        stream.read_exact(&mut message).await.unwrap();
        let name = format!("{} {} ", self.name, peer.ip());
        stream.write_all(&[name.as_bytes(), &message].concat()).await.unwrap();
        stream.shutdown().await.unwrap();
    }
}

#[tokio::test]
async fn stun_goes_to_its_handler_with_all_its_bytes_behind_a_handshake_and_without() {
    let allocate = [&[0, 3, 0, 0, 0x21, 0x12, 0xa4, 0x42][..], b"transactions"].concat();
    let framed = [&[0, 20, 0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42][..], b"transactions"].concat();
    let turn = Named { name: "turn", length: allocate.len() };
    let ice = Named { name: "ice", length: framed.len() };
    let handlers = StreamHandlers { turn: Some(Arc::new(turn)), ice: Some(Arc::new(ice)) };
    let with = served(PLENTY, handlers).await;
    let without = served(PLENTY, StreamHandlers::default()).await;
    for (message, name) in [(&allocate, "turn"), (&framed, "ice")] {
        let expected = [format!("{name} 127.0.0.1 ").as_bytes(), message].concat();
        let expected = String::from_utf8_lossy(&expected).into_owned();
        let plain =
            async |server: &Served| send(TcpStream::connect(&server.address).await.unwrap(), message).await;
        let secret = async |server: &Served| {
            send(connect(&server.address, &server.shown).await.unwrap(), message).await
        };
        assert_eq!((plain(&with).await, secret(&with).await), (expected.clone(), expected));
        assert_eq!((plain(&without).await, secret(&without).await), (String::new(), String::new()));
    }
    let response = send(connect(&with.address, &with.shown).await.unwrap(), &last_get("/call")).await;
    assert!(response.ends_with("the page"), "{response}");
}

/// What the program says when it does not start.
fn refused(settings: &[String]) -> String {
    let output = live::program().arg("serve").args(settings).output().unwrap();
    assert!(!output.status.success());
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_server_whose_certificate_cannot_be_used_does_not_start_and_says_why() {
    let (own, other) = (Folder::new(), Folder::new());
    let missing = refused(&own.settings());
    assert!(missing.contains("server.tls_cert: ") && missing.contains("cannot be read"), "{missing}");
    own.write();
    other.write();
    std::fs::copy(&other.files.key, &own.files.key).unwrap();
    let unfit = refused(&own.settings());
    assert!(unfit.contains("server.tls_key: ") && unfit.contains("public keys differ"), "{unfit}");
    let encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIF\n-----END ENCRYPTED PRIVATE KEY-----\n";
    std::fs::write(&own.files.key, encrypted).unwrap();
    let encrypted = refused(&own.settings());
    assert!(encrypted.contains("server.tls_key: ") && encrypted.contains("is encrypted"), "{encrypted}");
    let half = refused(&own.settings()[..2]);
    assert!(half.contains("server.tls_key: is empty"), "{half}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_with_a_certificate_takes_calls_over_wss_and_renews_it_at_a_hangup() {
    let folder = Folder::new();
    let shown = folder.write();
    let settings = folder.settings();
    let live = Live::begin(&settings.each_ref().map(String::as_str));
    let get = async |path: &str| {
        let stream = connect(&live.address, &shown).await.ok()?;
        Some(send(stream, &last_get(path)).await)
    };
    let health = in_time(PATIENCE, async || get("/health").await).await;
    assert!(health.starts_with("HTTP/1.1 200"), "{health}");
    assert!(!health.to_ascii_lowercase().contains("strict-transport-security"), "{health}");
    // Its engines load: run ./test, or fetch the models of the profile tiny, before.
    let ready = async || get("/ready").await.filter(|response| response.starts_with("HTTP/1.1 200"));
    in_time(Duration::from_secs(120), ready).await;

    let stream = connect(&live.address, &shown).await.unwrap();
    let (mut socket, _) = tokio_tungstenite::client_async("wss://localhost/ws", stream).await.unwrap();
    let hello = r#"{"label":"rtvi-ai","type":"client-ready","id":"ready","data":{"version":"2.1.0"}}"#;
    socket.send(Message::text(hello)).await.unwrap();
    let greeted = async {
        while let Some(Ok(message)) = socket.next().await {
            if message.to_text().is_ok_and(|text| text.contains("bot-ready")) {
                return true;
            }
        }
        false
    };
    assert!(timeout(PATIENCE, greeted).await.unwrap(), "the call begins");

    let new = folder.write();
    let began = Instant::now();
    live.signal("-HUP", live.process.id());
    in_time(PATIENCE, async || connect(&live.address, &new).await.ok()).await;
    assert!(began.elapsed() < Duration::from_secs(4), "sooner than the files are looked at anyway");
    socket.send(Message::Ping("still".into())).await.unwrap();
    let answered = async {
        while let Some(Ok(message)) = socket.next().await {
            if message.is_pong() {
                return true;
            }
        }
        false
    };
    assert!(timeout(PATIENCE, answered).await.unwrap(), "the call goes on");
}
