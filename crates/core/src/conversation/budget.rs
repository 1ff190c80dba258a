//! How many tokens a prompt takes and how many it may have: estimated until the model's engine has counted them.

use serde::{Deserialize, Serialize};

use crate::frame::Message;
use crate::tool::Tool;

/// Tokens that instructions and tools must leave for the history.
pub const LEAST_ROOM: usize = 128;
/// Bytes of text per token: fewer are rare except in digits and some scripts.
const BYTES_PER_TOKEN: usize = 3;
/// Tokens that a chat template adds around a message or a tool.
const AROUND: usize = 5;
/// Tokens that the chat template adds once.
const TEMPLATE: usize = 8;
/// Largest correction factor of an estimate.
const MOST_SCALE: f32 = 16.0;

/// What the engine is asked to count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Counting {
    /// The instructions and the tools of the call.
    Base,
    /// The instructions with the tools that a client wants to bring, by the number of its request.
    Wish(u32),
    /// The history: messages from this number of the conversation on, of these lengths in bytes.
    History(usize, Vec<usize>),
}

/// Tokens as the engine counted them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counted {
    /// Tokens of each message.
    pub messages: Vec<u32>,
    /// Tokens of the tools.
    pub tools: u32,
    /// Tokens that a prompt may have.
    pub limit: u32,
}

impl Counted {
    /// Tokens of instructions and tools.
    pub(super) fn base(&self) -> usize {
        (self.messages.iter().sum::<u32>() + self.tools) as usize
    }

    /// Tokens that instructions and tools may have.
    pub(super) fn most_base(&self) -> usize {
        (self.limit as usize).saturating_sub(LEAST_ROOM + TEMPLATE)
    }
}

/// Tokens of a text, estimated.
pub(super) fn estimate(text: &str) -> usize {
    text.len().div_ceil(BYTES_PER_TOKEN) + AROUND
}

/// Tokens that tools take in a prompt, estimated.
pub(super) fn estimate_tools(tools: &[Tool]) -> usize {
    let written = |tool: &Tool| tool.name.len() + tool.description.len() + tool.parameters.to_string().len();
    tools.iter().map(|tool| written(tool).div_ceil(BYTES_PER_TOKEN) + 4 * AROUND).sum()
}

/// Tokens of a request that was too long.
#[derive(Debug, Clone, Copy)]
pub(super) struct Excess {
    /// Tokens that fit.
    pub(super) limit: u32,
    /// Tokens in the request.
    pub(super) got: u32,
}

/// The tokens that a call's prompts may have.
#[derive(Debug)]
pub(super) struct Budget {
    limit: usize,
    /// Tokens of instructions and tools.
    base: usize,
    /// Real tokens per estimated token.
    scale: f32,
    /// Estimated size of the last request.
    asked: Believed,
    /// Requests of this turn that were too long.
    cuts: u32,
}

/// Estimated size of a request.
#[derive(Debug, Default)]
struct Believed {
    counted: usize,
    estimated: usize,
}

/// Room left for the conversation.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    pub(super) tokens: usize,
    pub(super) scale: f32,
}

impl Room {
    /// Tokens of a message.
    pub(super) fn cost(self, message: &Message, counted: Option<u32>) -> usize {
        counted.map_or_else(|| self.estimate(&message.content), |tokens| tokens as usize)
    }

    /// Tokens of a text, estimated.
    pub(super) fn estimate(self, text: &str) -> usize {
        (estimate(text) as f32 * self.scale) as usize
    }
}

impl Budget {
    /// `limit`: tokens that a prompt may have, as far as the configuration knows.
    pub(super) fn new(limit: usize, instructions: &str, tools: &[Tool]) -> Self {
        let base = estimate(instructions) + estimate_tools(tools);
        Self { limit, base, scale: 1.0, asked: Believed::default(), cuts: 0 }
    }

    /// Tokens that a prompt may have.
    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    /// Sets the tokens of instructions and tools.
    pub(super) fn set_base(&mut self, base: usize) {
        self.base = base;
    }

    /// Takes in the engine's count of instructions and tools.
    pub(super) fn counted(&mut self, counted: &Counted) {
        (self.limit, self.base) = (counted.limit as usize, counted.base());
    }

    /// The room left beside the tools and the instructions, which are `longer` bytes longer than counted.
    pub(super) fn room(&self, longer: usize) -> Room {
        let taken = self.base + longer.div_ceil(BYTES_PER_TOKEN) + TEMPLATE;
        Room { tokens: self.limit.saturating_sub(taken).max(LEAST_ROOM / 4), scale: self.scale }
    }

    /// Notes a request whose messages have these counted and these estimated tokens.
    pub(super) fn asks(&mut self, counted: usize, estimated: usize) {
        self.asked = Believed { counted: self.base + counted, estimated };
    }

    /// The request was too long, so the estimate of its uncounted part is corrected.
    pub(super) fn too_long(&mut self, Excess { limit, got }: Excess) {
        self.limit = limit as usize;
        self.cuts += 1;
        let Believed { counted, estimated } = self.asked;
        let really = (got as usize).saturating_sub(counted) as f32 / estimated.max(1) as f32;
        self.scale = (really * 1.05).max(self.scale * 1.25).min(MOST_SCALE);
    }

    /// Number of this turn's requests that were too long.
    pub(super) fn cuts(&self) -> u32 {
        self.cuts
    }

    /// A new turn begins: what was said before has been counted or will be.
    pub(super) fn turn(&mut self) {
        (self.cuts, self.scale) = (0, 1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_that_was_too_long_corrects_the_estimate() {
        let mut budget = Budget::new(864, &"x".repeat(2000), &[]);
        budget.counted(&Counted { messages: vec![450], tools: 0, limit: 864 });
        let digits = "7".repeat(600);
        assert!(budget.room(0).estimate(&digits) < 210);
        budget.asks(0, estimate(&digits));
        budget.too_long(Excess { limit: 864, got: 1050 });
        let cost = budget.room(0).estimate(&digits);
        assert!((600..=660).contains(&cost), "{cost}");
        budget.asks(0, 10);
        budget.too_long(Excess { limit: 864, got: 864 });
        assert!(budget.room(0).estimate(&digits) > cost, "the estimate never gets smaller");
    }
}
