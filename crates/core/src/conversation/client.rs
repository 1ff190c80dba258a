//! What the client's commands do.

use super::{Command, Conversation, clean};
use crate::event::{CallEvent, ClientCommand, EndReason};
use crate::frame::{Message, PlaybackPosition};
use crate::plain::plain;

impl Conversation {
    pub(super) fn client(&mut self, now: u64, position: PlaybackPosition, command: ClientCommand) {
        match command {
            ClientCommand::Ready => {
                self.emit(CallEvent::Ready { call: self.call.clone(), resumed: self.resumed });
                self.pick_up(now);
                self.greet(now);
                self.count_base();
                // The instructions take longest to prefill, and nobody waits yet, unless for a response that goes on.
                if self.response.as_ref().is_none_or(|response| response.scripted) {
                    self.prefill("");
                }
                self.prepare_phrases();
            }
            ClientCommand::Say(text) => self.typed(now, position, plain(&text).into_owned(), true),
            ClientCommand::AskInText(text) => self.typed(now, position, plain(&text).into_owned(), false),
            ClientCommand::Append { id, role, text } => {
                self.append(now, id, Message { role, content: plain(&text).into_owned() });
            }
            ClientCommand::SetLanguage(language) => {
                if let Some(language) = &language {
                    self.language.clone_from(language);
                }
                self.settings.language.clone_from(&language);
                self.commands.push(Command::SetLanguage(language));
            }
            ClientCommand::SetVoice { id, voice } => self.set_voice(now, id, voice),
            ClientCommand::Interrupt => {
                self.interrupt(now, position);
                (self.unanswered, self.pending, self.said_before) = (false, None, None);
                self.make_room();
            }
            ClientCommand::SetExpression(cue) => self.set_expression(cue),
            ClientCommand::SetTools { id, tools } => self.client_tools(id, tools),
            ClientCommand::ToolResult { id, result } => self.client_tool_returned(now, &id, clean(result)),
            ClientCommand::HangUp => self.end(EndReason::HungUp, "You hung up."),
            ClientCommand::Bad { id, message } => self.emit(CallEvent::BadMessage { id, message }),
            ClientCommand::FirstAudioHeard { response, ms } => self.response_was_heard(now, response, ms),
            ClientCommand::Muted(_) => {}
            ClientCommand::MicrophoneStutters => self.notice(
                "microphone-stutters",
                "The sound of your microphone arrives with gaps, so some words may be missing.",
            ),
        }
    }
}
