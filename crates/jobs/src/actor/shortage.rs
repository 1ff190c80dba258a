//! How long results have not been kept, all items together: one waits for room, and those behind it do not wait as long each.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// The time without room after which nothing waits for it.
pub(super) const LONGEST_SHORTAGE: Duration = Duration::from_secs(3600);

/// Since when no result could be kept.
#[derive(Debug, Default)]
pub(super) struct Shortage(Mutex<Option<Span>>);

/// From the first refusal of the disk to the last one, with no result kept in between.
#[derive(Debug, Clone, Copy)]
struct Span {
    began: Instant,
    last: Instant,
}

impl Shortage {
    /// A result could not be kept; returns since when. A refusal long ago, after which nobody asked, does not count.
    pub(super) fn since(&self) -> Instant {
        let now = Instant::now();
        let mut span = self.0.lock();
        let recent = span.filter(|span| now.duration_since(span.last) < LONGEST_SHORTAGE);
        let began = recent.map_or(now, |span| span.began);
        *span = Some(Span { began, last: now });
        began
    }

    /// One was kept.
    pub(super) fn over(&self) {
        *self.0.lock() = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_shortage_lasts_until_something_is_kept_or_nobody_has_asked_for_long() {
        let shortage = Shortage::default();
        let began = shortage.since();
        for _ in 0..3 {
            tokio::time::advance(LONGEST_SHORTAGE / 2).await;
            assert_eq!(shortage.since(), began);
        }
        shortage.over();
        assert_eq!(shortage.since(), Instant::now());
        let again = shortage.since();
        tokio::time::advance(LONGEST_SHORTAGE).await;
        assert!(shortage.since() > again);
    }
}
