//! Findings as lines for people. Pure.

use crate::finding::{Finding, Report, State};

/// A finding, and below it what to do.
pub(crate) fn line(finding: &Finding) -> String {
    let Finding { name, message, fix, ms, .. } = finding;
    let told = format!("{:<8} {name:<20} {ms:>6} ms  {message}", word(finding.state));
    let told = match fix {
        Some(fix) => format!("{told}\n→ {fix}"),
        None => told,
    };
    for_terminal(&told)
}

/// What servers say may hold anything: no text of theirs controls the terminal or begins a line as findings do.
fn for_terminal(text: &str) -> String {
    let indent = format!("\n{:40}", "");
    text.replace('\n', &indent).replace(|letter: char| letter.is_control() && letter != '\n', " ")
}

/// How all of it ended.
pub(crate) fn summary(report: &Report) -> String {
    let [failed, warned, skipped] =
        [State::Failed, State::Warning, State::Skipped].map(|state| report.count(state));
    let verdict = if report.ok { "no check failed" } else { "not ready to take calls as configured" };
    format!(
        "{verdict}: {} checks, {failed} failed, {warned} with warnings, {skipped} skipped",
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
    fn a_strangers_text_neither_controls_the_terminal_nor_looks_like_a_finding() {
        let told = line(&Finding::ok("from-http", "version \u{1b}[2J1\nok       from-udp"));
        assert!(!told.contains('\u{1b}') && told.contains(" [2J1"), "{told:?}");
        assert!(told.lines().skip(1).all(|line| line.starts_with(' ')), "{told:?}");
    }

    #[test]
    fn the_summary_counts_each_state() {
        let found = vec![Finding::ok("a", "x"), Finding::skipped("b", "y"), Finding::warning("c", "z", "w")];
        let told = summary(&Report::of(found.clone(), false));
        assert_eq!(told, "no check failed: 3 checks, 0 failed, 1 with warnings, 1 skipped");
        assert!(summary(&Report::of(found, true)).starts_with("not ready"));
    }
}
