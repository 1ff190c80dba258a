//! What a call and its client tell each other, free of any wire format: `transport/protocol/` writes it as RTVI.

use serde::{Deserialize, Serialize};

use serde_json::Value;

use crate::avatar::cue::Cue;
use crate::frame::{ResponseId, Role};
use crate::tool::{Doer, Tool, ToolEnd};

/// What the agent is doing, as a glance should show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AgentState {
    /// It waits for the person, or hears them.
    Listening,
    /// It has a question and no answer yet.
    Thinking,
    /// It speaks.
    Speaking,
}

/// How an answer that the client was told of ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AnswerEnd {
    /// All of it was said.
    Finished,
    /// The person interrupted it, or asked for silence.
    Interrupted,
    /// An engine failed at it.
    Failed,
}

impl AnswerEnd {
    /// For metrics and spans.
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
    /// It was ended over HTTP: by an operator, or by a client that is on its way out.
    EndedByOperator,
    /// Nothing came from the person for too long.
    Idle,
    /// The agent ended it, as it was asked to.
    AgentEnded,
    /// The connection was lost.
    ConnectionLost,
    /// The server stops.
    ServerStopping,
    /// A fault of this call; others go on.
    Fault,
}

impl EndReason {
    /// The server's side ended it on purpose, so that a client which was cut off is not to call again. A person who hung up does
    /// not call again anyhow, and whose connection just ends may have hung up or not.
    #[must_use]
    pub fn is_final(self) -> bool {
        match self {
            Self::EndedByOperator | Self::Idle | Self::AgentEnded => true,
            Self::HungUp | Self::ConnectionLost | Self::ServerStopping | Self::Fault => false,
        }
    }

    /// For metrics, as messages name it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::HungUp => "hung-up",
            Self::EndedByOperator => "ended-by-operator",
            Self::Idle => "idle",
            Self::AgentEnded => "agent-ended",
            Self::ConnectionLost => "connection-lost",
            Self::ServerStopping => "server-stopping",
            Self::Fault => "fault",
        }
    }
}

/// When things happened in a turn, in milliseconds after the person's last spoken sample. Absent: it did not happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TurnMarks {
    /// The pause was noticed, and the transcript asked for.
    pub pause: Option<u32>,
    /// The answer was begun, unheard, before the turn was decided.
    pub speculated: Option<u32>,
    /// The turn was taken as ended.
    pub turn_decided: Option<u32>,
    /// The final transcript was there.
    pub transcript: Option<u32>,
    /// The model's first token.
    pub first_token: Option<u32>,
    /// The first phrase was cut.
    pub first_phrase: Option<u32>,
    /// The first phrase's audio was there.
    pub first_audio: Option<u32>,
    /// The first sample left for the person.
    pub first_sent: Option<u32>,
    /// The client heard the answer begin, by its own clock; where it said so before the answer ended.
    pub heard: Option<u32>,
    /// The answer was interrupted.
    pub interrupted: Option<u32>,
    /// An engine failed at the answer.
    pub failed: Option<u32>,
    /// The answer ended.
    pub done: Option<u32>,
}

/// Why a turn took long.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Slow {
    /// The stage that was longest beyond its usual, as in metrics.
    pub stage: &'static str,
    /// A sentence for people.
    pub reason: String,
}

