//! The server's own TLS: its certificate, which is read again when its files change.
//!
//! - [`acme`]: orders a certificate from an authority
//! - [`files`]: the two files, whether they have changed, and what is wrong with them; `replacing`: new ones in their place
//! - `obtained`: a certificate that was ordered, shown before it is written
//! - `pair`: a certificate and the key that fits it, read from their text (pure)

pub mod acme;
pub mod files;
mod obtained;
mod pair;
mod replacing;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::sync::Notify;
use tokio_rustls::TlsAcceptor;

use files::{Completed, Held, Stamps};
pub use files::{Files, TlsFault};
pub use obtained::CertificateHealth;
use pair::{Pair, Valid};

/// How often the files are looked at.
pub const LOOK: Duration = Duration::from_secs(10);

/// What an authority speaks that looks for a proof (RFC 8737); behind its handshake nothing is said.
pub const PROOF: &[u8] = b"acme-tls/1";

/// The certificate that handshakes show, and where it comes from.
#[derive(Debug)]
pub struct Certificate {
    files: Files,
    provider: Arc<CryptoProvider>,
    /// `None`: it is still to be ordered.
    shown: Mutex<Option<Pair>>,
    /// What the files looked like when they were read last.
    seen: Mutex<Seen>,
    /// Why the files do not hold what is shown; none: they do.
    unwritten: Mutex<Option<String>>,
    /// The files are to be read again, whether they have changed or not.
    asked: Notify,
    /// What shows an authority that a name leads here, by the name. `None`: no authority is asked.
    proofs: Option<Mutex<HashMap<String, Arc<CertifiedKey>>>>,
}

/// What the files looked like when they were read.
#[derive(Debug, Clone, Copy)]
struct Seen {
    stamps: Stamps,
    settled: bool,
}

impl Seen {
    fn now(stamps: Stamps) -> Self {
        Self { stamps, settled: stamps.are_settled(SystemTime::now()) }
    }
}

/// What became of a look at the files.
struct Look {
    seen: Seen,
    changed: bool,
    /// `None`: they have not changed, and nobody has asked.
    read: Option<Result<Held, TlsFault>>,
}

impl Certificate {
    /// Reads the files, and warns in the log of what clients will refuse.
    ///
    /// # Errors
    /// If a file cannot be read, is not what its setting says, or the key does not fit the certificate.
    pub fn load(files: Files) -> Result<Arc<Self>, TlsFault> {
        let (provider, seen) = (provider(), Seen::now(files.stamps()));
        let held = files.read(&provider, now())?;
        tell(&held);
        Ok(Arc::new(Self::new(files, provider, seen, Some(held.pair))))
    }

    /// The same of a certificate that [`acme::keep`] orders; until then every handshake fails. A replacement that was cut off
    /// between its two files is ended first.
    ///
    /// # Errors
    /// If both files are there and cannot be used: they may be somebody's, and are not overwritten.
    pub fn ordered(files: Files) -> Result<Arc<Self>, TlsFault> {
        let provider = provider();
        let completed = files.complete(&provider, now());
        let stamps = files.stamps();
        let seen = Seen::now(stamps);
        let (held, waits) = match completed {
            Some(Completed { held, waits }) => (Some(held), waits),
            None if stamps.are_both_there() => (Some(files.read(&provider, now())?), None),
            None => (None, None),
        };
        held.iter().for_each(tell);
        let proofs = Some(Mutex::new(HashMap::new()));
        let certificate = Self { proofs, ..Self::new(files, provider, seen, held.map(|held| held.pair)) };
        if waits.is_some() {
            certificate.note_unwritten(waits);
        }
        Ok(Arc::new(certificate))
    }

    fn new(files: Files, provider: Arc<CryptoProvider>, seen: Seen, pair: Option<Pair>) -> Self {
        let (shown, seen, unwritten) = (Mutex::new(pair), Mutex::new(seen), Mutex::default());
        Self { files, provider, shown, seen, unwritten, asked: Notify::new(), proofs: None }
    }

    /// Has the files read again soon, even if they look the same.
    pub fn look(&self) {
        self.asked.notify_one();
    }

    /// Reads the files again whenever they have changed, which it checks this often, and after [`Self::look`]. A faulty pair is
    /// logged, and the previous one stays in use. Connections keep what they began with.
    pub async fn keep(&self, every: Duration) {
        loop {
            let asked = tokio::select! {
                () = self.asked.notified() => true,
                () = tokio::time::sleep(every) => false,
            };
            self.renew(asked).await;
        }
    }

    /// Looks at the files, and takes what they hold if they have changed or if that was asked for.
    async fn renew(&self, asked: bool) {
        // The files hold the one before then.
        let asked = asked && !self.is_unwritten();
        let (files, provider, seen) = (self.files.clone(), self.provider.clone(), *self.seen.lock());
        let look = move || {
            // Taken before the files are read: a change meanwhile is one for the next look.
            let now_seen = Seen::now(files.stamps());
            let changed = now_seen.stamps != seen.stamps;
            let read = (asked || changed || !seen.settled).then(|| files.read(&provider, now()));
            Look { seen: now_seen, changed, read }
        };
        if let Ok(Look { seen, changed, read }) = tokio::task::spawn_blocking(look).await {
            *self.seen.lock() = seen;
            // Meanwhile another one may have been obtained.
            if changed || !self.is_unwritten() {
                self.take(read, asked);
            }
        }
    }

