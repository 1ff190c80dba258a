//! Checks that instructions and tools leave the model room for a conversation, once its engine can count tokens.

use std::time::Duration;

use super::conversation::LEAST_ROOM;
use crate::engine::{EngineError, Llm, LlmCapabilities};
use crate::frame::Message;
use crate::tool::Tools;

const AGAIN: Duration = Duration::from_millis(500);

/// Waits for the engine's count and checks it; accepts any configuration if the engine cannot count.
///
/// # Errors
/// A sentence for the operator, if no call could ever get a response.
pub async fn check(llm: &dyn Llm, instructions: &[Message], tools: &Tools) -> Result<(), String> {
    let LlmCapabilities { counts_tokens, tools: calls_tools, .. } = llm.capabilities();
    if !calls_tools && !tools.is_empty() {
        tracing::warn!("the language model cannot call tools: the configured ones are not offered to it");
    }
    if !counts_tokens {
        return Ok(());
    }
    let none = Tools::default();
    let tools = if calls_tools { tools } else { &none };
    loop {
        let (total, limit) = match llm.count(instructions, tools).await {
            Ok(counts) => (counts.total, counts.limit),
            Err(EngineError::TooLong { limit, got }) => (got, limit),
            Err(error) if error.is_passing() => {
                tokio::time::sleep(AGAIN).await;
                continue;
            }
            Err(error) => {
                tracing::warn!(%error, "the tokens of the instructions could not be counted");
                return Ok(());
            }
        };
        let most = limit.saturating_sub(u32::try_from(LEAST_ROOM).unwrap_or(u32::MAX));
        if total <= most {
            return Ok(());
        }
        return Err(format!(
            "conversation.instructions and tools have {total} tokens, and at most {most} fit: a prompt may have {limit} \
             (llm.context minus llm.max_tokens), and {LEAST_ROOM} are kept for the conversation. Shorten them, or make \
             llm.context larger"
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Role;
    use visavis_scripted::ScriptedLlm;

    #[tokio::test]
    async fn instructions_that_leave_no_room_are_refused_with_their_limit() {
        let llm = ScriptedLlm::default().with_limit(600);
        let of = |bytes: usize| vec![Message { role: Role::System, content: "x".repeat(bytes) }];
        assert_eq!(check(&llm, &of(1800), &Tools::new()).await, Ok(()));
        let fault = check(&llm, &of(2000), &Tools::new()).await.unwrap_err();
        assert!(fault.contains("conversation.instructions") && fault.contains("at most 472"), "{fault}");
        let capabilities = LlmCapabilities { counts_tokens: false, ..LlmCapabilities::ALL };
        let silent = llm.with_capabilities(capabilities);
        assert_eq!(check(&silent, &of(2000), &Tools::new()).await, Ok(()), "nothing is known");
        assert!(silent.beyond().is_empty());
    }
}
