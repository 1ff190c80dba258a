//! The tasks behind a conversation's commands: a response, its fillers, its tools, and background work.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::mpsc;

use super::effort::Effort;
use super::{Conductor, InService};
use crate::conversation::{Counted, Counting, Input};
use crate::engine::{Counts, EngineError, Llm, LlmRequest, TtsRequest, Voice};
use crate::floor::Floor;
use crate::frame::{Message, Play, ResponseId, ResponseRequest, Segment, VadEvent};
use crate::llm::Completion;
use crate::note::ResponseNote;
use crate::playout::Current;
use crate::route::Served;
use crate::speakable::speakable;
use crate::tool::{ToolCall, Tools};
use crate::tts::{SpeechOut, VoiceChoice};
use crate::vad::Heard;
use crate::{SEGMENT_QUEUE, llm, tts};

/// Tokens are estimated if the engine's count takes longer than this.
const COUNTING: Duration = Duration::from_secs(5);
/// A voice cannot be chosen if the engine's list takes longer than this.
const LISTING: Duration = Duration::from_secs(3);

impl Conductor {
    /// Asks the end-of-turn model about a pause.
    pub(super) fn judge(&self, heard: &Heard) {
        let VadEvent::Paused { utterance, pause, .. } = heard.event else { return };
        let (Some(model), Some(audio)) = (self.engines.end_of_turn.clone(), heard.audio.clone()) else {
            return;
        };
        let out = self.judged.sender();
        self.tasks.spawn(async move {
            match tokio::task::spawn_blocking(move || model.probability(&audio)).await {
                // Dropped if the conversation does not keep up: a turn prediction is the least loss.
                Ok(Ok(probability)) => {
                    tracing::debug!(utterance = utterance.0, pause, probability, "turn prediction: prosody");
                    _ = out.try_send(Input::Prosody(utterance, pause, probability));
                }
                Ok(Err(error)) => tracing::warn!(%error, "the turn prediction by prosody failed"),
                Err(error) => tracing::error!(%error, "the end-of-turn model panicked"),
            }
        });
    }

    /// Has the model prefill a prompt; a newer prefill replaces an older one.
    pub(super) fn prefill(&mut self, messages: Vec<Message>, open: bool) {
        if !self.engines.llm.capabilities().prefill {
            return;
        }
        self.prefill.cancel();
        self.prefill = self.token.child_token();
        let (token, llm) = (self.prefill.clone(), self.engines.llm.clone());
        let request = LlmRequest {
            conversation: self.call.clone(),
            messages,
            speculative: true,
            tools: self.conversation.tools().clone(),
            // The engine of the last response: the next one's is not known yet.
            language: self.voice.language.clone(),
            caller: self.caller.clone(),
            ..LlmRequest::default()
        };
        self.tasks.spawn(async move { token.run_until_cancelled(llm.prefill(request, open)).await });
    }

    /// Synthesises canned phrases for later, one after the other, until the user speaks or a response starts.
    pub(super) fn prepare(&mut self, phrases: Vec<String>, choice: VoiceChoice) {
        self.background.cancel();
        self.background = self.token.child_token();
        let (token, tts) = (self.background.clone(), self.engines.tts.clone());
        let VoiceChoice { voice, language, caller } = choice;
        // The call will say them soon: they do not wait for all that programs have spoken.
        let any = TtsRequest { voice, language, ahead: true, waited: true, caller, ..TtsRequest::default() };
        let work = async move {
            for phrase in phrases {
                let text = speakable(&phrase, &any.language).text;
                tts.prepare(TtsRequest { text, ..any.clone() }).await;
            }
        };
        self.tasks.spawn(async move { token.run_until_cancelled(work).await });
    }

    /// Has the model write a summary, which may arrive in any later turn.
    pub(super) fn summarise(&self, messages: Vec<Message>) {
        let (llm, out, token) = (self.engines.llm.clone(), self.judged.sender(), self.token.clone());
        // Not in the call's conversation: its prompt cache is for responses.
        let caller = self.caller.clone();
        let request = LlmRequest { messages, speculative: true, caller, ..LlmRequest::default() };
        let work = async move {
            let Completion { text, usage } =
                llm::complete(request, llm.as_ref()).await.unwrap_or_else(|error| {
                    tracing::warn!(%error, "the summary failed");
                    Completion::default()
                });
            if let Some(usage) = usage {
                _ = out.send(Input::Used(usage)).await;
            }
            _ = out.send(Input::Summary(text)).await;
        };
        self.tasks.spawn(async move { token.run_until_cancelled(work).await });
    }

    /// Has the engine count tokens, if it can.
    pub(super) fn count(&self, what: Counting, messages: Vec<Message>, tools: Tools) {
        let (llm, out, token) = (self.engines.llm.clone(), self.judged.sender(), self.token.clone());
        let work = async move {
            let able = llm.capabilities().counts_tokens;
            let counted = if able { counted(llm.as_ref(), &messages, &tools).await } else { None };
            _ = out.send(Input::Counted(what, counted)).await;
        };
        self.tasks.spawn(async move { token.run_until_cancelled(work).await });
    }

