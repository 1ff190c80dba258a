//! Stage 4, the answer's words: streams them from the model and cuts them into phrases; waits while tools work.
//!
//! A piece of the model's text passes `private_text`, then the face's tags (`face`), then the splitter of phrases; each
//! phrase becomes a caption and what is spoken.

mod face;
mod lines;
mod pace;

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use tokio::sync::{mpsc, watch};

use crate::avatar::tags::Tags;
use crate::engine::{EngineError, Llm, LlmPiece, LlmRequest};
use crate::frame::{OUT_RATE, PlaybackPosition, ResponseId, ResponseRequest, Sentence};
use crate::tool::Tools;

use super::caption::caption;
use super::conductor::AnswerNote;
use super::conversation::Round;
use super::phrases::{Phrase, Splitter};
use super::private_text::{Filter, Piece};
use super::speakable::{Speakable, locale, speakable};
pub use face::CueSources;
use face::Shown;
use lines::{code_on_screen, no_answer};
use pace::Pace;

/// What an answer's words go to, and what is known of their sound.
#[derive(Debug)]
pub struct Around {
    /// Speech.
    pub sentences: mpsc::Sender<Sentence>,
    /// The conductor.
    pub notes: mpsc::Sender<AnswerNote>,
    /// How far playout is.
    pub position: watch::Receiver<PlaybackPosition>,
}

/// Generates one answer. Phrases go to speech in order; the channel's end says that no more come. `cues`: what the face
/// shows.
///
/// # Errors
/// When the engine fails.
pub async fn run(
    conversation: String,
    request: ResponseRequest,
    llm: Arc<dyn Llm>,
    around: Around,
    mut rounds: mpsc::Receiver<Round>,
    cues: CueSources,
) -> Result<(), EngineError> {
    let mut out = Out::new(&request, around, cues);
    let (tools, mut speculative) = (request.tools, request.speculative);
    let mut round = match request.script {
        Some(script) => Round::Say(script),
        None => {
            if let Some(preface) = request.preface {
                out.text(format!("{preface}\n")).await;
                // It is no answer.
                out.said = false;
            }
            Round::Ask(request.messages, true)
        }
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
            out.finish().await;
            out.never_nothing().await;
            break;
        };
        // What was said before the call is heard while the tool works.
        out.finish().await;
        out.pace.begins_again();
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
    let (mut text, mut private, mut tags) = (String::new(), Filter::default(), Tags::new(true));
    let mut add = |pieces: Vec<Piece>| {
        let texts = pieces.into_iter().filter_map(|piece| match piece {
            Piece::Text(piece) => Some(tags.push(&piece).text),
            Piece::CodeBegins | Piece::Code(_) => None,
        });
        text.extend(texts);
    };
    while let Some(piece) = pieces.next().await {
        if let LlmPiece::Text(piece) = piece? {
            add(private.push(&piece));
        }
    }
    add(private.finish());
    Ok(text + &tags.finish().text)
}

struct Out {
    response: ResponseId,
    aloud: bool,
    /// It may never be heard.
    speculative: bool,
    language: String,
    /// Decides how dates are said.
    locale: String,
    index: u32,
    sentences: mpsc::Sender<Sentence>,
    notes: mpsc::Sender<AnswerNote>,
    position: watch::Receiver<PlaybackPosition>,
    private: Filter,
    /// Something that can be heard was written.
    said: bool,
    /// The person has been told of code.
    code_told: bool,
    splitter: Splitter,
    pace: Pace,
    /// What the splitter was given.
    whole: String,
    face: Shown,
}

