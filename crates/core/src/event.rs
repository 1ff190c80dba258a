//! What a call and its client tell each other, independent of the wire format: `transport/protocol/` encodes it as RTVI.

use serde::{Deserialize, Serialize};

use serde_json::Value;

use crate::avatar::cue::Cue;
use crate::frame::{Message, ResponseId, Role};
use crate::route::Served;
use crate::tool::{Doer, Tool, ToolEnd};

/// What the agent is doing, for display.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AgentState {
    /// It waits for the person, or hears them.
    Listening,
    /// It has a question and no response yet.
    Thinking,
    /// It speaks.
    Speaking,
}

/// How a response that was announced to the client ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ResponseEnd {
    /// All of it was said.
    Finished,
    /// The person interrupted it, or asked for silence.
    Interrupted,
    /// An engine failed.
    Failed,
}

impl ResponseEnd {
    /// The name in metrics and spans.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Finished => "finished",
            Self::Interrupted => "interrupted",
            Self::Failed => "failed",
        }
    }
}

/// Why a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EndReason {
    /// The person hung up.
    HungUp,
    /// It was ended over HTTP: by an operator, or by a client that is closing.
    EndedByOperator,
    /// The person was silent for too long.
    Idle,
    /// The agent ended it, as it was asked to.
    AgentEnded,
    /// The connection was lost.
    ConnectionLost,
    /// The server stops.
    ServerStopping,
    /// The call goes on over another connection, here or at another server.
    Moved,
    /// A fault in this call; other calls go on.
    Fault,
}

/// The end of a call, for programs and for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallEnd {
    /// Why it ends.
    pub reason: EndReason,
    /// The same in a sentence.
    pub message: &'static str,
}

impl EndReason {
    /// Whether the server's side ended it on purpose, so that a client that was cut off must not call again; nor may one whose call
    /// has moved to another client. False for a hang-up, after which nobody calls again anyway, and for a lost connection, which may or may not be a hang-up.
    #[must_use]
    pub fn is_final(self) -> bool {
        match self {
            Self::EndedByOperator | Self::Idle | Self::AgentEnded | Self::Moved => true,
            Self::HungUp | Self::ConnectionLost | Self::ServerStopping | Self::Fault => false,
        }
    }

    /// The name in metrics and messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::HungUp => "hung-up",
            Self::EndedByOperator => "ended-by-operator",
            Self::Idle => "idle",
            Self::AgentEnded => "agent-ended",
            Self::ConnectionLost => "connection-lost",
            Self::ServerStopping => "server-stopping",
            Self::Moved => "moved",
            Self::Fault => "fault",
        }
    }
}

/// When the events of a turn happened, in milliseconds after the person's last spoken sample; `None`: they did not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TurnMarks {
    /// The pause was detected and the transcript requested.
    pub pause: Option<u32>,
    /// The speculative response was begun.
    pub speculated: Option<u32>,
    /// The turn was decided to be over.
    pub turn_decided: Option<u32>,
    /// The final transcript arrived.
    pub transcript: Option<u32>,
    /// The model's first token.
    pub first_token: Option<u32>,
    /// The first segment was complete.
    pub first_segment: Option<u32>,
    /// The first segment's audio arrived.
    pub first_audio: Option<u32>,
    /// The first sample was sent to the person.
    pub first_sent: Option<u32>,
    /// The client heard the response begin, by its own clock; only if it reported so before the response ended.
    pub heard: Option<u32>,
    /// The response was interrupted.
    pub interrupted: Option<u32>,
    /// An engine failed during the response.
    pub failed: Option<u32>,
    /// The response ended.
    pub done: Option<u32>,
}

/// Why a turn was slow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Slow {
    /// The stage that exceeded its usual time the most, named as in metrics.
    pub stage: &'static str,
    /// The reason, in a sentence for people.
    pub reason: String,
}

