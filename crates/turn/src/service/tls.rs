//! The certificate of TURN over TLS, read again when its files change.

use std::sync::Arc;
use std::time::SystemTime;

use anyhow::Context;
use parking_lot::Mutex;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use crate::settings::TlsPort;

/// Accepts TLS with the current certificate.
pub(super) struct Tls {
    files: TlsPort,
    read: Mutex<Read>,
}

/// What has been read of the files.
struct Read {
    acceptor: TlsAcceptor,
    /// When they had been written; of a file that cannot be looked at, none.
    written: [Option<SystemTime>; 2],
}

impl Tls {
    /// Reads the files.
    pub(super) fn read(files: TlsPort) -> anyhow::Result<Self> {
        let read = Read { written: written(&files), acceptor: acceptor(&files)? };
        Ok(Self { files, read: Mutex::new(read) })
    }

    /// What to accept the next connection with. Files that do not fit each other, as while they are being replaced, are not used.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        let written = written(&self.files);
        let mut read = self.read.lock();
        if written != read.written {
            read.written = written;
            match acceptor(&self.files) {
                Ok(acceptor) => {
                    tracing::info!("TURN over TLS has a new certificate");
                    read.acceptor = acceptor;
                }
                Err(error) => {
                    let error = format!("{error:#}");
                    tracing::warn!(%error, "TURN over TLS keeps its certificate: the new one cannot be used");
                }
            }
        }
        read.acceptor.clone()
    }
}

fn written(files: &TlsPort) -> [Option<SystemTime>; 2] {
    [&files.certificate, &files.key].map(|file| std::fs::metadata(file).and_then(|data| data.modified()).ok())
}

fn acceptor(files: &TlsPort) -> anyhow::Result<TlsAcceptor> {
    let (certificate, key) = (files.certificate.display(), files.key.display());
    let chain = CertificateDer::pem_file_iter(&files.certificate)
        .and_then(|read| read.collect::<Result<Vec<_>, _>>())
        .with_context(|| format!("turn.tls_cert: {certificate} cannot be read as PEM"))?;
    anyhow::ensure!(!chain.is_empty(), "turn.tls_cert: {certificate} holds no certificate");
    let private = PrivateKeyDer::from_pem_file(&files.key)
        .with_context(|| format!("turn.tls_key: {key} cannot be read as a key in PEM"))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .with_context(|| format!("turn.tls_cert: {certificate} does not fit turn.tls_key: {key}"))?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}
