//! What the agent is doing, as its face shows it.

use serde::{Deserialize, Serialize};

/// What the agent is doing, as shown by its face.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Neither side is speaking, and nothing is expected.
    #[default]
    Idle,
    /// It listens to the person: eye contact, nods.
    Listening,
    /// It has no response yet: glances aside.
    Thinking,
    /// It is speaking.
    Speaking,
}
