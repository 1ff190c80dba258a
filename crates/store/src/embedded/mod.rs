//! The embedded store: one file, used by one server. What fails in the file closes it, and the next attempt opens it again, so
//! that a repaired, replaced or released file is taken without a restart.
//!
//! - `file`: the tables, and what is done with contexts; `tokens`: what is done with resume tokens, of which `extensions` (pure)
//!   wait to be written
//! - `row`: a call's value as it stands there (pure); `unfinished`: a file whose making was cut off
//! - `fail`: what can fail, as what to do about it

mod extensions;
mod fail;
mod file;
mod row;
mod tokens;
mod unfinished;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;

use crate::claim::Claim;
use crate::clock::{Clock, SystemClock};
use crate::error::{FileFault, StoreError};
use crate::ids::{CallId, Lease, NodeId};
use crate::leases::{Leases, Term};
use crate::store::Store;
use crate::timeline::StoreTime;
use crate::token::{Extended, Taken, TokenHash};
use extensions::Extensions;
use fail::Fail;
use file::{File, Saving};
use tokens::Tokens;

/// The file's name in the store's folder.
pub const FILE: &str = "calls.redb";

/// A store in one file.
#[derive(Clone)]
pub struct Embedded {
    path: PathBuf,
    clock: Arc<dyn Clock>,
    /// One transaction at a time: further ones wait here, where they can be given up, and not on threads.
    inner: Arc<Mutex<Inner>>,
}

#[derive(Default)]
struct Inner {
    /// None until it is opened, and after a failure.
    file: Option<File>,
    leases: Leases,
    extensions: Extensions,
}

/// What a transaction works with.
struct Work<'a> {
    file: &'a File,
    leases: &'a mut Leases,
    extensions: &'a mut Extensions,
    now: StoreTime,
}

impl<'a> Work<'a> {
    fn tokens(self) -> Tokens<'a> {
        Tokens { file: self.file, extensions: self.extensions, now: self.now }
    }
}

impl Embedded {
    /// The store in this folder. Its file is opened, or made, when it is first needed.
    #[must_use]
    pub fn new(folder: &Path) -> Self {
        Self::with_clock(folder, Arc::new(SystemClock::default()))
    }

    /// The same, by this clock.
    #[must_use]
    pub fn with_clock(folder: &Path, clock: Arc<dyn Clock>) -> Self {
        Self { path: folder.join(FILE), clock, inner: Arc::default() }
    }

    /// Does a piece of work in the file, on a thread that may wait for the disk.
    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce(Work<'_>) -> Result<T, Fail> + Send + 'static,
    ) -> Result<T, StoreError> {
        let mut inner = self.inner.clone().lock_owned().await;
        let (path, clock) = (self.path.clone(), self.clock.clone());
        let done = spawn_blocking(move || {
            let done = in_file(&mut inner, &path, clock.as_ref(), work);
            if matches!(done, Err(Fail::File(_))) {
                // It may panic once more when it is closed.
                let closed = inner.file.take();
                _ = catch_unwind(AssertUnwindSafe(|| drop(closed)));
            }
            done.map_err(|fail| fail.of(&path))
        });
        done.await.unwrap_or_else(|error| Err(StoreError::Unreachable(error.to_string())))
    }
}

