//! A chat as the parts of a prompt.

/// What a part of a prompt is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    System,
    /// The tools, where the template has a place of their own for them.
    Tools,
    User,
    Assistant,
    /// A message of the assistant that ends with a call, where the template frames it by itself.
    Call,
    /// What a call returned, where the template has a role for it.
    Result,
}

/// A part with its text, without what the template adds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) part: Part,
    pub(crate) content: String,
}
