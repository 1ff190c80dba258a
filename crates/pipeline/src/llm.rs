//! Stage 4, generation: streams a response's text from the model and cuts it into segments; waits while tools work.
//!
//! The model's text passes `private_text`, then the filter for the face's tags (`face`), then the splitter; each segment
//! becomes a caption and speakable text.

mod face;
mod lines;
mod pace;

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use tokio::sync::{mpsc, watch};

use crate::avatar::cue::PlacedCue;
use crate::avatar::tags::Tags;
use crate::engine::sampling::{Ended, Usage};
use crate::engine::{Caller, EngineError, Llm, LlmPiece, LlmRequest};
use crate::frame::{OUT_RATE, PlaybackPosition, ResponseId, ResponseRequest, Segment};
use crate::route::EngineKind;
use crate::tool::{Tools, WrittenCall};

use super::caption::caption;
use super::conversation::{Input, Round};
use super::note::ResponseNote;
use super::private_text::{Filter, Piece};
use super::segments::{Splitter, TextSegment};
use super::speakable::{Speakable, locale, speakable};
pub use face::CueSources;
use face::FaceCues;
use lines::{code_on_screen, no_response};
use pace::Pace;

/// What a model returns for a request.
type Pieces = BoxStream<'static, Result<LlmPiece, EngineError>>;

/// The queues of the task that generates a response.
#[derive(Debug)]
pub struct Channels {
    /// Segments to synthesise.
    pub segments: mpsc::Sender<Segment>,
    /// Notes for the conductor.
    pub notes: mpsc::Sender<ResponseNote>,
    /// The position of playout.
    pub position: watch::Receiver<PlaybackPosition>,
}

/// The response's call and user.
#[derive(Debug, Clone, Default)]
pub struct Asker {
    /// The conversation, whose prompt engines cache.
    pub conversation: String,
    /// The user served.
    pub caller: Caller,
}

