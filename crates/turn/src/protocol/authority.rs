//! Who a client is: the long-term credentials of RFC 8489, whose passwords follow from a shared secret. Pure; time is passed in.

use std::net::SocketAddr;

use rtc_stun::attributes::{ATTR_NONCE, ATTR_REALM, ATTR_USERNAME};
use rtc_stun::error_code::{CODE_BAD_REQUEST, CODE_STALE_NONCE, CODE_UNAUTHORIZED, ErrorCode};
use rtc_stun::integrity::MessageIntegrity;
use rtc_turn::crypto::{CryptoError, RTCCrypto};

use super::Now;
use super::nonces::Nonces;
use super::request::Request;
use super::response::Response;
use crate::credentials::{SharedSecret, Username};

/// The realm. Short, since it is sent to strangers; a credential is valid in any realm.
pub(super) const REALM: &str = "visavis";
/// Longest user name in bytes: a time, and a name of the program that issued it.
const LONGEST_NAME: usize = 256;

/// A client whose signature is genuine.
#[derive(Debug, Clone)]
pub(super) struct User {
    /// Its whole user name.
    pub(super) username: String,
    /// The user that it is counted against.
    pub(super) name: String,
    /// Signs requests and answers.
    pub(super) key: Vec<u8>,
    /// Whether its credential is too old to open an allocation.
    pub(super) expired: bool,
}

/// Knows the secret.
#[derive(Debug)]
pub(super) struct Authority {
    secret: SharedSecret,
    nonces: Nonces,
}

impl Authority {
    pub(super) fn new(secret: SharedSecret) -> Result<Self, CryptoError> {
        let nonces = Nonces::new(secret.random_key()?);
        Ok(Self { secret, nonces })
    }

    pub(super) fn crypto(&self) -> &dyn RTCCrypto {
        self.secret.crypto()
    }

    /// The user who made the request, or the code of its refusal.
    pub(super) fn identify(
        &self,
        request: &mut Request,
        client: SocketAddr,
        now: &Now,
    ) -> Result<User, ErrorCode> {
        if !request.is_signed() {
            return Err(CODE_UNAUTHORIZED);
        }
        let named = (request.text(ATTR_USERNAME), request.text(ATTR_REALM), request.text(ATTR_NONCE));
        let (Some(username), Some(realm), Some(nonce)) = named else { return Err(CODE_BAD_REQUEST) };
        if !self.nonces.is_valid(nonce, client, now.elapsed, self.crypto()) {
            return Err(CODE_STALE_NONCE);
        }
        let name = Username::read(username).filter(|_| realm == REALM && username.len() <= LONGEST_NAME);
        let name = name.ok_or(CODE_UNAUTHORIZED)?;
        let (user, expired) = (name.user.to_owned(), name.expires <= now.unix_seconds);
        let username = username.to_owned();
        let key = self.key(&username).ok_or(CODE_UNAUTHORIZED)?;
        if !request.is_genuine(&key, self.secret.crypto()) {
            return Err(CODE_UNAUTHORIZED);
        }
        Ok(User { username, name: user, key, expired })
    }

    fn key(&self, username: &str) -> Option<Vec<u8>> {
        let password = self.secret.password(username).ok()?;
        MessageIntegrity::long_term_integrity_key(
            username.to_owned(),
            REALM.to_owned(),
            password,
            self.secret.crypto(),
        )
        .ok()
    }

    /// A refusal for a client that is not authenticated, with what it needs to be; `None` if the cryptography fails.
    pub(super) fn refuse(
        &self,
        request: &Request,
        code: ErrorCode,
        client: SocketAddr,
        now: &Now,
    ) -> Option<Vec<u8>> {
        let response = Response::error(request, code);
        if code == CODE_BAD_REQUEST {
            return Some(response.plain());
        }
        let nonce = self.nonces.issue(client, now.elapsed, self.crypto())?;
        Some(response.text(ATTR_REALM, REALM).text(ATTR_NONCE, &nonce).plain())
    }
}
