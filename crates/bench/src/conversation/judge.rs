//! Judges a run of a scenario. Pure.

use std::time::{Duration, Instant};

use serde::Serialize;

use super::heard::{Pace, longest_hole, repeats};
use super::scene::{Recording, Response, Scene, Spoken};
use super::script::Role;
use crate::harness::words::{word_error_rate, words};
use visavis_client::Event;

/// Longest gap between a response's frames that is not a hole.
const LONGEST_HOLE: Duration = Duration::from_millis(300);
/// Time within which a response must go on after a false alarm.
const AFTER_ALARM: Duration = Duration::from_millis(1_500);

/// A question or an interruption, and its outcome.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Turn {
    /// What was said.
    pub said: String,
    /// A response to it was heard.
    pub answered: bool,
    /// Last spoken sample to first audible sample of the response. `None`: none began after it, or the next line came first.
    pub voice_to_voice_ms: Option<f64>,
    /// A response was audible this many ms before the last spoken sample.
    pub audible_early_ms: Option<f64>,
    /// By its messages, the server took the turn before the last spoken sample.
    pub taken_early: bool,
}

/// An interruption, and what became of the response.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Interruption {
    /// It cut a response off.
    pub stopped: bool,
    /// First spoken sample to last audible sample of the response.
    pub silent_after_ms: Option<f64>,
    /// The server's message that it has stopped to the last audible sample.
    pub silent_after_word_ms: Option<f64>,
}

/// An aside, and what became of the response.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Aside {
    /// Its words, if any.
    pub said: String,
    /// The response was cut off.
    pub stopped: bool,
    /// Longest silence in the response from the aside's beginning to 1.5 s after its end.
    pub hole_ms: f64,
    /// The response said something twice.
    pub repeated: bool,
    /// Generated text was never said, though the response ended by itself.
    pub words_lost: bool,
    /// It was answered as if it had been a question.
    pub answered: bool,
}

/// A response that was cut off, and what the history remembers of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Truncation {
    /// Words in the server's history.
    pub remembered: usize,
    /// Words that had sounded by the client's clock.
    pub sounded: usize,
    /// Their difference, or the number of remembered words that are not the response's, if larger.
    pub error: usize,
}

/// The observations of a run.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Observed {
    /// Questions and interruptions.
    pub turns: Vec<Turn>,
    /// Interruptions during a response.
    pub interruptions: Vec<Interruption>,
    /// Asides during a response.
    pub asides: Vec<Aside>,
    /// Responses that were cut off.
    pub truncations: Vec<Truncation>,
    /// Lines meant for the middle of a response that missed it.
    pub missed: usize,
    /// Word errors and words, if all words of the run are known.
    pub word_errors: Option<(usize, usize)>,
    /// The final transcripts.
    pub transcript: String,
    /// Transcripts and responses although nothing was said.
    pub out_of_nothing: usize,
    /// Final transcripts in excess of the lines spoken.
    pub unasked: usize,
    /// Sounds without words while nobody spoke.
    pub noises: usize,
    /// Responses that were cut off though nobody interrupted.
    pub cut_by_nobody: usize,
    /// Responses with a hole of more than 0.3 s.
    pub holes: usize,
    /// The server's notices.
    pub notices: Vec<String>,
}

/// Judges a run.
#[must_use]
pub fn judge(recording: &Recording, pace: &Pace) -> Observed {
    let scene = Scene::read(&recording.events);
    let mut observed = Observed {
        missed: usize::from(recording.missed),
        notices: scene.notices.clone(),
        transcript: scene.finals.iter().map(|told| told.text.as_str()).collect::<Vec<_>>().join(" "),
        ..Observed::default()
    };
    if recording.spoken.is_empty() {
        let sounded = scene.responses.iter().filter(|response| response.first().is_some()).count();
        observed.out_of_nothing = scene.finals.iter().filter(|told| !told.text.is_empty()).count() + sounded;
    }
    let is_turn = |one: &&Spoken| matches!(one.role, Role::Question | Role::Interruption);
    let turns: Vec<&Spoken> = recording.spoken.iter().filter(is_turn).collect();
    for (index, spoken) in turns.iter().enumerate() {
        let next = turns.get(index + 1).map(|next| next.from);
        observed.turns.push(turn(&scene, spoken, next));
    }
    // Two questions in quick succession may get one response.
    for index in (1..observed.turns.len()).rev() {
        let quick = turns[index].role == Role::Question;
        observed.turns[index - 1].answered |= quick && observed.turns[index].answered;
    }
    for spoken in &recording.spoken {
        let disturbs = matches!(spoken.role, Role::Interruption | Role::Aside);
        let disturbed = disturbs.then(|| scene.sounding(spoken.from));
        match (spoken.role, disturbed) {
            (Role::Interruption, Some(Some(response))) => {
                observed.interruptions.push(interruption(response, spoken))
            }
            (Role::Aside, Some(Some(response))) => {
                observed.asides.push(aside(recording, &scene, response, spoken))
            }
            (_, Some(None)) => observed.missed += 1,
            (_, _) => {}
        }
    }
    let heard = scene.finals.iter().filter(|told| !told.text.is_empty()).count();
    observed.noises = recording.spoken.iter().filter(|one| one.role == Role::Noise).count();
    observed.unasked = heard.saturating_sub(recording.spoken.len() - observed.noises);
    let cut = scene.responses.iter().filter(|response| response.cut.is_some()).count();
    observed.cut_by_nobody =
        cut.saturating_sub(recording.spoken.iter().filter(|one| one.role == Role::Interruption).count());
    observed.holes = scene.responses.iter().filter(|response| has_hole(recording, response)).count();
    observed.truncations = scene.responses.iter().filter_map(|response| truncation(response, pace)).collect();
    if observed.asides.is_empty() && observed.missed == 0 && !turns.is_empty() {
        let said = turns.iter().map(|one| one.words.as_str()).collect::<Vec<_>>().join(" ");
        let count = words(&said).len();
        let errors = (word_error_rate(&said, &observed.transcript) * count as f64).round() as usize;
        observed.word_errors = Some((errors, count));
    }
    observed
}

