//! Scripted spoken scenarios in real calls: is the agent quick, patient, silent when interrupted, and undisturbed by "mm-hm"?
//!
//! - [`scenarios`]: what is said, and when, in the terms of [`script`]; [`speech`]: the clips, spoken by [`kokoro`], [`noises`] and [`exclamations`],
//!   through a `microphone`
//! - [`player`]: plays a scenario in a call; [`scene`]: what the client received
//! - [`judge`]: judges a run; [`heard`]: which words were heard, and whether sound was missing
//! - [`summary`]: compares all runs with the targets, a [`measure`] each; `understood`: those of what is hard to hear

pub mod exclamations;
pub mod heard;
pub mod judge;
pub mod kokoro;
pub mod measure;
mod microphone;
pub mod noises;
pub mod player;
pub mod scenarios;
pub mod scene;
pub mod script;
pub mod speech;
pub mod summary;
#[cfg(test)]
mod tests;
mod understood;

use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

use self::heard::Pace;
use self::judge::{Observed, judge};
use self::measure::{Measure, Run};
use self::player::{Cue, play};
use self::scene::{Recording, Scene};
use self::script::{Beside, Line, Scenario};
use self::speech::{SPEAKERS, Speech};
use self::summary::sum_up;
use super::calls::together;
use super::{Settings, process};
use visavis_client::turn::settle;
use visavis_client::{CallStats, ClientError, EchoPath, Surroundings};

/// How long a greeting may take to begin.
const GREETING_WITHIN: Duration = Duration::from_millis(1_500);
const LONGEST_GREETING: Duration = Duration::from_secs(20);
/// Attempts at a scenario whose line missed the response it was meant for.
const TRIES: usize = 3;

/// What to play.
#[derive(Debug, Clone)]
pub struct Options {
    /// The scenarios.
    pub scenarios: Vec<Scenario>,
    /// Repetitions of each scenario.
    pub repeat: usize,
    /// How long until a response without a sound is missing.
    pub patience: Duration,
    /// The models directory.
    pub models: PathBuf,
    /// The folder for clips.
    pub clips: PathBuf,
}

/// The results of all scenarios.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Whether no target was missed.
    pub passed: bool,
    /// The measures and their targets.
    pub measures: Vec<Measure>,
    /// The clients' counters combined.
    pub client: CallStats,
    /// Every run.
    pub runs: Vec<Run>,
}

struct Take {
    scenario: Scenario,
    repetition: usize,
    speaker: &'static str,
    cues: Vec<Cue>,
    surroundings: Surroundings,
}

/// Makes the clips of all scenarios; returns the number of lines.
///
/// # Errors
/// When a model is missing or the folder cannot be written.
pub fn make_speech(options: &Options, tell: &mut impl FnMut(&str)) -> anyhow::Result<usize> {
    Ok(takes(options, TRIES, tell)?.iter().flatten().map(|take| take.cues.len()).sum())
}

/// Plays all scenarios, one call each, and judges them. `tell` receives progress, line by line.
///
/// # Errors
/// When a clip cannot be made. A call that fails is in the report.
pub async fn run(
    settings: &Settings,
    options: &Options,
    tell: &mut impl FnMut(&str),
) -> anyhow::Result<Report> {
    let all = takes(options, TRIES, tell)?;
    let (mut pace, mut client) = (Pace::default(), CallStats::default());
    let mut played: Vec<(Take, Result<Recording, ClientError>, Option<f64>)> = Vec::new();
    for (number, tries) in all.into_iter().enumerate() {
        for take in tries {
            let (recording, cpu, stats) = Box::pin(one_call(settings, &take, options.patience, &pace)).await;
            client = together(client, stats);
            let observed = recording.as_ref().map(|recording| judge(recording, &pace));
            tell(&format!("{:>3} {}", number + 1, progress(&take, &observed)));
            let missed = observed.as_ref().is_ok_and(|observed| observed.missed > 0);
            if let Ok(recording) = &recording {
                pace.learn(&Scene::read(&recording.events));
            }
            played.push((take, recording, cpu));
            if !missed {
                break;
            }
        }
    }
    // Judged again at the end, when the agent's pace is known.
    let runs: Vec<Run> = played
        .into_iter()
        .map(|(take, recording, cpu_seconds)| {
            let (observed, fault) = match recording {
                Ok(recording) => (judge(&recording, &pace), None),
                Err(error) => (Observed::default(), Some(error.to_string())),
            };
            Run {
                scenario: take.scenario.name,
                mid_sentence: take.scenario.mid_sentence,
                beside: take.scenario.beside != Beside::Nothing,
                repetition: take.repetition,
                speaker: take.speaker,
                cpu_seconds,
                fault,
                observed,
            }
        })
        .collect();
    let measures = sum_up(&runs);
    let passed = measures.iter().all(|measure| measure.passed != Some(false));
    Ok(Report { passed, measures, client, runs })
}

