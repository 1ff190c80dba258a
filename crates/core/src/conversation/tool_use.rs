//! What a response has done with tools.

use serde_json::Value;

use crate::tool::{Doer, ToolCall, WrittenCall};

/// A response's use of tools.
#[derive(Debug, Default)]
pub(super) struct ToolUse {
    /// A call that waits, because a speculative response must not run anything yet.
    pub(super) waits: Option<WrittenCall>,
    pub(super) running: Option<Running>,
    pub(super) rounds: u32,
    pub(super) invalid: u32,
    /// The calls made so far.
    pub(super) made: Vec<Made>,
    /// It may make no more calls.
    pub(super) closed: bool,
    /// Bytes of the response's text, up to the last call, that were sent back to the model.
    pub(super) text_sent: usize,
}

/// A call that was made.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) name: String,
    pub(super) arguments: Value,
}

impl ToolUse {
    /// Whether this call was made already, with the same arguments.
    pub(super) fn has_made(&self, name: &str, arguments: &Value) -> bool {
        self.made.iter().any(|made| made.name == name && made.arguments == *arguments)
    }
}

/// A tool that runs.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) call: ToolCall,
    pub(super) doer: Doer,
    pub(super) since: u64,
    /// When the result is no longer awaited; a webhook has its own timeout.
    pub(super) due: Option<u64>,
    /// Nothing has been said yet, so a filler is due if it takes a while.
    pub(super) silent: bool,
}