    /// Has the engine list its voices.
    pub(super) fn list_voices(&self) {
        let (tts, out, token) = (self.engines.tts.clone(), self.judged.sender(), self.token.clone());
        let work = async move {
            let listed =
                tokio::time::timeout(LISTING, tts.voices()).await.unwrap_or(Err(EngineError::Deadline));
            let known = match listed {
                Ok(voices) => Some(voices.iter().map(Voice::known).collect()),
                Err(error) => {
                    tracing::warn!(%error, "the voices cannot be listed");
                    None
                }
            };
            _ = out.send(Input::Voices(known)).await;
        };
        self.tasks.spawn(async move { token.run_until_cancelled(work).await });
    }

    /// Says a filler while the current response, which continues to be generated, is silent.
    pub(super) fn filler(&mut self, response: ResponseId, text: &str) {
        let Some(token) = self.response.clone() else { return };
        let (tts, speech) = (self.engines.tts.clone(), self.channels.speech.clone());
        let (voice, claim) = (self.voice.clone(), self.floor.claim());
        let spoken = speakable(text, &voice.language);
        let segment = Segment { speakable: spoken.text, ..Segment::silent(response, 0) };
        self.tasks.spawn(async move {
            let said = tts::filler(&segment, voice, tts.as_ref(), claim, speech);
            if let Some(Err(error)) = token.run_until_cancelled(said).await {
                tracing::warn!(response = response.0, %error, "the filler failed");
            }
        });
    }

    /// Runs a tool for the current response; cancelled when the response ends.
    pub(super) fn run_tool(&mut self, call: ToolCall) {
        let Some(token) = self.response.clone() else { return };
        let (toolbox, returned) = (self.channels.toolbox.clone(), self.returned.sender());
        self.tasks.spawn(Box::pin(async move {
            let work = AssertUnwindSafe(toolbox.run(&call)).catch_unwind();
            if let Some(done) = token.run_until_cancelled(work).await {
                let result = done.unwrap_or_else(|_| Err("the tool failed".into()));
                _ = returned.send(Input::ToolReturned(call.id, result)).await;
            }
        }));
    }

    /// Notes the voice and the engines of a response that begins.
    fn note_who_serves(&mut self, request: &ResponseRequest) {
        let (voice, language) = (request.voice.clone(), request.language.clone());
        self.voice = VoiceChoice { voice, language, caller: self.caller.clone() };
        // Text said without the model does not respond to the person's words.
        let stt = self.heard_by.clone().filter(|_| request.script.is_none());
        self.served = InService { response: request.id, engines: Served { stt, ..Served::default() } };
    }

    pub(super) fn start(&mut self, request: ResponseRequest, play: Play) {
        self.background.cancel();
        self.cancel();
        let id = request.id;
        self.channels.current.send_replace(Some(Current { response: id, play }));
        let token = self.token.child_token();
        self.response = Some(token.clone());
        self.note_who_serves(&request);
        let (segments, to_speak) = mpsc::channel(SEGMENT_QUEUE);
        let notes = self.notes.sender();
        let voice = self.voice.clone();
        self.floor = Floor::default();
        let out = SpeechOut { floor: self.floor.clone(), playout: self.channels.speech.clone() };
        let (rounds, more) = mpsc::channel(1);
        self.rounds = Some(rounds);
        let effort = Effort::begin(play == Play::Speculative);
        let scripted = request.script.is_some();
        let words = effort.of(llm::run(
            llm::Asker { conversation: self.call.clone(), caller: self.caller.clone() },
            request,
            self.engines.llm.clone(),
            llm::Channels { segments, notes: notes.clone(), position: self.channels.position.clone() },
            more,
            self.channels.cue_sources,
        ));
        self.effort = Some(effort).filter(|_| !scripted);
        let model_notes = notes.clone();
        let words = async move {
            let done = words.await;
            if matches!(done, Err(EngineError::Unavailable(_))) {
                _ = model_notes.send(Input::ModelForgot.into()).await;
            }
            done
        };
        let speech = tts::run(id, voice, self.engines.tts.clone(), to_speak, out, notes.clone());
        self.tasks.spawn(Box::pin(async move {
            let work = AssertUnwindSafe(async { tokio::try_join!(words, speech) }).catch_unwind();
            let failed = tokio::select! {
                done = work => done.unwrap_or_else(|_| Err(EngineError::Failed("a stage panicked".into()))).err(),
                () = token.cancelled() => None,
            };
            if let Some(error) = failed {
                _ = notes.send(ResponseNote::Failed(id, error)).await;
            }
        }));
    }
}

/// The engine's token counts; none if it fails or takes too long.
async fn counted(llm: &dyn Llm, messages: &[Message], tools: &Tools) -> Option<Counted> {
    let counts = tokio::time::timeout(COUNTING, llm.count(messages, tools)).await;
    match counts.unwrap_or(Err(EngineError::Deadline)) {
        Ok(Counts { messages, tools, limit, .. }) => Some(Counted { messages, tools, limit }),
        Err(EngineError::TooLong { limit, got }) => {
            Some(Counted { messages: vec![0; messages.len()], tools: got, limit })
        }
        Err(error) => {
            tracing::debug!(%error, "tokens were not counted");
            None
        }
    }
}
