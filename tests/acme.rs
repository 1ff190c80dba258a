//! A certificate that is ordered from an authority: from the first handshake, which fails, to one that shows it.
#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic fails the test")]

use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use visavis::api::listener::{self, Limits, Options};
use visavis::config;
use visavis::tls::Certificate;
use visavis::tls::acme::{self, Authority};
use visavis::transport::streams::StreamHandlers;

mod acme_support;
mod tls_support;
use tls_support::{Folder, connect, last_get, send};

const PATIENCE: Duration = Duration::from_secs(30);

/// Waits until this holds.
async fn until(holds: impl AsyncFn() -> bool) {
    let waited = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, waited).await.expect("it holds in time");
}

/// A server that has yet to order its certificate, and its authority.
struct Ordering {
    folder: Folder,
    address: String,
    authority: acme_support::Authority,
    server: config::Server,
    certificate: Arc<Certificate>,
}

async fn ordering() -> Ordering {
    _ = rustls::crypto::ring::default_provider().install_default();
    let folder = Folder::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let authority = acme_support::Authority::start("localhost", &address).await;
    let server = config::Server {
        tls_cert: folder.files.cert.clone(),
        tls_key: folder.files.key.clone(),
        names: vec!["localhost".into()],
        acme_directory: authority.directory.clone(),
        acme_roots: authority.root.clone(),
        ..config::Server::default()
    };
    let certificate = Certificate::ordered(folder.files.clone()).unwrap();
    let routes = Router::new().route("/call", get(|| async { "the page" }));
    let limits = Limits { in_all: 20, of_address: 20 };
    let handlers = StreamHandlers::default();
    let options = Options { limits, certificate: Some(certificate.clone()), handlers };
    tokio::spawn(listener::serve(listener, routes, options, CancellationToken::new()));
    Ordering { folder, address, authority, server, certificate }
}

#[tokio::test]
async fn a_certificate_is_ordered_once_proven_by_a_handshake_and_kept_for_the_next_start() {
    let Ordering { folder, address, authority, server, certificate } = ordering().await;
    let ordering = Authority::of(&server).unwrap();
    let anchor = authority.anchor();
    assert!(connect(&address, &anchor).await.is_err(), "there is no certificate yet");

    let shown = until(async || connect(&address, &anchor).await.is_ok() && certificate.health().written);
    tokio::select! {
        () = acme::keep(&ordering, &certificate) => unreachable!("it goes on for ever"),
        () = shown => {}
    }
    let response = send(connect(&address, &anchor).await.unwrap(), &last_get("/call")).await;
    assert!(response.ends_with("the page"), "{response}");
    let mut account = folder.files.key.clone().into_os_string();
    account.push(".account");
    for secret in [folder.files.key.clone(), account.into()] {
        let mode = std::fs::metadata(&secret).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", secret.display());
    }

    // The next start shows it at once, and orders none.
    let again = Certificate::ordered(folder.files.clone()).unwrap();
    let keeping = timeout(Duration::from_millis(300), acme::keep(&ordering, &again));
    assert!(keeping.await.is_err(), "it waits");
    assert_eq!((authority.accounts(), authority.orders()), (1, 1));
    // One whose files are gone orders anew, with the account that it has.
    std::fs::remove_file(&folder.files.cert).unwrap();
    let gone = Certificate::ordered(folder.files.clone()).unwrap();
    let ordered = until(async || authority.orders() == 2);
    tokio::select! {
        () = acme::keep(&ordering, &gone) => unreachable!("it goes on for ever"),
        () = ordered => {}
    }
    assert_eq!(authority.accounts(), 1);
}

#[tokio::test]
async fn what_a_full_disk_does_not_take_is_served_from_memory_and_written_later_without_another_order() {
    let Ordering { folder, address, authority, server, certificate } = ordering().await;
    let ordering = Authority::of(&server).unwrap();
    let anchor = authority.anchor();
    // Folders stand where files would be written first.
    let beside = |path: &std::path::Path, behind: &str| {
        let mut path = path.as_os_str().to_owned();
        path.push(behind);
        std::path::PathBuf::from(path)
    };
    let full = [beside(&folder.files.key, ".new"), beside(&folder.files.key, ".account.new")];
    full.iter().for_each(|path| std::fs::create_dir(path).unwrap());
    let freed = async {
        until(async || connect(&address, &anchor).await.is_ok()).await;
        // The first attempt to write has failed, and the second one is to come.
        until(async || certificate.health().message.contains("cannot be written")).await;
        assert!(!folder.files.cert.exists() && !folder.files.key.exists());
        full.iter().for_each(|path| std::fs::remove_dir(path).unwrap());
        until(async || certificate.health().written && folder.files.cert.exists()).await;
    };
    tokio::select! {
        () = acme::keep(&ordering, &certificate) => unreachable!("it goes on for ever"),
        () = freed => {}
    }
    assert_eq!((authority.accounts(), authority.orders()), (1, 1));
    let again = Certificate::ordered(folder.files.clone()).unwrap();
    assert_eq!(again.health().expires, certificate.health().expires);
}
