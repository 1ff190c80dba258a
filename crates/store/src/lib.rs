//! Keeps what of a call outlives its process ([`CallContext`](visavis_core::context::CallContext)): in a file of this server, or
//! in a Redis that several share. See `docs/store.md`.
//!
//! - [`Store`]: the one trait of all stores, over bytes; [`Embedded`], one file, and [`Remote`], Redis
//! - [`Vault`]: contexts and resume tokens in a store; `envelope`: the form of values (pure), `cipher`: their encryption (pure)
//! - [`Saver`]: the actor that writes behind calls; `backlog`: what it writes next (pure), `trouble`: when it tries again (pure)
//! - `ids`: calls, nodes, leases and fences (pure); `token`: resume tokens; `claim`: how a call is claimed (pure); `error`: what can
//!   fail (pure)
//! - `leases`: who may write, in the embedded store (pure); `timeline`: its time (pure), [`Clock`]: its clocks
//!
//! **Who may write**: a node gets a lease of a call, with a fence above all before. A write under a lower fence is refused,
//! so that a node that was considered dead does no harm when it comes back.

#![forbid(unsafe_code)]

mod backlog;
mod cipher;
mod claim;
mod clock;
mod embedded;
mod envelope;
mod error;
mod ids;
mod leases;
mod remote;
mod saver;
mod store;
mod timeline;
mod token;
mod trouble;
mod vault;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

pub use backlog::End;
pub use claim::{Claim, Redemption};
pub use clock::{Clock, SystemClock};
pub use embedded::{Embedded, FILE};
pub use error::{FileFault, Retry, StoreError, ValueFault};
pub use ids::{CallId, Fence, Lease, NodeId};
pub use remote::Remote;
pub use saver::{Health, Saver, State};
pub use store::Store;
pub use timeline::StoreTime;
pub use token::{
    Binding, Extended, REDEEMED_AGAIN, ResumeToken, TOKEN_REMEMBERED, Taken, TokenHash, TokenRefusal,
};
pub use vault::{RedeemError, Vault};

/// Longest wait for a file that is kept only by default. A file that takes longer is used anyway: it exists.
const LOOKED_AT: Duration = Duration::from_secs(5);

/// Begins to keep calls as configured: in Redis, or in a file of `folder`. `None` if there is no store.
///
/// A store that cannot be used now is tried again, and calls go on without it in the meantime. A file that is kept only by default
/// is
/// checked first: if it cannot be used, the log says why, and there is no store.
///
/// # Errors
/// When the configuration names no store.
pub async fn open(
    settings: &visavis_config::Store,
    folder: &Path,
    node: NodeId,
) -> Result<Option<Saver>, StoreError> {
    if !settings.enabled {
        return Ok(None);
    }
    let store: Arc<dyn Store> = if settings.url.is_empty() {
        let file = Embedded::new(folder);
        if !settings.is_asked_for
            && let Some(fault) = unusable(&file).await
        {
            tracing::warn!(
                %fault,
                "no store: a call does not outlive its connection; set store.path to a folder for it, or store.enabled = false"
            );
            return Ok(None);
        }
        Arc::new(file)
    } else {
        Arc::new(Remote::new(settings.url.expose(), settings.cluster)?)
    };
    let keep = Duration::from_secs(u64::from(settings.ttl_hours) * 3600);
    let vault = Vault::new(store, settings.key.expose(), keep)?;
    Ok(Some(Saver::start(Arc::new(vault), node)))
}

/// Why a file cannot be used, if it cannot.
async fn unusable(file: &Embedded) -> Option<StoreError> {
    let looked = tokio::time::timeout(LOOKED_AT, file.sweep()).await;
    looked.ok().and_then(Result::err)
}
