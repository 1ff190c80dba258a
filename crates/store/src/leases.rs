//! Who may write of which call, in the embedded store. Pure; time is passed in.
//!
//! Only one process has the store's file open, so leases need not outlive it. Their fences do: each is in the file, beside the
//! value that
//! was written under it.

use std::collections::HashMap;
use std::time::Duration;

use crate::claim::{Claim, Redemption};
use crate::error::StoreError;
use crate::ids::{CallId, Fence, Lease, NodeId};
use crate::store::FENCE_KEPT;
use crate::timeline::StoreTime;

/// The newest lease of a call.
struct Newest {
    fence: Fence,
    /// Its holder; `None` if it was given back, or the call's data was deleted.
    node: Option<NodeId>,
    until: StoreTime,
    /// The last redemption of a token by which it was claimed.
    claim: Option<Redemption>,
}

/// The newest lease of each call, until an hour after its end.
#[derive(Default)]
pub(crate) struct Leases(HashMap<CallId, Newest>);

impl Leases {
    /// Gives a lease of a call, whose value in the file has the fence `kept`.
    pub(crate) fn acquire(
        &mut self,
        call: &CallId,
        node: &NodeId,
        term: Term,
        claim: Claim,
        kept: Fence,
    ) -> Result<Lease, StoreError> {
        let Term { now, ttl } = term;
        let newest = self.0.get(call);
        // The same node may ask again if the answer was lost.
        if let Some(Newest { node: Some(by), until, .. }) = newest
            && claim == Claim::Free
            && by != node
            && *until > now
        {
            return Err(StoreError::Held { by: by.clone(), left: now.until(*until) });
        }
        let last = newest.and_then(|newest| newest.claim);
        let claim = match claim {
            Claim::Over(redemption) if redemption.is_behind(last) => return Err(StoreError::Stale),
            Claim::Over(redemption) => Some(redemption),
            Claim::Free => last,
        };
        let fence = next(newest, kept, now);
        let given = Newest { fence, node: Some(node.clone()), until: now.after(ttl), claim };
        self.0.insert(call.clone(), given);
        Ok(Lease { call: call.clone(), node: node.clone(), fence })
    }

    /// Renews a lease.
    pub(crate) fn renew(&mut self, lease: &Lease, term: Term) -> Result<(), StoreError> {
        self.check(lease, Fence::default())?;
        let Lease { call, node, fence } = lease.clone();
        let claim = self.0.get(&call).and_then(|newest| newest.claim);
        self.0.insert(call, Newest { fence, node: Some(node), until: term.now.after(term.ttl), claim });
        Ok(())
    }

    /// Takes a lease back.
    pub(crate) fn release(&mut self, lease: &Lease) -> Result<(), StoreError> {
        self.check(lease, Fence::default())?;
        if let Some(newest) = self.0.get_mut(&lease.call) {
            newest.node = None;
        }
        Ok(())
    }

    /// Ends the call's lease: its holder may write no more.
    pub(crate) fn revoke(&mut self, call: &CallId, kept: Fence, now: StoreTime) {
        let fence = next(self.0.get(call), kept, now);
        self.0.insert(call.clone(), Newest { fence, node: None, until: now, claim: None });
    }

    /// The holder of the call's current lease.
    pub(crate) fn owner(&self, call: &CallId, now: StoreTime) -> Option<NodeId> {
        self.0.get(call).filter(|newest| newest.until > now).and_then(|newest| newest.node.clone())
    }

    /// Whether a lease of this call is still remembered.
    pub(crate) fn knows(&self, call: &CallId) -> bool {
        self.0.contains_key(call)
    }

    /// Refuses a lease that is older than the newest, or than what is in the file.
    pub(crate) fn check(&self, lease: &Lease, kept: Fence) -> Result<(), StoreError> {
        let newest = self.0.get(&lease.call).map_or(kept, |newest| newest.fence.max(kept));
        if lease.fence < newest { Err(StoreError::Stale) } else { Ok(()) }
    }

    /// Forgets what ended long ago.
    pub(crate) fn sweep(&mut self, now: StoreTime) {
        self.0.retain(|_, newest| newest.until.after(FENCE_KEPT) > now);
    }
}

