//! Prompts that do not fit: recognises the endpoints' messages, and computes what fits. Pure.

use crate::EngineError;
use crate::backends::http::fault::Fault;
use crate::frame::Message;
use crate::tool::Tools;

/// Assumed bytes per token; most languages have more.
const BYTES_PER_TOKEN: usize = 3;
/// Tokens that a chat template adds around a message or a tool, estimated.
const AROUND: usize = 8;
/// Smaller numbers in a message are not lengths of a context or a prompt.
const LEAST_CONTEXT: u32 = 256;
/// Share of a refused prompt that is tried next if the endpoint reports no numbers.
const NEXT: (u32, u32) = (3, 4);

/// The length of a prompt, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Prompt {
    /// Its estimated number of tokens.
    pub(super) tokens: u32,
    /// Tokens that a prompt may have according to the configuration.
    pub(super) limit: u32,
    /// Tokens reserved for the response.
    pub(super) response: u32,
}

/// A high estimate of a prompt's tokens.
pub(super) fn estimate(messages: &[Message], tools: &Tools) -> u32 {
    let words = messages.iter().map(|message| message.content.len().div_ceil(BYTES_PER_TOKEN) + AROUND);
    let tools = tools.iter().map(|tool| {
        let bytes = tool.name.len() + tool.description.len() + tool.parameters.to_string().len();
        bytes.div_ceil(BYTES_PER_TOKEN) + AROUND
    });
    u32::try_from(words.chain(tools).sum::<usize>()).unwrap_or(u32::MAX)
}

/// Whether the endpoint refuses a prompt for its length.
pub(super) fn is_too_long(status: u16, fault: &Fault) -> bool {
    let words = [
        "context_length",
        "context length",
        "context size",
        "context window",
        "exceed_context",
        "inputs` must have less than",
        "inputs` tokens + `max_new_tokens`",
        "input token count",
        "prompt is too long",
        "reduce the length",
    ];
    status == 413 || (matches!(status, 200 | 400 | 422 | 500) && fault.mentions(&words))
}

/// The error for a prompt that is too long, with the length that fits: by the endpoint's own numbers, otherwise by the
/// estimate.
pub(super) fn error(fault: &Fault, prompt: Prompt) -> EngineError {
    let Prompt { tokens, limit, response } = prompt;
    let numbers = fault.tokens.or_else(|| told(&fault.message));
    let (fits, got) = match numbers {
        Some((context, got)) => (context.saturating_sub(response), got),
        None => (tokens / NEXT.1 * NEXT.0, tokens),
    };
    let fits = fits.min(limit).max(1);
    EngineError::TooLong { limit: fits, got: got.max(fits + 1) }
}

/// The smallest and the largest number in a message. Endpoints name the context and the prompt in any order, some also the
/// response's tokens: the smallest is never more than what fits.
fn told(message: &str) -> Option<(u32, u32)> {
    let plain = message.replace(',', "");
    let numbers = plain
        .split(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | '`' | ':' | ';' | '>' | '='))
        .filter_map(|word| word.trim_end_matches('.').parse::<u32>().ok())
        .filter(|number| *number >= LEAST_CONTEXT);
    let (least, most) =
        numbers.fold((u32::MAX, 0), |(least, most), number| (least.min(number), most.max(number)));
    (least < most).then_some((least, most))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROMPT: Prompt = Prompt { tokens: 4400, limit: 3936, response: 160 };

    fn found(status: u16, body: &str) -> Option<EngineError> {
        let fault = Fault::of_body(body);
        is_too_long(status, &fault).then(|| error(&fault, PROMPT))
    }

    #[test]
    fn each_endpoints_numbers_say_what_fits() {
        let text = |message: &str| serde_json::json!({ "error": { "message": message } }).to_string();
        for (status, body, limit, got) in [
            (
                400,
                r#"{"error":{"message":"too long","code":"context_length_exceeded"}}"#.to_string(),
                3300,
                4400,
            ),
            (
                400,
                text(
                    "This model's maximum context length is 4096 tokens. However, you requested 4800 tokens (4640 in \
                     the messages, 160 in the completion).",
                ),
                3936,
                4800,
            ),
            (
                400,
                text("This model's maximum context length is 2,048 tokens and your request has 2,500 input tokens"),
                1888,
                2500,
            ),
            (
                400,
                r#"{"error":{"code":400,"message":"the request exceeds the available context size","type":"exceed_context_size_error","n_prompt_tokens":5000,"n_ctx":4096}}"#
                    .to_string(),
                3936,
                5000,
            ),
            (
                422,
                r#"{"error":"Input validation error: `inputs` tokens + `max_new_tokens` must be <= 2048. Given: 1900 `inputs` tokens and 160 `max_new_tokens`"}"#
                    .to_string(),
                1740,
                2048,
            ),
            (413, text("Request too large: Limit 3000, Requested 7000"), 2840, 7000),
        ] {
            assert_eq!(found(status, &body), Some(EngineError::TooLong { limit, got }), "{body}");
        }
    }

    #[test]
    fn other_refusals_are_not_about_the_length() {
        assert_eq!(found(400, r#"{"error":{"message":"max_tokens is too large: 999999"}}"#), None);
        assert_eq!(found(429, r#"{"error":{"message":"context length"}}"#), None);
        assert_eq!(found(400, "no"), None);
    }

    #[test]
    fn what_fits_is_less_than_what_was_sent() {
        let Some(EngineError::TooLong { limit, got }) = found(400, "the prompt is too long") else {
            panic!("not too long")
        };
        assert!(limit < got && limit < PROMPT.tokens, "{limit} {got}");
    }
}
