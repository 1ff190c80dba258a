//! A token bucket: limits how much of something a client may send. Pure; time is counted from any moment.

use std::time::Duration;

/// Grants a steady rate and a burst.
#[derive(Debug, Clone)]
pub struct Bucket {
    rate: f64,
    burst: f64,
    level: f64,
    at: Duration,
}

impl Bucket {
    /// A full bucket: `burst` at once, and `rate` more in each second.
    #[must_use]
    pub fn new(rate: f64, burst: f64) -> Self {
        Self { rate, burst, level: burst, at: Duration::ZERO }
    }

    fn refill(&mut self, now: Duration) {
        let gained = self.rate * now.saturating_sub(self.at).as_secs_f64();
        self.level = (self.level + gained).min(self.burst);
        self.at = self.at.max(now);
    }

    /// Takes the amount if there is enough; otherwise takes nothing and returns false.
    pub fn take(&mut self, now: Duration, amount: f64) -> bool {
        self.refill(now);
        let enough = self.level >= amount;
        if enough {
            self.level -= amount;
        }
        enough
    }

    /// Takes the amount in any case; returns how long its sender must wait.
    pub fn owe(&mut self, now: Duration, amount: f64) -> Duration {
        self.refill(now);
        self.level -= amount;
        Duration::from_secs_f64((-self.level / self.rate).max(0.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_and_then_a_steady_rate_is_granted() {
        let mut bucket = Bucket::new(2.0, 10.0);
        let granted = |bucket: &mut Bucket, now: u64| {
            (0..100).filter(|_| bucket.take(Duration::from_millis(now), 1.0)).count()
        };
        assert_eq!(granted(&mut bucket, 0), 10);
        assert_eq!(granted(&mut bucket, 1500), 3);
        assert_eq!(granted(&mut bucket, 1000), 0, "time does not go back");
        assert_eq!(granted(&mut bucket, 60_000), 10);
    }

    #[test]
    fn a_sender_in_debt_waits_until_it_is_repaid() {
        let mut bucket = Bucket::new(4.0, 8.0);
        assert_eq!(bucket.owe(Duration::ZERO, 8.0), Duration::ZERO);
        assert_eq!(bucket.owe(Duration::ZERO, 2.0), Duration::from_millis(500));
        assert_eq!(bucket.owe(Duration::from_millis(500), 4.0), Duration::from_secs(1));
    }
}
