//! Compares all runs with the targets. Pure.

use super::judge::{Interruption, Observed};
use super::measure::{Measure, Run, all_of, dash, none_of, note, share_of, timed};
use super::understood::understood;
use crate::statistics::{Summary, summarise};

/// Longest pause that a listener takes for one between sentences; a longer one is a hole.
const LONGEST_PAUSE_MS: f64 = 600.0;
/// The targets; they need enough runs for the percentiles to be meaningful.
const VOICE_TO_VOICE_P50: f64 = 750.0;
const VOICE_TO_VOICE_P95: f64 = 1_200.0;
const CUT_OFFS: f64 = 0.10;
const SILENT_P50: f64 = 300.0;
const SILENT_AFTER_WORD_P99: f64 = 60.0;
const SILENT_OVER_ECHO: f64 = 800.0;
const TRUNCATION_WORDS: usize = 1;
const TRUNCATION_SHARE: f64 = 0.95;
const CPU_SECONDS: f64 = 2.5;

/// The measures of all runs.
#[must_use]
pub fn sum_up(runs: &[Run]) -> Vec<Measure> {
    let of = |name: &'static str| runs.iter().filter(move |run| run.scenario == name);
    let mut measures = latency(runs);
    measures.extend(cut_offs(runs));
    measures.extend(interruptions(runs));
    measures.extend(asides(runs));
    for (name, what) in [
        ("silence", "transcripts and responses in silence"),
        ("television-alone", "transcripts and responses to a television"),
    ] {
        let out_of_nothing: usize = of(name).map(|run| run.observed.out_of_nothing).sum();
        measures.push(none_of(what, out_of_nothing, of(name).count()));
    }
    let noisy: Vec<_> = runs.iter().filter(|run| run.observed.noises > 0).collect();
    measures.push(none_of(
        "calls with turns made of laughter and the like",
        noisy.iter().filter(|run| run.observed.unasked > 0).count(),
        noisy.len(),
    ));
    measures.extend(beside(runs));
    measures.extend(understood(runs));
    measures.push(word_errors(runs));
    let cpu =
        summarise(of("plain").filter(|run| run.fault.is_none()).filter_map(|run| run.cpu_seconds).collect());
    measures.push(Measure {
        name: "CPU-seconds per plain turn".to_owned(),
        count: cpu.map_or(0, |cpu| cpu.count),
        value: cpu.map_or_else(dash, |cpu| format!("P50 {:.2}", cpu.p50)),
        target: "P50 ≤ 2.5",
        passed: cpu.map(|cpu| cpu.p50 <= CPU_SECONDS),
        times: None,
    });
    let missed: usize = runs.iter().map(|run| run.observed.missed).sum();
    measures.push(Measure {
        name: "lines that missed the response they were for".to_owned(),
        count: runs.len(),
        value: missed.to_string(),
        target: "",
        passed: None,
        times: None,
    });
    measures.push(none_of(
        "calls that failed",
        runs.iter().filter(|run| run.fault.is_some()).count(),
        runs.len(),
    ));
    measures
}

fn latency(runs: &[Run]) -> Vec<Measure> {
    let turns: Vec<_> = runs.iter().flat_map(|run| &run.observed.turns).collect();
    let times = summarise(turns.iter().filter_map(|turn| turn.voice_to_voice_ms).collect());
    let met = |one: Summary| one.p50 <= VOICE_TO_VOICE_P50 && one.p95 <= VOICE_TO_VOICE_P95;
    let answered = turns.iter().filter(|turn| turn.answered).count();
    vec![
        timed("voice to voice", times, "P50 ≤ 750, P95 ≤ 1200", met),
        all_of("turns that were answered", answered, turns.len()),
    ]
}

fn cut_offs(runs: &[Run]) -> Vec<Measure> {
    let mut measures = Vec::new();
    let cut = |run: &Run| {
        run.observed.turns.first().is_some_and(|turn| turn.taken_early || turn.audible_early_ms.is_some())
    };
    let counted: Vec<&Run> =
        runs.iter().filter(|run| run.mid_sentence && !run.observed.turns.is_empty()).collect();
    let wrong = counted.iter().filter(|run| cut(run)).count();
    let share = wrong as f64 / counted.len().max(1) as f64;
    measures.push(Measure {
        name: "sentences cut off in a pause".to_owned(),
        count: counted.len(),
        value: share_of(wrong, counted.len()),
        target: "≤ 10 %",
        passed: (!counted.is_empty()).then_some(share <= CUT_OFFS),
        times: None,
    });
    let audible = |run: &&&Run| run.observed.turns[0].audible_early_ms.is_some();
    measures.push(note("  of these audibly", counted.iter().filter(audible).count(), counted.len()));
    let mut names: Vec<&'static str> = counted.iter().map(|run| run.scenario).collect();
    let mut seen = std::collections::HashSet::new();
    names.retain(|name| seen.insert(*name));
    for name in names {
        let of: Vec<&&Run> = counted.iter().filter(|run| run.scenario == name).collect();
        measures.push(note(&format!("  {name}"), of.iter().filter(|run| cut(run)).count(), of.len()));
    }
    let long: Vec<&Run> =
        runs.iter().filter(|run| run.scenario == "monologue" && !run.observed.turns.is_empty()).collect();
    let spoken_into = long.iter().filter(|run| run.observed.turns[0].audible_early_ms.is_some()).count();
    measures.push(none_of("monologues that the agent interrupted", spoken_into, long.len()));
    measures
}