    fn take(&self, read: Option<Result<Held, TlsFault>>, asked: bool) {
        match read {
            None => {}
            Some(Ok(held)) if !asked && self.shows(&held.pair) => self.note_unwritten(None),
            Some(Ok(held)) => {
                tell(&held);
                self.note_unwritten(None);
                self.take_over(held.pair);
            }
            Some(Err(fault)) => {
                tracing::error!(%fault, "the new certificate cannot be used: the one before it stays until the files change again");
            }
        }
    }

    /// Whether handshakes show this already.
    fn shows(&self, pair: &Pair) -> bool {
        self.shown.lock().as_ref().is_some_and(|shown| shown.key.cert == pair.key.cert)
    }

    /// Shows a pair from now on.
    fn take_over(&self, pair: Pair) {
        if !self.shows(&pair) {
            tracing::info!(until = %pair.valid.until, "this certificate is used from now on");
        }
        *self.shown.lock() = Some(pair);
    }

    /// When the certificate that is shown is valid; `None`: there is none yet.
    fn valid(&self) -> Option<Valid> {
        self.shown.lock().as_ref().map(|pair| pair.valid)
    }

    /// Shows an authority, when it asks for this name, that the name leads here.
    fn prove(&self, name: String, proof: CertifiedKey) {
        if let Some(proofs) = &self.proofs {
            proofs.lock().insert(name, Arc::new(proof));
        }
    }

    /// Forgets the proofs of an order that is over.
    fn forget_proofs(&self) {
        if let Some(proofs) = &self.proofs {
            proofs.lock().clear();
        }
    }

    /// Makes handshakes that show this certificate. `protocols`: what may be spoken afterwards (ALPN); a client that names
    /// others alone is refused, one that names none is not.
    ///
    /// # Panics
    /// Never: the provider is ring's, which has TLS 1.2 and 1.3.
    #[must_use]
    pub fn acceptor(self: &Arc<Self>, protocols: &[&str]) -> TlsAcceptor {
        let mut config = ServerConfig::builder_with_provider(self.provider.clone())
            .with_safe_default_protocol_versions()
            .expect("ring has TLS 1.2 and 1.3")
            .with_no_client_auth()
            .with_cert_resolver(self.clone());
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        if self.proofs.is_some() {
            config.alpn_protocols.push(PROOF.to_vec());
        }
        TlsAcceptor::from(Arc::new(config))
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let is_authority = hello.alpn().is_some_and(|mut protocols| protocols.all(|name| name == PROOF));
        if is_authority {
            let proofs = self.proofs.as_ref()?.lock();
            return proofs.get(hello.server_name()?).cloned();
        }
        self.shown.lock().as_ref().map(|pair| pair.key.clone())
    }
}

/// The one implementation of cryptography that the server has.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// Warns of what is not as it should be, and has the metrics show until when the certificate is valid.
fn tell(held: &Held) {
    for warning in &held.warnings {
        tracing::warn!("{warning}");
    }
    metrics::gauge!("visavis_tls_certificate_expires_seconds").set(held.pair.valid.until.timestamp() as f64);
}

/// Seconds since 1970.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    fn files(folder: &Path) -> Files {
        Files { cert: folder.join("cert.pem"), key: folder.join("key.pem") }
    }

    /// Writes a new certificate with its key; returns the certificate.
    fn write(files: &Files) -> Vec<u8> {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        fs::write(&files.cert, made.cert.pem()).unwrap();
        fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
        made.cert.der().to_vec()
    }

    fn shown(certificate: &Certificate) -> Vec<u8> {
        certificate.shown.lock().as_ref().unwrap().key.cert[0].to_vec()
    }

    #[tokio::test]
    async fn a_change_is_taken_and_one_with_a_fault_leaves_the_certificate_before() {
        let folder = tempfile::tempdir().unwrap();
        let files = files(folder.path());
        let first = write(&files);
        let certificate = Certificate::load(files.clone()).unwrap();
        assert_eq!(shown(&certificate), first);
        let second = write(&files);
        certificate.renew(false).await;
        assert_eq!(shown(&certificate), second);
        // The certificate has come, its key has not; then a file is gone.
        let old_key = fs::read(&files.key).unwrap();
        let third = write(&files);
        let new_key = fs::read(&files.key).unwrap();
        fs::write(&files.key, old_key).unwrap();
        certificate.renew(true).await;
        assert_eq!(shown(&certificate), second, "their public keys differ");
        fs::remove_file(&files.key).unwrap();
        certificate.renew(false).await;
        assert_eq!(shown(&certificate), second);
        fs::write(&files.key, new_key).unwrap();
        certificate.renew(false).await;
        assert_eq!(shown(&certificate), third);
    }
}
