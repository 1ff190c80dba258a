//! What goes into a conversation; recordings hold it.

use serde::{Deserialize, Serialize};

use super::{Counted, Counting};
use crate::event::ClientCommand;
use crate::frame::{PlayoutEvent, ResponseId, Transcript, UtteranceId, VadEvent};
use crate::usage::Usage;
use crate::voice::KnownVoice;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Input {
    /// The person's voice.
    Voice {
        /// The event.
        event: VadEvent,
        /// Milliseconds since the event's own time.
        ago: u64,
    },
    /// The words of an utterance so far.
    Partial(UtteranceId, Transcript),
    /// The words of an utterance at its pause of this number; final if the turn ends there.
    Trial(UtteranceId, u32, Transcript),
    /// The words of an utterance that was cut.
    Final(UtteranceId, Transcript),
    /// An utterance will have no words.
    NotUnderstood(UtteranceId),
    /// How likely the turn ends at this pause, by prosody.
    Prosody(UtteranceId, u32, f32),
    /// From the client.
    Client(ClientCommand),
    /// How likely the person's words are complete, by the model that writes the response.
    TurnEnd(ResponseId, f32),
    /// A piece of the response's text.
    Text(ResponseId, String),
    /// How many tokens the model had to evaluate before the response's first word.
    Read(ResponseId, u32),
    /// What a text took that a model wrote for the call, heard or not.
    Used(Usage),
    /// The response's text is complete.
    TextEnded(ResponseId),
    /// The response's first segment is complete.
    FirstSegment(ResponseId),
    /// The response's first audio has arrived.
    FirstAudio(ResponseId),
    /// From playout.
    Playout(PlayoutEvent),
    /// The model calls the tool of this name with these arguments, and waits.
    ToolCalled(ResponseId, String, String),
    /// The result of the tool call of this id, or why there is none.
    ToolReturned(String, Result<String, String>),
    /// The requested summary; empty: there is none.
    Summary(String),
    /// The requested list of voices; `None`: the engine could not list them.
    Voices(Option<Vec<KnownVoice>>),
    /// The engine refused a voice, and another one speaks.
    VoiceRefused {
        /// As it was asked for.
        voice: String,
        /// The refusal names it: it is not there any more.
        by_name: bool,
    },
    /// The requested token counts; `None`: the engine could not count.
    Counted(Counting, Option<Counted>),
    /// The response's request is too long: how many tokens fit, and how many it has.
    TooLong(ResponseId, u32, u32),
    /// The model's engine restarted or failed: its prefill of this conversation is lost.
    ModelForgot,
    /// An engine failed during the response.
    ResponseFailed(ResponseId),
    /// The server stops: finish the current response, then end the call.
    Stopping,
    /// An operator ends the call now.
    EndedByOperator,
    /// The client is gone, or the call goes on elsewhere: nothing follows, and what is to be gone on from is remembered.
    Gone,
    /// The time returned by [`Conversation::timeout`] has come.
    Timeout,
}
