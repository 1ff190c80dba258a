//! The results as tables.

use super::Report;
use super::cut::{Blow, CutReport};
use crate::table::line;

/// All tables.
#[must_use]
pub fn report(report: &Report) -> String {
    let mut out = String::new();
    for cut in [&report.kill, &report.reload].into_iter().flatten() {
        cuts(&mut out, cut);
    }
    out
}

fn cuts(out: &mut String, report: &CutReport) {
    let ms = |ms: Option<f64>| ms.map_or_else(|| "–".to_owned(), |ms| format!("{ms:.0}"));
    let (blow, limit) = match report.blow {
        Blow::Kill => ("the server killed", "after it is ready"),
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
        let text = format!("sound P50 {:.0}, P95 {:.0}, max {:.0} ms", sound.p50, sound.p95, sound.max);
        line(out, &text);
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