fn turn(scene: &Scene, spoken: &Spoken, next: Option<Instant>) -> Turn {
    let before_next = |at: &Instant| next.is_none_or(|next| *at < next);
    // A response that was already sounding when the person began is not a response to them.
    let responses =
        scene.responses.iter().filter(|response| response.first().is_some_and(|first| first > spoken.from));
    let onsets: Vec<Instant> = responses.filter_map(Response::first).filter(before_next).collect();
    let early = onsets.iter().find(|onset| **onset < spoken.to);
    let after = onsets.iter().find(|onset| **onset >= spoken.to);
    let inside = |at: Instant| at > spoken.from && at < spoken.to;
    let begun = scene.responses.iter().any(|response| inside(response.begun));
    // An empty transcript retracts words that were not said.
    let finals: Vec<Instant> = scene
        .finals
        .iter()
        .filter(|told| !told.text.is_empty())
        .map(|told| told.at)
        .filter(|at| *at > spoken.from && before_next(at))
        .collect();
    Turn {
        said: spoken.words.clone(),
        answered: early.is_some() || after.is_some(),
        voice_to_voice_ms: early.is_none().then(|| after.map(|after| ms(spoken.to, *after))).flatten(),
        audible_early_ms: early.map(|early| ms(*early, spoken.to)),
        taken_early: begun || finals.iter().any(|at| inside(*at)) || finals.len() > 1,
    }
}

fn interruption(response: &Response, spoken: &Spoken) -> Interruption {
    let cut = response.cut.as_ref().map(|cut| cut.at).filter(|at| *at > spoken.from);
    let last = response.last().filter(|_| cut.is_some());
    Interruption {
        stopped: cut.is_some(),
        silent_after_ms: last.map(|last| ms(spoken.from, last).max(0.0)),
        silent_after_word_ms: last.zip(cut).map(|(last, cut)| ms(cut, last).max(0.0)),
    }
}

fn aside(recording: &Recording, scene: &Scene, response: &Response, spoken: &Spoken) -> Aside {
    let until = spoken.to + AFTER_ALARM;
    let stopped = response.cut.as_ref().is_some_and(|cut| cut.at > spoken.from);
    let said: usize = response.segments.iter().map(|one| words(&one.text).len()).sum();
    let ended = response.stopped.is_some() && response.complete && !stopped;
    Aside {
        said: spoken.words.clone(),
        stopped,
        hole_ms: longest_hole(response, spoken.from, until),
        repeated: repeats(&recording.events, spoken.from, until),
        words_lost: ended && said < words(&response.generated).len(),
        answered: scene.responses.iter().any(|other| other.begun > spoken.from && other.first().is_some()),
    }
}

fn truncation(response: &Response, pace: &Pace) -> Option<Truncation> {
    let heard = &response.cut.as_ref()?.text;
    let end = response.last()?;
    let remembered = words(heard);
    let said = response.segments.iter().flat_map(|one| words(&one.text));
    let foreign = remembered.len() - remembered.iter().zip(said).take_while(|(a, b)| *a == b).count();
    let sounded = pace.words_heard(response, end);
    let error = remembered.len().abs_diff(sounded).max(foreign);
    Some(Truncation { remembered: remembered.len(), sounded, error })
}

/// Whether frames stopped arriving before the response's end; its own pauses are frames too.
fn has_hole(recording: &Recording, response: &Response) -> bool {
    let (Some(from), Some(to)) = (response.first(), response.last()) else { return false };
    let frames = recording.events.iter().filter(|arrived| matches!(arrived.event, Event::Audio { .. }));
    let times: Vec<Instant> =
        frames.map(|arrived| arrived.at).filter(|at| (from..=to).contains(at)).collect();
    times.windows(2).any(|pair| pair[1] - pair[0] > LONGEST_HOLE)
}

fn ms(from: Instant, to: Instant) -> f64 {
    visavis_client::signed_ms(from, to)
}
