//! Resume tokens: the bearer of one may go on with a call, once; and once more, for a moment, as long as nothing has come over the
//! connection that the first time began. Stores know only their hashes, so that a leaked store gives access to no call.

use std::fmt::{self, Write};
use std::time::Duration;

use ring::digest;
use ring::rand::{SecureRandom, SystemRandom};
use serde::{Deserialize, Serialize};

use crate::error::StoreError;
use crate::ids::CallId;

/// How long a token is remembered after it was used or has expired, so that its bearer is told why it is refused.
pub const TOKEN_REMEMBERED: Duration = Duration::from_secs(600);

/// How long a token that was redeemed may be redeemed again, unless it was made void: the response may have been lost on its way to
/// the bearer.
pub const REDEEMED_AGAIN: Duration = Duration::from_secs(30);

const LENGTH: usize = 32;

/// A token as its bearer has it: 64 hexadecimal digits. It is not shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct ResumeToken([u8; LENGTH]);

impl ResumeToken {
    /// A new random token.
    ///
    /// # Errors
    /// When the operating system returns no random numbers.
    pub fn generate() -> Result<Self, StoreError> {
        let mut bytes = [0; LENGTH];
        let filled = SystemRandom::new().fill(&mut bytes);
        filled.map_err(|_| StoreError::Unreachable("the operating system gives no random numbers".into()))?;
        Ok(Self(bytes))
    }

    /// Reads what a client shows; `None` if it is no token.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        unhex(text).map(Self)
    }

    /// The text for its bearer.
    #[must_use]
    pub fn expose(&self) -> String {
        hex(&self.0)
    }

    /// What a store knows of it.
    #[must_use]
    pub fn hash(&self) -> TokenHash {
        let mut hash = [0; LENGTH];
        hash.copy_from_slice(digest::digest(&digest::SHA256, &self.0).as_ref());
        TokenHash(hash)
    }
}

impl fmt::Debug for ResumeToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ResumeToken(hidden)")
    }
}

/// The hash of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenHash([u8; LENGTH]);

impl TokenHash {
    /// Its bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Its hexadecimal digits.
    #[must_use]
    pub fn hex(&self) -> String {
        hex(&self.0)
    }

    /// The hash that these hexadecimal digits represent; `None` if they are malformed.
    fn from_hex(text: &str) -> Option<Self> {
        unhex(text).map(Self)
    }
}

/// The result of showing a token to a store, with what the token stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taken<T> {
    /// It was good, or its bearer may have it once more: it is redeemed now.
    Good {
        /// What it stands for.
        value: T,
        /// Which redemption of it this is, from 1; if it was only looked at, which one it would be.
        number: u32,
    },
    /// It was redeemed before, or made void.
    Used(T),
    /// It was not used in time.
    Expired(T),
    /// It never was, or is forgotten.
    Unknown,
}

/// Whether a token lasts longer now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extended {
    /// It does.
    Longer,
    /// It was redeemed, or made void.
    Used,
    /// It never was, or is forgotten.
    Unknown,
}

/// What a token stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Binding {
    /// The call's id.
    pub call: String,
    /// The user whose call it is.
    pub user: String,
    /// The hash of the token in whose answer its bearer was told of this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    after: Option<String>,
}

/// Why a token opens no call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenRefusal {
    /// It never was, or was used or expired long ago.
    #[error("the resume token is not known")]
    Unknown,
    /// It was used before.
    #[error("the resume token was used already")]
    Used,
    /// It was not used in time.
    #[error("the resume token is too old")]
    Expired,
    /// It is another call's.
    #[error("the resume token is another call's")]
    OtherCall,
    /// It is another user's.
    #[error("the resume token is another user's")]
    OtherUser,
}

impl Binding {
    /// What a token of this call of this user stands for.
    #[must_use]
    pub fn of(call: &CallId, user: &str) -> Self {
        Self { call: call.as_str().into(), user: user.into(), after: None }
    }

    /// The same for a token that is sent in the response to `token`: a client that shows the new one no longer needs `token`.
    #[must_use]
    pub fn told_by(self, token: &TokenHash) -> Self {
        Self { after: Some(token.hex()), ..self }
    }

    /// The token in whose response this one was sent.
    pub(crate) fn after(&self) -> Option<TokenHash> {
        self.after.as_deref().and_then(TokenHash::from_hex)
    }

    /// Whether this call of this user may go on.
    ///
    /// # Errors
    /// When it stands for another one.
    pub fn admit(&self, call: &CallId, user: &str) -> Result<(), TokenRefusal> {
        if self.call != call.as_str() {
            return Err(TokenRefusal::OtherCall);
        }
        if self.user == user { Ok(()) } else { Err(TokenRefusal::OtherUser) }
    }
}

/// Hexadecimal digits of some bytes.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        _ = write!(text, "{byte:02x}");
        text
    })
}

/// The bytes of exactly as many hexadecimal digits.
pub(crate) fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != 2 * N || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, at) in bytes.iter_mut().zip((0..).step_by(2)) {
        *byte = u8::from_str_radix(text.get(at..at + 2)?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_back_and_only_its_hash_is_shown() {
        let token = ResumeToken::generate().unwrap();
        assert_eq!(ResumeToken::parse(&token.expose()), Some(token.clone()));
        assert_ne!(token.hash().hex(), token.expose());
        assert!(!format!("{token:?}").contains(&token.expose()));
        for bad in ["", "xyz", &token.expose()[1..], &format!("{}0", token.expose()), &"é".repeat(32)] {
            assert_eq!(ResumeToken::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_token_admits_its_own_call_of_its_own_user() {
        let call = |id: &str| CallId::new(id).unwrap();
        let binding = Binding::of(&call("one"), "anna");
        assert_eq!(binding.admit(&call("one"), "anna"), Ok(()));
        assert_eq!(binding.admit(&call("two"), "anna"), Err(TokenRefusal::OtherCall));
        assert_eq!(binding.admit(&call("one"), "otto"), Err(TokenRefusal::OtherUser));
    }

    #[test]
    fn a_binding_is_read_back_with_the_token_by_which_it_was_told_and_one_of_before_has_none() {
        let before = ResumeToken::generate().unwrap().hash();
        let binding = Binding::of(&CallId::new("one").unwrap(), "anna").told_by(&before);
        let read: Binding = serde_json::from_slice(&serde_json::to_vec(&binding).unwrap()).unwrap();
        assert_eq!((read.after(), &read), (Some(before), &binding));
        let old: Binding = serde_json::from_str("{\"call\":\"one\",\"user\":\"anna\"}").unwrap();
        assert_eq!(old.after(), None);
    }
}