/// The takes of every repetition: the first, and those to try if a line misses its response.
fn takes(options: &Options, tries: usize, tell: &mut impl FnMut(&str)) -> anyhow::Result<Vec<Vec<Take>>> {
    let mut speech = Speech::new(&options.models, &options.clips);
    let mut all = Vec::new();
    for repetition in 0..options.repeat {
        for (index, scenario) in options.scenarios.iter().enumerate() {
            let into_response = scenario.variants[0].len() > 1;
            let tries = if into_response { tries } else { 1 };
            let mut same = Vec::new();
            for again in 0..tries {
                let lines = scenario.variants[(repetition + again) % scenario.variants.len()];
                let speaker = SPEAKERS[(repetition + again + index) % SPEAKERS.len()];
                let cue = |line: &Line| -> anyhow::Result<Cue> {
                    let says = speech.utterance(speaker, line.parts)?;
                    Ok(Cue { role: line.role, when: line.when, says })
                };
                let cues = lines.iter().map(cue).collect::<anyhow::Result<_>>()?;
                let surroundings =
                    surroundings(&mut speech, scenario.beside, speaker, repetition * 7 + index)?;
                same.push(Take { scenario: *scenario, repetition, speaker, cues, surroundings });
            }
            all.push(same);
        }
        if repetition == 0 {
            tell("the speakers are ready");
        }
    }
    Ok(all)
}

/// What the microphone hears besides the person; `draw` chooses an echo's delay between 80 and 300 ms.
fn surroundings(
    speech: &mut Speech,
    beside: Beside,
    speaker: &str,
    draw: usize,
) -> anyhow::Result<Surroundings> {
    let mut surroundings = Surroundings::default();
    match beside {
        Beside::Nothing => {}
        Beside::Echo(down_db) => {
            let delay = Duration::from_millis(80 + (draw as u64 * 97) % 221);
            surroundings.echo = Some(EchoPath { delay, down_db });
        }
        Beside::Television(down) => surroundings.beside = Some(speech.talk(speaker, 1, down)?),
        Beside::Babble(down) => surroundings.beside = Some(speech.talk(speaker, 6, down)?),
    }
    Ok(surroundings)
}

async fn one_call(
    settings: &Settings,
    take: &Take,
    patience: Duration,
    pace: &Pace,
) -> (Result<Recording, ClientError>, Option<f64>, CallStats) {
    let mut call = match settings.start_in(take.surroundings.clone()).await {
        Ok(call) => call,
        Err(error) => return (Err(error), None, CallStats::default()),
    };
    if let Err(error) = settle(&mut call, GREETING_WITHIN, LONGEST_GREETING).await {
        return (Err(error), None, call.stats());
    }
    let before = settings.pid.map(process::tree);
    let recording = play(&mut call, &take.cues, patience, pace).await;
    let cpu =
        settings.pid.map(process::tree).zip(before).map(|(after, before)| after.cpu_seconds_since(&before));
    let stats = call.stats();
    call.hang_up().await;
    (recording, cpu, stats)
}

fn progress(take: &Take, observed: &Result<Observed, &ClientError>) -> String {
    let name = format!("{:<18} {:<10}", take.scenario.name, take.speaker);
    let observed = match observed {
        Ok(observed) => observed,
        Err(error) => return format!("{name} failed: {error}"),
    };
    let mut seen = Vec::new();
    for turn in &observed.turns {
        seen.push(match (turn.voice_to_voice_ms, turn.audible_early_ms) {
            (_, Some(early)) => format!("interrupted by the agent {early:.0} ms before the end"),
            (Some(ms), None) => format!("answered after {ms:.0} ms"),
            (None, None) if turn.answered => "answered together".to_owned(),
            (None, None) => "not answered".to_owned(),
        });
        if turn.taken_early {
            seen.push("taken early".to_owned());
        }
    }
    for one in &observed.interruptions {
        seen.push(match one.silent_after_ms {
            Some(ms) => format!("silent after {ms:.0} ms"),
            None => "not stopped".to_owned(),
        });
    }
    for one in &observed.asides {
        let ended = if one.stopped { "stopped by it" } else { "went on" };
        seen.push(format!("{ended}, longest silence {:.0} ms", one.hole_ms));
        seen.extend(one.repeated.then(|| "repeated".to_owned()));
    }
    for one in &observed.truncations {
        seen.push(format!("remembers {} words of {}", one.remembered, one.sounded));
    }
    for (count, what) in [
        (observed.unasked, "turns nobody took"),
        (observed.cut_by_nobody, "cut off though nobody interrupted"),
        (observed.holes, "holes"),
    ] {
        seen.extend((count > 0).then(|| format!("{count} {what}")));
    }
    if observed.missed > 0 {
        seen.push("the response was over before its line".to_owned());
    }
    if observed.out_of_nothing > 0 {
        seen.push(format!("{} although nothing was said", observed.out_of_nothing));
    }
    format!("{name} {}", seen.join("; "))
}
