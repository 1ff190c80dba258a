//! Stage 4, the answer's words: streams them from the model and cuts them into phrases; waits while tools work.

use std::collections::VecDeque;
use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use tokio::sync::mpsc;

use crate::avatar::cue::{Cue, Mood};
use crate::avatar::tags::{Filtered, Tags};
use crate::avatar::text_cues::suggested;
use crate::engine::{EngineError, Llm, LlmPiece, LlmRequest};
use crate::frame::{ResponseId, ResponseRequest, Sentence};
use crate::tool::Tools;

use super::conductor::AnswerNote;
use super::conversation::Round;
use super::phrases::{Phrase, Splitter};
use super::speakable::{Speakable, locale, speakable};

/// Generates one answer. Phrases go to speech in order; the channel's end says that no more come. With `text_cues` the face
/// shows what the words suggest, unless the model says itself what it shows.
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
    text_cues: bool,
) -> Result<(), EngineError> {
    let language = request.language.clone();
    let face = Shown { text_cues, ..Shown::default() };
    let splitter = Splitter::new(&language);
    let locale = locale(&language, &request.voice);
    let mut out = Out { response: request.id, language, locale, index: 0, sentences, notes, splitter, face };
    let (tools, mut speculative) = (request.tools, request.speculative);
    let mut round = match request.script {
        Some(script) => Round::Say(script),
        None => Round::Ask(request.messages, true),
    };
    loop {
        let (messages, may_call) = match round {
            Round::Ask(messages, may_call) => (messages, may_call),
            Round::Say(script) => break out.text(script).await,
            Round::End => break,
        };
        let tools = if may_call { tools.clone() } else { Tools::default() };
        let request = LlmRequest { conversation: conversation.clone(), messages, speculative, tools };
        let pieces = match llm.generate(request).await {
            Err(EngineError::TooLong { limit, got }) => {
                _ = out.notes.send(AnswerNote::TooLong(out.response, limit, got)).await;
                round = rounds.recv().await.unwrap_or(Round::End);
                continue;
            }
            pieces => pieces?,
        };
        let Some((name, arguments)) = out.pieces(pieces).await? else {
            break;
        };
        // What was said before the call is heard while the tool works.
        out.finish().await;
        _ = out.notes.send(AnswerNote::Called(out.response, name, arguments)).await;
        // Only a turn that is decided goes on.
        speculative = false;
        round = rounds.recv().await.unwrap_or(Round::End);
    }
    out.finish().await;
    out.last_cues().await;
    _ = out.notes.send(AnswerNote::TextEnded(out.response)).await;
    Ok(())
}

/// All of a short answer at once.
///
/// # Errors
/// When the engine fails.
pub async fn whole(request: LlmRequest, llm: &dyn Llm) -> Result<String, EngineError> {
    let mut pieces = llm.generate(request).await?;
    let (mut text, mut tags) = (String::new(), Tags::default());
    while let Some(piece) = pieces.next().await {
        if let LlmPiece::Text(piece) = piece? {
            text.push_str(&tags.push(&piece).text);
        }
    }
    Ok(text + &tags.finish().text)
}

struct Out {
    response: ResponseId,
    language: String,
    /// Decides how dates are said.
    locale: String,
    index: u32,
    sentences: mpsc::Sender<Sentence>,
    notes: mpsc::Sender<AnswerNote>,
    splitter: Splitter,
    face: Shown,
}

/// What the face shows during an answer.
#[derive(Default)]
struct Shown {
    tags: Tags,
    /// Bytes of text that have come out of the tags' filter.
    written: usize,
    /// Cues of text that is no phrase yet, by byte.
    cues: VecDeque<(usize, Cue)>,
    text_cues: bool,
    mood: Mood,
}

impl Shown {
    /// Those of a phrase, by its own bytes.
    fn of(&mut self, phrase: &Phrase, language: &str) -> Vec<(usize, Cue)> {
        if self.text_cues && !self.tags.seen() {
            let mut cues = suggested(&phrase.text, language);
            // What is shown already is not shown anew with every phrase.
            cues.retain(|(_, cue)| !matches!(cue, Cue::Mood(mood) if std::mem::replace(&mut self.mood, *mood) == *mood));
            return cues;
        }
        let end = phrase.at + phrase.text.len();
        let mut cues = Vec::new();
        while let Some((at, cue)) = self.cues.pop_front_if(|(at, _)| *at < end) {
            cues.push((at.saturating_sub(phrase.at), cue));
        }
        cues
    }
}

impl Out {
    /// Hands on what the model says, up to its end or to a tool that it calls.
    async fn pieces(
        &mut self,
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
                LlmPiece::Text(text) => self.text(text).await,
                LlmPiece::Call(name, arguments) => return Ok(Some((name, arguments))),
            }
        }
        Ok(None)
    }

    async fn text(&mut self, text: String) {
        let filtered = self.face.tags.push(&text);
        self.filtered(filtered).await;
    }

    async fn filtered(&mut self, Filtered { text, cues }: Filtered) {
        let before = self.face.written;
        self.face.cues.extend(cues.into_iter().map(|(at, cue)| (before + at, cue)));
        if text.is_empty() {
            return;
        }
        self.face.written += text.len();
        let phrases = self.splitter.push(&text);
        _ = self.notes.send(AnswerNote::Text(self.response, text)).await;
        for phrase in phrases {
            self.phrase(phrase).await;
        }
    }

    /// The text ends, for now.
    async fn finish(&mut self) {
        let rest = self.face.tags.finish();
        self.filtered(rest).await;
        if let Some(phrase) = self.splitter.finish() {
            self.phrase(phrase).await;
        }
    }

    async fn phrase(&mut self, phrase: Phrase) {
        let cues = self.face.of(&phrase, &self.language);
        let text = phrase.text;
        if self.index == 0 {
            _ = self.notes.send(AnswerNote::FirstPhrase(self.response)).await;
        }
        let Speakable { text: spoken, words } = speakable(&text, &self.locale);
        let sentence =
            Sentence { response: self.response, index: self.index, speakable: spoken, words, text, cues };
        _ = self.sentences.send(sentence).await;
        self.index += 1;
    }

    /// What stood after the last word is shown after it, unless nothing was said.
    async fn last_cues(&mut self) {
        let cues: Vec<_> = self.face.cues.drain(..).map(|(_, cue)| (0, cue)).collect();
        if self.index > 0 && !cues.is_empty() {
            let sentence = Sentence { cues, ..Sentence::silent(self.response, self.index) };
            _ = self.sentences.send(sentence).await;
        }
    }
}
