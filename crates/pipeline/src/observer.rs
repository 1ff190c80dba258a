//! Observes every step of a call's conversation: checks its invariants, records it, and makes the spans of its turns.

use std::sync::Arc;
use std::time::Duration;

use crate::config::Config;
use crate::context::CallContext;
use crate::event::{CallEvent, EndReason};
use crate::frame::PlaybackPosition;
use crate::recording::writer::{Recorder, Written};

use super::conversation::{Command, Input, Settings};
use super::invariants::Invariants;
use super::options::{TurnTime, TurnTimes};
use super::spans::Spans;
use super::stages;
use visavis_core::recording::Header;

/// Observes one call, and never delays it.
pub(super) struct Observer {
    call: String,
    invariants: Invariants,
    recorder: Option<Recorder>,
    spans: Option<Spans>,
    times: Option<TurnTimes>,
    user: Arc<str>,
}

impl Observer {
    /// Observes as configured; the second value resolves when the recording, if any, is written.
    pub(super) fn new(
        call: &str,
        config: &Config,
        settings: &Settings,
        context: Option<&CallContext>,
    ) -> (Self, Option<Written>) {
        let directory = &config.recording.dir;
        let wanted = !directory.as_os_str().is_empty();
        let header = || Header::new(call.into(), settings.clone(), context.cloned());
        let recording = wanted.then(|| Recorder::begin(directory, header())).flatten();
        let (recorder, written) = recording.unzip();
        let traced = !config.telemetry.otlp_endpoint.is_empty();
        let spans = traced.then(|| Spans::new(call.into(), config.telemetry.content));
        let invariants = context.map_or_else(Invariants::default, Invariants::resumed);
        (Self { call: call.into(), invariants, recorder, spans, times: None, user: call.into() }, written)
    }

    /// The same, telling `times` how long this user waits in each turn.
    pub(super) fn timing(self, times: Option<TurnTimes>, user: Arc<str>) -> Self {
        Self { times, user, ..self }
    }

    /// Takes an input and the commands that followed.
    pub(super) fn step(&mut self, now: u64, position: PlaybackPosition, input: &Input, commands: &[Command]) {
        if let Some(recorder) = &mut self.recorder {
            recorder.step(now, position, input, commands);
        }
        for violation in self.invariants.step(now, input, commands) {
            let invariant = violation.invariant;
            metrics::counter!("visavis_invariant_violations_total", "invariant" => invariant).increment(1);
            tracing::error!(call = %self.call, invariant, what = %violation.what, "an invariant does not hold");
        }
        for command in commands {
            if let (Some(spans), Command::Start(request, _)) = (&mut self.spans, command) {
                spans.begins(request);
            }
        }
    }

    /// Takes an event that the client is told.
    pub(super) fn told(&mut self, event: &CallEvent) {
        stages::record(&self.call, event);
        if let (Some(times), Some(ms)) = (&self.times, stages::waited(event)) {
            // An error only says that nobody reads.
            _ = times.send(TurnTime { user: self.user.clone(), waited: Duration::from_millis(ms.into()) });
        }
        if let Some(spans) = &mut self.spans {
            spans.told(event);
        }
    }

    /// The call has ended.
    pub(super) fn end(&mut self, reason: EndReason) {
        if let Some(mut recorder) = self.recorder.take() {
            recorder.end(reason);
        }
    }
}
