//! The certificate of TURN over TLS, read again when its files change, by a task of its own, so that no connection waits for the
//! disk.

use std::fs::{File, Metadata};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use anyhow::Context;
use parking_lot::Mutex;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::task::spawn_blocking;
use tokio_rustls::TlsAcceptor;

use crate::settings::TlsPort;

/// Largest file; a chain of ten certificates takes some 20 KiB.
const LARGEST: u64 = 1 << 20;

/// Accepts TLS with the current certificate.
pub(super) struct Tls {
    files: TlsPort,
    current: Mutex<TlsAcceptor>,
    /// What the files looked like when they were read last.
    seen: Mutex<Stamps>,
}

/// Shows whether a file has changed; `None` for a file that does not exist.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Stamps {
    certificate: Option<Stamp>,
    key: Option<Stamp>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    length: u64,
    /// A file that was moved here may be as old and as long as the one before.
    inode: u64,
}

/// What became of a look at the files.
struct Look {
    stamps: Stamps,
    /// None: they have not changed.
    read: Option<anyhow::Result<TlsAcceptor>>,
}

impl Tls {
    /// Reads the files.
    pub(super) fn read(files: TlsPort) -> anyhow::Result<Self> {
        let (seen, current) = (Mutex::new(stamps(&files)), Mutex::new(acceptor(&files)?));
        Ok(Self { files, current, seen })
    }

    /// What to accept the next connection with.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        self.current.lock().clone()
    }

    /// Looks at the files again and again. Those that do not fit each other, as while they are being replaced, are not used.
    pub(super) async fn keep(&self) {
        loop {
            tokio::time::sleep(self.files.look).await;
            self.look().await;
        }
    }

    async fn look(&self) {
        let (files, seen) = (self.files.clone(), *self.seen.lock());
        let look = move || {
            // Taken before the files are read: a change meanwhile is one for the next look.
            let stamps = stamps(&files);
            Look { stamps, read: (stamps != seen).then(|| acceptor(&files)) }
        };
        let Ok(Look { stamps, read }) = spawn_blocking(look).await else { return };
        *self.seen.lock() = stamps;
        match read {
            None => {}
            Some(Ok(acceptor)) => {
                tracing::info!("TURN over TLS has a new certificate");
                *self.current.lock() = acceptor;
            }
            Some(Err(error)) => {
                let error = format!("{error:#}");
                tracing::warn!(%error, "TURN over TLS keeps its certificate: the new one cannot be used");
            }
        }
    }
}

fn stamps(files: &TlsPort) -> Stamps {
    let stamp =
        |about: Metadata| Stamp { modified: about.modified().ok(), length: about.len(), inode: about.ino() };
    let of = |path: &Path| std::fs::metadata(path).ok().map(stamp);
    Stamps { certificate: of(&files.certificate), key: of(&files.key) }
}

fn acceptor(files: &TlsPort) -> anyhow::Result<TlsAcceptor> {
    let (certificate, key) = (files.certificate.display(), files.key.display());
    let chain = bytes("turn.tls_cert", &files.certificate)?;
    let chain = CertificateDer::pem_slice_iter(&chain)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| anyhow::anyhow!("turn.tls_cert: {certificate} cannot be read as PEM"))?;
    anyhow::ensure!(!chain.is_empty(), "turn.tls_cert: {certificate} holds no certificate");
    // The error itself may repeat a part of the key.
    let private = PrivateKeyDer::from_pem_slice(&bytes("turn.tls_key", &files.key)?).map_err(|_| {
        anyhow::anyhow!("turn.tls_key: {key} cannot be read as a key in PEM, without a password")
    })?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .with_context(|| format!("turn.tls_cert: {certificate} does not fit turn.tls_key: {key}"))?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn bytes(setting: &str, path: &Path) -> anyhow::Result<Vec<u8>> {
    let shown = path.display();
    let unreadable = || format!("{setting}: {shown} cannot be read");
    // A pipe would be waited for.
    anyhow::ensure!(
        std::fs::metadata(path).with_context(unreadable)?.is_file(),
        "{setting}: {shown} is not a file"
    );
    let mut bytes = Vec::new();
    let file = File::open(path).with_context(unreadable)?;
    file.take(LARGEST + 1).read_to_end(&mut bytes).with_context(unreadable)?;
    anyhow::ensure!(
        bytes.len() as u64 <= LARGEST,
        "{setting}: {shown} is larger than {} KiB: it is another file",
        LARGEST >> 10
    );
    Ok(bytes)
}
