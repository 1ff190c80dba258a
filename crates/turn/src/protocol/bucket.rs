//! A small token bucket, for large tables and for the bytes of an allocation. Pure; time is counted from any moment.

use std::time::Duration;

/// How fast buckets fill, and how much they hold.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rate {
    pub(super) per_second: f32,
    pub(super) burst: f32,
}

/// What is left of a rate.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bucket {
    level: f32,
    at_millis: u64,
}

impl Bucket {
    pub(super) fn full(rate: Rate) -> Self {
        Self { level: rate.burst, at_millis: 0 }
    }

    /// Takes the amount if there is enough; otherwise takes nothing and returns false.
    pub(super) fn take(&mut self, rate: Rate, now: Duration, amount: f32) -> bool {
        let now = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        let passed = now.saturating_sub(self.at_millis) as f32 / 1000.0;
        self.level = (self.level + rate.per_second * passed).min(rate.burst);
        self.at_millis = self.at_millis.max(now);
        let enough = self.level >= amount;
        if enough {
            self.level -= amount;
        }
        enough
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_and_then_a_steady_rate_is_granted() {
        let rate = Rate { per_second: 2.0, burst: 10.0 };
        let mut bucket = Bucket::full(rate);
        for (millis, granted) in [(0, 10), (1500, 3), (1000, 0), (60_000, 10)] {
            let now = Duration::from_millis(millis);
            let taken = (0..100).filter(|_| bucket.take(rate, now, 1.0)).count();
            assert_eq!(taken, granted, "{millis}");
        }
    }
}
