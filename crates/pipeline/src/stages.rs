//! Metrics of turns, from the events that the client is told, so that metrics and the page show the same numbers.

use std::time::Duration;

use crate::event::{CallEvent, ResponseEnd, TurnMarks};
use crate::frame::ResponseId;
use crate::route::Served;
use crate::tool::ToolEnd;

/// Records an event.
pub(super) fn record(call: &str, event: &CallEvent) {
    match event {
        CallEvent::Turn { response, end, marks, slow, served } => {
            let outcome = outcome(*end, marks);
            metrics::counter!("visavis_turns_total", "outcome" => outcome).increment(1);
            let slow = slow.as_ref().map(|slow| slow.stage);
            if let Some(stage) = slow {
                metrics::counter!("visavis_slow_turns_total", "stage" => stage).increment(1);
            }
            reached(marks);
            let engines = engines(served);
            tracing::info!(
                call,
                response = response.0,
                outcome,
                pause_ms = marks.pause,
                transcript_ms = marks.transcript,
                decided_ms = marks.turn_decided,
                first_token_ms = marks.first_token,
                first_segment_ms = marks.first_segment,
                first_audio_ms = marks.first_audio,
                first_sent_ms = marks.first_sent,
                slow,
                engines = engines.as_deref(),
                "turn"
            );
        }
        CallEvent::UserTranscript { text, last: true, .. } | CallEvent::UserTyped { text } => {
            tracing::info!(target: "visavis::content", call, content = %text, "person");
        }
        CallEvent::SegmentSpoken { text, .. } => {
            tracing::info!(target: "visavis::content", call, content = %text, "agent");
        }
        CallEvent::ToolStopped { id, end, ms, doer, .. } => {
            let outcome = match end {
                ToolEnd::Done => "done",
                ToolEnd::Failed => "failed",
                ToolEnd::Cancelled => "cancelled",
            };
            metrics::counter!("visavis_tool_calls_total", "doer" => doer.name(), "outcome" => outcome)
                .increment(1);
            metrics::histogram!("visavis_tool_seconds", "doer" => doer.name())
                .record(f64::from(*ms) / 1000.0);
            tracing::info!(call, tool_call = %id, doer = doer.name(), outcome, ms, "tool");
        }
        CallEvent::Notice { code, .. } => tracing::info!(call, code, "notice"),
        _ => {}
    }
}

/// For how many milliseconds the person waited for the response whose turn this event tells of; none for a greeting, and where nothing
/// was heard. By the server's own clock: what the client says of it is the client's.
pub(super) fn waited(event: &CallEvent) -> Option<u32> {
    let CallEvent::Turn { marks, .. } = event else { return None };
    marks.transcript.or(marks.turn_decided)?;
    marks.first_sent
}

/// Records when each stage of a turn was reached.
fn reached(marks: &TurnMarks) {
    for (stage, ms) in [
        ("pause", marks.pause),
        ("speculated", marks.speculated),
        ("turn_decided", marks.turn_decided),
        ("transcript", marks.transcript),
        ("first_token", marks.first_token),
        ("first_segment", marks.first_segment),
        ("first_audio", marks.first_audio),
        ("first_sent", marks.first_sent),
    ] {
        if let Some(ms) = ms {
            metrics::histogram!("visavis_stage_seconds", "stage" => stage).record(f64::from(ms) / 1000.0);
        }
    }
}

/// The engines that served a turn, for the log; none without routes.
fn engines(served: &Served) -> Option<String> {
    let each: Vec<String> =
        served.iter().map(|(kind, routed)| format!("{}: {routed}", kind.name())).collect();
    (!each.is_empty()).then(|| each.join(", "))
}

/// The outcome of a turn, as metrics name it.
fn outcome(end: ResponseEnd, marks: &TurnMarks) -> &'static str {
    match end {
        ResponseEnd::Interrupted => "interrupted",
        ResponseEnd::Failed => "failed",
        ResponseEnd::Finished if marks.first_sent.is_none() => "unanswered",
        ResponseEnd::Finished => "answered",
    }
}

/// Records a hole in a response.
pub(super) fn hole(call: &str, response: ResponseId, length: Duration) {
    metrics::counter!("visavis_playout_holes_total").increment(1);
    metrics::histogram!("visavis_playout_hole_seconds").record(length.as_secs_f64());
    let ms = u64::try_from(length.as_millis()).unwrap_or(u64::MAX);
    tracing::info!(call, response = response.0, ms, "hole in a response");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_that_of_a_person_who_asked_and_heard_something_and_a_client_cannot_claim_another() {
        let asked = TurnMarks { transcript: Some(300), first_sent: Some(900), ..TurnMarks::default() };
        for (marks, expected) in [
            (asked, Some(900)),
            (TurnMarks { heard: Some(60_000), ..asked }, Some(900)),
            (TurnMarks { first_sent: None, ..asked }, None),
            (TurnMarks { transcript: None, ..asked }, None),
        ] {
            let end = ResponseEnd::Finished;
            let served = Served::default();
            let event = CallEvent::Turn { response: ResponseId(1), end, marks, slow: None, served };
            assert_eq!(waited(&event), expected, "{marks:?}");
        }
    }

    #[test]
    fn a_turn_is_counted_by_how_its_response_ended_and_whether_any_of_it_was_sent() {
        let unheard = TurnMarks::default();
        let heard = TurnMarks { first_sent: Some(900), ..unheard };
        for (end, marks, expected) in [
            (ResponseEnd::Failed, unheard, "failed"),
            (ResponseEnd::Failed, heard, "failed"),
            (ResponseEnd::Interrupted, unheard, "interrupted"),
            (ResponseEnd::Interrupted, heard, "interrupted"),
            (ResponseEnd::Finished, unheard, "unanswered"),
            (ResponseEnd::Finished, heard, "answered"),
        ] {
            assert_eq!(outcome(end, &marks), expected, "{end:?}, sent: {:?}", marks.first_sent);
        }
    }
}
