//! Encryption of values at rest: AES-256-GCM by `ring`. Pure; nonces are passed in.

use std::fmt;

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, UnboundKey};
use ring::digest;

use crate::token::{hex, unhex};

/// Bytes of a key.
pub(crate) const KEY: usize = 32;
/// Bytes of a key's id.
pub(crate) const KEY_ID: usize = 8;

/// A number that is used for one value only.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Nonce(pub(crate) [u8; Nonce::LENGTH]);

impl Nonce {
    /// Its bytes.
    pub(crate) const LENGTH: usize = NONCE_LEN;
}

/// Identifies the key that a value is encrypted with, and reveals nothing about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct KeyId(pub(crate) [u8; KEY_ID]);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

/// Encrypts and decrypts with one key.
pub(crate) struct Cipher {
    key: LessSafeKey,
    id: KeyId,
}

impl Cipher {
    /// A cipher of a key of 64 hexadecimal digits; `None` if the key is malformed.
    pub(crate) fn from_hex(key: &str) -> Option<Self> {
        unhex::<KEY>(key).map(|key| Self::new(&key))
    }

    /// A cipher of this key.
    pub(crate) fn new(key: &[u8; KEY]) -> Self {
        let mut named = digest::Context::new(&digest::SHA256);
        named.update(b"visavis store key");
        named.update(key);
        let mut id = [0; KEY_ID];
        id.copy_from_slice(&named.finish().as_ref()[..KEY_ID]);
        let key = UnboundKey::new(&AES_256_GCM, key).expect("a key of AES-256 has 32 bytes");
        Self { key: LessSafeKey::new(key), id: KeyId(id) }
    }

    /// Which key it is.
    pub(crate) fn id(&self) -> KeyId {
        self.id
    }

    /// The body encrypted; `bound` must be the same when it is decrypted.
    pub(crate) fn seal(&self, nonce: Nonce, bound: &[u8], body: &[u8]) -> Vec<u8> {
        let mut sealed = body.to_vec();
        let nonce = ring::aead::Nonce::assume_unique_for_key(nonce.0);
        let done = self.key.seal_in_place_append_tag(nonce, Aad::from(bound), &mut sealed);
        done.expect("a value is shorter than 64 GiB");
        sealed
    }

    /// The body; `None` if it or what it is bound to was changed.
    pub(crate) fn open(&self, nonce: Nonce, bound: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let mut sealed = sealed.to_vec();
        let nonce = ring::aead::Nonce::assume_unique_for_key(nonce.0);
        let body = self.key.open_in_place(nonce, Aad::from(bound), &mut sealed).ok()?;
        Some(body.to_vec())
    }
}
