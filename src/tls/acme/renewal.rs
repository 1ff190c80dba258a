//! When a certificate is ordered. Pure; time is in seconds since 1970.

use super::super::pair::Valid;

/// Pause after an order that succeeded, in seconds, so that a wrong clock does not use up what the authority allows.
const RENEWED: i64 = 3600;
/// Shortest pause after one that failed.
const SHORTEST: i64 = 600;
/// Longest pause after orders that failed. Authorities allow a few failures an hour.
const LONGEST: i64 = 12 * 3600;

/// When a certificate is to be ordered: when a third of its time is left, or at once if there is none.
pub(super) fn due(valid: Option<Valid>) -> i64 {
    valid.map_or(i64::MIN, |Valid { from, until }| {
        let (from, until) = (from.timestamp(), until.timestamp());
        until.saturating_sub(until.saturating_sub(from) / 3)
    })
}

/// Seconds until an order may be tried again, after this many failures in a row.
pub(super) fn pause(failures: u32) -> i64 {
    match failures {
        0 => RENEWED,
        1..16 => LONGEST.min(SHORTEST << (failures - 1)),
        16.. => LONGEST,
    }
}

#[cfg(test)]
mod tests {
    use x509_parser::time::ASN1Time;

    use super::*;

    #[test]
    fn a_certificate_is_ordered_at_once_and_anew_with_a_third_of_its_time_left() {
        let at = |seconds| ASN1Time::from_timestamp(seconds).unwrap();
        assert_eq!(due(None), i64::MIN);
        let (from, until) = (1_780_000_000, 1_780_000_000 + 90 * 86_400);
        assert_eq!(due(Some(Valid { from: at(from), until: at(until) })), from + 60 * 86_400);
    }

    #[test]
    fn orders_that_fail_are_tried_again_later_and_later() {
        let pauses = [0, 1, 2, 3, 7, 8, 40, u32::MAX].map(pause);
        assert_eq!(pauses, [RENEWED, 600, 1200, 2400, 38_400, LONGEST, LONGEST, LONGEST]);
    }
}
