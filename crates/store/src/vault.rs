//! Contexts and resume tokens in a store: as versioned, whole and, with a key, encrypted values.

use std::sync::Arc;
use std::time::Duration;

use ring::rand::{SecureRandom, SystemRandom};
use visavis_core::context::{self, CallContext};

use crate::cipher::{Cipher, Nonce};
use crate::claim::Redemption;
use crate::envelope::{self, Contents};
use crate::error::{StoreError, ValueFault};
use crate::ids::{CallId, Lease};
use crate::store::Store;
use crate::token::{Binding, REDEEMED_AGAIN, ResumeToken, Taken, TokenHash, TokenRefusal};

/// The version of what a token stands for.
const BINDING: u16 = 1;

/// A store of contexts and resume tokens.
pub struct Vault {
    store: Arc<dyn Store>,
    cipher: Option<Cipher>,
    keep: Duration,
}

/// A resume token that is good.
struct Judged {
    redemption: Redemption,
    /// The one in whose answer it was told.
    after: Option<TokenHash>,
}

/// Why a resume token opens no call now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RedeemError {
    /// It never will.
    #[error(transparent)]
    Refused(#[from] TokenRefusal),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Vault {
    /// Keeps contexts in `store` for `keep` after each save, encrypted if `key` is 64 hexadecimal digits; empty: plain.
    ///
    /// # Errors
    /// When the key is neither.
    pub fn new(store: Arc<dyn Store>, key: &str, keep: Duration) -> Result<Self, StoreError> {
        let cipher = if key.is_empty() { None } else { Some(cipher(key)?) };
        Ok(Self { store, cipher, keep })
    }

    /// Where it keeps them.
    #[must_use]
    pub fn store(&self) -> &dyn Store {
        self.store.as_ref()
    }

    /// Stores a context; of two of a lease, the one of the higher version stays.
    ///
    /// # Errors
    /// As [`Store::save`]; when the context is too long.
    pub async fn save(&self, lease: &Lease, version: u64, context: &CallContext) -> Result<(), StoreError> {
        let json = context.to_json()?;
        let label = of_call(&lease.call);
        let contents = Contents { version: context_version(context.version), label: &label };
        let value = envelope::write(self.cipher.as_ref(), nonce()?, contents, json.as_bytes());
        self.store.save(lease, version, &value, self.keep).await
    }

    /// The context of a call; `None`: none is kept.
    ///
    /// # Errors
    /// When the store fails, or what it keeps is damaged, another program's, a newer version's or encrypted with another key.
    /// The call can begin without a context.
    pub async fn load(&self, call: &CallId) -> Result<Option<CallContext>, StoreError> {
        let Some(value) = self.store.load(call).await? else { return Ok(None) };
        let label = of_call(call);
        let contents = Contents { version: context_version(context::VERSION), label: &label };
        let json = envelope::read(self.cipher.as_ref(), contents, &value)?;
        let json = String::from_utf8(json).map_err(|_| ValueFault::Corrupt("it is no text"))?;
        Ok(Some(CallContext::read(&json)?))
    }

    /// Deletes all that is kept of a call. The node that has the call can no longer write of it. True if there was a context.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn delete(&self, call: &CallId) -> Result<bool, StoreError> {
        self.store.delete(call).await
    }

    /// Keeps what a resume token stands for, for this long.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn put_token(
        &self,
        token: &TokenHash,
        binding: &Binding,
        keep: Duration,
    ) -> Result<(), StoreError> {
        let json = serde_json::to_vec(binding).map_err(|error| StoreError::Unreachable(error.to_string()))?;
        let label = of_token(token);
        let contents = Contents { version: BINDING, label: &label };
        let value = envelope::write(self.cipher.as_ref(), nonce()?, contents, &json);
        self.store.put_token(token, &value, keep).await
    }

    /// Redeems a resume token for a call of a user. Its bearer may do so again within [`REDEEMED_AGAIN`], until it is made void. A
    /// token that is shown for another call is void from then on, and so is the one in whose answer a good one was told: its bearer has
    /// heard the answer.
    ///
    /// # Errors
    /// When the token does not stand for them, was used or has expired, the store fails, or what it keeps is damaged or encrypted
    /// with another key.
    pub async fn redeem(
        &self,
        token: &ResumeToken,
        call: &CallId,
        user: &str,
    ) -> Result<Redemption, RedeemError> {
        let hash = token.hash();
        let judged = self.judge(&hash, self.store.take_token(&hash, REDEEMED_AGAIN).await?, call, user);
        match &judged {
            Err(RedeemError::Refused(TokenRefusal::OtherCall | TokenRefusal::OtherUser)) => {
                self.store.void_token(&hash).await?;
            }
            Ok(Judged { after: Some(before), .. }) => {
                // If the store fails now, that one soon ends by itself.
                _ = self.store.void_token(before).await;
            }
            _ => {}
        }
        judged.map(|judged| judged.redemption)
    }

    /// Whether [`redeem`](Self::redeem) would take a token, which is not redeemed.
    ///
    /// # Errors
    /// As [`redeem`](Self::redeem).
    pub async fn check(&self, token: &ResumeToken, call: &CallId, user: &str) -> Result<(), RedeemError> {
        let hash = token.hash();
        self.judge(&hash, self.store.look_at_token(&hash, REDEEMED_AGAIN).await?, call, user).map(drop)
    }

    fn judge(
        &self,
        token: &TokenHash,
        found: Taken<Vec<u8>>,
        call: &CallId,
        user: &str,
    ) -> Result<Judged, RedeemError> {
        let (value, worth) = match found {
            Taken::Good { value, number } => (value, Ok(Redemption { token: *token, number })),
            Taken::Used(value) => (value, Err(TokenRefusal::Used)),
            Taken::Expired(value) => (value, Err(TokenRefusal::Expired)),
            Taken::Unknown => return Err(TokenRefusal::Unknown.into()),
        };
        // Checked first, so that nothing is revealed about another user's token.
        let binding = self.binding(token, &value)?;
        binding.admit(call, user)?;
        Ok(Judged { redemption: worth?, after: binding.after() })
    }

    fn binding(&self, token: &TokenHash, value: &[u8]) -> Result<Binding, StoreError> {
        let label = of_token(token);
        let contents = Contents { version: BINDING, label: &label };
        let json = envelope::read(self.cipher.as_ref(), contents, value)?;
        let binding = serde_json::from_slice(&json);
        Ok(binding.map_err(|_| ValueFault::Corrupt("it stands for no call"))?)
    }
}

fn cipher(key: &str) -> Result<Cipher, StoreError> {
    Cipher::from_hex(key).ok_or_else(|| {
        StoreError::Settings("store.key is not 64 hexadecimal digits, as `openssl rand -hex 32` makes".into())
    })
}

fn nonce() -> Result<Nonce, StoreError> {
    let mut nonce = [0; Nonce::LENGTH];
    let filled = SystemRandom::new().fill(&mut nonce);
    filled.map_err(|_| StoreError::Unreachable("the operating system gives no random numbers".into()))?;
    Ok(Nonce(nonce))
}

fn context_version(version: u32) -> u16 {
    u16::try_from(version).unwrap_or(u16::MAX)
}

fn of_call(call: &CallId) -> String {
    format!("context:{call}")
}

fn of_token(token: &TokenHash) -> String {
    format!("token:{}", token.hex())
}
