//! The results as tables. Pure.

use super::super::statistics::Summary;
use super::super::table::line;
use super::attack::Attacked;
use super::report::{Holdings, Newcomer, Report, Stop};
use super::victim::Heard;
use super::watch::Standing;

/// The tables of an attack.
#[must_use]
pub fn report(report: &Report) -> String {
    let mut out = String::new();
    calls(&mut out, report);
    attacks(&mut out, &report.storm);
    holdings(&mut out, &report.holdings);
    let health = report.health;
    line(
        &mut out,
        &format!(
            "\n/health: asked {} times, {} unanswered, slowest {:.0} ms",
            health.asked, health.unanswered, health.slowest_ms
        ),
    );
    line(&mut out, &newcomer(&report.newcomer));
    line(&mut out, &report.stop.as_ref().map_or_else(|| "SIGTERM: not sent (--term)".to_owned(), stop));
    for fault in &report.faults {
        line(&mut out, &format!("fault: {fault}"));
    }
    let verdict = if report.passed { "all is as it should be" } else { "not all is as it should be" };
    line(&mut out, &format!("\n{verdict}"));
    out
}

fn calls(out: &mut String, report: &Report) {
    line(
        out,
        &format!("{:<28}{:>12}{:>10}{:>10}{:>10}", "voice to voice, ms", "answered", "P50", "P95", "max"),
    );
    call(out, "without attacks", &report.quiet);
    call(out, "beside the attacks", &report.attacked);
    if let Some(slower) = report.slower {
        line(out, &format!("{:<28}{:>12}{:>10.2}{:>10.2}", "times as late", "", slower.p50, slower.p95));
    }
}

fn call(out: &mut String, name: &str, heard: &Heard) {
    let answered = format!("{} of {}", heard.answered, heard.asked);
    let delays = heard.voice_to_voice.as_ref().map_or_else(String::new, |one: &Summary| {
        format!("{:>10.0}{:>10.0}{:>10.0}", one.p50, one.p95, one.max)
    });
    let early = if heard.early > 0 { format!("  {} too early", heard.early) } else { String::new() };
    line(out, &format!("{name:<28}{answered:>12}{delays}{early}"));
}

fn attacks(out: &mut String, storm: &Attacked) {
    let from = storm.from.map_or_else(
        || "from the same address as the call: limits per address apply to both together".to_owned(),
        |from| format!("from {from}"),
    );
    line(out, &format!("\nall attacks at once for {:.0} s, {from}", storm.seconds));
    line(
        out,
        &format!("{:<44}{:>10}{:>10}{:>10}  {}", "", "sent", "MiB", "refused", "statuses and the like"),
    );
    for attack in &storm.attacks {
        let (tally, mib) = (&attack.tally, attack.tally.bytes as f64 / 1_048_576.0);
        let text = format!(
            "{:<44}{:>10}{mib:>10.1}{:>10}  {}",
            attack.name,
            tally.sent,
            attack.refused,
            tally.outcome()
        );
        line(out, text.trim_end());
    }
}

fn holdings(out: &mut String, holdings: &Holdings) {
    let Holdings { before, most, after, back_after_s } = holdings;
    line(out, &format!("\n{:<28}{:>10}{:>10}{:>10}", "held by", "before", "at most", "after"));
    for (name, at_most) in &most.rss_mib {
        let of = |standing: &Standing| {
            standing.rss_mib.get(name).map_or_else(|| "–".to_owned(), |mib| format!("{mib:.1}"))
        };
        let name = format!("{name}, MiB");
        line(out, &format!("{name:<28}{:>10}{at_most:>10.1}{:>10}", of(before), of(after)));
    }
    for (name, [before, most, after]) in [
        ("threads", [before, most, after].map(|one| one.threads)),
        ("files and sockets", [before, most, after].map(|one| one.descriptors)),
    ] {
        line(out, &format!("{name:<28}{before:>10}{most:>10}{after:>10}"));
    }
    line(
        out,
        &back_after_s.map_or_else(
            || "memory and connections did not come back".to_owned(),
            |seconds| format!("memory and connections were back after {seconds:.1} s"),
        ),
    );
}

fn newcomer(newcomer: &Newcomer) -> String {
    match (newcomer.ready_ms, &newcomer.fault) {
        (Some(ms), _) => format!("another client's call, begun beside the attacks: ready after {ms:.0} ms"),
        (None, Some(fault)) => format!("another client's call, begun beside the attacks: {fault}"),
        (None, None) => "another client's call: not tried".to_owned(),
    }
}

fn stop(stop: &Stop) -> String {
    let took = stop.took_s.map_or_else(|| "not ended".to_owned(), |took| format!("ended after {took:.1} s"));
    let told = if stop.told { "told of its end" } else { "cut off" };
    let assumed = if stop.assumed { ", the default; give it with --drain" } else { "" };
    format!("SIGTERM: {took}, the call {told} (server.drain_seconds: {}{assumed})", stop.drain_s)
}

#[cfg(test)]
mod tests {
    use super::super::report::tests::good;
    use super::*;

    #[test]
    fn the_table_has_the_ratio_the_refusals_and_the_end() {
        let mut shown = good();
        shown.holdings.most.rss_mib.insert("visavis".to_owned(), 400.0);
        shown.holdings.before.rss_mib.insert("visavis".to_owned(), 90.0);
        let text = report(&shown);
        for expected in [
            "without attacks                   5 of 5       800      1000      1000",
            "times as late                                 1.25      1.40",
            "all attacks at once for 60 s, from 127.0.0.2",
            "503: 1",
            "visavis, MiB                      90.0     400.0         –",
            "SIGTERM: ended after 9.1 s, the call told of its end (server.drain_seconds: 10)",
            "all is as it should be",
        ] {
            assert!(text.contains(expected), "{expected:?} is not in\n{text}");
        }
        let text = report(&Report { stop: None, ..good() });
        assert!(text.contains("SIGTERM: not sent (--term)"), "{text}");
    }
}