fn interruptions(runs: &[Run]) -> Vec<Measure> {
    // On its last word a response may end by itself before it can be stopped.
    let real = |run: &&Run| run.scenario != "last-word" && !run.beside;
    let all: Vec<_> = runs.iter().filter(real).flat_map(|run| &run.observed.interruptions).collect();
    let stopped = all.iter().filter(|one| one.stopped).count();
    let silent = summarise(all.iter().filter_map(|one| one.silent_after_ms).collect());
    let after_word: Vec<f64> = all.iter().filter_map(|one| one.silent_after_word_ms).collect();
    let late = after_word.iter().filter(|ms| **ms > SILENT_AFTER_WORD_P99).count();
    let rare = late as f64 <= after_word.len() as f64 * 0.01;
    let truncations: Vec<_> = runs.iter().flat_map(|run| &run.observed.truncations).collect();
    let exact = truncations.iter().filter(|one| one.error <= TRUNCATION_WORDS).count();
    let share = exact as f64 / truncations.len().max(1) as f64;
    vec![
        all_of("interruptions that stopped the response", stopped, all.len()),
        timed("their first sample to silence", silent, "P50 ≤ 300", |one| one.p50 <= SILENT_P50),
        timed("the server's word to silence", summarise(after_word), "P99 ≤ 60", |_| rare),
        Measure {
            name: "truncation within one word".to_owned(),
            count: truncations.len(),
            value: share_of(exact, truncations.len()),
            target: "≥ 95 %",
            passed: (!truncations.is_empty()).then_some(share >= TRUNCATION_SHARE),
            times: None,
        },
    ]
}

fn asides(runs: &[Run]) -> Vec<Measure> {
    let mut measures = Vec::new();
    let all: Vec<_> = runs.iter().flat_map(|run| &run.observed.asides).collect();
    measures.push(none_of(
        "asides that stopped the response",
        all.iter().filter(|one| one.stopped).count(),
        all.len(),
    ));
    for name in ["mm-hm", "uh-huh", "yeah", "yeah-four", "okay", "cough", "door", "exclamations"] {
        let of: Vec<_> =
            runs.iter().filter(|run| run.scenario == name).flat_map(|run| &run.observed.asides).collect();
        if !of.is_empty() {
            measures.push(note(&format!("  {name}"), of.iter().filter(|one| one.stopped).count(), of.len()));
        }
    }
    let unmoved: Vec<_> = all.iter().filter(|one| !one.stopped).collect();
    let holes = unmoved.iter().filter(|one| one.hole_ms > LONGEST_PAUSE_MS).count();
    let repeated = unmoved.iter().filter(|one| one.repeated || one.words_lost).count();
    measures.push(none_of("responses with a hole of 0.6 s after an aside", holes, unmoved.len()));
    measures.push(none_of("responses that lost or repeated sound after one", repeated, unmoved.len()));
    measures.push(note(
        "asides that were answered",
        all.iter().filter(|one| one.answered).count(),
        all.len(),
    ));
    measures
}

/// How the agent reacts to its own voice and to other people's.
fn beside(runs: &[Run]) -> Vec<Measure> {
    let of: Vec<&Observed> = runs.iter().filter(|run| run.beside).map(|run| &run.observed).collect();
    let count = |what: fn(&Observed) -> usize| of.iter().filter(|one| what(one) > 0).count();
    let stops: Vec<_> = of.iter().flat_map(|one| &one.interruptions).collect();
    let soon = |one: &&&Interruption| one.silent_after_ms.is_some_and(|ms| ms <= SILENT_OVER_ECHO);
    vec![
        none_of("calls with turns made of echo or other people", count(|one| one.unasked), of.len()),
        none_of("calls with responses cut off by them", count(|one| one.cut_by_nobody), of.len()),
        none_of("calls with a hole of 0.3 s in a response", count(|one| one.holes), of.len()),
        all_of("\"Stop.\" over an echo, silent within 0.8 s", stops.iter().filter(soon).count(), stops.len()),
    ]
}

fn word_errors(runs: &[Run]) -> Measure {
    // Numbers may be written in words or in digits.
    let written = runs.iter().filter(|run| run.scenario != "digits");
    let known: Vec<(usize, usize)> = written.filter_map(|run| run.observed.word_errors).collect();
    let (errors, words) = known.iter().fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    let value = if words == 0 { dash() } else { format!("{:.1} %", 100.0 * errors as f64 / words as f64) };
    let name = "word error rate, final transcripts".to_owned();
    Measure { name, count: words, value, target: "", passed: None, times: None }
}
