//! The results as tables.

use std::fmt::Write;

use super::avatar::browser::Report as FaceReport;
use super::avatar::lips::LipsReport;
use super::calls::CallsReport;
use super::churn::ChurnReport;
use super::conversation::Report as ConversationReport;
use super::failures::Report as FailuresReport;
use super::idle::IdleReport;
use super::interrupt::InterruptReport;
use super::process::Usage;
use super::statistics::Summary;
use visavis_client::CallStats;

/// Share of late frames above which this machine is too busy for the latencies to be the server's.
const TOO_LATE: f64 = 0.01;

/// The table of questions and responses.
#[must_use]
pub fn calls(report: &CallsReport) -> String {
    let mut out = String::new();
    line(&mut out, &format!("{} call(s), {} question(s) asked", report.calls, report.asked));
    line(
        &mut out,
        &format!("\n{:<28}{:>8}{:>10}{:>10}{:>10}", "ms after the last word", "n", "P50", "P95", "max"),
    );
    summary(&mut out, "voice to voice", report.voice_to_voice.as_ref());
    for (name, stage) in &report.stages {
        // Without its number, which only keeps the order.
        summary(&mut out, &format!("  {}", &name[2..]), Some(stage));
    }
    summary(&mut out, "  first frame at the client", report.first_frame.as_ref());
    summary(&mut out, "call set-up", report.setup.as_ref());
    for (name, stage) in &report.setup_stages {
        summary(&mut out, &format!("  {}", &name[2..]), Some(stage));
    }
    line(
        &mut out,
        &format!(
            "\nresponses missing {} of {}; begun too early {}; interrupted {}",
            report.missing, report.asked, report.early, report.interruptions
        ),
    );
    if let Some(rate) = report.word_error_rate {
        line(&mut out, &format!("word error rate {rate:.3} (mean over the questions with known words)"));
    }
    costs(&mut out, &report.processes, &report.driver, report.call_seconds);
    growth(&mut out, report.rss_growth_per_call_mib);
    client(&mut out, report.client, &report.faults);
    out
}

/// The table of the face in a browser.
#[must_use]
pub fn face(report: &FaceReport) -> String {
    let skew = &report.measured.report;
    let mut out = String::new();
    line(
        &mut out,
        &format!(
            "{:.0} s, the face spoke for {:.0} s; {} windows of 2 s, correlation {:.2}; {:.0} frames/s",
            skew.seconds,
            skew.speaking_seconds,
            skew.windows,
            skew.correlation.unwrap_or_default(),
            skew.frames_per_s.unwrap_or_default(),
        ),
    );
    line(&mut out, &format!("\n{:<32}{:>10}{:>10}  {:<8}", "", "measured", "limit", ""));
    for target in &report.targets {
        let measured = target.measured.map_or_else(|| "-".into(), |value| format!("{value:.1}"));
        let held = if target.held { "" } else { "missed" };
        line(
            &mut out,
            &format!("{:<32}{measured:>10}{:>10}  {:<8}{held}", target.what, target.limit, target.unit),
        );
    }
    line(
        &mut out,
        &format!(
            "\nmessages {}; malformed {}; frames late {}; gaps bridged {}",
            skew.received, skew.malformed, skew.late, skew.bridged
        ),
    );
    out
}

/// The table of the lips.
#[must_use]
pub fn lips(report: &LipsReport) -> String {
    let texts = if report.held_out {
        "texts that the lips were not tuned on"
    } else {
        "texts that they were tuned on"
    };
    let mut out = String::new();
    line(
        &mut out,
        &format!(
            "lips over {texts}; at least 95 % of p, b, m closed, 90 % of f, v at the teeth, lag within 40 ms\n"
        ),
    );
    line(
        &mut out,
        &format!(
            "{:<9}{:>4}{:>6}{:>12}{:>14}{:>11}{:>9}{:>9}{:>13}",
            "language", "fps", "texts", "times from", "p, b, m", "f, v", "lag", "jerk", "overclosed"
        ),
    );
    for row in &report.rows {
        let (closed, teeth) = (row.closure * 100.0, row.contact * 100.0);
        let missed = if row.passed() { "" } else { "  missed" };
        line(
            &mut out,
            &format!(
                "{:<9}{:>4}{:>6}{:>12}{:>7.1} % /{:>4}{:>9.1} %{:>6.0} ms{:>9.0}{:>13}{missed}",
                row.language,
                row.fps,
                row.texts,
                row.source,
                closed,
                row.scores.bilabials,
                teeth,
                row.lag_ms,
                row.jerk,
                row.scores.overclosed
            ),
        );
    }
    out
}

