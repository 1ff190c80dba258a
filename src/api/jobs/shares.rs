//! How many jobs of each address are not over. Pure; whether one is over is told by who asks.

use std::collections::HashMap;

use visavis_jobs::JobId;

use crate::admission::Principal;

/// After so many jobs, addresses are looked for that have none any more.
const SWEEP: u32 = 256;

/// The jobs of each address. What an earlier server has left is nobody's: it is not written whose it was.
#[derive(Debug, Default)]
pub(super) struct Shares {
    of: HashMap<Principal, Share>,
    taken: u32,
}

/// Those of one address.
#[derive(Debug, Default)]
struct Share {
    /// Jobs on their way.
    coming: usize,
    /// Those that have come, and were not over when they were last looked at.
    here: Vec<JobId>,
}

impl Shares {
    /// Takes a place for a job on its way; false: this address has `most` that are not over.
    pub(super) fn take(&mut self, whose: &Principal, most: usize, is_over: impl Fn(JobId) -> bool) -> bool {
        self.taken = self.taken.wrapping_add(1);
        if self.taken.is_multiple_of(SWEEP) {
            self.sweep(&is_over);
        }
        let share = self.of.entry(whose.clone()).or_default();
        share.here.retain(|job| !is_over(*job));
        let is_free = share.coming + share.here.len() < most;
        share.coming += usize::from(is_free);
        is_free
    }

    /// The job of a place has come; none: it does not.
    pub(super) fn come(&mut self, whose: &Principal, job: Option<JobId>) {
        if let Some(share) = self.of.get_mut(whose) {
            share.coming = share.coming.saturating_sub(1);
            share.here.extend(job);
        }
    }

    fn sweep(&mut self, is_over: &impl Fn(JobId) -> bool) {
        self.of.retain(|_, share| {
            share.here.retain(|job| !is_over(*job));
            share.coming > 0 || !share.here.is_empty()
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> Principal {
        Principal::from(Some([192, 0, 2, last].into()))
    }

    #[test]
    fn an_address_has_so_many_jobs_and_another_one_once_one_is_over_or_does_not_come() {
        let (mut shares, one, other) = (Shares::default(), address(1), address(2));
        let lasts = |_: JobId| false;
        assert!(shares.take(&one, 2, lasts) && shares.take(&one, 2, lasts));
        assert!(!shares.take(&one, 2, lasts), "both are on their way");
        assert!(shares.take(&other, 2, lasts), "each address has its own share");
        let job = JobId::random();
        shares.come(&one, Some(job));
        shares.come(&one, None);
        assert!(shares.take(&one, 2, lasts), "one did not come");
        assert!(!shares.take(&one, 2, lasts));
        assert!(shares.take(&one, 2, |asked| asked == job), "one is over");
    }

    #[test]
    fn addresses_without_jobs_are_forgotten() {
        let mut shares = Shares::default();
        for last in 0..SWEEP * 4 {
            let [low, high, ..] = last.to_le_bytes();
            let address = Principal::from(Some([198, 18, high, low].into()));
            assert!(shares.take(&address, 9, |_| true));
            shares.come(&address, Some(JobId::random()));
            assert!(shares.of.len() <= SWEEP as usize);
        }
        shares.sweep(&|_| true);
        assert!(shares.of.is_empty());
    }
}
