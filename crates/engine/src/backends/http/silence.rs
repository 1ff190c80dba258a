//! How long an endpoint may be silent, and what to do when it is longer. Pure.

use std::time::Duration;

use crate::EngineError;

/// Silence after which a request ends, and the setting that determines it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::backends) struct Silence {
    seconds: u32,
    setting: &'static str,
}

impl Silence {
    /// Before the first piece of a response.
    pub(in crate::backends) fn before(silence_seconds: u32) -> Self {
        Self { seconds: silence_seconds, setting: "silence_seconds" }
    }

    /// Between two pieces: no longer than before the first one.
    pub(in crate::backends) fn between(stall_seconds: u32, silence_seconds: u32) -> Self {
        if stall_seconds < silence_seconds {
            Self { seconds: stall_seconds, setting: "stall_seconds" }
        } else {
            Self::before(silence_seconds)
        }
    }

    /// Its length.
    pub(in crate::backends) fn length(self) -> Duration {
        Duration::from_secs(self.seconds.into())
    }

    /// Adds advice to the error of an endpoint that has not sent `what` for this long; other errors are unchanged. `at`: its
    /// address; `section`: its section of the configuration.
    pub(in crate::backends) fn explain(
        self,
        error: EngineError,
        at: &str,
        section: &str,
        what: &str,
    ) -> EngineError {
        let Self { seconds, setting } = self;
        match error {
            EngineError::Deadline => EngineError::Failed(format!(
                "{at} has sent {what} for {seconds} s. Look at its load, or raise {section}.{setting}"
            )),
            error => error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn within_a_response_silence_is_never_longer_than_before_it_and_the_setting_that_counts_is_named() {
        for (silence, seconds, setting) in [
            (Silence::before(30), 30, "llm.silence_seconds"),
            (Silence::between(3, 30), 3, "llm.stall_seconds"),
            (Silence::between(3, 2), 2, "llm.silence_seconds"),
        ] {
            assert_eq!(silence.length(), Duration::from_secs(seconds));
            let told = silence.explain(EngineError::Deadline, "http://host", "llm", "nothing").to_string();
            let part =
                format!("http://host has sent nothing for {seconds} s. Look at its load, or raise {setting}");
            assert!(told.ends_with(&part), "{told}");
        }
        let other = EngineError::Busy("full".into());
        assert_eq!(Silence::before(1).explain(other.clone(), "", "", ""), other);
    }
}
