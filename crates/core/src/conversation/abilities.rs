//! What the language model of a call can do, as far as it changes what the conversation decides.

use serde::{Deserialize, Serialize};

/// What a conversation asks of its model only where it can do it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelAbilities {
    /// It tells how likely the person's last message is complete; without it no turn waits for that.
    pub turn_end: bool,
    /// It calls tools; without it a client that brings some is refused.
    pub tools: bool,
}

impl Default for ModelAbilities {
    /// Both: recordings of versions that did not ask are of models that can.
    fn default() -> Self {
        Self { turn_end: true, tools: true }
    }
}
