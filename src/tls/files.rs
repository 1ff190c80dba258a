//! The files of a certificate and its key: what they hold, whether they have changed, and new ones in their place.
//!
//! Two files are not moved in one step. So both are written whole beside their places first, where a full disk stops them and leaves
//! the pair before; then the key is moved, and then its certificate. A process that dies between the two leaves a certificate that
//! waits beside its place and fits the key, which the next start recognises; so does a place that takes the key and not the certificate,
//! such as a file that is mounted.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rustls::crypto::CryptoProvider;

use super::pair::{self, Pair};
use super::replacing::{Staged, aside};
use crate::config;

/// Largest file; a chain of ten certificates takes some 20 KiB.
const LARGEST: u64 = 1 << 20;
/// How long a file may be written to again without its time showing it: file systems keep times in steps, of hundredths of a second or,
/// some of them, of two seconds.
const SETTLES: Duration = Duration::from_secs(2);
/// The permission of everyone to read.
const OTHERS_READ: u32 = 0o004;

const CERT: &str = "server.tls_cert";
const KEY: &str = "server.tls_key";

/// The files of a certificate, with its chain, and of its key; both PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    /// `server.tls_cert`.
    pub cert: PathBuf,
    /// `server.tls_key`.
    pub key: PathBuf,
}

/// What is wrong with one of the files: the setting, the file and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{setting}: {} {what}", .path.display())]
pub struct TlsFault {
    setting: &'static str,
    path: PathBuf,
    what: String,
}

/// What shows that files have changed; a file that is not there has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Stamps {
    cert: Option<Stamp>,
    key: Option<Stamp>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    length: u64,
    /// A file that was moved here may be as old and as long as the one before.
    inode: u64,
}

impl Stamps {
    pub(super) fn are_both_there(&self) -> bool {
        self.cert.is_some() && self.key.is_some()
    }

    /// Whether no file had just been written to at `now`; if one had, the next look reads it again.
    pub(super) fn are_settled(self, now: SystemTime) -> bool {
        let age = |stamp: &Stamp| stamp.modified.and_then(|at| now.duration_since(at).ok());
        let is_young = |stamp: &Stamp| age(stamp).is_some_and(|age| age <= SETTLES);
        ![self.cert, self.key].iter().flatten().any(is_young)
    }
}

/// What the files hold.
pub(super) struct Held {
    pub(super) pair: Pair,
    /// What the operator should know, a line each.
    pub(super) warnings: Vec<String>,
}

/// A certificate that waited beside its place, and fits the key.
pub(super) struct Completed {
    pub(super) held: Held,
    /// Why it still waits there; none: it is in its place.
    pub(super) waits: Option<String>,
}

impl Files {
    /// Those of a configuration; `None`: the server has no TLS of its own.
    #[must_use]
    pub fn of(server: &config::Server) -> Option<Self> {
        let config::Server { tls_cert, tls_key, .. } = server;
        let named = !(tls_cert.as_os_str().is_empty() || tls_key.as_os_str().is_empty());
        named.then(|| Self { cert: tls_cert.clone(), key: tls_key.clone() })
    }

    /// What the files look like now.
    pub(super) fn stamps(&self) -> Stamps {
        Stamps { cert: stamp(&self.cert), key: stamp(&self.key) }
    }

    /// Reads and checks both.
    pub(super) fn read(&self, provider: &CryptoProvider, now: i64) -> Result<Held, TlsFault> {
        let cert = self.text(CERT, &self.cert)?;
        let key = self.text(KEY, &self.key)?;
        let pair = pair::read(&cert.bytes, &key.bytes, provider).map_err(|fault| {
            let (setting, path) = if fault.is_of_key() { (KEY, &self.key) } else { (CERT, &self.cert) };
            TlsFault { setting, path: path.clone(), what: fault.to_string() }
        })?;
        let mut warnings = Vec::new();
        if let Some(warning) = pair.valid.warning(now) {
            warnings.push(format!("{CERT}: {} {warning}", self.cert.display()));
        }
        if key.about.permissions().mode() & OTHERS_READ != 0 {
            let path = self.key.display();
            warnings.push(format!(
                "{KEY}: everyone on this machine can read {path}; `chmod o= {path}` ends that"
            ));
        }
        Ok(Held { pair, warnings })
    }

    /// Replaces what the files hold by a certificate with its chain, and its key.
    pub(super) fn write(&self, cert: &str, key: &str) -> io::Result<()> {
        let key = Staged::write(&self.key, key)?;
        let cert = Staged::write(&self.cert, cert).inspect_err(|_| key.discard())?;
        key.put()?;
        cert.put()
    }

