//! How urgent an utterance is. Pure.

use visavis_proto::v1::Priority;

/// The lowest goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Class {
    /// A call waits for it.
    Live,
    /// A call may want it.
    Speculative,
    /// A recording that somebody waits for.
    Waited,
    /// A recording that nobody waits for.
    Unhurried,
}

impl Class {
    pub(crate) fn of(priority: Priority, waited: bool) -> Self {
        match priority {
            Priority::Live => Self::Live,
            Priority::Speculative => Self::Speculative,
            Priority::Batch if waited => Self::Waited,
            Priority::Batch => Self::Unhurried,
        }
    }

    /// Whether it is of no call.
    pub(crate) fn is_recording(self) -> bool {
        self >= Self::Waited
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_go_before_recordings_and_of_these_the_ones_that_somebody_waits_for() {
        let classes = [
            Class::of(Priority::Live, false),
            Class::of(Priority::Speculative, true),
            Class::of(Priority::Batch, true),
            Class::of(Priority::Batch, false),
        ];
        assert!(classes.is_sorted());
        assert_eq!(classes.map(Class::is_recording), [false, false, true, true]);
    }
}
