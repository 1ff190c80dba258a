//! Stage 4, the answer's words: streams them from the model and cuts them into phrases.

use std::sync::Arc;

use futures_util::StreamExt;
use tokio::sync::mpsc;

use crate::engine::{EngineError, Llm, LlmRequest};
use crate::frame::{ResponseId, ResponseRequest, Sentence};

use super::conductor::AnswerNote;
use super::phrases::Splitter;
use super::speakable::speakable;

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
    let id = request.id;
    let mut text = llm.generate(LlmRequest { conversation, messages: request.messages }).await?;
    let mut splitter = Splitter::default();
    let mut index = 0;
    while let Some(piece) = text.next().await {
        let piece = piece?;
        _ = notes.send(AnswerNote::Text(id, piece.clone())).await;
        for phrase in splitter.push(&piece) {
            send(id, &mut index, phrase, &sentences, &notes).await;
        }
    }
    if let Some(phrase) = splitter.finish() {
        send(id, &mut index, phrase, &sentences, &notes).await;
    }
    _ = notes.send(AnswerNote::TextEnded(id)).await;
    Ok(())
}

async fn send(
    response: ResponseId,
    index: &mut u32,
    text: String,
    sentences: &mpsc::Sender<Sentence>,
    notes: &mpsc::Sender<AnswerNote>,
) {
    if *index == 0 {
        _ = notes.send(AnswerNote::FirstPhrase(response)).await;
    }
    let speakable = speakable(&text);
    _ = sentences.send(Sentence { response, index: *index, text, speakable }).await;
    *index += 1;
}