/// Events from the call to the client, in order and never dropped.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum CallEvent {
    /// The call is up; sent when the client says hello.
    Ready {
        /// The call's id.
        call: String,
        /// It goes on from what was said over an earlier connection.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        resumed: bool,
    },
    /// What was said in a call before it was resumed; follows its [`Ready`](Self::Ready).
    Resumed {
        /// The call's id.
        call: String,
        /// What was said last, as far as it was heard, oldest first.
        said: Vec<Message>,
        /// The rest of a response that was cut off, which is said now; `None`: there is none, or it is not known.
        cut: Option<String>,
    },
    /// With this token the client goes on with the call, once, over another connection. The conversation does not know it:
    /// it is made beside the call.
    ResumeToken {
        /// The call's id.
        call: String,
        /// The token, in place of all before.
        token: String,
        /// Seconds that it stays good after the connection or the server was lost.
        seconds: u32,
    },
    /// The agent's state changed.
    State(AgentState),
    /// The person's voice began.
    UserStartedSpeaking,
    /// The person's voice ended.
    UserStoppedSpeaking,
    /// The person's words, as far as they are known.
    UserTranscript {
        /// The words so far.
        text: String,
        /// Bytes of `text` that will no longer change.
        stable: usize,
        /// The words are final.
        last: bool,
        /// ISO 639-1.
        language: String,
    },
    /// Typed words arrived and will get a response. They are not a transcript: whoever typed them sees them already.
    UserTyped {
        /// The words.
        text: String,
    },
    /// The model begins a response.
    ResponseStarted(ResponseId),
    /// A piece of the model's text, as it is generated.
    ResponseText {
        /// The response.
        response: ResponseId,
        /// The piece.
        text: String,
    },
    /// The model's text is complete.
    ResponseTextEnded(ResponseId),
    /// The first sound of a response is sent to the person.
    AgentStartedSpeaking(ResponseId),
    /// This segment begins to sound now; one that is not spoken, such as code, is shown now.
    SegmentSpoken {
        /// The response.
        response: ResponseId,
        /// Index of the segment within the response, from 0.
        index: u32,
        /// The segment as written.
        text: String,
        /// Whether it is spoken.
        aloud: bool,
        /// ISO 639-1; empty: not known.
        language: String,
        /// The voice that speaks it; empty: none, or not known.
        voice: String,
    },
    /// How much of the current segment has been said.
    SegmentProgress {
        /// The response.
        response: ResponseId,
        /// Index of the segment within the response, from 0.
        index: u32,
        /// The segment as written.
        text: String,
        /// Bytes of `text` that have been said, up to the end of a word.
        said: usize,
    },
    /// The face shows this, from now on or once.
    Expression(Cue),
    /// The last sound of a response has been sent.
    AgentStoppedSpeaking(ResponseId),
    /// The response was interrupted: discard what is buffered. `heard` is what the history keeps.
    Interrupted {
        /// The response.
        response: ResponseId,
        /// The words that were played.
        heard: String,
    },
    /// An engine failed during the response: what was already sent may still sound, and nothing more follows.
    ResponseFailed {
        /// The response.
        response: ResponseId,
        /// The words that were played, which the history keeps.
        heard: String,
    },
    /// A turn's marks, once its response has ended.
    Turn {
        /// The response.
        response: ResponseId,
        /// How it ended.
        end: ResponseEnd,
        /// Its marks.
        marks: TurnMarks,
        /// Why it was slow, if it was.
        slow: Option<Slow>,
        /// The engines that served it, where there are routes. The conversation does not know them: the conductor adds them.
        #[serde(skip_serializing_if = "Served::is_empty")]
        served: Served,
    },
    /// A tool call has begun.
    ToolStarted {
        /// The id of the tool call.
        id: String,
        /// The tool's name.
        name: String,
        /// For a client tool: run it with these arguments.
        arguments: Option<Value>,
    },
    /// A tool call has ended.
    ToolStopped {
        /// The id of the tool call.
        id: String,
        /// The tool's name.
        name: String,
        /// How it ended.
        end: ToolEnd,
        /// How long it took, in milliseconds.
        ms: u32,
        /// Who ran it.
        doer: Doer,
    },
    /// Something the person should know, in a sentence.
    Notice {
        /// A code for programs, such as `engine-restarting`.
        code: &'static str,
        /// A sentence for people.
        message: String,
    },
    /// The client's request was accepted.
    Granted {
        /// The id of the client's message.
        id: String,
        /// The request's name in the protocol.
        request: &'static str,
    },
    /// The client's message could not be understood; the call goes on.
    BadMessage {
        /// The id of the message, if it had one.
        id: Option<String>,
        /// What is wrong, and what was expected.
        message: String,
    },
    /// The last event of a call.
    Ended {
        /// Why the call ended.
        reason: EndReason,
        /// A sentence for people.
        message: String,
    },
}

impl CallEvent {
    /// The person's final words; empty text retracts what was shown.
    #[must_use]
    pub fn words(text: String, language: String) -> Self {
        Self::UserTranscript { stable: text.len(), text, last: true, language }
    }
}

/// Commands from the client to the call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum ClientCommand {
    /// The client is ready and says hello.
    Ready,
    /// Typed words, to be treated like spoken ones.
    Say(String),
    /// Typed words whose response is shown as text and not spoken.
    AskInText(String),
    /// Words that the model reads with its next response; they neither start nor interrupt one.
    Append {
        /// The id of the message, which a refusal names.
        id: Option<String>,
        /// Who said them: the person or the agent.
        role: Role,
        /// The words.
        text: String,
    },
    /// Fixes the language (ISO 639-1), or has it identified again (`None`).
    SetLanguage(Option<String>),
    /// Chooses the voice of the language that it speaks.
    SetVoice {
        /// The id of the message, which the acceptance or refusal names.
        id: Option<String>,
        /// The voice, a speaker of it, or a mix; `None`: the first voice of each language again.
        voice: Option<String>,
    },
    /// The face is to show this, from now on or once.
    SetExpression(Cue),
    /// Stop speaking, as if the person had interrupted.
    Interrupt,
    /// Whether the client's microphone is muted, so that its silence is intended.
    Muted(bool),
    /// From the transport itself: the microphone's audio has so many gaps that words may be missing.
    MicrophoneStutters,
    /// When the client heard the response's first sound, by its own measurement, in ms after the person's last spoken sample.
    FirstAudioHeard {
        /// The response.
        response: ResponseId,
        /// Milliseconds.
        ms: u32,
    },
    /// Sets the client's tools.
    SetTools {
        /// The id of the message, which the acceptance or refusal names.
        id: Option<String>,
        /// The tools, replacing those sent before.
        tools: Vec<Tool>,
    },
    /// The result of a client tool, or why it failed.
    ToolResult {
        /// The id of the tool call.
        id: String,
        /// What the model is told.
        result: Result<String, String>,
    },
    /// Hang up.
    HangUp,
    /// A message that could not be understood.
    Bad {
        /// The id of the message, if it had one.
        id: Option<String>,
        /// What is wrong, and what was expected.
        message: String,
    },
}
