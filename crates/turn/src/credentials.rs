//! Time-limited credentials of a shared secret, as coturn's `use-auth-secret` has them. Pure.
//!
//! The user name is `EXPIRY:USER`, with the second of the Unix epoch from which it is no longer valid; the password is the HMAC-SHA1
//! of that name under the secret, in Base64. Every holder of the secret can check the credentials that others issue, and nothing is
//! stored.

use std::fmt;
use std::sync::Arc;

use base64::prelude::*;
use rtc_turn::crypto::{self, CryptoError, HmacAlgorithm, RTCCrypto, RTCCryptoProvider};

/// The user of all anonymous callers. They share one user, so that they share a quota; it is not a pseudonym.
pub const UNKNOWN: &str = "unknown";

/// Bytes of a secret that is made at random.
const RANDOM: usize = 32;
/// Bytes of a pseudonym, before they are written in hexadecimal.
const PSEUDONYM: usize = 8;

/// What a client is told.
#[derive(Clone, PartialEq, Eq)]
pub struct Credential {
    /// The user name.
    pub username: String,
    /// The password; not to be logged.
    pub password: String,
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential").field("username", &self.username).finish_non_exhaustive()
    }
}

/// The secret that a TURN server shares with the issuers of its credentials; never shown.
#[derive(Clone)]
pub struct SharedSecret {
    secret: Arc<[u8]>,
    provider: Arc<dyn RTCCryptoProvider>,
}

impl fmt::Debug for SharedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SharedSecret")
    }
}

impl SharedSecret {
    /// A configured secret, such as coturn's `static-auth-secret`.
    ///
    /// # Errors
    /// If there is no cryptography.
    pub fn new(secret: &str) -> Result<Self, CryptoError> {
        Ok(Self { secret: secret.as_bytes().into(), provider: crypto::default_provider()? })
    }

    /// A random secret of this server alone.
    ///
    /// # Errors
    /// If the cryptography or the random numbers fail.
    pub fn random() -> Result<Self, CryptoError> {
        let provider = crypto::default_provider()?;
        let mut secret = [0; RANDOM];
        provider.random().fill(&mut secret)?;
        Ok(Self { secret: secret.as_slice().into(), provider })
    }

    /// A credential for this user; `expires`: the second of the Unix epoch from which it opens no new allocation.
    ///
    /// # Errors
    /// If the cryptography fails.
    pub fn issue(&self, user: &str, expires: u64) -> Result<Credential, CryptoError> {
        let username = format!("{expires}:{user}");
        let password = self.password(&username)?;
        Ok(Credential { username, password })
    }

    /// A pseudonym that only a holder of the secret can link to its user: user names cross the network in the clear.
    ///
    /// # Errors
    /// If the cryptography fails.
    pub fn pseudonym(&self, of: &str) -> Result<String, CryptoError> {
        let mut tag = [0; 32];
        self.crypto().new_hmac(HmacAlgorithm::Sha256, &self.secret)?.sign(&[of.as_bytes()], &mut tag)?;
        Ok(tag[..PSEUDONYM].iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// The password that belongs to a user name.
    pub(crate) fn password(&self, username: &str) -> Result<String, CryptoError> {
        let mut tag = [0; 20];
        self.crypto().new_hmac(HmacAlgorithm::Sha1, &self.secret)?.sign(&[username.as_bytes()], &mut tag)?;
        Ok(BASE64_STANDARD.encode(tag))
    }

    pub(crate) fn crypto(&self) -> &dyn RTCCrypto {
        self.provider.crypto()
    }

    /// A key of this process alone.
    pub(crate) fn random_key(&self) -> Result<[u8; RANDOM], CryptoError> {
        let mut key = [0; RANDOM];
        self.provider.random().fill(&mut key)?;
        Ok(key)
    }
}

/// A user name's parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Username<'a> {
    /// The second of the Unix epoch from which it is no longer valid.
    pub(crate) expires: u64,
    /// The user that its allocations are counted against; empty if the name is a time alone, as coturn allows.
    pub(crate) user: &'a str,
}

impl<'a> Username<'a> {
    pub(crate) fn read(text: &'a str) -> Option<Self> {
        let (expires, user) = text.split_once(':').unwrap_or((text, ""));
        let plain = expires.bytes().all(|byte| byte.is_ascii_digit());
        plain.then(|| expires.parse().ok()).flatten().map(|expires| Self { expires, user })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_the_one_that_other_programs_compute() {
        // printf '1700000000:ada' | openssl dgst -sha1 -hmac 'north' -binary | base64
        let credential = SharedSecret::new("north").unwrap().issue("ada", 1_700_000_000).unwrap();
        assert_eq!(credential.username, "1700000000:ada");
        assert_eq!(credential.password, "ndZ88ryT1whVxdkcRLepT9D1MpM=");
    }

    #[test]
    fn a_secret_and_a_password_are_not_shown() {
        let secret = SharedSecret::new("north").unwrap();
        let shown = format!("{secret:?} {:?}", secret.issue("ada", 7).unwrap());
        assert!(
            shown.contains("7:ada") && !shown.contains("north") && !shown.contains("password"),
            "{shown}"
        );
    }

    #[test]
    fn a_pseudonym_is_stable_for_one_secret_and_tells_nothing() {
        let secret = SharedSecret::new("north").unwrap();
        let name = secret.pseudonym("192.0.2.1").unwrap();
        assert_eq!((name.len(), &name), (16, &secret.pseudonym("192.0.2.1").unwrap()));
        assert_ne!(name.len(), UNKNOWN.len());
        assert_ne!(name, secret.pseudonym("192.0.2.2").unwrap());
        assert_ne!(name, SharedSecret::random().unwrap().pseudonym("192.0.2.1").unwrap());
    }

    #[test]
    fn a_user_name_is_a_time_and_a_user() {
        for (text, read) in [
            ("1700000000:ada", Some((1_700_000_000, "ada"))),
            ("1700000000:a:b", Some((1_700_000_000, "a:b"))),
            ("1700000000", Some((1_700_000_000, ""))),
            ("ada", None),
            ("ada:1700000000", None),
            ("+7:ada", None),
            (":ada", None),
            ("99999999999999999999:ada", None),
        ] {
            let found = Username::read(text).map(|name| (name.expires, name.user));
            assert_eq!(found, read, "{text}");
        }
    }
}
