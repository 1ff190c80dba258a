//! What a call's language model can do, as far as the conversation's decisions depend on it.

use serde::{Deserialize, Serialize};

/// Abilities of the model that the conversation uses only where they exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelAbilities {
    /// It reports how likely the person's last message is complete; without this no turn waits for it.
    pub turn_end: bool,
    /// It calls tools; without this a client's tools are refused.
    pub tools: bool,
}

impl Default for ModelAbilities {
    /// Both: recordings that lack this field come from models that have both.
    fn default() -> Self {
        Self { turn_end: true, tools: true }
    }
}