/// The table of listening calls.
#[must_use]
pub fn idle(report: &IdleReport) -> String {
    let mut out = String::new();
    line(&mut out, &format!("{} call(s) connected and listening for {:.0} s", report.calls, report.seconds));
    costs(&mut out, &report.processes, &report.driver, report.seconds * report.calls as f64);
    if !report.processes.is_empty() {
        line(&mut out, &format!("all calls: {:.1} % of a core", report.core_percent));
    }
    growth(&mut out, report.rss_growth_per_call_mib);
    if let Some(further) = report.rss_growth_per_further_call_mib {
        line(&mut out, &format!("the same of the second half of the calls alone {further:+.2} MiB"));
    }
    line(&mut out, &format!("each microphone sent {:.1} packets a second", report.packets_per_call_second));
    client(&mut out, report.client, &report.faults);
    out
}

/// The table of calls opened and closed.
#[must_use]
pub fn churn(report: &ChurnReport) -> String {
    let mut out = String::new();
    let (opened, rude) = (report.opened, report.without_goodbye);
    line(&mut out, &format!("{opened} calls opened and closed, {rude} of them left without a goodbye"));
    line(&mut out, &format!("\n{:<28}{:>8}{:>10}{:>10}{:>10}", "ms", "n", "P50", "P95", "max"));
    summary(&mut out, "call set-up", report.setup.as_ref());
    let mib = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |value| format!("{value:.1} MiB"));
    line(
        &mut out,
        &format!(
            "\nserver memory: {} cold, {} before, {} after{}",
            mib(report.rss_cold_mib),
            mib(report.rss_before_mib),
            mib(report.rss_after_mib),
            report.rss_growth_percent.map_or_else(String::new, |percent| format!(" ({percent:+.1} %)"))
        ),
    );
    if let Some((before, after)) = report.threads {
        line(&mut out, &format!("server threads: {before} before, {after} after"));
    }
    let active = report.calls_active.map_or_else(|| "–".to_owned(), |active| format!("{active}"));
    let forgotten = report.forgotten_after_s.map_or_else(
        || "the server has not forgotten them all".to_owned(),
        |seconds| format!("the last was forgotten after {seconds:.1} s"),
    );
    line(&mut out, &format!("calls still counted (visavis_calls_active): {active}; {forgotten}"));
    faults(&mut out, &report.faults);
    out
}

/// The table of barge-ins.
#[must_use]
pub fn interrupt(report: &InterruptReport) -> String {
    let mut out = String::new();
    line(&mut out, &format!("{} call(s), {} interruption(s)", report.calls, report.interruptions));
    line(&mut out, &format!("\n{:<28}{:>8}{:>10}{:>10}{:>10}", "ms", "n", "P50", "P95", "max"));
    summary(&mut out, "first word to silence", report.silent_after.as_ref());
    summary(&mut out, "voice to voice thereafter", report.voice_to_voice.as_ref());
    let (whole, missing) = (report.not_cut_off, report.missing);
    line(&mut out, &format!("\nresponses not cut off {whole}; interruptions without a response {missing}"));
    faults(&mut out, &report.faults);
    out
}

/// The table of engine failures.
#[must_use]
pub fn failures(report: &FailuresReport) -> String {
    let mut out = String::new();
    let ms = |ms: Option<f64>| ms.map_or_else(|| "–".to_owned(), |ms| format!("{ms:.0}"));
    line(
        &mut out,
        &format!("{:<6}{:<6}{:<12}{:>12}{:>12}  faults", "blow", "to", "phase", "silent ms", "ready ms"),
    );
    for one in &report.trials {
        let (blow, victim) = (format!("{:?}", one.blow), format!("{:?}", one.victim));
        let faults =
            if one.struck { one.faults().join("; ") } else { "the phase was not reached".to_owned() };
        let text = format!(
            "{blow:<6}{victim:<6}{:<12}{:>12}{:>12}  {faults}",
            format!("{:?}", one.phase),
            ms(one.next_sound_ms),
            ms(one.ready_ms)
        );
        line(&mut out, text.trim_end());
    }
    let struck = report.trials.iter().filter(|one| one.struck).count();
    let good = report.trials.iter().filter(|one| one.struck && one.faults().is_empty()).count();
    line(&mut out, &format!("\n{good} of {struck} passed; calls ended {}", report.ended.len()));
    faults(&mut out, &report.ended);
    out
}

