//! The commands of a conversation.

use serde::Serialize;

use super::{Counting, Round};
use crate::avatar::cue::Cue;
use crate::context::CallContext;
use crate::event::{CallEvent, EndReason};
use crate::frame::{Message, Play, ResponseId, ResponseRequest, UtteranceId};
use crate::tool::{ToolCall, Tools};

/// Something to do.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum Command {
    /// Make this response.
    Start(ResponseRequest, Play),
    /// Prefill the model with these messages; true: the last one is still growing.
    Prefill(Vec<Message>, bool),
    /// Write the summary that these messages ask for, when there is time; [`Input::Summary`] returns it.
    Summarise(Vec<Message>),
    /// Count the tokens of these messages and tools; [`Input::Counted`] returns them.
    Count(Counting, Vec<Message>, Tools),
    /// Synthesise these phrases in advance, when there is time, with this voice and in this language.
    Prepare(Vec<String>, (String, String)),
    /// Play the current response like this from now on.
    Play(ResponseId, Play),
    /// Run this tool; the end of the response cancels it.
    RunTool(ResponseId, ToolCall),
    /// Continue the response after its model has called a tool.
    Continue(ResponseId, Round),
    /// Stop generating and playing this response.
    Cancel(ResponseId),
    /// Say this filler: the response is late, or its next sound is.
    Filler(ResponseId, String),
    /// Show this on the face.
    Show(Cue),
    /// The turn of this utterance is over.
    Close(UtteranceId),
    /// Tell the client.
    Emit(CallEvent),
    /// Set the language of later utterances.
    SetLanguage(Option<String>),
    /// List the voices; [`Input::Voices`] returns them.
    ListVoices,
    /// Save this context: if the call breaks off, it resumes from it.
    Remember(Box<CallContext>),
    /// End the call.
    End(EndReason, &'static str),
}