/// From the call to the client, in order and never dropped.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum CallEvent {
    /// The call is up; answers the client's hello.
    Ready {
        /// The call's id.
        call: String,
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
        /// Bytes of `text` that will not change any more.
        stable: usize,
        /// They will not change.
        last: bool,
        /// ISO 639-1.
        language: String,
    },
    /// Words that the client typed have come, and are to be answered. They are no transcript: who typed them sees them.
    UserTyped {
        /// The words.
        text: String,
    },
    /// The model begins an answer.
    AnswerStarted(ResponseId),
    /// A piece of the model's text, as it is generated.
    AnswerText {
        /// The answer.
        response: ResponseId,
        /// The piece.
        text: String,
    },
    /// The model's text is complete.
    AnswerTextEnded(ResponseId),
    /// The first sound of an answer leaves for the person.
    AgentStartedSpeaking(ResponseId),
    /// This phrase begins to sound now; one that is not spoken, such as code, is shown now.
    PhraseSpoken {
        /// The answer.
        response: ResponseId,
        /// The how manieth phrase of the answer, from 0.
        index: u32,
        /// The phrase as written.
        text: String,
        /// It sounds.
        aloud: bool,
    },
    /// So much of the phrase that sounds has been said.
    PhraseProgress {
        /// The answer.
        response: ResponseId,
        /// The how manieth phrase of the answer, from 0.
        index: u32,
        /// The phrase as written.
        text: String,
        /// Bytes of `text` that have been said, up to the end of a word.
        said: usize,
    },
    /// The face shows this, from now on or once.
    Expression(Cue),
    /// The last sound of an answer has left.
    AgentStoppedSpeaking(ResponseId),
    /// The answer was interrupted: throw away what is buffered. `heard` is what the history keeps.
    Interrupted {
        /// The answer.
        response: ResponseId,
        /// The words that were played.
        heard: String,
    },
    /// An engine failed at the answer: what was sent of it may still sound, and nothing more comes.
    AnswerFailed {
        /// The answer.
        response: ResponseId,
        /// The words that were played: what the history keeps.
        heard: String,
    },
    /// A turn's marks, once its answer has ended.
    Turn {
        /// The answer.
        response: ResponseId,
        /// How it ended.
        end: AnswerEnd,
        /// Its marks.
        marks: TurnMarks,
        /// Why it took long, if it did.
        slow: Option<Slow>,
    },
    /// A tool begins its work.
    ToolStarted {
        /// The tool's call.
        id: String,
        /// The tool.
        name: String,
        /// For a tool of the client: do it, with these arguments.
        arguments: Option<Value>,
    },
    /// A tool's call has ended.
    ToolStopped {
        /// The tool's call.
        id: String,
        /// The tool.
        name: String,
        /// How.
        end: ToolEnd,
        /// After this time.
        ms: u32,
        /// Who did it.
        doer: Doer,
    },
    /// Something the person should know, in a sentence.
    Notice {
        /// For programs, such as `engine-restarting`.
        code: &'static str,
        /// For people.
        message: String,
    },
    /// The client's request has been met.
    Granted {
        /// The id of its message.
        id: String,
        /// Which, as the message names it.
        request: &'static str,
    },
    /// The client's message could not be understood; the call goes on.
    BadMessage {
        /// The id of the message, if it had one.
        id: Option<String>,
        /// What is wrong and what would be right.
        message: String,
    },
    /// The last event of a call.
    Ended {
        /// Why.
        reason: EndReason,
        /// For people.
        message: String,
    },
}

impl CallEvent {
    /// The person's words, which will not change; empty ones take back what was shown.
    #[must_use]
    pub fn words(text: String, language: String) -> Self {
        Self::UserTranscript { stable: text.len(), text, last: true, language }
    }
}

/// From the client to the call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum ClientCommand {
    /// The client is there and says hello.
    Ready,
    /// Typed words, to be treated like spoken ones.
    Say(String),
    /// Typed words whose answer is to be read: it is not spoken.
    AskInText(String),
    /// Words that the model is to know with its next answer. They begin none and interrupt none.
    Append {
        /// The id of the message, which a refusal answers.
        id: Option<String>,
        /// Who said them: the person or the agent.
        role: Role,
        /// They.
        text: String,
    },
    /// The language is fixed (ISO 639-1) or identified again (`None`).
    SetLanguage(Option<String>),
    /// The face is to show this, from now on or once.
    SetExpression(Cue),
    /// Stop speaking, as if the person had interrupted.
    Interrupt,
    /// The client's microphone is muted or not: what it sends is silence by intention.
    Muted(bool),
    /// The transport's own: the microphone's sound arrives so broken that words may be missing.
    MicrophoneStutters,
    /// The answer's first sound was heard, as the client measured it, in ms after the person's last spoken sample.
    FirstAudioHeard {
        /// The answer.
        response: ResponseId,
        /// Milliseconds.
        ms: u32,
    },
    /// The tools that the client brings, instead of those it brought before.
    SetTools {
        /// The id of the message, which is answered when it is decided.
        id: Option<String>,
        /// They.
        tools: Vec<Tool>,
    },
    /// What a tool of the client has done, or why it could not.
    ToolResult {
        /// The tool's call.
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
        /// What is wrong and what would be right.
        message: String,
    },
}
