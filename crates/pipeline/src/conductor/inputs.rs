//! What happens around a conversation, as its inputs.

use super::{AnswerNote, Conductor};
use crate::conversation::Input;
use crate::event::{CallEvent, ClientCommand};
use crate::frame::MIC_RATE;
use crate::frame::PlayoutEvent;
use crate::stages;
use crate::stt::SttEvent;
use crate::vad::Heard;

impl Conductor {
    /// A hole is counted; it changes nothing.
    pub(super) fn playout_input(&self, event: PlayoutEvent) -> Option<Input> {
        if let PlayoutEvent::Hole(response, length) = event {
            stages::hole(&self.call, response, length);
            return None;
        }
        Some(Input::Playout(event))
    }

    pub(super) fn note_input(&mut self, note: AnswerNote) -> Option<Input> {
        Some(match note {
            AnswerNote::TurnEnd(id, probability) => {
                tracing::debug!(call = %self.call, response = id.0, probability, "turn's end by meaning");
                Input::TurnEnd(id, probability)
            }
            AnswerNote::Text(id, text) => Input::Text(id, text),
            AnswerNote::Read(id, tokens) => Input::Read(id, tokens),
            AnswerNote::TextEnded(id) => Input::TextEnded(id),
            AnswerNote::FirstPhrase(id) => Input::FirstPhrase(id),
            AnswerNote::FirstAudio(id) => Input::FirstAudio(id),
            AnswerNote::Called(id, name, arguments) => Input::ToolCalled(id, name, arguments),
            AnswerNote::TooLong(id, limit, got) => {
                tracing::info!(call = %self.call, response = id.0, limit, got, "a prompt was too long and is cut");
                Input::TooLong(id, limit, got)
            }
            AnswerNote::ModelFailed => Input::ModelForgot,
            AnswerNote::Failed(id, error) => {
                tracing::warn!(call = %self.call, response = id.0, %error, "answer failed");
                Input::AnswerFailed(id)
            }
            AnswerNote::NoVoice(_, language, reason) => {
                if !std::mem::replace(&mut self.no_voice_told, true) {
                    tracing::warn!(call = %self.call, %language, %reason, "no voice for the language");
                    let message = format!(
                        "No voice for the language \"{language}\" is installed, so another one speaks."
                    );
                    _ = self.wires.events.try_send(CallEvent::Notice { code: "no-voice", message });
                }
                return None;
            }
        })
    }
}

/// The time of a sound is in samples; the conversation counts back from now.
pub(super) fn voice(heard: Heard) -> Input {
    use crate::frame::VadEvent::{Cut, Paused, Resumed, Started};
    let at = match &heard.event {
        Started { at, .. } | Paused { at, .. } | Cut { at, .. } => *at,
        Resumed { .. } => heard.seen,
    };
    Input::Voice { ago: heard.seen.saturating_sub(at) * 1000 / u64::from(MIC_RATE), event: heard.event }
}

pub(super) fn word_input(event: SttEvent) -> Input {
    match event {
        SttEvent::Partial(utterance, words) => Input::Partial(utterance, words),
        SttEvent::Trial(utterance, pause, words) => Input::Trial(utterance, pause, words),
        SttEvent::Final(utterance, words) => Input::Final(utterance, words),
        SttEvent::Failed(utterance, reason) => {
            tracing::warn!(utterance = utterance.0, %reason, "recognition failed");
            Input::NotUnderstood(utterance)
        }
    }
}

pub(super) fn note_client(command: &ClientCommand) {
    if let ClientCommand::FirstAudioHeard { ms, .. } = command {
        metrics::histogram!("visavis_stage_seconds", "stage" => "heard").record(f64::from(*ms) / 1000.0);
    }
}
