//! Whether the store can be used. Pure.

use super::serving::Kept;
use crate::finding::Finding;

const NAME: &str = "store";

/// What is known of the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Stored {
    /// The configuration has no store.
    Off,
    /// Our own server tells.
    Told(Kept),
    /// Redis has answered.
    Reached,
    /// The file could be opened.
    Opened(String),
    /// There is no file yet; its folder is judged by its disk.
    ToBeMade(String),
    /// It cannot be used, and why; the sentence says what to do.
    Fault(String),
    /// The same of a store that is on by default only: the server runs without it.
    Without(String),
}

pub(crate) fn judge(stored: &Stored) -> Finding {
    match stored {
        Stored::Off => Finding::skipped(NAME, "the store is off: a call does not outlive the server"),
        Stored::Told(kept) if kept.state == "ok" => {
            Finding::ok(NAME, format!("our own server stores what is said ({})", kept.kind))
        }
        Stored::Told(kept) => Finding::warning(
            NAME,
            format!("our own server does not store what is said: {} ({})", kept.message, kept.state),
            "mend what it names; calls go on meanwhile and are stored when it is",
        ),
        Stored::Reached => Finding::ok(NAME, "Redis answers"),
        Stored::Opened(path) => Finding::ok(NAME, format!("{path} can be opened")),
        Stored::ToBeMade(path) => Finding::ok(NAME, format!("{path} will be made when the server starts")),
        Stored::Fault(fault) => Finding::failed(
            NAME,
            fault,
            "do what it says: until then calls go on, but none outlives its server",
        ),
        Stored::Without(fault) => Finding::warning(
            NAME,
            format!("the server goes on without a store: {fault}"),
            "do what it says, or name a folder in store.path; store.enabled = false if no call is to outlive its connection",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::State;

    #[test]
    fn a_store_that_fails_is_told_with_the_reason() {
        let kept = |state: &str| {
            Stored::Told(Kept { kind: "redis".into(), state: state.into(), message: "it is gone".into() })
        };
        for (stored, state, told) in [
            (Stored::Off, State::Skipped, "is off"),
            (kept("ok"), State::Ok, "redis"),
            (kept("degraded"), State::Warning, "it is gone (degraded)"),
            (Stored::Reached, State::Ok, "answers"),
            (Stored::Opened("/v/calls.redb".into()), State::Ok, "can be opened"),
            (Stored::ToBeMade("/v/calls.redb".into()), State::Ok, "will be made"),
            (Stored::Fault("refuses this user".into()), State::Failed, "refuses this user"),
            (Stored::Without("is in use".into()), State::Warning, "goes on without a store: is in use"),
        ] {
            let found = judge(&stored);
            assert_eq!(found.state, state, "{found:?}");
            assert!(found.message.contains(told), "{told}: {found:?}");
        }
    }
}