/// Generates one response. Sends its segments in order, then closes the channel. `cues`: where the face's cues come from.
///
/// # Errors
/// When the engine fails.
pub async fn run(
    Asker { conversation, caller }: Asker,
    request: ResponseRequest,
    llm: Arc<dyn Llm>,
    channels: Channels,
    mut rounds: mpsc::Receiver<Round>,
    cues: CueSources,
) -> Result<(), EngineError> {
    let mut out = Out::new(&request, channels, cues);
    let (tools, language, mut speculative) = (request.tools, request.language, request.speculative);
    let mut round = match request.script {
        Some(script) => Round::Say(script),
        None => {
            if let Some(preface) = request.preface {
                out.text(format!("{preface}\n")).await;
                // A preface does not count as a response.
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
        let (conversation, language, caller) = (conversation.clone(), language.clone(), caller.clone());
        let request = LlmRequest {
            conversation,
            messages,
            speculative,
            tools,
            language,
            caller,
            detailed: true,
            ..LlmRequest::default()
        };
        let mut pieces = match llm.generate(request).await {
            Err(EngineError::TooLong { limit, got }) => {
                _ = out.notes.send(Input::TooLong(out.response, limit, got).into()).await;
                round = rounds.recv().await.unwrap_or(Round::End);
                continue;
            }
            pieces => pieces?,
        };
        let Some(WrittenCall { name, arguments }) = out.pieces(&mut pieces).await? else {
            out.finish().await;
            out.ensure_speech().await;
            break;
        };
        // Text before the call is spoken while the tool works.
        out.finish().await;
        out.pace.begins_again();
        _ = out.notes.send(Input::ToolCalled(out.response, name, arguments).into()).await;
        // A response goes on after a tool call only once the turn is decided.
        speculative = false;
        round = out.next_round(pieces, &mut rounds).await;
    }
    out.finish().await;
    out.last_cues().await;
    _ = out.notes.send(Input::TextEnded(out.response).into()).await;
    Ok(())
}

/// A short text that was generated whole.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Completion {
    /// The text.
    pub text: String,
    /// What it took; none: the engine does not count.
    pub usage: Option<Usage>,
}

/// Generates a short text and returns it whole.
///
/// # Errors
/// When the engine fails.
pub async fn complete(request: LlmRequest, llm: &dyn Llm) -> Result<Completion, EngineError> {
    let mut pieces = llm.generate(LlmRequest { detailed: true, ..request }).await?;
    let mut usage = None;
    let (mut text, mut private, mut tags) = (String::new(), Filter::default(), Tags::new(true));
    let mut add = |pieces: Vec<Piece>| {
        let texts = pieces.into_iter().filter_map(|piece| match piece {
            Piece::Text(piece) => Some(tags.push(&piece).text),
            Piece::CodeBegins | Piece::Code(_) => None,
        });
        text.extend(texts);
    };
    while let Some(piece) = pieces.next().await {
        match piece? {
            LlmPiece::Text(piece) => add(private.push(&piece)),
            LlmPiece::Ended(ended) => usage = ended.usage,
            _ => {}
        }
    }
    add(private.finish());
    Ok(Completion { text: text + &tags.finish().text, usage })
}

struct Out {
    response: ResponseId,
    aloud: bool,
    /// The response is speculative.
    speculative: bool,
    language: String,
    /// Decides how dates are spoken.
    locale: String,
    index: u32,
    segments: mpsc::Sender<Segment>,
    notes: mpsc::Sender<ResponseNote>,
    position: watch::Receiver<PlaybackPosition>,
    private: Filter,
    /// Something speakable was written.
    said: bool,
    /// The person has been told that code is shown.
    code_told: bool,
    splitter: Splitter,
    pace: Pace,
    /// All text given to the splitter.
    whole: String,
    face: FaceCues,
}

impl Out {
    fn new(request: &ResponseRequest, channels: Channels, cues: CueSources) -> Self {
        let Channels { segments, notes, position } = channels;
        Self {
            response: request.id,
            aloud: request.aloud,
            speculative: request.speculative,
            language: request.language.clone(),
            locale: locale(&request.language, &request.voice),
            index: 0,
            segments,
            notes,
            position,
            private: Filter::default(),
            said: false,
            code_told: false,
            splitter: Splitter::new(&request.language),
            pace: Pace::default(),
            whole: String::new(),
            face: FaceCues::new(cues),
        }
    }

    /// Handles the model's output up to its end, or to a tool call, which is returned.
    async fn pieces(&mut self, pieces: &mut Pieces) -> Result<Option<WrittenCall>, EngineError> {
        while let Some(piece) = pieces.next().await {
            match piece? {
                LlmPiece::Routed(routed) => {
                    let served = ResponseNote::Served(self.response, EngineKind::Llm, routed);
                    _ = self.notes.send(served).await;
                }
                LlmPiece::TurnEnd(probability) => {
                    _ = self.notes.send(Input::TurnEnd(self.response, probability).into()).await;
                }
                LlmPiece::Read(tokens) => {
                    _ = self.notes.send(Input::Read(self.response, tokens).into()).await;
                }
                LlmPiece::Ended(ended) => self.took(ended).await,
                // Nobody asks for them here.
                LlmPiece::Thought(_) => {}
                LlmPiece::Text(text) => self.text(text).await,
                LlmPiece::Call(call) => return Ok(Some(call)),
            }
        }
        Ok(None)
    }

    /// Waits for the round after a tool call. What the call took comes behind it, and the tool does not wait for that.
    async fn next_round(&mut self, pieces: Pieces, rounds: &mut mpsc::Receiver<Round>) -> Round {
        let next = tokio::select! {
            biased;
            () = self.rest(pieces) => rounds.recv().await,
            next = rounds.recv() => next,
        };
        next.unwrap_or(Round::End)
    }

    async fn rest(&mut self, mut pieces: Pieces) {
        while let Some(Ok(piece)) = pieces.next().await {
            if let LlmPiece::Ended(ended) = piece {
                self.took(ended).await;
            }
        }
    }

    async fn took(&mut self, ended: Ended) {
        if let Some(usage) = ended.usage {
            _ = self.notes.send(Input::Used(usage).into()).await;
        }
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
                    self.end_segment().await;
                    if !std::mem::replace(&mut self.code_told, true) && self.aloud {
                        let phrase = self.face.push(&format!("{}\n", code_on_screen(&self.language)));
                        self.written(phrase).await;
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
        let segments = self.splitter.push(&text, hurry);
        _ = self.notes.send(Input::Text(self.response, text).into()).await;
        for segment in segments {
            self.segment(segment).await;
        }
    }

    /// Whether the voice has taken every segment and little is left to play. A response not heard yet is in no hurry.
    fn voice_runs_out(&self) -> bool {
        let position = *self.position.borrow();
        let played = if position.response == self.response { position.samples } else { 0 };
        let free = self.segments.capacity() == self.segments.max_capacity();
        let played = Duration::from_secs_f64(played as f64 / f64::from(OUT_RATE));
        let silent = self.speculative && played.is_zero();
        self.aloud && free && !silent && self.pace.is_late(played)
    }

    /// Flushes the text at its end or before a tool call.
    async fn finish(&mut self) {
        let rest = self.private.finish();
        self.public(rest).await;
        self.end_segment().await;
    }

    async fn end_segment(&mut self) {
        let rest = self.face.finish();
        self.written(rest).await;
        if let Some(segment) = self.splitter.finish() {
            self.segment(segment).await;
        }
    }

    async fn segment(&mut self, segment: TextSegment) {
        let cues = self.face.of(&segment, &self.language);
        let shown = caption(&segment.text);
        // Line breaks are kept in captions and history.
        let before = self.whole.get(..segment.at).unwrap_or_default().trim_end_matches([' ', '\t']);
        let space =
            if self.index > 0 && before.ends_with('\n') && !shown.text.is_empty() { "\n" } else { "" };
        let shift = |place: PlacedCue| PlacedCue { at: space.len() + shown.at(place.at), ..place };
        let cues = cues.into_iter().map(shift).collect();
        let mut spoken = speakable(&shown.text, &self.locale);
        self.said |= spoken.text.contains(char::is_alphanumeric);
        if !self.aloud {
            spoken = Speakable::default();
        }
        let Speakable { text: speakable, words } = spoken;
        let text = format!("{space}{}", shown.text);
        self.send(Segment { speakable, words, text, cues, ..Segment::silent(self.response, self.index) })
            .await;
    }

    /// Says a canned phrase if nothing was speakable, for example only private text or emoji: silence would look like a fault.
    async fn ensure_speech(&mut self) {
        if !self.said {
            let phrase = self.face.push(no_response(&self.language));
            self.written(phrase).await;
        }
    }

    /// Shows code, silently, after the canned phrase about it has been spoken.
    async fn code(&mut self, code: String) {
        if !code.is_empty() {
            _ = self.notes.send(Input::Text(self.response, format!("{code}\n")).into()).await;
            self.send(Segment { text: code, ..Segment::silent(self.response, self.index) }).await;
        }
    }

    async fn send(&mut self, segment: Segment) {
        if segment.text.is_empty() && segment.cues.is_empty() {
            return;
        }
        if self.index == 0 {
            _ = self.notes.send(Input::FirstSegment(self.response).into()).await;
        }
        let speakable = segment.speakable.clone();
        _ = self.segments.send(segment).await;
        self.pace.give(&speakable);
        self.index += 1;
    }

    /// Sends the cues after the last word, unless nothing was said.
    async fn last_cues(&mut self) {
        let cues = self.face.last();
        if self.index > 0 && !cues.is_empty() {
            let segment = Segment { cues, ..Segment::silent(self.response, self.index) };
            _ = self.segments.send(segment).await;
        }
    }
}

#[cfg(test)]
mod tests;
