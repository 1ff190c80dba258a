//! The results as tables.

use super::Report;
use super::caller::Tally;
use super::cut::{Blow, CutReport};
use super::outage::OutageReport;
use super::rollout::RolloutReport;
use crate::statistics::Summary;
use crate::table::line;

/// All tables.
#[must_use]
pub fn report(report: &Report) -> String {
    let mut out = String::new();
    for cut in [&report.kill, &report.reload].into_iter().flatten() {
        cuts(&mut out, cut);
    }
    if let Some(report) = &report.rollout {
        rollout(&mut out, report);
    }
    if let Some(report) = &report.redis {
        outages(&mut out, report);
    }
    out
}

fn rollout(out: &mut String, report: &RolloutReport) {
    line(out, &format!("\ntwo servers restarted one after the other under {} callers", report.calls));
    tally(out, &report.tally);
    for (name, summary) in [("the call goes on", report.back), ("the agent is heard", report.sound)] {
        if let Some(summary) = summary {
            line(out, &format!("{name} after the loss: {}", in_ms(summary)));
        }
    }
    let restarts: Vec<String> = report.restarts_s.iter().map(|seconds| format!("{seconds:.1} s")).collect();
    line(out, &format!("SIGTERM to ready: {}", restarts.join(", ")));
    line(out, if report.passed { "passed" } else { "missed" });
}

fn outages(out: &mut String, report: &OutageReport) {
    line(out, "\nRedis away under a caller");
    for outage in &report.outages {
        let told = if outage.told { "told by /ready" } else { "not told by /ready" };
        let stored = outage.stored_after_s.map_or_else(
            || "never stored".to_owned(),
            |seconds| format!("all stored {seconds:.1} s after its return"),
        );
        line(out, &format!("{:?}: {told}, {stored}", outage.blow));
    }
    tally(out, &report.tally);
    line(out, if report.passed { "passed" } else { "missed" });
}

fn tally(out: &mut String, tally: &Tally) {
    let Tally { turns, turns_lost, handed_over, asked_again, moves, words, words_lost, .. } = tally;
    let lost = turns_lost + asked_again;
    line(
        out,
        &format!("turns lost {lost} of {turns}: {turns_lost} without a response, {asked_again} asked again"),
    );
    line(out, &format!("questions that were cut off and handed over {handed_over}"));
    line(out, &format!("moves {moves}; words of history lost {words_lost} of {words}"));
    for fault in &tally.faults {
        line(out, &format!("fault: {fault}"));
    }
}

fn in_ms(summary: Summary) -> String {
    let Summary { p50, p95, max, .. } = summary;
    format!("P50 {p50:.0}, P95 {p95:.0}, max {max:.0} ms")
}

fn cuts(out: &mut String, report: &CutReport) {
    let ms = |ms: Option<f64>| ms.map_or_else(|| "–".to_owned(), |ms| format!("{ms:.0}"));
    let (blow, limit) = match report.blow {
        Blow::Kill => ("the server killed", "after it is ready"),
        Blow::Takeover => ("the first of two servers killed", "after that, from the second"),
        Blow::Reload => ("the page loaded anew", "after it left"),
    };
    line(out, &format!("\n{blow} in mid-answer: heard again within {} ms {limit}", report.blow.limit_ms()));
    line(
        out,
        &format!(
            "{:>5}{:>10}{:>10}{:>7}{:>10}  {:<9}faults",
            "trial", "down ms", "sound ms", "lost", "repeated", "knows"
        ),
    );
    for (number, trial) in (1..).zip(&report.trials) {
        let words = |count: Option<usize>| count.map_or_else(|| "–".to_owned(), |count| count.to_string());
        let text = format!(
            "{number:>5}{:>10}{:>10}{:>7}{:>10}  {:<9}{}",
            ms(trial.down_ms),
            ms(trial.sound_ms),
            words(trial.seam.map(|seam| seam.lost)),
            words(trial.seam.map(|seam| seam.repeated)),
            if trial.remembered { "yes" } else { "no" },
            trial.faults(report.blow).join("; ")
        );
        line(out, text.trim_end());
    }
    if let Some(sound) = report.sound {
        line(out, &format!("sound {}", in_ms(sound)));
    }
    line(out, &format!("{} of {} passed", report.good, report.trials.len()));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::survive::cut::Trial;

    #[test]
    fn each_trial_has_a_line_with_what_was_wrong_and_the_last_line_counts() {
        let trial = Trial { sound_ms: Some(900.0), remembered: true, ..Trial::default() };
        let trials = vec![trial];
        let kill = CutReport { blow: Blow::Kill, trials, sound: None, good: 0, passed: false };
        let text = report(&Report { kill: Some(kill), ..Report::default() });
        let wanted = "    1         –       900      –         –  yes      the next answer lacks the fact";
        assert!(text.lines().any(|line| line == wanted), "{text}");
        assert!(text.ends_with("0 of 1 passed\n"), "{text}");
    }
}
