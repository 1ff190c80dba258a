//! Why a turn took long: the stage that was longest beyond its usual, and a sentence for people. Pure, from its marks.

use crate::event::{Slow, TurnMarks};
use crate::turn_end::{Shape, Vote};

/// A turn that took longer owes a reason.
pub const SLOW_MS: u32 = 1_500;

/// Fewer new tokens are read in no time worth mentioning.
const MANY_TOKENS: u32 = 50;

/// What the marks do not tell.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Circumstances {
    /// What decided the end of the turn.
    pub vote: Option<Vote>,
    /// The answer was begun again after an engine had failed.
    pub retried: bool,
    /// A sound of the person kept the answer from beginning.
    pub delayed: bool,
    /// Tokens that the model had to read before its first word.
    pub read: Option<u32>,
}

/// A part of the way from the last spoken sample to the first one of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stage {
    /// As in metrics and spans.
    pub name: &'static str,
    /// Milliseconds after the last spoken sample.
    pub from: u32,
    /// Milliseconds after the last spoken sample.
    pub to: u32,
}

/// Every stage that can be to blame, with what it takes in a good turn, in milliseconds.
pub const STAGES: [(&str, u32); 8] = [
    ("pause", 130),
    ("transcript", 250),
    ("turn_decided", 250),
    ("first_token", 250),
    ("first_phrase", 150),
    ("first_audio", 250),
    ("first_sent", 40),
    ("heard", 150),
];

/// The stages that a turn waited for, one after the other. What was done meanwhile, unheard, is not among them.
#[must_use]
pub fn waited_for(marks: &TurnMarks) -> Vec<Stage> {
    let mut stages = Vec::new();
    let mut at = 0;
    let mut step = |name, mark: Option<u32>| {
        if let Some(to) = mark.filter(|to| *to > at) {
            stages.push(Stage { name, from: at, to });
            at = to;
        }
    };
    // An answer that was ready when the turn was decided has cost no time.
    let ready = marks.first_audio.is_some_and(|audio| marks.turn_decided.is_some_and(|end| audio <= end));
    step("pause", marks.pause);
    step("transcript", marks.transcript);
    if ready {
        step("turn_decided", marks.turn_decided);
    } else {
        // Until the answer was begun, the end of the turn was in doubt.
        step("turn_decided", marks.speculated.or(marks.turn_decided));
        step("first_token", marks.first_token);
        step("first_phrase", marks.first_phrase);
        step("first_audio", marks.first_audio);
    }
    step("first_sent", marks.first_sent);
    step("heard", marks.heard);
    stages
}

/// Why the turn took over [`SLOW_MS`], if it did.
#[must_use]
pub fn explain(marks: &TurnMarks, circumstances: Circumstances) -> Option<Slow> {
    let total = marks.heard.or(marks.first_sent)?;
    if total <= SLOW_MS || marks.transcript.or(marks.turn_decided).is_none() {
        return None;
    }
    let beyond = |stage: &Stage| {
        let usual = STAGES.iter().find(|(name, _)| *name == stage.name).map_or(0, |(_, usual)| *usual);
        i64::from(stage.to - stage.from) - i64::from(usual)
    };
    let stage = waited_for(marks).into_iter().max_by_key(beyond)?;
    Some(Slow { stage: stage.name, reason: sentence(stage, circumstances) })
}

fn sentence(stage: Stage, circumstances: Circumstances) -> String {
    let ms = stage.to - stage.from;
    match stage.name {
        "pause" => format!("The end of the voice was noticed late, after {ms} ms."),
        "transcript" => format!("Recognition was late: the last words took {ms} ms."),
        "turn_decided" => {
            format!("The end of the turn was waited for, {ms} ms: {}.", doubt(circumstances.vote))
        }
        "first_token" if circumstances.retried => {
            format!("An engine failed and the answer was begun again: its first word took {ms} ms.")
        }
        "first_token" => match circumstances.read.filter(|tokens| *tokens >= MANY_TOKENS) {
            Some(tokens) => {
                format!("The model took {ms} ms to its first word: it was reading {tokens} new tokens.")
            }
            None => format!("The model took {ms} ms to its first word."),
        },
        "first_phrase" => {
            format!("The model took {ms} ms from its first word to a phrase that can be spoken.")
        }
        "first_audio" => format!("The voice took {ms} ms for the first phrase."),
        "first_sent" if circumstances.delayed => {
            format!("The answer gave way to a sound of the person, for {ms} ms.")
        }
        "first_sent" => format!("The answer's first sound waited {ms} ms to be played."),
        _ => format!("The way to the client's ear took {ms} ms."),
    }
}

