//! The results as tables.

use super::load::LoadReport;
use super::{Report, VoiceReport};
use crate::table::line;

/// The tables of all that was measured.
#[must_use]
pub fn report(report: &Report) -> String {
    let mut out = String::new();
    heard(&mut out, &report.voices);
    pace(&mut out, &report.voices);
    first(&mut out, &report.voices);
    lips(&mut out, &report.voices);
    misheard(&mut out, &report.voices);
    if let Some(report) = &report.load {
        load(&mut out, report);
    }
    let verdict = if report.passed { "every target is met" } else { "targets are missed" };
    line(&mut out, &format!("\n{verdict}"));
    out
}

fn mark(held: Option<bool>) -> &'static str {
    match held {
        Some(true) => "",
        Some(false) => "  missed",
        None => "  no target",
    }
}

fn heard(out: &mut String, voices: &[VoiceReport]) {
    let rows: Vec<_> = voices.iter().filter_map(|one| Some((one, one.heard.as_ref()?))).collect();
    if rows.is_empty() {
        return;
    }
    line(out, "heard by the recogniser; at most 10 % of the words wrong, missing or too many");
    let head = ["sentences", "words", "errors", "in writing", "error rate", "with digits"]
        .map(|name| format!("{name:>13}"))
        .concat();
    line(out, &format!("\n{:<28}{:<4}{head}", "voice", ""));
    for (one, heard) in rows {
        line(
            out,
            &format!(
                "{:<28}{:<4}{:>13}{:>13}{:>13}{:>13}{:>11.1} %{:>13}{}",
                one.voice,
                one.language,
                heard.sentences,
                heard.words,
                heard.errors,
                heard.writing,
                heard.word_error_rate * 100.0,
                heard.digits,
                mark(one.understood())
            ),
        );
    }
}

fn pace(out: &mut String, voices: &[VoiceReport]) {
    let rows: Vec<_> = voices.iter().filter_map(|one| Some((one, one.pace.as_ref()?))).collect();
    if rows.is_empty() {
        return;
    }
    line(
        out,
        "\nwhole sentences, one at a time: ms to the first part, and seconds of work per second of speech",
    );
    line(
        out,
        &format!("\n{:<28}{:<4}{:>13}{:>13}{:>13}{:>13}", "voice", "", "P50 ms", "P95 ms", "P50", "P95"),
    );
    for (one, pace) in rows {
        let (ms, factor) = (pace.first_ms, pace.real_time_factor);
        let text = format!("{:>13.0}{:>13.0}{:>13.2}{:>13.2}", ms.p50, ms.p95, factor.p50, factor.p95);
        line(out, &format!("{:<28}{:<4}{text}", one.voice, one.language));
    }
}

fn first(out: &mut String, voices: &[VoiceReport]) {
    let rows: Vec<_> = voices.iter().filter_map(|one| Some((one, one.first.as_ref()?))).collect();
    if rows.is_empty() {
        return;
    }
    line(out, "\nfirst sound of six words: ms, and in lengths of what is said; the median at most 1.6");
    let head = ["n", "P50 ms", "P95 ms", "P50", "P95"].map(|name| format!("{name:>13}")).concat();
    line(out, &format!("\n{:<28}{:<4}{head}", "voice", ""));
    for (one, first) in rows {
        let (ms, ratio) = (first.ms, first.ratio);
        let text =
            format!("{:>13}{:>13.0}{:>13.0}{:>13.2}{:>13.2}", ms.count, ms.p50, ms.p95, ratio.p50, ratio.p95);
        line(out, &format!("{:<28}{:<4}{text}{}", one.voice, one.language, mark(one.soon())));
    }
}

fn lips(out: &mut String, voices: &[VoiceReport]) {
    let rows: Vec<_> = voices.iter().filter_map(|one| Some((one, one.lips.as_ref()?))).collect();
    if rows.is_empty() {
        return;
    }
    line(
        out,
        "\nlips at 60 frames/s; at least 95 % of p, b, m closed, 90 % of f, v at the teeth, lag within 40 ms",
    );
    let head =
        ["times from", "p, b, m", "of", "f, v", "of", "lag"].map(|name| format!("{name:>13}")).concat();
    line(out, &format!("\n{:<28}{:<4}{head}", "voice", ""));
    for (one, lips) in rows {
        let (closed, teeth) = (lips.closure * 100.0, lips.contact * 100.0);
        let text = format!(
            "{:>13}{closed:>11.1} %{:>13}{teeth:>11.1} %{:>13}{:>10.0} ms",
            lips.source, lips.scores.bilabials, lips.scores.labiodentals, lips.lag_ms
        );
        line(out, &format!("{:<28}{:<4}{text}{}", one.voice, one.language, mark(one.seen())));
    }
}

fn misheard(out: &mut String, voices: &[VoiceReport]) {
    for one in voices {
        let sentences = one.heard.iter().flat_map(|heard| &heard.misheard);
        for (number, sentence) in sentences.enumerate() {
            if number == 0 {
                line(out, &format!("\n{}", one.voice));
            }
            line(out, &format!("{:>4}  said   {}", sentence.errors, sentence.said));
            line(out, &format!("{:>4}  heard  {}", "", sentence.heard));
        }
    }
}

fn load(out: &mut String, report: &LoadReport) {
    line(out, "\n50 at once, 25 of them dropped; the others as in a quiet run");
    let head = ["whole", "unequal", "dropped", "failed", "seconds", "RSS MiB"];
    line(out, &format!("\n{:<8}{}", "round", head.map(|name| format!("{name:>10}")).concat()));
    for (number, round) in (1_usize..).zip(&report.rounds) {
        let rss = round.rss_mib.map_or_else(|| "–".to_owned(), |mib| format!("{mib:.1}"));
        line(
            out,
            &format!(
                "{number:<8}{:>10}{:>10}{:>10}{:>10}{:>10.1}{rss:>10}",
                round.whole,
                round.unequal,
                round.dropped,
                round.failed.len(),
                round.seconds
            ),
        );
    }
    let growth = match report.growth_mib.zip(report.growth_percent) {
        Some((mib, percent)) => format!("{mib:+.1} MiB ({percent:+.1} %)"),
        None => "not known".to_owned(),
    };
    let missed = if report.passed { "" } else { "  missed" };
    line(out, &format!("memory from round 2 to the last: {growth}, at most +3 %{missed}"));
    for why in report.rounds.iter().flat_map(|round| &round.failed).take(5) {
        line(out, &format!("fault: {why}"));
    }
}
