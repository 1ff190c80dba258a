//! Signed addresses of results: who has one may fetch a job's results until it expires, and nothing else.

use std::fs;
use std::io;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};

use crate::id::JobId;

/// The file of the key, in the folder of jobs.
const KEY: &str = "key";
/// Bytes of the key.
const KEY_BYTES: usize = 32;

/// In which form results are fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// As files in an archive.
    Zip,
    /// As JSON, with sound in base64.
    Json,
}

impl Form {
    /// Its name in addresses.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Zip => "zip",
            Self::Json => "json",
        }
    }

    /// The form of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Zip, Self::Json].into_iter().find(|form| form.as_str() == name)
    }
}

/// What an address allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// The job whose results are fetched.
    pub job: JobId,
    /// In which form.
    pub form: Form,
    /// Until when, in seconds since 1970.
    pub expires: u64,
}

/// Why an address allows nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkFault {
    /// It was not signed here, or was changed.
    Wrong,
    /// Its time is over.
    Expired,
}

/// Signs addresses, and checks signatures.
pub struct Signer(hmac::Key);

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Signer")
    }
}

impl Signer {
    /// A signer with the key in this folder, which is made if it is missing.
    ///
    /// # Errors
    /// If the key can be neither read nor made.
    pub fn open(folder: &Path) -> io::Result<Self> {
        let path = folder.join(KEY);
        match fs::read(&path) {
            Ok(key) if key.len() == KEY_BYTES => return Ok(Self::with(&key)),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let mut key = [0; KEY_BYTES];
        SystemRandom::new().fill(&mut key).map_err(|_| io::Error::other("there are no random numbers"))?;
        crate::store::put_private(folder, KEY, &key)?;
        Ok(Self::with(&key))
    }

    fn with(key: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key))
    }

    /// The signature of an address.
    #[must_use]
    pub fn sign(&self, link: Link) -> String {
        URL_SAFE_NO_PAD.encode(hmac::sign(&self.0, signed(link).as_bytes()))
    }

    /// Checks an address, in a time that tells nothing of the signature.
    ///
    /// # Errors
    /// If it allows nothing.
    pub fn check(&self, link: Link, signature: &str, now: u64) -> Result<(), LinkFault> {
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| LinkFault::Wrong)?;
        hmac::verify(&self.0, signed(link).as_bytes(), &signature).map_err(|_| LinkFault::Wrong)?;
        if now < link.expires { Ok(()) } else { Err(LinkFault::Expired) }
    }
}

/// What is signed. No two addresses have the same text.
fn signed(link: Link) -> String {
    format!("results of {} as {} until {}", link.job, link.form.as_str(), link.expires)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_allows_what_was_signed_until_it_expires_also_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let link = Link { job: JobId::random(), form: Form::Zip, expires: 100 };
        let signature = Signer::open(folder.path()).unwrap().sign(link);
        let signer = Signer::open(folder.path()).unwrap();
        assert_eq!(signer.check(link, &signature, 99), Ok(()));
        assert_eq!(signer.check(link, &signature, 100), Err(LinkFault::Expired));
        for other in [
            Link { job: JobId::random(), ..link },
            Link { form: Form::Json, ..link },
            Link { expires: 101, ..link },
        ] {
            assert_eq!(signer.check(other, &signature, 99), Err(LinkFault::Wrong), "{other:?}");
        }
        for wrong in ["", "x", "!", &signature[1..]] {
            assert_eq!(signer.check(link, wrong, 99), Err(LinkFault::Wrong), "{wrong}");
        }
        let foreign = tempfile::tempdir().unwrap();
        let foreign = Signer::open(foreign.path()).unwrap();
        assert_eq!(foreign.check(link, &signature, 99), Err(LinkFault::Wrong));
    }
}