/// What spoke against the end of the turn.
fn doubt(vote: Option<Vote>) -> &'static str {
    match vote {
        Some(Vote { shape: Shape::Open, .. }) => "the sentence seemed unfinished",
        Some(Vote { shape: Shape::Dictating, .. }) => "a number seemed to be dictated",
        Some(Vote { prosody: Some(prosody), .. }) if prosody < 0.5 => {
            "the voice sounded as if it would go on"
        }
        Some(vote) if vote.score() < 0.5 => "the words seemed incomplete",
        _ => "nothing told surely that it was over",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const USUAL: TurnMarks = TurnMarks {
        pause: Some(130),
        speculated: Some(400),
        turn_decided: Some(420),
        transcript: Some(400),
        first_token: Some(600),
        first_phrase: Some(700),
        first_audio: Some(900),
        first_sent: Some(920),
        heard: None,
        interrupted: None,
        failed: None,
        done: Some(3000),
    };

    fn blamed(marks: TurnMarks) -> (&'static str, String) {
        let vote = Some(Vote { prosody: Some(0.1), meaning: None, shape: Shape::Plain });
        let slow = explain(&marks, Circumstances { vote, ..Default::default() }).expect("it is slow");
        (slow.stage, slow.reason)
    }

    #[test]
    fn a_turn_in_time_owes_no_reason_and_a_greeting_never_does() {
        assert_eq!(explain(&USUAL, Circumstances::default()), None);
        let greeting = TurnMarks { first_sent: Some(5000), ..TurnMarks::default() };
        assert_eq!(explain(&greeting, Circumstances::default()), None);
    }

    #[test]
    fn the_stage_that_is_longest_beyond_its_usual_is_named_with_what_is_known_of_it() {
        let late = |by: u32| move |mark: Option<u32>| mark.map(|at| at + by);
        let model = TurnMarks {
            first_token: late(900)(USUAL.first_token),
            first_phrase: late(900)(USUAL.first_phrase),
            first_audio: late(900)(USUAL.first_audio),
            first_sent: late(900)(USUAL.first_sent),
            ..USUAL
        };
        assert_eq!(blamed(model), ("first_token", "The model took 1100 ms to its first word.".into()));
        let reading = Circumstances { read: Some(700), ..Default::default() };
        let reason = explain(&model, reading).expect("it is slow").reason;
        assert_eq!(reason, "The model took 1100 ms to its first word: it was reading 700 new tokens.");
        let heard = TurnMarks { heard: Some(1800), ..USUAL };
        assert_eq!(blamed(heard).0, "heard");
        let words = TurnMarks {
            transcript: Some(1500),
            speculated: None,
            turn_decided: Some(1500),
            first_token: Some(1600),
            first_phrase: Some(1650),
            first_audio: Some(1800),
            first_sent: Some(1820),
            ..USUAL
        };
        assert_eq!(blamed(words).0, "transcript");
    }

    #[test]
    fn an_answer_that_was_ready_when_the_turn_was_decided_is_not_to_blame() {
        let waited = TurnMarks { turn_decided: Some(1700), first_sent: Some(1720), ..USUAL };
        let (stage, reason) = blamed(waited);
        assert_eq!(stage, "turn_decided");
        assert_eq!(
            reason,
            "The end of the turn was waited for, 1300 ms: the voice sounded as if it would go on."
        );
    }

    fn mark() -> impl Strategy<Value = Option<u32>> {
        proptest::option::of(0u32..6000)
    }

    proptest! {
        #[test]
        fn the_stages_follow_each_other_and_a_slow_turn_has_a_reason(
            (pause, speculated, turn_decided, transcript) in (mark(), mark(), mark(), mark()),
            (first_token, first_phrase, first_audio, first_sent, heard) in (mark(), mark(), mark(), mark(), mark()),
        ) {
            let marks = TurnMarks { pause, speculated, turn_decided, transcript, first_token, first_phrase, first_audio, first_sent, heard, interrupted: None, failed: None, done: None };
            let stages = waited_for(&marks);
            prop_assert!(stages.windows(2).all(|pair| pair[0].to == pair[1].from));
            prop_assert!(stages.iter().all(|stage| STAGES.iter().any(|(name, _)| *name == stage.name)));
            let total = heard.or(first_sent).filter(|_| transcript.or(turn_decided).is_some());
            let slow = explain(&marks, Circumstances::default());
            prop_assert_eq!(slow.is_some(), total.is_some_and(|total| total > SLOW_MS));
        }
    }
}