/// The table of scripted scenarios and their targets.
#[must_use]
pub fn conversation(report: &ConversationReport) -> String {
    let mut out = String::new();
    line(&mut out, &format!("{:<46}{:>6}{:>26}  {}", "measure", "n", "P50 / P95 / max, or count", "target"));
    for one in &report.measures {
        let mark = one.passed.map_or("", |passed| if passed { "✓" } else { "✗" });
        let text = format!("{:<46}{:>6}{:>26}  {:<22}{mark}", one.name, one.count, one.value, one.target);
        line(&mut out, text.trim_end());
    }
    let missed = report.measures.iter().filter(|one| one.passed == Some(false)).count();
    let verdict =
        if missed == 0 { "every target is met".to_owned() } else { format!("{missed} targets are missed") };
    line(&mut out, &format!("\n{verdict}"));
    let faults: Vec<String> = report
        .runs
        .iter()
        .filter_map(|run| Some(format!("{} {}: {}", run.scenario, run.repetition + 1, run.fault.as_ref()?)))
        .collect();
    client(&mut out, report.client, &faults);
    out
}

/// Adds a line.
pub(crate) fn line(out: &mut String, text: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(out, "{text}");
}

fn summary(out: &mut String, name: &str, summary: Option<&Summary>) {
    let text = summary.map_or_else(
        || format!("{name:<28}{:>8}", 0),
        |one| format!("{name:<28}{:>8}{:>10.0}{:>10.0}{:>10.0}", one.count, one.p50, one.p95, one.max),
    );
    line(out, &text);
}

fn costs(out: &mut String, server: &[Usage], driver: &[Usage], call_seconds: f64) {
    let head = format!("over {call_seconds:.0} call-seconds");
    line(
        out,
        &format!("\n{head:<28}{:>20}{:>14}{:>14}", "CPU-ms/call-second", "RSS start MiB", "RSS end MiB"),
    );
    let row = |name: String, one: &Usage| {
        format!(
            "{name:<28}{:>20.1}{:>14.1}{:>14.1}",
            one.cpu_ms_per_call_second, one.rss_start_mib, one.rss_end_mib
        )
    };
    if server.is_empty() {
        line(out, "the server's process is not known: give --pid to measure its cost");
    }
    for one in server {
        line(out, &row(format!("{} ({})", one.name, one.pid), one));
    }
    for one in driver {
        line(out, &row("this driver".to_owned(), one));
    }
}

fn growth(out: &mut String, per_call: Option<f64>) {
    if let Some(growth) = per_call {
        line(out, &format!("server memory per call {growth:+.2} MiB"));
    }
}

fn client(out: &mut String, stats: CallStats, why: &[String]) {
    if stats.packets_lost + stats.audio_dropped > 0 {
        let (lost, dropped) = (stats.packets_lost, stats.audio_dropped);
        line(out, &format!("{lost} packets never arrived, {dropped} frames were not read in time"));
    }
    let late = stats.late_frames as f64 / stats.frames.max(1) as f64;
    if late > TOO_LATE {
        let (percent, worst) = (late * 100.0, stats.latest_frame_us / 1_000);
        let text = format!("{percent:.1} % of the microphones' frames left late, up to {worst} ms");
        line(out, &format!("{text}: this machine is too busy to trust the latencies"));
    }
    faults(out, why);
}

fn faults(out: &mut String, why: &[String]) {
    const SHOWN: usize = 5;
    for fault in why.iter().take(SHOWN) {
        line(out, &format!("fault: {fault}"));
    }
    if why.len() > SHOWN {
        line(out, &format!("… and {} more faults", why.len() - SHOWN));
    }
}
