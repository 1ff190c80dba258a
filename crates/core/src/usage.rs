//! What responses take of a language model.

use serde::{Deserialize, Serialize};

/// Tokens that a response took, or all responses of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Usage {
    /// Of the prompt.
    pub prompt: u32,
    /// Those of the prompt that did not have to be read, since they were cached.
    pub cached: u32,
    /// Of the response, thoughts included.
    pub response: u32,
}

impl Usage {
    /// Whether nothing was counted.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// Adds what another response took. A sum that is too large stays at the largest number.
    pub fn include(&mut self, more: Self) {
        self.prompt = self.prompt.saturating_add(more.prompt);
        self.cached = self.cached.saturating_add(more.cached);
        self.response = self.response.saturating_add(more.response);
    }
}
