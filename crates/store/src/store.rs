//! The one trait of all stores. It handles bytes; `vault` gives them their meaning.

use std::time::Duration;

use async_trait::async_trait;

use crate::claim::Claim;
use crate::error::StoreError;
use crate::ids::{CallId, Lease, NodeId};
use crate::token::{Extended, Taken, TokenHash};

/// How long a call's fence is kept at least, so that a node that lost the call cannot write when it comes back.
pub(crate) const FENCE_KEPT: Duration = Duration::from_secs(3600);

/// Keeps resume tokens, and a value for each call, which the holder of the call's newest lease may write.
///
/// What is kept is listed only to expire it. All times are by the store's own clock, which does not go back; the
/// nodes' clocks do not matter.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// The kind of store, in a word for people.
    fn kind(&self) -> &'static str;

    /// Gives a node the right to write of a call for `ttl`, with a higher fence than any lease of this call before. The
    /// node that has the call already gets a new lease too.
    ///
    /// # Errors
    /// When another node has the call and `claim` is [`Claim::Free`], a later redemption of the same token has claimed it, or the store
    /// fails.
    async fn acquire(
        &self,
        call: &CallId,
        node: &NodeId,
        ttl: Duration,
        claim: Claim,
    ) -> Result<Lease, StoreError>;

    /// Renews a lease for `ttl` from now, even if it has expired, unless a newer one was given.
    ///
    /// # Errors
    /// When there is a newer one, or the store fails.
    async fn renew(&self, lease: &Lease, ttl: Duration) -> Result<(), StoreError>;

    /// Gives a lease back. With `keep`, the call's value expires after that time at the latest.
    ///
    /// # Errors
    /// When there is a newer one, or the store fails.
    async fn release(&self, lease: &Lease, keep: Option<Duration>) -> Result<(), StoreError>;

    /// Stores the call's value durably for `keep`. Of two values under a lease the higher version stays, whichever
    /// arrives last, so that a late retry does no harm.
    ///
    /// # Errors
    /// When there is a newer lease, what is stored already is another program's or a newer version's, or the store fails.
    async fn save(&self, lease: &Lease, version: u64, value: &[u8], keep: Duration)
    -> Result<(), StoreError>;

    /// The call's value, if it is kept still.
    ///
    /// # Errors
    /// When the store fails.
    async fn load(&self, call: &CallId) -> Result<Option<Vec<u8>>, StoreError>;

    /// Deletes the call's value and ends its lease, so that its holder can no longer write. True if there was a value.
    ///
    /// # Errors
    /// When the store fails.
    async fn delete(&self, call: &CallId) -> Result<bool, StoreError>;

    /// The node that has the call, if any.
    ///
    /// # Errors
    /// When the store fails.
    async fn owner(&self, call: &CallId) -> Result<Option<NodeId>, StoreError>;

    /// Keeps what a resume token stands for. It is good for `keep`.
    ///
    /// # Errors
    /// When the store fails.
    async fn put_token(&self, token: &TokenHash, value: &[u8], keep: Duration) -> Result<(), StoreError>;

    /// Extends a resume token by this long from now, even if it has expired, unless it was redeemed. A store that dies may lose the
    /// extensions of the last 20 s.
    ///
    /// # Errors
    /// When the store fails.
    async fn extend_token(&self, token: &TokenHash, keep: Duration) -> Result<Extended, StoreError>;

    /// Redeems a resume token. One that was redeemed less than `again` ago is redeemed again, unless it was made void; each redemption
    /// has a higher number than those before. For [`TOKEN_REMEMBERED`](crate::TOKEN_REMEMBERED) later attempts are told why it is
    /// not good.
    ///
    /// # Errors
    /// When the store fails.
    async fn take_token(&self, token: &TokenHash, again: Duration) -> Result<Taken<Vec<u8>>, StoreError>;

    /// What [`take_token`](Self::take_token) would find; nothing is redeemed.
    ///
    /// # Errors
    /// When the store fails.
    async fn look_at_token(&self, token: &TokenHash, again: Duration) -> Result<Taken<Vec<u8>>, StoreError>;

    /// Makes a resume token void, permanently.
    ///
    /// # Errors
    /// When the store fails.
    async fn void_token(&self, token: &TokenHash) -> Result<(), StoreError>;

    /// Makes a redeemed resume token good again for this long, unless it is void.
    ///
    /// # Errors
    /// When the store fails.
    async fn restore_token(&self, token: &TokenHash, keep: Duration) -> Result<(), StoreError>;

    /// Removes what has expired, if the store does not do so by itself; succeeds only if the store can be reached.
    ///
    /// # Errors
    /// When the store fails.
    async fn sweep(&self) -> Result<(), StoreError>;
}