impl Out {
    fn new(request: &ResponseRequest, around: Around, cues: CueSources) -> Self {
        let Around { sentences, notes, position } = around;
        Self {
            response: request.id,
            aloud: request.aloud,
            speculative: request.speculative,
            language: request.language.clone(),
            locale: locale(&request.language, &request.voice),
            index: 0,
            sentences,
            notes,
            position,
            private: Filter::default(),
            said: false,
            code_told: false,
            splitter: Splitter::new(&request.language),
            pace: Pace::default(),
            whole: String::new(),
            face: Shown::new(cues),
        }
    }

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
        let pieces = self.private.push(&text);
        self.public(pieces).await;
    }

    async fn public(&mut self, pieces: Vec<Piece>) {
        for piece in pieces {
            match piece {
                Piece::Text(text) => {
                    let text = self.face.push(&text);
                    self.written(text).await;
                }
                Piece::CodeBegins => {
                    self.end_phrase().await;
                    if !std::mem::replace(&mut self.code_told, true) && self.aloud {
                        let line = self.face.push(&format!("{}\n", code_on_screen(&self.language)));
                        self.written(line).await;
                    }
                }
                Piece::Code(code) => self.code(code).await,
            }
        }
    }

    async fn written(&mut self, text: String) {
        if text.is_empty() {
            return;
        }
        self.whole.push_str(&text);
        let hurry = self.voice_runs_out();
        let phrases = self.splitter.push(&text, hurry);
        _ = self.notes.send(AnswerNote::Text(self.response, text)).await;
        for phrase in phrases {
            self.phrase(phrase).await;
        }
    }

    /// Whether the voice has every phrase and little is left to be played. Who may never be heard is in no hurry.
    fn voice_runs_out(&self) -> bool {
        let position = *self.position.borrow();
        let played = if position.response == self.response { position.samples } else { 0 };
        let free = self.sentences.capacity() == self.sentences.max_capacity();
        let played = Duration::from_secs_f64(played as f64 / f64::from(OUT_RATE));
        let silent = self.speculative && played.is_zero();
        self.aloud && free && !silent && self.pace.is_late(played)
    }

    /// The text ends, for now.
    async fn finish(&mut self) {
        let rest = self.private.finish();
        self.public(rest).await;
        self.end_phrase().await;
    }

    async fn end_phrase(&mut self) {
        let rest = self.face.finish();
        self.written(rest).await;
        if let Some(phrase) = self.splitter.finish() {
            self.phrase(phrase).await;
        }
    }

    async fn phrase(&mut self, phrase: Phrase) {
        let cues = self.face.of(&phrase, &self.language);
        let shown = caption(&phrase.text);
        // Lines stay lines in captions and history.
        let before = self.whole.get(..phrase.at).unwrap_or_default().trim_end_matches([' ', '\t']);
        let space =
            if self.index > 0 && before.ends_with('\n') && !shown.text.is_empty() { "\n" } else { "" };
        let cues = cues.into_iter().map(|(at, cue)| (space.len() + shown.at(at), cue)).collect();
        let mut spoken = speakable(&shown.text, &self.locale);
        self.said |= spoken.text.contains(char::is_alphanumeric);
        if !self.aloud {
            spoken = Speakable::default();
        }
        let Speakable { text: speakable, words } = spoken;
        let text = format!("{space}{}", shown.text);
        self.sentence(Sentence {
            speakable,
            words,
            text,
            cues,
            ..Sentence::silent(self.response, self.index)
        })
        .await;
    }

    /// Silence would look like a fault: an answer of private text, pictures or punctuation alone is followed by words.
    async fn never_nothing(&mut self) {
        if !self.said {
            let line = self.face.push(no_answer(&self.language));
            self.written(line).await;
        }
    }

    /// Code is shown where the line that tells of it has been spoken.
    async fn code(&mut self, code: String) {
        if !code.is_empty() {
            _ = self.notes.send(AnswerNote::Text(self.response, format!("{code}\n"))).await;
            self.sentence(Sentence { text: code, ..Sentence::silent(self.response, self.index) }).await;
        }
    }

    async fn sentence(&mut self, sentence: Sentence) {
        if sentence.text.is_empty() && sentence.cues.is_empty() {
            return;
        }
        if self.index == 0 {
            _ = self.notes.send(AnswerNote::FirstPhrase(self.response)).await;
        }
        let speakable = sentence.speakable.clone();
        _ = self.sentences.send(sentence).await;
        self.pace.give(&speakable);
        self.index += 1;
    }

    /// What stood after the last word is shown after it, unless nothing was said.
    async fn last_cues(&mut self) {
        let cues = self.face.last();
        if self.index > 0 && !cues.is_empty() {
            let sentence = Sentence { cues, ..Sentence::silent(self.response, self.index) };
            _ = self.sentences.send(sentence).await;
        }
    }
}

#[cfg(test)]
mod tests;
