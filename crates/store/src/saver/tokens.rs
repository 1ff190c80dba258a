//! The resume tokens of a server's calls, in the store. Callers wait for the store, for a few seconds at most.

use std::time::Duration;

use super::{Saver, in_time};
use crate::claim::Redemption;
use crate::error::StoreError;
use crate::ids::CallId;
use crate::token::{Binding, Extended, ResumeToken, TokenHash};
use crate::vault::RedeemError;

impl Saver {
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
        in_time(self.0.vault.put_token(token, binding, keep)).await
    }

    /// Extends a resume token by this long from now, unless it was redeemed.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn extend_token(&self, token: &TokenHash, keep: Duration) -> Result<Extended, StoreError> {
        in_time(self.0.vault.store().extend_token(token, keep)).await
    }

    /// Makes a resume token void.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn void_token(&self, token: &TokenHash) -> Result<(), StoreError> {
        in_time(self.0.vault.store().void_token(token)).await
    }

    /// Makes a redeemed resume token good again for this long, after its redemption came to nothing.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn restore_token(&self, token: &TokenHash, keep: Duration) -> Result<(), StoreError> {
        in_time(self.0.vault.store().restore_token(token, keep)).await
    }

    /// Redeems a resume token for a call of a user.
    ///
    /// # Errors
    /// As [`Vault::redeem`].
    pub async fn redeem(
        &self,
        token: &ResumeToken,
        call: &CallId,
        user: &str,
    ) -> Result<Redemption, RedeemError> {
        in_time(self.0.vault.redeem(token, call, user)).await
    }

    /// Whether a resume token would be accepted; it is not redeemed.
    ///
    /// # Errors
    /// As [`Vault::check`].
    pub async fn check(&self, token: &ResumeToken, call: &CallId, user: &str) -> Result<(), RedeemError> {
        in_time(self.0.vault.check(token, call, user)).await
    }
}
