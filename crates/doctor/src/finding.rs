//! What checks find, and what becomes of all of it. Pure.

use serde::Serialize;

/// How a check ended, the worst last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// There was nothing to check, or no way to.
    Skipped,
    /// All is well.
    Ok,
    /// Calls can be taken; something will be missed.
    Warning,
    /// Calls cannot be taken, or not by everybody.
    Failed,
}

/// What one check has found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Which check.
    pub name: String,
    /// How it ended.
    pub state: State,
    /// What is the case, in a sentence.
    pub message: String,
    /// What to do, if there is something to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
    /// Milliseconds that the check took.
    pub ms: u64,
}

/// One thing that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) state: State,
    pub(crate) message: String,
    pub(crate) fix: String,
}

impl Problem {
    pub(crate) fn warning(message: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { state: State::Warning, message: message.into(), fix: fix.into() }
    }

    pub(crate) fn failed(message: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { state: State::Failed, message: message.into(), fix: fix.into() }
    }
}

impl Finding {
    fn new(name: impl Into<String>, state: State, message: impl Into<String>) -> Self {
        Self { name: name.into(), state, message: message.into(), fix: None, ms: 0 }
    }

    pub(crate) fn ok(name: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(name, State::Ok, message)
    }

    pub(crate) fn skipped(name: impl Into<String>, why: impl Into<String>) -> Self {
        Self::new(name, State::Skipped, why)
    }

    pub(crate) fn warning(
        name: impl Into<String>,
        message: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self { fix: Some(fix.into()), ..Self::new(name, State::Warning, message) }
    }

    pub(crate) fn failed(
        name: impl Into<String>,
        message: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self { fix: Some(fix.into()), ..Self::new(name, State::Failed, message) }
    }

    /// All problems of a check as one finding, the worst first; without any, `fine` is the case.
    pub(crate) fn of(name: impl Into<String>, fine: impl Into<String>, mut problems: Vec<Problem>) -> Self {
        problems.sort_by_key(|problem| std::cmp::Reverse(problem.state));
        let Some(worst) = problems.first().map(|problem| problem.state) else {
            return Self::ok(name, fine);
        };
        let joined = |of: fn(&Problem) -> &str| problems.iter().map(of).collect::<Vec<_>>().join("; ");
        let fix = Some(joined(|problem| problem.fix.as_str()));
        Self { fix, ..Self::new(name, worst, joined(|problem| problem.message.as_str())) }
    }
}

/// What all checks have found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Each check, in order.
    pub checks: Vec<Finding>,
    /// Whether nothing failed.
    pub ok: bool,
}

impl Report {
    /// The report of these findings; `strict`: a warning counts as a failure.
    #[must_use]
    pub fn of(checks: Vec<Finding>, strict: bool) -> Self {
        let fatal = if strict { State::Warning } else { State::Failed };
        let ok = checks.iter().all(|finding| finding.state < fatal);
        Self { checks, ok }
    }

    /// How many checks ended so.
    #[must_use]
    pub fn count(&self, state: State) -> usize {
        self.checks.iter().filter(|finding| finding.state == state).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(states: &[State], strict: bool) -> Report {
        Report::of(states.iter().map(|state| Finding::new("a", *state, "is so")).collect(), strict)
    }

    #[test]
    fn a_failure_fails_and_a_warning_only_if_that_is_asked_for() {
        for (states, plain, strict) in [
            (&[][..], true, true),
            (&[State::Ok, State::Skipped], true, true),
            (&[State::Ok, State::Warning], true, false),
            (&[State::Failed, State::Ok], false, false),
        ] {
            assert_eq!((report(states, false).ok, report(states, true).ok), (plain, strict), "{states:?}");
        }
    }

    #[test]
    fn several_problems_are_one_finding_with_the_worst_first() {
        let problems = vec![Problem::warning("is old", "renew it"), Problem::failed("is torn", "mend it")];
        let finding = Finding::of("cloth", "is whole", problems);
        assert_eq!((finding.state, finding.message.as_str()), (State::Failed, "is torn; is old"));
        assert_eq!(finding.fix.as_deref(), Some("mend it; renew it"));
        assert_eq!(Finding::of("cloth", "is whole", Vec::new()), Finding::ok("cloth", "is whole"));
    }

    #[test]
    fn a_program_reads_the_words_of_the_document() {
        let found = vec![Finding::ok("a", "is so"), Finding::warning("b", "is less", "more of it")];
        let written = serde_json::to_value(Report::of(found, false)).unwrap();
        let expected = serde_json::json!({ "ok": true, "checks": [
            { "name": "a", "state": "ok", "message": "is so", "ms": 0 },
            { "name": "b", "state": "warning", "message": "is less", "fix": "more of it", "ms": 0 },
        ]});
        assert_eq!(written, expected);
    }
}