fn in_file<T>(
    inner: &mut Inner,
    path: &Path,
    clock: &dyn Clock,
    work: impl FnOnce(Work<'_>) -> Result<T, Fail>,
) -> Result<T, Fail> {
    // The database may panic over a file that was damaged while it was open.
    let done = catch_unwind(AssertUnwindSafe(|| {
        let Inner { file, leases, extensions } = inner;
        let file: &File = match file {
            Some(file) => file,
            None => file.insert(File::open(path, clock)?),
        };
        work(Work { file, leases, extensions, now: file.now(clock) })
    }));
    done.unwrap_or_else(|_| Err(Fail::File(FileFault::Corrupt("its pages do not fit together".into()))))
}

#[async_trait]
impl Store for Embedded {
    fn kind(&self) -> &'static str {
        "file"
    }

    async fn acquire(
        &self,
        call: &CallId,
        node: &NodeId,
        ttl: Duration,
        claim: Claim,
    ) -> Result<Lease, StoreError> {
        let (call, node) = (call.clone(), node.clone());
        let acquired = self.work(move |Work { file, leases, now, .. }| {
            let kept = file.fence(&call)?.unwrap_or_default();
            Ok(leases.acquire(&call, &node, Term { now, ttl }, claim, kept)?)
        });
        acquired.await
    }

    async fn renew(&self, lease: &Lease, ttl: Duration) -> Result<(), StoreError> {
        let lease = lease.clone();
        self.work(move |Work { leases, now, .. }| Ok(leases.renew(&lease, Term { now, ttl })?)).await
    }

    async fn release(&self, lease: &Lease, keep: Option<Duration>) -> Result<(), StoreError> {
        let lease = lease.clone();
        let released = self.work(move |Work { file, leases, now, .. }| {
            leases.release(&lease)?;
            keep.map_or(Ok(()), |keep| file.shorten(&lease.call, keep, now))
        });
        released.await
    }

    async fn save(
        &self,
        lease: &Lease,
        version: u64,
        value: &[u8],
        keep: Duration,
    ) -> Result<(), StoreError> {
        let (lease, value) = (lease.clone(), value.to_vec());
        let saved = self.work(move |Work { file, leases, now, .. }| {
            file.save(leases, &Saving { lease: &lease, version, value: &value, keep }, now)
        });
        saved.await
    }

    async fn load(&self, call: &CallId) -> Result<Option<Vec<u8>>, StoreError> {
        let call = call.clone();
        self.work(move |Work { file, now, .. }| file.load(&call, now)).await
    }

    async fn delete(&self, call: &CallId) -> Result<bool, StoreError> {
        let call = call.clone();
        let deleted = self.work(move |Work { file, leases, now, .. }| {
            let kept = file.fence(&call)?;
            if kept.is_some() || leases.knows(&call) {
                leases.revoke(&call, kept.unwrap_or_default(), now);
            }
            file.delete(&call, now)
        });
        deleted.await
    }

    async fn owner(&self, call: &CallId) -> Result<Option<NodeId>, StoreError> {
        let call = call.clone();
        self.work(move |Work { leases, now, .. }| Ok(leases.owner(&call, now))).await
    }

    async fn put_token(&self, token: &TokenHash, value: &[u8], keep: Duration) -> Result<(), StoreError> {
        let (token, value) = (*token, value.to_vec());
        self.work(move |work| {
            let expires = work.now.after(keep);
            work.tokens().put(&token, &value, expires)
        })
        .await
    }

    async fn extend_token(&self, token: &TokenHash, keep: Duration) -> Result<Extended, StoreError> {
        let token = *token;
        self.work(move |work| {
            let until = work.now.after(keep);
            work.tokens().extend(&token, until)
        })
        .await
    }

    async fn take_token(&self, token: &TokenHash, again: Duration) -> Result<Taken<Vec<u8>>, StoreError> {
        let token = *token;
        self.work(move |work| work.tokens().take(&token, again)).await
    }

    async fn look_at_token(&self, token: &TokenHash, again: Duration) -> Result<Taken<Vec<u8>>, StoreError> {
        let token = *token;
        self.work(move |work| work.tokens().look_at(&token, again)).await
    }

    async fn void_token(&self, token: &TokenHash) -> Result<(), StoreError> {
        let token = *token;
        self.work(move |work| work.tokens().void(&token)).await
    }

    async fn restore_token(&self, token: &TokenHash, keep: Duration) -> Result<(), StoreError> {
        let token = *token;
        self.work(move |work| {
            let until = work.now.after(keep);
            work.tokens().restore(&token, until)
        })
        .await
    }

    async fn sweep(&self) -> Result<(), StoreError> {
        self.work(|Work { file, leases, extensions, now }| {
            leases.sweep(now);
            // First, so that no token is swept that lasts longer than the file says.
            Tokens { file, extensions, now }.write_extensions()?;
            file.sweep(now)
        })
        .await
    }
}
