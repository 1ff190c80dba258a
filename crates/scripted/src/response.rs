//! One response of a scripted language model.

use std::fmt::Display;
use std::time::Duration;

use futures_util::stream::BoxStream;
use visavis_core::tool::WrittenCall;
use visavis_engine::{EngineError, LlmPiece};

use crate::ending::{Ending, timed};

/// A response: its pieces, the delay before each, and its ending. By default it is complete and arrives without delay.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ScriptedResponse {
    pieces: Vec<LlmPiece>,
    pause: Duration,
    ending: Ending,
    refused: Option<EngineError>,
}

impl ScriptedResponse {
    /// These pieces.
    #[must_use]
    pub fn new(pieces: impl IntoIterator<Item = LlmPiece>) -> Self {
        Self { pieces: pieces.into_iter().collect(), ..Self::default() }
    }

    /// These pieces of text.
    #[must_use]
    pub fn texts<T: Into<String>>(texts: impl IntoIterator<Item = T>) -> Self {
        Self::new(texts.into_iter().map(|text| LlmPiece::Text(text.into())))
    }

    /// This text, one word per piece.
    #[must_use]
    pub fn words(text: &str) -> Self {
        Self::texts(text.split_inclusive(' '))
    }

    /// A tool call. `arguments`: JSON, or a careless model's imitation of it.
    #[must_use]
    pub fn call(name: &str, arguments: &impl Display) -> Self {
        Self::new([LlmPiece::Call(WrittenCall { name: name.to_owned(), arguments: arguments.to_string() })])
    }

    /// Neither a piece nor an end.
    #[must_use]
    pub fn never() -> Self {
        Self::default().then_never()
    }

    /// The request itself is refused with this error.
    #[must_use]
    pub fn refused(error: EngineError) -> Self {
        Self { refused: Some(error), ..Self::default() }
    }

    /// The same with this pause before each piece.
    #[must_use]
    pub fn every(self, pause: Duration) -> Self {
        Self { pause, ..self }
    }

    /// The same, preceded by the model's probability, 0 to 1, that the person has finished.
    #[must_use]
    pub fn judging(mut self, turn_end: f32) -> Self {
        self.pieces.insert(0, LlmPiece::TurnEnd(turn_end));
        self
    }

    /// The same, but it fails this long after its last piece.
    #[must_use]
    pub fn then_fails(self, after: Duration, error: EngineError) -> Self {
        Self { ending: Ending::Fails { after, error }, ..self }
    }

    /// The first `pieces` pieces, then this failure.
    #[must_use]
    pub fn failing_after(mut self, pieces: usize, error: EngineError) -> Self {
        self.pieces.truncate(pieces);
        Self { ending: Ending::fails(error), ..self }
    }

    /// The same, but it never ends.
    #[must_use]
    pub fn then_never(self) -> Self {
        Self { ending: Ending::Never, ..self }
    }

    /// What a model returns for it.
    pub(crate) fn stream(self) -> Result<BoxStream<'static, Result<LlmPiece, EngineError>>, EngineError> {
        match self.refused {
            Some(error) => Err(error),
            None => Ok(timed(self.pieces, self.pause, self.ending)),
        }
    }
}
