//! How one response is to be written, where that differs from the configuration. Pure.

pub use visavis_core::usage::Usage;

/// What a request asks of the writing of its response. The default is what is configured: any text, of the configured length.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Sampling {
    /// 0: always the likeliest token; none: as configured.
    pub temperature: Option<f32>,
    /// Nucleus sampling, 1: off; none: as configured.
    pub top_p: Option<f32>,
    /// The same response for the same request, as far as the engine can; none: a new one each time.
    pub seed: Option<u32>,
    /// How long it may be.
    pub length: Length,
    /// It ends before the first of these.
    pub stop: Vec<String>,
    /// What its text is.
    pub form: Form,
    /// It is a call of one of the tools; its text is not restricted further.
    pub must_call: bool,
}

/// How long a response may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Length {
    /// As configured.
    #[default]
    Configured,
    /// This many tokens, or as many as the context leaves if those are fewer.
    AtMost(u32),
    /// As many tokens as the context leaves.
    Rest,
}

/// What the text of a response is.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Form {
    /// Any text.
    #[default]
    Text,
    /// A JSON object.
    Json,
    /// JSON that follows this schema, a JSON object as it was written: a model writes fields in its order.
    Schema(String),
}

/// How a response has ended, and what it took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ended {
    /// Its length, or that of the context, was reached.
    pub cut: bool,
    /// None: the engine does not count.
    pub usage: Option<Usage>,
}