/// When a lease begins, and how long it lasts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Term {
    pub(crate) now: StoreTime,
    pub(crate) ttl: Duration,
}

/// A fence higher than any before, and at least the time, so that fences grow even if the file was lost.
fn next(newest: Option<&Newest>, kept: Fence, now: StoreTime) -> Fence {
    let last = newest.map_or(kept, |newest| newest.fence.max(kept));
    Fence(last.0.saturating_add(1).max(now.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::ResumeToken;

    const TTL: Duration = Duration::from_secs(30);

    fn term(now: u64) -> Term {
        Term { now: StoreTime(now), ttl: TTL }
    }

    /// Claims by the redemptions of one token.
    fn by_one_token() -> impl Fn(u32) -> Claim {
        let token = ResumeToken::generate().unwrap().hash();
        move |number| Claim::Over(Redemption { token, number })
    }

    #[test]
    fn of_two_redemptions_of_a_token_the_later_gets_the_call_though_the_earlier_claims_it_last() {
        let (mut leases, call, node) = (Leases::default(), CallId::new("one").unwrap(), NodeId::new("a"));
        let (over, next) = (by_one_token(), by_one_token());
        let mut claim = |claim| leases.acquire(&call, &node, term(1_000), claim, Fence(0));
        let later = claim(over(2)).unwrap();
        assert_eq!(claim(over(1)), Err(StoreError::Stale));
        assert!(claim(over(2)).unwrap().fence > later.fence, "it may ask again");
        // The number of another token says nothing.
        let after = claim(next(1)).unwrap();
        assert_eq!(leases.renew(&after, term(2_000)), Ok(()));
        let mut claim = |claim| leases.acquire(&call, &node, term(3_000), claim, Fence(0));
        assert!(claim(next(2)).is_ok());
        assert!(claim(Claim::Free).is_ok());
        assert_eq!(claim(next(1)), Err(StoreError::Stale));
    }

    #[test]
    fn only_the_newest_lease_counts_and_an_expired_one_counts_until_there_is_a_newer() {
        let (mut leases, call) = (Leases::default(), CallId::new("one").unwrap());
        let over = by_one_token();
        let (a, b) = (NodeId::new("a"), NodeId::new("b"));
        let first = leases.acquire(&call, &a, term(1_000), Claim::Free, Fence(0)).unwrap();
        let held = leases.acquire(&call, &b, term(2_000), Claim::Free, Fence(0));
        assert_eq!(held, Err(StoreError::Held { by: a.clone(), left: Duration::from_secs(29) }));
        assert_eq!(leases.check(&first, Fence(0)), Ok(()));
        // 30 s later it has expired, and still is the newest.
        assert_eq!(leases.renew(&first, term(40_000)), Ok(()));
        let second = leases.acquire(&call, &b, term(70_000), Claim::Free, Fence(0)).unwrap();
        assert!(second.fence > first.fence);
        for refused in [leases.check(&first, Fence(0)), leases.renew(&first, term(70_001))] {
            assert_eq!(refused, Err(StoreError::Stale));
        }
        let third = leases.acquire(&call, &a, term(70_002), over(1), Fence(0)).unwrap();
        assert_eq!(leases.check(&second, Fence(0)), Err(StoreError::Stale));
        assert_eq!(leases.owner(&call, StoreTime(70_003)), Some(a.clone()));
        assert_eq!(leases.release(&third), Ok(()));
        assert_eq!(leases.owner(&call, StoreTime(70_003)), None);
        assert!(leases.acquire(&call, &b, term(70_003), Claim::Free, Fence(0)).is_ok());
    }

    #[test]
    fn a_fence_grows_above_that_of_the_file_even_if_the_clock_is_behind() {
        let (mut leases, call, node) = (Leases::default(), CallId::new("one").unwrap(), NodeId::new("a"));
        let lease = leases.acquire(&call, &node, term(5), Claim::Free, Fence(1_000)).unwrap();
        assert_eq!(lease.fence, Fence(1_001));
        leases.revoke(&call, Fence(0), StoreTime(6));
        assert_eq!(leases.check(&lease, Fence(0)), Err(StoreError::Stale));
        leases.sweep(StoreTime(7).after(FENCE_KEPT));
        assert!(!leases.knows(&call));
    }
}
