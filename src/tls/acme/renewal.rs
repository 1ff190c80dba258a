//! When a certificate is ordered, and when one that was obtained is written. Pure; time is in seconds since 1970.
//!
//! An authority gives only so many certificates a week. So what was obtained counts as the certificate, whether the disk has taken it or
//! not: writing is tried again by itself, and an order is due only when the certificate that is shown comes to its end.

use super::super::pair::Valid;

/// Pause after an order that succeeded, in seconds, so that a wrong clock does not use up what the authority allows.
const RENEWED: i64 = 3600;
/// Shortest pause after one that failed.
const SHORTEST: i64 = 600;
/// Longest pause after orders that failed. Authorities allow a few failures an hour.
const LONGEST: i64 = 12 * 3600;
/// Shortest and longest pause behind a write that failed.
const SHORTEST_WRITE: i64 = 2;
const LONGEST_WRITE: i64 = 600;

/// What is to be done now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Order a certificate.
    Order,
    /// Write the one that was obtained.
    Write,
    /// Nothing, for this many seconds: one or more.
    Wait(i64),
}

/// What was tried, and what of it is to be tried again.
#[derive(Debug)]
pub(super) struct Schedule {
    refused: u32,
    no_order_before: i64,
    unwritten: Option<Unwritten>,
}

/// A certificate that is not in its files.
#[derive(Debug, Default)]
struct Unwritten {
    failed: u32,
    not_before: i64,
}

impl Default for Schedule {
    fn default() -> Self {
        Self { refused: 0, no_order_before: i64::MIN, unwritten: None }
    }
}

impl Schedule {
    /// What is to be done now. `valid`: when the certificate that is shown is valid.
    pub(super) fn next(&self, valid: Option<Valid>, now: i64) -> Next {
        let write = self.unwritten.as_ref().map(|unwritten| unwritten.not_before);
        if write.is_some_and(|at| at <= now) {
            return Next::Write;
        }
        let order = due(valid).max(self.no_order_before);
        if order <= now {
            return Next::Order;
        }
        Next::Wait(write.map_or(order, |write| write.min(order)).saturating_sub(now))
    }

    /// A certificate was obtained, and is shown. It is to be written at once.
    pub(super) fn obtained(&mut self, now: i64) {
        (self.refused, self.no_order_before) = (0, now.saturating_add(RENEWED));
        self.unwritten = Some(Unwritten { failed: 0, not_before: now });
    }

    /// An order has failed; says in how many seconds it is tried again.
    pub(super) fn refused(&mut self, now: i64) -> i64 {
        self.refused = self.refused.saturating_add(1);
        let again = doubled(SHORTEST, LONGEST, self.refused);
        self.no_order_before = now.saturating_add(again);
        again
    }

    /// The files hold what is shown.
    pub(super) fn written(&mut self) {
        self.unwritten = None;
    }

    /// The files could not be written; says in how many seconds that is tried again.
    pub(super) fn not_written(&mut self, now: i64) -> i64 {
        let unwritten = self.unwritten.get_or_insert_default();
        unwritten.failed = unwritten.failed.saturating_add(1);
        let again = doubled(SHORTEST_WRITE, LONGEST_WRITE, unwritten.failed);
        unwritten.not_before = now.saturating_add(again);
        again
    }
}

/// When a certificate is to be ordered: when a third of its time is left, or at once if there is none.
fn due(valid: Option<Valid>) -> i64 {
    valid.map_or(i64::MIN, |Valid { from, until }| {
        let (from, until) = (from.timestamp(), until.timestamp());
        until.saturating_sub(until.saturating_sub(from) / 3)
    })
}

/// The pause after so many failures, one or more: each is twice as long as the one before.
fn doubled(shortest: i64, longest: i64, failures: u32) -> i64 {
    shortest.saturating_mul(1_i64 << failures.saturating_sub(1).min(32)).min(longest)
}

#[cfg(test)]
mod tests {
    use x509_parser::time::ASN1Time;

    use super::*;

    const BEGIN: i64 = 1_780_000_000;
    const DAY: i64 = 86_400;

    fn valid(from: i64, days: i64) -> Option<Valid> {
        let at = |seconds| ASN1Time::from_timestamp(seconds).unwrap();
        Some(Valid { from: at(from), until: at(from + days * DAY) })
    }

    #[test]
    fn a_certificate_is_ordered_at_once_and_anew_with_a_third_of_its_time_left() {
        let schedule = Schedule::default();
        assert_eq!(schedule.next(None, BEGIN), Next::Order);
        let valid = valid(BEGIN, 90);
        assert_eq!(schedule.next(valid, BEGIN), Next::Wait(60 * DAY));
        assert_eq!(schedule.next(valid, BEGIN + 60 * DAY), Next::Order);
    }

    #[test]
    fn orders_that_fail_are_tried_again_later_and_later_and_one_that_went_well_rests() {
        let mut schedule = Schedule::default();
        let pauses = [(); 8].map(|()| schedule.refused(BEGIN));
        assert_eq!(pauses, [600, 1200, 2400, 4800, 9600, 19_200, 38_400, LONGEST]);
        assert_eq!(schedule.next(None, BEGIN), Next::Wait(LONGEST));
        (0..100).for_each(|_| _ = schedule.refused(BEGIN));
        assert_eq!(schedule.next(None, BEGIN + LONGEST), Next::Order);
        schedule.obtained(BEGIN);
        schedule.written();
        // The machine's clock says that what was obtained is long over.
        assert_eq!(schedule.next(valid(0, 1), BEGIN), Next::Wait(RENEWED));
        assert_eq!(schedule.refused(BEGIN), SHORTEST, "failures are counted anew");
    }

    #[test]
    fn what_cannot_be_written_is_written_again_and_not_ordered_again_before_it_is_due() {
        let mut schedule = Schedule::default();
        schedule.obtained(BEGIN);
        let valid = valid(BEGIN, 90);
        assert_eq!(schedule.next(valid, BEGIN), Next::Write);
        let pauses = [(); 12].map(|()| schedule.not_written(BEGIN));
        assert_eq!((&pauses[..4], pauses[11]), (&[2, 4, 8, 16][..], LONGEST_WRITE));
        assert_eq!(schedule.next(valid, BEGIN + 1), Next::Wait(LONGEST_WRITE - 1));
        let mut now = BEGIN;
        while now < BEGIN + 59 * DAY {
            match schedule.next(valid, now) {
                Next::Write => _ = schedule.not_written(now),
                Next::Wait(seconds) => now += seconds,
                Next::Order => panic!("it is ordered on day {}", (now - BEGIN) / DAY),
            }
        }
        schedule.written();
        assert_eq!(schedule.next(valid, now), Next::Wait(BEGIN + 60 * DAY - now));
        _ = schedule.not_written(now);
        assert_eq!(schedule.next(valid, BEGIN + 60 * DAY), Next::Write);
        _ = schedule.not_written(BEGIN + 60 * DAY);
        assert_eq!(schedule.next(valid, BEGIN + 60 * DAY), Next::Order, "by now it is due");
    }
}
