//! A turn as OpenTelemetry spans, one per stage, from its marks. They contain what was said only if configured.

use std::time::{Duration, SystemTime};

use opentelemetry::trace::{Span, TraceContextExt, Tracer};
use opentelemetry::{Context, KeyValue, global};

use super::slow::Stage;
use crate::event::{CallEvent, ResponseEnd, Slow, TurnMarks};
use crate::frame::{ResponseId, ResponseRequest};
use crate::route::Served;

/// Makes the spans of one call.
#[derive(Debug)]
pub(super) struct Spans {
    call: String,
    content: bool,
    /// Language of the newest response.
    language: String,
    question: String,
    response: String,
}

/// All stages of a turn, including those that delayed nothing.
fn stages(marks: &TurnMarks) -> Vec<Stage> {
    let later = |a: Option<u32>, b: Option<u32>| a.max(b);
    let listened = marks.pause.or(Some(0));
    let asked = marks.speculated.or(later(marks.transcript, marks.turn_decided));
    let over = over(marks);
    [
        ("pause", Some(0), marks.pause),
        ("recognition", listened, marks.transcript),
        ("decision", listened, marks.turn_decided),
        ("first token", asked, marks.first_token),
        ("first segment", marks.first_token, marks.first_segment),
        ("first audio", marks.first_segment, marks.first_audio),
        ("first sent", later(marks.first_audio, marks.turn_decided), marks.first_sent),
        ("heard", marks.first_sent, marks.heard),
        ("playout", marks.first_sent, over),
    ]
    .into_iter()
    .filter_map(|(name, from, to)| Some(Stage { name, from: from?, to: to? }))
    .filter(|stage| stage.from <= stage.to)
    .collect()
}

/// A response that ended.
struct Ended<'a> {
    response: ResponseId,
    end: ResponseEnd,
    served: &'a Served,
}

/// When the response ended, in any way.
fn over(marks: &TurnMarks) -> Option<u32> {
    marks.interrupted.or(marks.failed).or(marks.done)
}

impl Spans {
    pub(super) fn new(call: String, content: bool) -> Self {
        Self { call, content, language: String::new(), question: String::new(), response: String::new() }
    }

    /// A response begins.
    pub(super) fn begins(&mut self, request: &ResponseRequest) {
        self.language.clone_from(&request.language);
    }

    /// Takes an event that the client is told.
    pub(super) fn told(&mut self, event: &CallEvent) {
        match event {
            CallEvent::UserTranscript { text, last: true, .. } | CallEvent::UserTyped { text }
                if self.content =>
            {
                add(&mut self.question, text)
            }
            CallEvent::SegmentSpoken { text, .. } if self.content => add(&mut self.response, text),
            CallEvent::Turn { response, end, marks, slow, served } => {
                let ended = Ended { response: *response, end: *end, served };
                self.turn(&ended, marks, slow.as_ref());
                if marks.first_sent.is_some() {
                    self.question.clear();
                }
                self.response.clear();
            }
            _ => {}
        }
    }

    fn turn(&self, response: &Ended<'_>, marks: &TurnMarks, slow: Option<&Slow>) {
        let Some(over) = over(marks) else { return };
        let asked = SystemTime::now() - ms(over);
        let tracer = global::tracer("visavis");
        let builder = tracer.span_builder("turn").with_start_time(asked);
        let mut turn = tracer.build(builder.with_attributes(self.attributes(response, marks, slow)));
        let context = Context::new().with_remote_span_context(turn.span_context().clone());
        for stage in stages(marks) {
            let builder = tracer.span_builder(stage.name).with_start_time(asked + ms(stage.from));
            let duration = KeyValue::new("visavis.duration_ms", i64::from(stage.to - stage.from));
            let mut span = tracer.build_with_context(builder.with_attributes([duration]), &context);
            span.end_with_timestamp(asked + ms(stage.to));
        }
        turn.end_with_timestamp(asked + ms(over));
    }

    fn attributes(
        &self,
        Ended { response, end, served }: &Ended<'_>,
        marks: &TurnMarks,
        slow: Option<&Slow>,
    ) -> Vec<KeyValue> {
        let mut attributes = vec![
            KeyValue::new("visavis.call", self.call.clone()),
            KeyValue::new("visavis.response", i64::from(response.0)),
            KeyValue::new("visavis.language", self.language.clone()),
            KeyValue::new("visavis.speculated", marks.speculated.is_some()),
            KeyValue::new("visavis.end", end.name()),
            KeyValue::new("visavis.interrupted", *end == ResponseEnd::Interrupted),
        ];
        for (kind, routed) in served.iter() {
            let kind = kind.name();
            attributes.push(KeyValue::new(format!("visavis.{kind}.engine"), routed.engine.to_string()));
            attributes.push(KeyValue::new(format!("visavis.{kind}.reason"), routed.reason.name()));
        }
        if let Some(total) = marks.heard.or(marks.first_sent) {
            attributes.push(KeyValue::new("visavis.voice_to_voice_ms", i64::from(total)));
        }
        if let Some(slow) = slow {
            attributes.push(KeyValue::new("visavis.slow.stage", slow.stage));
            attributes.push(KeyValue::new("visavis.slow.reason", slow.reason.clone()));
        }
        if self.content {
            attributes.push(KeyValue::new("visavis.question", self.question.clone()));
            attributes.push(KeyValue::new("visavis.response", self.response.clone()));
        }
        attributes
    }
}

fn ms(ms: u32) -> Duration {
    Duration::from_millis(u64::from(ms))
}

fn add(text: &mut String, more: &str) {
    if !text.is_empty() && !more.is_empty() {
        text.push(' ');
    }
    text.push_str(more);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speculative_stages_overlap_the_decision_and_missing_ones_have_no_span() {
        let marks = TurnMarks {
            pause: Some(120),
            transcript: Some(300),
            speculated: Some(300),
            first_token: Some(500),
            turn_decided: Some(600),
            interrupted: Some(900),
            ..TurnMarks::default()
        };
        let stages = stages(&marks);
        let of = |name| stages.iter().find(|stage| stage.name == name).map(|stage| (stage.from, stage.to));
        assert_eq!(of("first token"), Some((300, 500)));
        assert_eq!(of("decision"), Some((120, 600)));
        assert_eq!((of("first audio"), of("heard"), of("playout")), (None, None, None));
    }
}
