//! A certificate that was obtained of an authority: shown from memory at once, and written when the disk takes it. While it is not,
//! nothing is ordered anew, and the files, which hold the one before, are read only if somebody else changes them.

use std::fmt;
use std::io;

use serde::Serialize;

use super::files::Held;
use super::pair::{self, PairFault};
use super::{Certificate, now, tell};

/// A certificate with its chain and its key, both PEM.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Obtained {
    pub(super) chain: String,
    pub(super) key: String,
}

impl fmt::Debug for Obtained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Obtained(hidden)")
    }
}

/// How the certificate is, for operators.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CertificateHealth {
    /// Until when it is valid, in seconds since 1970; none: it is still to be ordered.
    pub expires: Option<i64>,
    /// Whether the files hold it; otherwise it is served from memory, and lost when the server ends.
    pub written: bool,
    /// Why they do not; empty: they do.
    pub message: String,
}

impl Certificate {
    /// How the certificate is.
    #[must_use]
    pub fn health(&self) -> CertificateHealth {
        let unwritten = self.unwritten.lock().clone();
        CertificateHealth {
            expires: self.valid().map(|valid| valid.until.timestamp()),
            written: unwritten.is_none(),
            message: unwritten.unwrap_or_default(),
        }
    }

    /// Shows what an authority has given from now on. It is still to be written.
    pub(super) fn show(&self, obtained: &Obtained) -> Result<(), PairFault> {
        let Obtained { chain, key } = obtained;
        let pair = pair::read(chain.as_bytes(), key.as_bytes(), &self.provider)?;
        let warnings =
            pair.valid.warning(now()).into_iter().map(|warning| format!("the new certificate {warning}"));
        let held = Held { warnings: warnings.collect(), pair };
        tell(&held);
        self.note_unwritten(Some("it is being written".to_owned()));
        self.take_over(held.pair);
        Ok(())
    }

    /// Writes what is shown to the files, from which it is shown then.
    pub(super) async fn write(&self, obtained: &Obtained) -> io::Result<()> {
        let (files, Obtained { chain, key }) = (self.files.clone(), obtained.clone());
        let written = tokio::task::spawn_blocking(move || files.write(&chain, &key)).await;
        match written.map_err(io::Error::other).flatten() {
            Ok(()) => {
                self.note_unwritten(None);
                self.renew(true).await;
                Ok(())
            }
            Err(error) => {
                self.note_unwritten(Some(format!(
                    "it is served from memory and lost when the server ends: it cannot be written to server.tls_cert and \
                     server.tls_key ({error}); check the disk's free space, and that the server's user may write there"
                )));
                Err(error)
            }
        }
    }

    /// Whether what is shown is not in the files.
    pub(super) fn is_unwritten(&self) -> bool {
        self.unwritten.lock().is_some()
    }

