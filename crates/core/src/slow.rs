//! Why a turn was slow: the stage that exceeded its usual time the most, and a sentence for people. Pure, from its marks.

use crate::event::{Slow, TurnMarks};
use crate::turn_prediction::{Shape, TurnPrediction};

/// A turn that takes longer gets a reason, in milliseconds.
pub const SLOW_MS: u32 = 1_500;

/// Fewer new tokens are evaluated in negligible time.
const MANY_TOKENS: u32 = 50;

/// What the marks do not show.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Circumstances {
    /// What decided the end of the turn.
    pub prediction: Option<TurnPrediction>,
    /// The response was begun again after an engine failed.
    pub retried: bool,
    /// A sound of the person delayed the response.
    pub delayed: bool,
    /// Tokens that the model had to evaluate before its first word.
    pub read: Option<u32>,
}

/// A period between the last spoken sample and the first sample of the response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stage {
    /// The name in metrics and spans.
    pub name: &'static str,
    /// Its start, in milliseconds after the last spoken sample.
    pub from: u32,
    /// Its end, in milliseconds after the last spoken sample.
    pub to: u32,
}

/// Every stage that can be blamed, with its usual duration in milliseconds.
pub const STAGES: [(&str, u32); 8] = [
    ("pause", 130),
    ("transcript", 250),
    ("turn_decided", 250),
    ("first_token", 250),
    ("first_segment", 150),
    ("first_audio", 250),
    ("first_sent", 40),
    ("heard", 150),
];

/// The stages that a turn waited for, in sequence. Speculative work that was done meanwhile is not among them.
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
    // A response that was ready when the turn was decided cost no time.
    let ready = marks.first_audio.is_some_and(|audio| marks.turn_decided.is_some_and(|end| audio <= end));
    step("pause", marks.pause);
    step("transcript", marks.transcript);
    if ready {
        step("turn_decided", marks.turn_decided);
    } else {
        // Until the response was begun, the end of the turn was in doubt.
        step("turn_decided", marks.speculated.or(marks.turn_decided));
        step("first_token", marks.first_token);
        step("first_segment", marks.first_segment);
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
        "pause" => format!("The end of the voice was detected late, after {ms} ms."),
        "transcript" => format!("Recognition was late: the last words took {ms} ms."),
        "turn_decided" => {
            format!("Waited {ms} ms for the end of the turn: {}.", doubt(circumstances.prediction))
        }
        "first_token" if circumstances.retried => {
            format!("An engine failed and the response was begun again: its first word took {ms} ms.")
        }
        "first_token" => match circumstances.read.filter(|tokens| *tokens >= MANY_TOKENS) {
            Some(tokens) => {
                format!("The model took {ms} ms to write its first word: it had {tokens} new tokens to read.")
            }
            None => format!("The model took {ms} ms to write its first word."),
        },
        "first_segment" => {
            format!("The model took {ms} ms from its first word to the end of the first segment.")
        }
        "first_audio" => format!("Synthesis of the first segment took {ms} ms."),
        "first_sent" if circumstances.delayed => {
            format!("A sound of the person delayed the response by {ms} ms.")
        }
        "first_sent" => format!("The response's first sound waited {ms} ms to be played."),
        _ => format!("Transport to the client's ear took {ms} ms."),
    }
}

/// What suggested that the turn was not over.
fn doubt(prediction: Option<TurnPrediction>) -> &'static str {
    match prediction {
        Some(TurnPrediction { shape: Shape::Open, .. }) => "the sentence seemed unfinished",
        Some(TurnPrediction { shape: Shape::Dictating, .. }) => "a number seemed to be dictated",
        Some(TurnPrediction { prosody: Some(prosody), .. }) if prosody < 0.5 => {
            "the voice sounded as if it would go on"
        }
        Some(prediction) if prediction.score() < 0.5 => "the words seemed incomplete",
        _ => "nothing showed clearly that it was over",
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
        first_segment: Some(700),
        first_audio: Some(900),
        first_sent: Some(920),
        heard: None,
        interrupted: None,
        failed: None,
        done: Some(3000),
    };

    fn blamed(marks: TurnMarks) -> (&'static str, String) {
        let prediction = Some(TurnPrediction { prosody: Some(0.1), meaning: None, shape: Shape::Plain });
        let slow = explain(&marks, Circumstances { prediction, ..Default::default() }).expect("it is slow");
        (slow.stage, slow.reason)
    }

    #[test]
    fn a_turn_in_time_gets_no_reason_and_a_greeting_never_does() {
        assert_eq!(explain(&USUAL, Circumstances::default()), None);
        let greeting = TurnMarks { first_sent: Some(5000), ..TurnMarks::default() };
        assert_eq!(explain(&greeting, Circumstances::default()), None);
    }

    #[test]
    fn the_stage_that_exceeds_its_usual_time_the_most_is_named_with_its_cause() {
        let late = |by: u32| move |mark: Option<u32>| mark.map(|at| at + by);
        let model = TurnMarks {
            first_token: late(900)(USUAL.first_token),
            first_segment: late(900)(USUAL.first_segment),
            first_audio: late(900)(USUAL.first_audio),
            first_sent: late(900)(USUAL.first_sent),
            ..USUAL
        };
        assert_eq!(blamed(model), ("first_token", "The model took 1100 ms to write its first word.".into()));
        let reading = Circumstances { read: Some(700), ..Default::default() };
        let reason = explain(&model, reading).expect("it is slow").reason;
        assert_eq!(reason, "The model took 1100 ms to write its first word: it had 700 new tokens to read.");
        let heard = TurnMarks { heard: Some(1800), ..USUAL };
        assert_eq!(blamed(heard).0, "heard");
        let words = TurnMarks {
            transcript: Some(1500),
            speculated: None,
            turn_decided: Some(1500),
            first_token: Some(1600),
            first_segment: Some(1650),
            first_audio: Some(1800),
            first_sent: Some(1820),
            ..USUAL
        };
        assert_eq!(blamed(words).0, "transcript");
    }

    #[test]
    fn a_response_that_was_ready_when_the_turn_was_decided_is_not_blamed() {
        let waited = TurnMarks { turn_decided: Some(1700), first_sent: Some(1720), ..USUAL };
        let (stage, reason) = blamed(waited);
        assert_eq!(stage, "turn_decided");
        assert_eq!(reason, "Waited 1300 ms for the end of the turn: the voice sounded as if it would go on.");
    }

    fn mark() -> impl Strategy<Value = Option<u32>> {
        proptest::option::of(0u32..6000)
    }

    proptest! {
        #[test]
        fn the_stages_follow_each_other_and_a_slow_turn_has_a_reason(
            (pause, speculated, turn_decided, transcript) in (mark(), mark(), mark(), mark()),
            (first_token, first_segment, first_audio, first_sent, heard) in (mark(), mark(), mark(), mark(), mark()),
        ) {
            let marks = TurnMarks { pause, speculated, turn_decided, transcript, first_token, first_segment, first_audio, first_sent, heard, interrupted: None, failed: None, done: None };
            let stages = waited_for(&marks);
            prop_assert!(stages.windows(2).all(|pair| pair[0].to == pair[1].from));
            prop_assert!(stages.iter().all(|stage| STAGES.iter().any(|(name, _)| *name == stage.name)));
            let total = heard.or(first_sent).filter(|_| transcript.or(turn_decided).is_some());
            let slow = explain(&marks, Circumstances::default());
            prop_assert_eq!(slow.is_some(), total.is_some_and(|total| total > SLOW_MS));
        }
    }
}
