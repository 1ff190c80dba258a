//! Makes the parts of a response, as programs know them, of an engine's pieces. Pure.

use super::thoughts::{Thoughts, Told};
use crate::engine::{Ended, LlmPiece};
use visavis_core::tool::WrittenCall;

/// A part of a response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    /// A thought or text.
    Told(Told),
    /// A call; the last part.
    Call(WrittenCall),
}

/// A response so far.
#[derive(Debug, Default)]
pub(super) struct Parts {
    thoughts: Thoughts,
    called: bool,
    ended: Ended,
}

impl Parts {
    /// Takes a piece; returns the parts that it completes.
    pub(super) fn take(&mut self, piece: LlmPiece) -> Vec<Part> {
        match piece {
            LlmPiece::Text(text) => told(self.thoughts.push(&text)),
            LlmPiece::Thought(thought) => vec![Part::Told(Told::Thought(thought))],
            LlmPiece::Call(call) => {
                self.called = true;
                let mut parts = self.finish();
                parts.push(Part::Call(call));
                parts
            }
            LlmPiece::Ended(ended) => {
                self.ended = ended;
                Vec::new()
            }
            LlmPiece::Routed(_) | LlmPiece::TurnEnd(_) | LlmPiece::Read(_) => Vec::new(),
        }
    }

    /// The response is complete: returns what was held back.
    pub(super) fn finish(&mut self) -> Vec<Part> {
        told(self.thoughts.finish())
    }

    /// Whether it has ended with a call.
    pub(super) fn has_called(&self) -> bool {
        self.called
    }

    /// How it ended, once the engine has reported it.
    pub(super) fn ended(&self) -> Ended {
        self.ended
    }
}

fn told(told: Vec<Told>) -> Vec<Part> {
    told.into_iter().map(Part::Told).collect()
}
