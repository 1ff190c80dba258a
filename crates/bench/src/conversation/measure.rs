//! A run, and a measure of all runs with its target. Pure.

use serde::Serialize;

use super::judge::Observed;
use crate::statistics::Summary;

/// A run and its observations.
#[derive(Debug, Clone, Serialize)]
pub struct Run {
    /// The scenario.
    pub scenario: &'static str,
    /// Its pauses are inside a sentence.
    #[serde(skip)]
    pub mid_sentence: bool,
    /// The microphone heard more than the person.
    #[serde(skip)]
    pub beside: bool,
    /// The repetition, from 0.
    pub repetition: usize,
    /// The speaker.
    pub speaker: &'static str,
    /// CPU seconds of the server and its engines, if they run on this machine.
    pub cpu_seconds: Option<f64>,
    /// Why the call failed, if it did.
    pub fault: Option<String>,
    /// What was observed.
    #[serde(flatten)]
    pub observed: Observed,
}

/// One measure of the result.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Measure {
    /// Its name.
    pub name: String,
    /// Number of observations.
    pub count: usize,
    /// The result.
    pub value: String,
    /// The target, if any.
    pub target: &'static str,
    /// Whether the target is met. `None`: there is no target, or nothing was measured.
    pub passed: Option<bool>,
    /// Percentiles, if it is a time.
    pub times: Option<Summary>,
}

pub(super) fn timed(
    name: &str,
    times: Option<Summary>,
    target: &'static str,
    met: impl Fn(Summary) -> bool,
) -> Measure {
    let value = times.map_or_else(dash, |one| format!("{:.0} / {:.0} / {:.0} ms", one.p50, one.p95, one.max));
    Measure {
        name: name.to_owned(),
        count: times.map_or(0, |one| one.count),
        value,
        target,
        passed: times.map(met),
        times,
    }
}

pub(super) fn all_of(name: &str, good: usize, of: usize) -> Measure {
    let passed = (of > 0).then_some(good == of);
    Measure {
        name: name.to_owned(),
        count: of,
        value: share_of(good, of),
        target: "all",
        passed,
        times: None,
    }
}

pub(super) fn none_of(name: &str, bad: usize, of: usize) -> Measure {
    let passed = (of > 0).then_some(bad == 0);
    Measure { name: name.to_owned(), count: of, value: share_of(bad, of), target: "0", passed, times: None }
}

pub(super) fn note(name: &str, count: usize, of: usize) -> Measure {
    Measure {
        name: name.to_owned(),
        count: of,
        value: share_of(count, of),
        target: "",
        passed: None,
        times: None,
    }
}

pub(super) fn share_of(count: usize, of: usize) -> String {
    if of == 0 { dash() } else { format!("{count} ({:.0} %)", 100.0 * count as f64 / of as f64) }
}

pub(super) fn dash() -> String {
    "–".to_owned()
}
