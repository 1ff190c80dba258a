//! Many syntheses at once, of which half are dropped at random times: the others must be as in a quiet run, and the
//! engine's memory must not grow.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde::Serialize;

use visavis_engine::{Tts, Voice};

use super::first::phrase;
use super::speech::speak;
use super::{Options, Subject};
use crate::process;

/// Syntheses at once.
const AT_ONCE: usize = 50;
/// Of these, those that are dropped.
const DROPPED: usize = 25;
/// Largest growth of memory from the second round to the last, in percent: what an allocator may keep.
const GROWTH: f64 = 3.0;

/// One round.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Round {
    /// Syntheses that ended completely, including those that were to be dropped later.
    pub whole: usize,
    /// Of these, those whose sound differs from that of the quiet run.
    pub unequal: usize,
    /// Syntheses that were dropped.
    pub dropped: usize,
    /// Why the others failed.
    pub failed: Vec<String>,
    /// Its length.
    pub seconds: f64,
    /// Memory of the engine's process at its end.
    pub rss_mib: Option<f64>,
}

/// All rounds.
#[derive(Debug, Clone, Serialize)]
pub struct LoadReport {
    /// The rounds, in order.
    pub rounds: Vec<Round>,
    /// Growth of memory from the second round to the last.
    pub growth_mib: Option<f64>,
    /// The same in percent.
    pub growth_percent: Option<f64>,
    /// Whether nothing differed or failed, and memory did not grow.
    pub passed: bool,
}

/// What is synthesised.
struct Item {
    voice: Voice,
    text: String,
    /// Its sound in the quiet run.
    quiet: Vec<i16>,
}

/// How a synthesis ended.
enum Ended {
    Whole(Vec<i16>),
    Dropped,
    Failed(String),
}

/// Measures with these voices, at least one; each has sentences, and speaks the same text the same way every time.
///
/// # Errors
/// When the engine fails in the quiet run.
pub(super) async fn run(
    tts: &dyn Tts,
    subjects: &[&Subject],
    options: &Options,
    tell: &mut dyn FnMut(&str),
) -> anyhow::Result<LoadReport> {
    let mut items: Vec<Item> = (0..AT_ONCE).map(|n| item(subjects, n)).collect();
    tell("load: the quiet run, twice");
    // Louder sounds may lower a voice's level for good, so only the second time is compared with.
    for item in &items {
        speak(tts, &item.voice, &item.text).await?;
    }
    let begun = Instant::now();
    for item in &mut items {
        item.quiet = speak(tts, &item.voice, &item.text).await?.samples;
    }
    // Half of the work, so drops come while syntheses wait, while they run, and as they end.
    let span = begun.elapsed() / 2;
    let mut rounds = Vec::new();
    for number in 1..=options.rounds {
        let plan = plan(options.seed.wrapping_add(number.into()), span);
        let round = round(tts, &items, &plan).await;
        tell(&format!(
            "load: round {number} of {}: {} complete, {} different, {} dropped, {} failed in {:.1} s; {:.1} \
             MiB",
            options.rounds,
            round.whole,
            round.unequal,
            round.dropped,
            round.failed.len(),
            round.seconds,
            round.rss_mib.unwrap_or_default(),
        ));
        rounds.push(round);
    }
    Ok(report(rounds))
}

/// The voices take turns, each with its sentences in order, short and long ones, so that they end at different times.
fn item(subjects: &[&Subject], n: usize) -> Item {
    let Subject { voice, sentences } = subjects[n % subjects.len()];
    let turn = n / subjects.len();
    let sentence = &sentences[turn % sentences.len()];
    let text = if turn.is_multiple_of(2) { phrase(sentence) } else { sentence.clone() };
    Item { voice: voice.clone(), text, quiet: Vec::new() }
}

/// For each synthesis, when it is dropped.
fn plan(seed: u64, span: Duration) -> Vec<Option<Duration>> {
    let mut random = StdRng::seed_from_u64(seed);
    let mut plan = vec![None; AT_ONCE];
    for at in rand::seq::index::sample(&mut random, AT_ONCE, DROPPED) {
        plan[at] = Some(span.mul_f64(random.random::<f64>()));
    }
    plan
}

async fn round(tts: &dyn Tts, items: &[Item], plan: &[Option<Duration>]) -> Round {
    let begun = Instant::now();
    let all = items.iter().zip(plan).map(|(item, drop_after)| one(tts, item, *drop_after));
    let ended = join_all(all).await;
    let mut round =
        Round { seconds: begun.elapsed().as_secs_f64(), rss_mib: engine_memory(), ..Round::default() };
    for (ended, item) in ended.into_iter().zip(items) {
        match ended {
            Ended::Whole(samples) => {
                round.whole += 1;
                round.unequal += usize::from(samples != item.quiet);
            }
            Ended::Dropped => round.dropped += 1,
            Ended::Failed(why) => round.failed.push(why),
        }
    }
    round
}

async fn one(tts: &dyn Tts, item: &Item, drop_after: Option<Duration>) -> Ended {
    let speaking = speak(tts, &item.voice, &item.text);
    let spoken = match drop_after {
        None => speaking.await,
        Some(after) => match tokio::time::timeout(after, speaking).await {
            Ok(spoken) => spoken,
            Err(_) => return Ended::Dropped,
        },
    };
    match spoken {
        Ok(spoken) => Ended::Whole(spoken.samples),
        Err(error) => Ended::Failed(format!("{}: {error:#}", item.voice.name)),
    }
}

fn engine_memory() -> Option<f64> {
    let engine = process::tree(std::process::id()).find("visavis-tts")?;
    process::tree(engine).rss_mib()
}

fn report(rounds: Vec<Round>) -> LoadReport {
    let memory = |round: Option<&Round>| round?.rss_mib;
    let (early, late) = (memory(rounds.get(1)), memory(rounds.last()));
    let growth = early.zip(late).map(|(early, late)| (late - early, (late / early - 1.0) * 100.0));
    let (growth_mib, growth_percent) = growth.unzip();
    let same = rounds
        .iter()
        .all(|round| round.unequal == 0 && round.failed.is_empty() && round.whole >= AT_ONCE - DROPPED);
    let passed = same && growth_percent.is_some_and(|percent| percent <= GROWTH);
    LoadReport { rounds, growth_mib, growth_percent, passed }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_are_dropped_within_the_span_and_the_same_ones_for_a_seed() {
        let span = Duration::from_secs(30);
        let times = plan(7, span);
        assert_eq!(times.iter().flatten().count(), DROPPED);
        assert!(times.iter().flatten().all(|time| *time < span));
        assert_eq!(times, plan(7, span));
        assert_ne!(times, plan(8, span));
    }

    fn rounds(memory: [f64; 3]) -> Vec<Round> {
        let round = |rss| Round { whole: 25, dropped: 25, rss_mib: Some(rss), ..Round::default() };
        memory.map(round).to_vec()
    }

    #[test]
    fn memory_counts_from_the_second_round_and_one_unequal_sound_is_too_many() {
        assert!(report(rounds([100.0, 200.0, 205.0])).passed);
        assert!(!report(rounds([100.0, 200.0, 207.0])).passed);
        let mut unequal = rounds([100.0, 200.0, 200.0]);
        unequal[1].unequal = 1;
        assert!(!report(unequal).passed);
        let mut missing = rounds([100.0, 200.0, 200.0]);
        missing[2].whole = 24;
        assert!(!report(missing).passed);
    }
}
