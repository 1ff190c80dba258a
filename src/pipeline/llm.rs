//! Stage 4, the answer's words: streams them from the model and cuts them into phrases; waits while tools work.

use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use tokio::sync::mpsc;

use crate::engine::{EngineError, Llm, LlmPiece, LlmRequest};
use crate::frame::{ResponseId, ResponseRequest, Sentence};
use crate::tool::Tools;

use super::conductor::AnswerNote;
use super::conversation::Round;
use super::phrases::Splitter;
use super::speakable::{Speakable, speakable};

/// Generates one answer. Phrases go to speech in order; the channel's end says that no more come.
///
/// # Errors
/// When the engine fails.
pub async fn run(
    conversation: String,
    request: ResponseRequest,
    llm: Arc<dyn Llm>,
    sentences: mpsc::Sender<Sentence>,
    notes: mpsc::Sender<AnswerNote>,
    mut rounds: mpsc::Receiver<Round>,
) -> Result<(), EngineError> {
    let language = request.language.clone();
    let mut out = Out { response: request.id, language, index: 0, sentences, notes };
    let mut splitter = Splitter::default();
    let (tools, mut speculative) = (request.tools, request.speculative);
    let mut round = match request.script {
        Some(script) => Round::Say(script),
        None => Round::Ask(request.messages, true),
    };
    loop {
        let (messages, may_call) = match round {
            Round::Ask(messages, may_call) => (messages, may_call),
            Round::Say(script) => break out.text(&mut splitter, script).await,
            Round::End => break,
        };
        let tools = if may_call { tools.clone() } else { Tools::default() };
        let request = LlmRequest { conversation: conversation.clone(), messages, speculative, tools };
        let Some((name, arguments)) = out.pieces(&mut splitter, llm.generate(request).await?).await? else {
            break;
        };
        // What was said before the call is heard while the tool works.
        if let Some(phrase) = splitter.finish() {
            out.phrase(phrase).await;
        }
        _ = out.notes.send(AnswerNote::Called(out.response, name, arguments)).await;
        // Only a turn that is decided goes on.
        speculative = false;
        round = rounds.recv().await.unwrap_or(Round::End);
    }
    if let Some(phrase) = splitter.finish() {
        out.phrase(phrase).await;
    }
    _ = out.notes.send(AnswerNote::TextEnded(out.response)).await;
    Ok(())
}

/// All of a short answer at once.
///
/// # Errors
/// When the engine fails.
pub async fn whole(request: LlmRequest, llm: &dyn Llm) -> Result<String, EngineError> {
    let mut pieces = llm.generate(request).await?;
    let mut text = String::new();
    while let Some(piece) = pieces.next().await {
        if let LlmPiece::Text(piece) = piece? {
            text.push_str(&piece);
        }
    }
    Ok(text)
}

struct Out {
    response: ResponseId,
    language: String,
    index: u32,
    sentences: mpsc::Sender<Sentence>,
    notes: mpsc::Sender<AnswerNote>,
}

impl Out {
    /// Hands on what the model says, up to its end or to a tool that it calls.
    async fn pieces(
        &mut self,
        splitter: &mut Splitter,
        mut pieces: BoxStream<'static, Result<LlmPiece, EngineError>>,
    ) -> Result<Option<(String, String)>, EngineError> {
        while let Some(piece) = pieces.next().await {
            match piece? {
                LlmPiece::TurnEnd(probability) => {
                    _ = self.notes.send(AnswerNote::TurnEnd(self.response, probability)).await;
                }
                LlmPiece::Read(tokens) => {
                    _ = self.notes.send(AnswerNote::Read(self.response, tokens)).await;
                }
                LlmPiece::Text(text) => self.text(splitter, text).await,
                LlmPiece::Call(name, arguments) => return Ok(Some((name, arguments))),
            }
        }
        Ok(None)
    }

    async fn text(&mut self, splitter: &mut Splitter, text: String) {
        let phrases = splitter.push(&text);
        _ = self.notes.send(AnswerNote::Text(self.response, text)).await;
        for phrase in phrases {
            self.phrase(phrase).await;
        }
    }

    async fn phrase(&mut self, text: String) {
        if self.index == 0 {
            _ = self.notes.send(AnswerNote::FirstPhrase(self.response)).await;
        }
        let Speakable { text: spoken, words } = speakable(&text, &self.language);
        let sentence =
            Sentence { response: self.response, index: self.index, speakable: spoken, words, text };
        _ = self.sentences.send(sentence).await;
        self.index += 1;
    }
}
