//! Contexts in Redis 6.2 or later, or Valkey: for several nodes, which may take each other's calls over.
//!
//! - `line`: the connection
//! - `scripts`: what Redis is asked (pure)
//!
//! All times are those of Redis.

mod line;
mod scripts;

use std::time::Duration;

use async_trait::async_trait;
use redis::{Cmd, cmd};

use crate::claim::{Claim, Redemption};
use crate::error::StoreError;
use crate::ids::{CallId, Lease, NodeId};
use crate::store::{FENCE_KEPT, Store};
use crate::token::{Extended, TOKEN_REMEMBERED, Taken, TokenHash};
use line::Line;
use scripts::{
    ACQUIRE, DELETE, EXTEND_TOKEN, PUT_TOKEN, RELEASE, RENEW, RESTORE_TOKEN, Reply, SAVE, TAKE_TOKEN,
    VOID_TOKEN, extended, keys, taken, token_key,
};

/// A store in Redis.
pub struct Remote {
    line: Line,
}

impl Remote {
    /// The store at this address: `redis://`, `rediss://` (TLS) or `redis+unix://`. For a cluster, any node's address.
    ///
    /// # Errors
    /// When the address has another form. Whether a server answers there is not known before the first request.
    pub fn new(address: &str, cluster: bool) -> Result<Self, StoreError> {
        Ok(Self { line: Line::new(address, cluster)? })
    }

    async fn run(&self, script: &Cmd) -> Result<String, StoreError> {
        Reply::read(self.line.ask(script).await?)
    }
}

/// A script for the keys of a call, without its arguments.
fn script(text: &str, call: &CallId) -> Cmd {
    let [context, lease] = keys(call);
    let mut script = cmd("EVAL");
    script.arg(text).arg(2).arg(context).arg(lease);
    script
}

/// A script for the key of a token, without its arguments.
fn token_script(text: &str, token: &TokenHash) -> Cmd {
    let mut script = cmd("EVAL");
    script.arg(text).arg(1).arg(token_key(token));
    script
}

/// Milliseconds, at least one: Redis refuses an expiry of zero.
fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX >> 16).max(1)
}

#[async_trait]
impl Store for Remote {
    fn kind(&self) -> &'static str {
        "redis"
    }

    async fn acquire(
        &self,
        call: &CallId,
        node: &NodeId,
        ttl: Duration,
        claim: Claim,
    ) -> Result<Lease, StoreError> {
        let mut acquire = script(ACQUIRE, call);
        acquire.arg(node.as_str()).arg(millis(ttl));
        match claim {
            Claim::Free => acquire.arg(0).arg(millis(FENCE_KEPT)),
            Claim::Over(Redemption { token, number }) => {
                acquire.arg(1).arg(millis(FENCE_KEPT)).arg(token.hex()).arg(number)
            }
        };
        let fence = Reply::fence(self.line.ask(&acquire).await?)?;
        Ok(Lease { call: call.clone(), node: node.clone(), fence })
    }

    async fn renew(&self, lease: &Lease, ttl: Duration) -> Result<(), StoreError> {
        let mut renew = script(RENEW, &lease.call);
        renew.arg(lease.fence.0).arg(lease.node.as_str()).arg(millis(ttl)).arg(millis(FENCE_KEPT));
        self.run(&renew).await.map(drop)
    }

    async fn release(&self, lease: &Lease, keep: Option<Duration>) -> Result<(), StoreError> {
        let mut release = script(RELEASE, &lease.call);
        let keep = keep.map_or_else(String::new, |keep| millis(keep).to_string());
        release.arg(lease.fence.0).arg(lease.node.as_str()).arg(keep);
        self.run(&release).await.map(drop)
    }

    async fn save(
        &self,
        lease: &Lease,
        version: u64,
        value: &[u8],
        keep: Duration,
    ) -> Result<(), StoreError> {
        let mut save = script(SAVE, &lease.call);
        save.arg(lease.fence.0).arg(version).arg(value).arg(millis(keep));
        self.run(&save).await.map(drop)
    }

    async fn load(&self, call: &CallId) -> Result<Option<Vec<u8>>, StoreError> {
        let [context, _] = keys(call);
        self.line.ask(cmd("HGET").arg(context).arg("value")).await
    }

    async fn delete(&self, call: &CallId) -> Result<bool, StoreError> {
        let mut delete = script(DELETE, call);
        delete.arg(millis(FENCE_KEPT));
        Ok(self.run(&delete).await? == "1")
    }

    async fn owner(&self, call: &CallId) -> Result<Option<NodeId>, StoreError> {
        let [_, lease] = keys(call);
        let owner: Option<String> = self.line.ask(cmd("GET").arg(lease)).await?;
        Ok(owner.map(|owner| NodeId::new(&owner)))
    }

    async fn put_token(&self, token: &TokenHash, value: &[u8], keep: Duration) -> Result<(), StoreError> {
        let mut put = token_script(PUT_TOKEN, token);
        put.arg(value).arg(millis(keep)).arg(millis(TOKEN_REMEMBERED));
        self.run(&put).await.map(drop)
    }

    async fn extend_token(&self, token: &TokenHash, keep: Duration) -> Result<Extended, StoreError> {
        let mut extend = token_script(EXTEND_TOKEN, token);
        extend.arg(millis(keep)).arg(millis(TOKEN_REMEMBERED));
        extended(&self.run(&extend).await?)
    }

    async fn take_token(&self, token: &TokenHash, again: Duration) -> Result<Taken<Vec<u8>>, StoreError> {
        let mut take = token_script(TAKE_TOKEN, token);
        take.arg(millis(TOKEN_REMEMBERED)).arg(millis(again));
        taken(self.line.ask(&take).await?)
    }

    async fn look_at_token(&self, token: &TokenHash, again: Duration) -> Result<Taken<Vec<u8>>, StoreError> {
        let mut look = token_script(TAKE_TOKEN, token);
        look.arg("").arg(millis(again));
        taken(self.line.ask(&look).await?)
    }

    async fn void_token(&self, token: &TokenHash) -> Result<(), StoreError> {
        let mut void = token_script(VOID_TOKEN, token);
        void.arg(millis(TOKEN_REMEMBERED));
        self.run(&void).await.map(drop)
    }

    async fn restore_token(&self, token: &TokenHash, keep: Duration) -> Result<(), StoreError> {
        let mut restore = token_script(RESTORE_TOKEN, token);
        restore.arg(millis(keep)).arg(millis(TOKEN_REMEMBERED));
        self.run(&restore).await.map(drop)
    }

    async fn sweep(&self) -> Result<(), StoreError> {
        self.line.ask::<String>(&cmd("PING")).await.map(drop)
    }
}
