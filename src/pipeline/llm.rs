//! Stage 4, the answer's words: streams them from the model and cuts them into phrases.

use std::sync::Arc;

use futures_util::StreamExt;
use tokio::sync::mpsc;

use crate::engine::{EngineError, Llm, LlmPiece, LlmRequest};
use crate::frame::{ResponseId, ResponseRequest, Sentence};

use super::conductor::AnswerNote;
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
) -> Result<(), EngineError> {
    let language = request.language.clone();
    let mut out = Out { response: request.id, language, index: 0, sentences, notes };
    let mut splitter = Splitter::default();
    match request.script {
        Some(script) => out.text(&mut splitter, script).await,
        None => {
            let request =
                LlmRequest { conversation, messages: request.messages, speculative: request.speculative };
            let mut pieces = llm.generate(request).await?;
            while let Some(piece) = pieces.next().await {
                match piece? {
                    LlmPiece::TurnEnd(probability) => {
                        _ = out.notes.send(AnswerNote::TurnEnd(out.response, probability)).await;
                    }
                    LlmPiece::Text(text) => out.text(&mut splitter, text).await,
                }
            }
        }
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