    /// `why`: what is shown is not in the files; none: it is.
    pub(super) fn note_unwritten(&self, why: Option<String>) {
        metrics::gauge!("visavis_tls_certificate_unwritten").set(f64::from(u8::from(why.is_some())));
        *self.unwritten.lock() = why;
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::super::Files;
    use super::*;

    fn made() -> Obtained {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        Obtained { chain: made.cert.pem(), key: made.signing_key.serialize_pem() }
    }

    fn files(folder: &Path) -> Files {
        Files { cert: folder.join("cert.pem"), key: folder.join("key.pem") }
    }

    fn shows(certificate: &Certificate, obtained: &Obtained) -> bool {
        let shown = certificate.shown.lock().as_ref().map(|pair| pair.key.cert.clone());
        let provider = rustls::crypto::ring::default_provider();
        let pair = pair::read(obtained.chain.as_bytes(), obtained.key.as_bytes(), &provider).unwrap();
        shown == Some(pair.key.cert.clone())
    }

    #[tokio::test]
    async fn what_cannot_be_written_is_shown_all_the_same_until_somebody_changes_the_files() {
        let folder = tempfile::tempdir().unwrap();
        let files = files(folder.path());
        let (before, new, theirs) = (made(), made(), made());
        files.write(&before.chain, &before.key).unwrap();
        let certificate = Certificate::ordered(files.clone()).unwrap();
        assert!(certificate.health().written);
        // As on a disk that is full: the key fits, the certificate does not.
        let full = folder.path().join("cert.pem.new");
        fs::create_dir(&full).unwrap();
        certificate.show(&new).unwrap();
        certificate.write(&new).await.unwrap_err();
        let health = certificate.health();
        assert!(!health.written && health.message.contains("server.tls_cert"), "{health:?}");
        assert!(shows(&certificate, &new));
        assert_eq!(fs::read_to_string(&files.key).unwrap(), before.key, "the pair before is left whole");
        assert!(!folder.path().join("key.pem.new").exists(), "nothing is left on a full disk");
        certificate.renew(true).await;
        assert!(shows(&certificate, &new), "a SIGHUP does not bring the old one back");
        fs::remove_dir(&full).unwrap();
        certificate.write(&new).await.unwrap();
        assert!(certificate.health().written && shows(&certificate, &new));
        assert_eq!(fs::read_to_string(&files.cert).unwrap(), new.chain);

        certificate.note_unwritten(Some("again".to_owned()));
        files.write(&theirs.chain, &theirs.key).unwrap();
        certificate.renew(false).await;
        assert!(shows(&certificate, &theirs) && !certificate.is_unwritten());
    }

    #[test]
    fn rubbish_of_an_authority_is_refused_and_the_one_before_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let certificate = Certificate::ordered(files(folder.path())).unwrap();
        let first = made();
        certificate.show(&first).unwrap();
        let unfit = Obtained { key: made().key, ..made() };
        let empty = Obtained { chain: String::new(), ..made() };
        assert!(certificate.show(&unfit).is_err() && certificate.show(&empty).is_err());
        assert!(shows(&certificate, &first));
        assert!(!format!("{first:?}").contains("BEGIN"));
    }

    #[test]
    fn a_replacement_that_was_cut_off_between_its_two_files_is_ended_by_the_next_start() {
        let folder = tempfile::tempdir().unwrap();
        let files = files(folder.path());
        let (before, new) = (made(), made());
        let waiting = folder.path().join("cert.pem.new");
        for old in [None, Some(&before)] {
            if let Some(old) = old {
                files.write(&old.chain, &old.key).unwrap();
            }
            // Both were written aside; the key has been moved, the certificate has not.
            fs::write(&waiting, &new.chain).unwrap();
            fs::write(&files.key, &new.key).unwrap();
            let certificate = Certificate::ordered(files.clone()).unwrap();
            assert!(shows(&certificate, &new), "{old:?}");
            assert_eq!(fs::read_to_string(&files.cert).unwrap(), new.chain);
            assert!(!waiting.exists());
        }
        // A place that takes the key alone, as a mounted file does: what waits is shown from there, and the key is not lost.
        let place = folder.path().join("mounted.pem");
        fs::create_dir(&place).unwrap();
        let mounted = Files { cert: place, key: files.key.clone() };
        let next = made();
        mounted.write(&next.chain, &next.key).unwrap_err();
        let certificate = Certificate::ordered(mounted.clone()).unwrap();
        let health = certificate.health();
        assert!(shows(&certificate, &next) && !health.written, "{health:?}");
        assert!(health.message.contains("cannot be moved to"), "{health:?}");
        assert!(shows(&Certificate::ordered(mounted).unwrap(), &next), "nor at the start behind that");
        files.write(&new.chain, &new.key).unwrap();
        // What waits beside a pair that fits, or fits nothing, is not taken.
        fs::write(&waiting, &before.chain).unwrap();
        assert!(shows(&Certificate::ordered(files.clone()).unwrap(), &new));
        fs::write(&files.key, made().key).unwrap();
        let fault = Certificate::ordered(files).unwrap_err().to_string();
        assert!(fault.contains("public keys differ"), "{fault}");
    }
}
