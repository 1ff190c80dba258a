//! Certificates in files, and clients that trust one of them.
#![allow(clippy::unwrap_used, reason = "a test helper: a panic fails the test")]
#![allow(dead_code, reason = "each test file uses its part")]

use std::io;
use std::sync::Arc;

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use visavis::tls::Files;

/// A folder with a certificate for `localhost` and its key.
pub(crate) struct Folder {
    _folder: TempDir,
    pub(crate) files: Files,
}

impl Folder {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let files = Files { cert: folder.path().join("cert.pem"), key: folder.path().join("key.pem") };
        Self { _folder: folder, files }
    }

    /// Writes a new certificate and its key.
    pub(crate) fn write(&self) -> CertificateDer<'static> {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        std::fs::write(&self.files.cert, made.cert.pem()).unwrap();
        std::fs::write(&self.files.key, made.signing_key.serialize_pem()).unwrap();
        made.cert.der().clone()
    }

    /// Settings that name the files, for the command line.
    pub(crate) fn settings(&self) -> [String; 4] {
        let set = |key: &str, path: &std::path::Path| format!("server.{key}={}", path.display());
        let (cert, key) = (set("tls_cert", &self.files.cert), set("tls_key", &self.files.key));
        ["--set".to_owned(), cert, "--set".to_owned(), key]
    }
}

/// A connection whose server shows this certificate.
pub(crate) async fn connect(
    address: &str,
    trusted: &CertificateDer<'static>,
) -> io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let mut config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let stream = TcpStream::connect(address).await?;
    TlsConnector::from(Arc::new(config)).connect(ServerName::try_from("localhost").unwrap(), stream).await
}

/// Sends this, and reads until the server closes the connection.
pub(crate) async fn send<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, bytes: &[u8]) -> String {
    stream.write_all(bytes).await.unwrap();
    stream.flush().await.unwrap();
    let mut response = Vec::new();
    _ = stream.read_to_end(&mut response).await;
    String::from_utf8_lossy(&response).into_owned()
}

/// The last request of a connection.
pub(crate) fn last_get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").into_bytes()
}