    /// Ends a replacement that was cut off when the key was in its place, and its certificate was not; `None`: none was.
    pub(super) fn complete(&self, provider: &CryptoProvider, now: i64) -> Option<Completed> {
        let waiting = Self { cert: aside(&self.cert), key: self.key.clone() };
        if self.read(provider, now).is_ok() {
            return None;
        }
        let held = waiting.read(provider, now).ok()?;
        let (from, to) = (waiting.cert.display(), self.cert.display());
        let waits = match std::fs::rename(&waiting.cert, &self.cert) {
            Ok(()) => {
                tracing::warn!(
                    "{CERT}: {to} has taken the place of one that did not fit its key: it waited as {from}"
                );
                None
            }
            Err(error) => {
                let waits =
                    format!("{CERT}: {from} fits the key and is used, but cannot be moved to {to}: {error}");
                tracing::error!("{waits}");
                Some(waits)
            }
        };
        Some(Completed { held, waits })
    }

    fn text(&self, setting: &'static str, path: &Path) -> Result<Text, TlsFault> {
        let fault = |what: String| TlsFault { setting, path: path.to_owned(), what };
        let unreadable = |error: io::Error| fault(format!("cannot be read: {error}"));
        // A pipe would be waited for.
        if !std::fs::metadata(path).map_err(unreadable)?.is_file() {
            return Err(fault("is not a file".to_owned()));
        }
        let file = File::open(path).map_err(unreadable)?;
        let about = file.metadata().map_err(unreadable)?;
        let mut bytes = Vec::new();
        file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(unreadable)?;
        if bytes.len() as u64 > LARGEST {
            return Err(fault(format!("is larger than {} KiB: it is another file", LARGEST >> 10)));
        }
        Ok(Text { bytes, about })
    }
}

struct Text {
    bytes: Vec<u8>,
    about: Metadata,
}

fn stamp(path: &Path) -> Option<Stamp> {
    let about = std::fs::metadata(path).ok()?;
    Some(Stamp { modified: about.modified().ok(), length: about.len(), inode: about.ino() })
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};

    use super::*;

    fn read(files: &Files) -> Result<Held, TlsFault> {
        files.read(&rustls::crypto::ring::default_provider(), 1_780_000_000)
    }

    #[test]
    fn a_fault_names_the_setting_and_the_file_and_a_key_that_everyone_reads_is_warned_of() {
        let folder = tempfile::tempdir().unwrap();
        let files = Files { cert: folder.path().join("cert.pem"), key: folder.path().join("key.pem") };
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let told = |files: &Files| read(files).err().map(|fault| fault.to_string()).unwrap_or_default();
        let (cert, key) = (files.cert.display().to_string(), files.key.display().to_string());
        assert!(told(&files).starts_with(&format!("server.tls_cert: {cert} cannot be read: No such file")));
        fs::write(&files.cert, made.cert.pem()).unwrap();
        assert!(told(&files).starts_with(&format!("server.tls_key: {key} cannot be read: No such file")));
        fs::write(&files.key, vec![b'x'; 2 << 20]).unwrap();
        assert!(told(&files).starts_with(&format!("server.tls_key: {key} is larger than 1024 KiB")));
        fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
        for (mode, warned) in [(0o644, true), (0o640, false), (0o600, false)] {
            fs::set_permissions(&files.key, Permissions::from_mode(mode)).unwrap();
            let warnings = read(&files).unwrap().warnings;
            assert_eq!(warnings.iter().any(|line| line.contains("everyone")), warned, "{warnings:?}");
        }
        let other = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        fs::write(&files.key, other.signing_key.serialize_pem()).unwrap();
        assert!(told(&files).starts_with(&format!("server.tls_key: {key} does not fit")));
        let folder = Files { cert: folder.path().to_owned(), ..files };
        assert!(told(&folder).ends_with("is not a file"));
    }

    #[test]
    fn a_file_that_was_moved_into_anothers_place_is_a_change() {
        let folder = tempfile::tempdir().unwrap();
        let (cert, new) = (folder.path().join("cert.pem"), folder.path().join("new.pem"));
        let files = Files { cert: cert.clone(), key: folder.path().join("key.pem") };
        assert_eq!(files.stamps(), Stamps::default());
        fs::write(&cert, "one").unwrap();
        let before = files.stamps();
        assert_eq!(before, files.stamps());
        fs::write(&new, "two").unwrap();
        let age = File::open(&cert).unwrap().metadata().unwrap().modified().unwrap();
        File::options().write(true).open(&new).unwrap().set_modified(age).unwrap();
        fs::rename(&new, &cert).unwrap();
        assert_ne!(before, files.stamps());
    }

    #[test]
    fn a_file_that_has_just_been_written_to_is_read_again_at_the_next_look() {
        let folder = tempfile::tempdir().unwrap();
        let files = Files { cert: folder.path().join("cert.pem"), key: folder.path().join("key.pem") };
        fs::write(&files.cert, "one").unwrap();
        let (seen, now) = (files.stamps(), SystemTime::now());
        assert!(!seen.are_settled(now) && seen.are_settled(now + 2 * SETTLES));
    }
}
