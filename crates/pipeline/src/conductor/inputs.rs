//! Converts what happens around a conversation into its inputs.

use super::Conductor;
use crate::conversation::Input;
use crate::event::{CallEvent, ClientCommand};
use crate::frame::MIC_RATE;
use crate::frame::PlayoutEvent;
use crate::note::ResponseNote;
use crate::stages;
use crate::stt::SttEvent;
use crate::vad::Heard;

impl Conductor {
    /// A hole is only counted; the conversation is not told about it.
    pub(super) fn playout_input(&self, event: PlayoutEvent) -> Option<Input> {
        if let PlayoutEvent::Hole(response, length) = event {
            stages::hole(&self.call, response, length);
            return None;
        }
        Some(Input::Playout(event))
    }

    pub(super) fn note_input(&mut self, note: ResponseNote) -> Option<Input> {
        match note {
            ResponseNote::Input(input) => {
                self.log(&input);
                Some(input)
            }
            ResponseNote::Failed(id, error) => {
                tracing::warn!(call = %self.call, response = id.0, %error, "response failed");
                Some(Input::ResponseFailed(id))
            }
            ResponseNote::Served(id, kind, routed) => {
                if id == self.served.response {
                    self.served.engines.note(kind, routed);
                }
                None
            }
            ResponseNote::NoVoice { language, reason } => {
                self.lacks_voice(&language, &reason);
                None
            }
            ResponseNote::VoiceRefused { voice, reason, gone } => {
                tracing::warn!(call = %self.call, %voice, %reason, "the engine refused the voice");
                Some(Input::VoiceRefused { voice, by_name: gone })
            }
        }
    }

    /// The engine that recognises is only recorded; the conversation is not told about it.
    pub(super) fn word_input(&mut self, event: SttEvent) -> Option<Input> {
        Some(match event {
            SttEvent::Partial(utterance, words) => Input::Partial(utterance, words),
            SttEvent::Trial(utterance, pause, words) => Input::Trial(utterance, pause, words),
            SttEvent::Final(utterance, words) => Input::Final(utterance, words),
            SttEvent::Failed(utterance, reason) => {
                tracing::warn!(utterance = utterance.0, %reason, "recognition failed");
                Input::NotUnderstood(utterance)
            }
            SttEvent::Served(_, routed) => {
                self.heard_by = Some(routed);
                return None;
            }
        })
    }

    fn log(&self, input: &Input) {
        match input {
            Input::TurnEnd(id, probability) => {
                tracing::debug!(call = %self.call, response = id.0, probability, "turn's end by meaning");
            }
            Input::TooLong(id, limit, got) => {
                tracing::info!(call = %self.call, response = id.0, limit, got, "a prompt was too long and is cut");
            }
            _ => {}
        }
    }

    /// The person is told once per call.
    fn lacks_voice(&mut self, language: &str, reason: &str) {
        if std::mem::replace(&mut self.no_voice_told, true) {
            return;
        }
        tracing::warn!(call = %self.call, %language, %reason, "no voice for the language");
        let message =
            format!("No voice for the language \"{language}\" is installed, so another one speaks.");
        _ = self.channels.events.try_send(CallEvent::Notice { code: "no-voice", message });
    }
}

/// Converts a sound's time in samples to milliseconds before now, as the conversation counts.
pub(super) fn voice(heard: Heard) -> Input {
    use crate::frame::VadEvent::{Cut, Paused, Resumed, Started};
    let at = match &heard.event {
        Started { at, .. } | Paused { at, .. } | Cut { at, .. } => *at,
        Resumed { .. } => heard.seen,
    };
    Input::Voice { ago: heard.seen.saturating_sub(at) * 1000 / u64::from(MIC_RATE), event: heard.event }
}

pub(super) fn note_client(command: &ClientCommand) {
    if let ClientCommand::FirstAudioHeard { ms, .. } = command {
        metrics::histogram!("visavis_stage_seconds", "stage" => "heard").record(f64::from(*ms) / 1000.0);
    }
}
