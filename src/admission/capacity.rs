//! How many calls the server bears, as measured, and how principals share that. Pure.

use std::time::Duration;

/// What was measured last.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Capacity {
    /// The share of what the server bears that is in use; 1: no further call is taken.
    pub load: f64,
    /// How many calls it bears.
    pub calls: usize,
    /// Seconds after which a refused caller may ask again.
    pub retry: u32,
    /// How long callers typically waited for a response in the last minute; none: too few did.
    pub waited: Option<Duration>,
}

/// The most that the calls of one principal count for in a capacity. Whatever one of them causes, half is left for others.
fn most_of_one(capacity: usize) -> usize {
    capacity.div_ceil(2)
}

/// How much of a capacity is taken, by principals with so many calls each.
pub(super) fn taken(capacity: usize, calls: impl IntoIterator<Item = usize>) -> usize {
    let most = most_of_one(capacity);
    calls.into_iter().map(|own| own.min(most)).sum()
}

/// Whether a principal with so many calls may have another one of the permits that are left. Its share shrinks with them: it never has
/// more than it leaves to others, and the last one is for whoever has none.
pub(super) fn may_have_more(own: usize, left: usize) -> bool {
    own < left
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_share_shrinks_with_what_is_left_and_the_last_permit_is_for_whoever_has_none() {
        for (own, left, more) in [(0, 32, true), (15, 17, true), (16, 16, false), (1, 1, false), (0, 1, true)]
        {
            assert_eq!(may_have_more(own, left), more, "{own} of its own, {left} left");
        }
    }

    #[test]
    fn one_principal_counts_for_half_of_a_capacity_at_most_and_several_for_all_of_it() {
        for (capacity, calls, expected) in
            [(8, vec![20], 4), (8, vec![4, 4], 8), (8, vec![1, 1, 1], 3), (1, vec![3], 1), (5, vec![9], 3)]
        {
            assert_eq!(taken(capacity, calls.clone()), expected, "{calls:?} of {capacity}");
        }
    }

    proptest! {
        #[test]
        fn a_principal_that_takes_what_it_can_leaves_as_much(capacity in 1..200_usize) {
            let mut own = 0;
            while may_have_more(own, capacity - own) {
                own += 1;
            }
            prop_assert!(own >= 1 && own <= most_of_one(capacity));
            prop_assert_eq!(capacity - own, capacity / 2);
        }
    }
}
