//! Findings as lines for people. Pure.

use crate::finding::{Finding, Report, State};

/// A finding, and below it what to do.
pub(crate) fn line(finding: &Finding) -> String {
    let Finding { name, message, fix, ms, .. } = finding;
    let told = format!("{:<8} {name:<20} {ms:>6} ms  {message}", word(finding.state));
    match fix {
        Some(fix) => format!("{told}\n{:40}→ {fix}", ""),
        None => told,
    }
}

/// How all of it ended.
pub(crate) fn summary(report: &Report) -> String {
    let [failed, warned, skipped] =
        [State::Failed, State::Warning, State::Skipped].map(|state| report.count(state));
    let verdict = if report.ok { "no check failed" } else { "not ready to take calls as configured" };
    format!(
        "{verdict}: {} checks, {failed} failed, {warned} warnings, {skipped} skipped",
        report.checks.len()
    )
}

fn word(state: State) -> &'static str {
    match state {
        State::Skipped => "skipped",
        State::Ok => "ok",
        State::Warning => "warning",
        State::Failed => "failed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_the_state_the_check_and_below_what_to_do() {
        let told = line(&Finding::failed("port-http", "is taken", "choose another"));
        let lines: Vec<&str> = told.lines().collect();
        assert!(
            lines[0].starts_with("failed   port-http ") && lines[0].ends_with("0 ms  is taken"),
            "{told}"
        );
        assert_eq!((lines.len(), lines[1].trim()), (2, "→ choose another"));
        assert_eq!(line(&Finding::ok("port-http", "is free")).lines().count(), 1);
    }

    #[test]
    fn the_summary_counts_each_state() {
        let found = vec![Finding::ok("a", "x"), Finding::skipped("b", "y"), Finding::warning("c", "z", "w")];
        let told = summary(&Report::of(found.clone(), false));
        assert_eq!(told, "no check failed: 3 checks, 0 failed, 1 warnings, 1 skipped");
        assert!(summary(&Report::of(found, true)).starts_with("not ready"));
    }
}
