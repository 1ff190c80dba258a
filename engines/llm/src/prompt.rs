//! Converts chat messages to the prompt's tokens with the model's own template.

use std::sync::Arc;

use llama_cpp_2::model::LlamaModel;
use llama_cpp_2::token::LlamaToken;
use llama_cpp_2::token_type::LlamaTokenAttr;
use tonic::Status;
use visavis_proto::fault::too_long;
use visavis_proto::v1::{ChatMessage, Tool, ToolCall};

use crate::chat::{Part, Written};
use crate::fault::invalid;
use crate::scheduler::Token;
use crate::template::{Marks, Template};
use crate::turn::{Place, cuts, place, words};

/// Text with more bytes than this per token of context cannot fit and is not even tokenised.
const MAX_BYTES_PER_TOKEN: usize = 32;

/// Marks a position in a message, to find it again in the template's output.
const MARK: char = '\u{2}';

/// Estimates the tokens of text that is too long to be tokenised.
const BYTES_PER_TOKEN: usize = 4;

/// Token counts of a request's parts.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    /// Each including what the template adds around it.
    pub(crate) messages: Vec<usize>,
    pub(crate) tools: usize,
    /// The whole prompt.
    pub(crate) total: usize,
}

/// The prompt made from a request's messages.
#[derive(Debug)]
pub(crate) struct Prompt {
    pub(crate) tokens: Vec<Token>,
    /// The text that the tokens encode.
    text: String,
    chat: Vec<Written>,
    /// The last message's content, as in `chat`.
    last: String,
}

/// Template and vocabulary; used by many requests at once, outside the model's thread.
#[derive(Debug)]
pub(crate) struct Prompter {
    model: Arc<LlamaModel>,
    template: Template,
    /// Marks that structure a chat, such as `<|im_end|>` and `<tool_call>`: the vocabulary's and the template's.
    special: Marks,
    /// Ends of a response that the vocabulary does not mark as such.
    pub(crate) stops: Vec<String>,
    context: usize,
    /// Tokens that the template adds around a message.
    frame: usize,
}

impl Prompter {
    pub(crate) fn new(model: Arc<LlamaModel>, template: Template, context: usize) -> Self {
        let vocab = model.vocab();
        let text = |token| vocab.text(token).map(|text| text.to_string_lossy().into_owned());
        let structures = |token: &LlamaToken, text: &str| {
            // One or two characters are ordinary text even if a vocabulary calls them a control token.
            vocab.is_control(*token) && text.len() > 2
                || vocab.attr(*token).contains(LlamaTokenAttr::UserDefined) && is_mark(text)
        };
        let special = vocab.tokens().filter_map(|token| text(token).filter(|text| structures(&token, text)));
        let mut special: Vec<String> = special.collect();
        let further = template.marks().into_iter().filter(|mark| !special.contains(mark)).collect::<Vec<_>>();
        special.extend(further);
        let end = template.after_assistant();
        let ends =
            vocab.tokenize(end.as_bytes(), false, true).first().is_some_and(|first| vocab.is_eog(*first));
        let stops = if ends || end.is_empty() { Vec::new() } else { vec![end.to_owned()] };
        let special = Marks::new(special);
        let mut prompter = Self { special, stops, template, context, model, frame: 0 };
        prompter.frame = prompter.frame();
        prompter
    }

    /// The tokens for those stop strings whose text never appears because they are silent tokens.
    pub(crate) fn stop_tokens(&self, stops: &[String]) -> Vec<Token> {
        let vocab = self.model.vocab();
        let tokens = |stop: &String| vocab.tokenize(stop.as_bytes(), false, true);
        let is_silent =
            |token| vocab.is_control(token) && vocab.token_to_piece(token, false, None).is_empty();
        stops.iter().filter_map(|stop| silent(&tokens(stop), is_silent)).collect()
    }

    fn frame(&self) -> usize {
        let hi = ChatMessage { role: "user".into(), content: "Hi".into(), call: None };
        let framed = self.written(&[hi], &[]).and_then(|chat| self.render(&chat, false));
        framed.map_or(0, |text| self.tokens(&text).saturating_sub(self.tokens("Hi")))
    }

    fn tokens(&self, text: &str) -> usize {
        self.model.vocab().tokenize(text.as_bytes(), false, true).len()
    }

    /// Counts the tokens that [`Self::prompt`] would produce, even if they exceed `limit`.
    pub(crate) fn count(
        &self,
        messages: &[ChatMessage],
        tools: &[Tool],
        limit: usize,
    ) -> Result<Counts, Status> {
        let of_tools = self.template.tools.instructions(&self.cleaned(tools));
        let tools_alone = if of_tools.is_empty() { 0 } else { self.tokens(&of_tools) };
        if messages.is_empty() {
            let total = if tools_alone == 0 { 0 } else { tools_alone + self.frame };
            return Ok(Counts { messages: Vec::new(), tools: tools_alone, total });
        }
        let total = self.prompt(messages, tools, limit)?.tokens.len();
        let written = self.written(messages, &[])?;
        let messages = written.iter().map(|it| self.frame + self.tokens(&it.content)).collect();
        Ok(Counts { messages, tools: tools_alone, total })
    }

    /// The tokens of these messages, followed by the beginning of the response unless the last message is the system's.
    /// `limit` is only reported if they are far too long.
    pub(crate) fn prompt(
        &self,
        messages: &[ChatMessage],
        tools: &[Tool],
        limit: usize,
    ) -> Result<Prompt, Status> {
        let Some(last) = messages.last() else {
            return Err(invalid("messages: empty; send at least one"));
        };
        let called = |message: &ChatMessage| message.call.as_ref().map_or(0, |call| call.arguments.len());
        let bytes: usize = messages.iter().map(|message| message.content.len() + called(message)).sum();
        if messages.len() > self.context || bytes > self.context * MAX_BYTES_PER_TOKEN {
            let got = (bytes / BYTES_PER_TOKEN).max(messages.len());
            let message = format!(
                "messages: {} of {bytes} bytes cannot fit the context of {} tokens; leave out the oldest",
                messages.len(),
                self.context
            );
            return Err(too_long(limit, got, message));
        }
        let chat = self.written(messages, tools)?;
        let text = self.render(&chat, last.role != "system")?;
        let vocab = self.model.vocab();
        let mut tokens: Vec<Token> =
            vocab.tokenize(text.as_bytes(), true, true).iter().map(|t| t.0).collect();
        // Some templates write a BOS token, and the tokenizer adds another.
        let bos = vocab.bos().0;
        if tokens.starts_with(&[bos, bos]) {
            tokens.remove(0);
        }
        Ok(Prompt { tokens, text, chat, last: self.special.strip(&last.content) })
    }

    /// The number of tokens up to the end of the last word of the last message, a user's. None if it has no words or its
    /// last word shares a token with what follows.
    pub(crate) fn words_end(&self, prompt: &Prompt) -> Option<usize> {
        let words = words(&prompt.last);
        let after = self.after(prompt, words)?;
        let places = cuts(words).map(|cut| self.place(prompt, after + words.len() - cut));
        places.filter(|place| place.exact).map(|place| place.tokens).next()
    }

    /// The beginning of the prompt that stays unchanged when the last message, a user's, continues.
    pub(crate) fn unfinished(&self, mut prompt: Prompt) -> Result<Vec<Token>, Status> {
        let unreadable = || Status::internal("the model's chat template does not show where a message ends");
        let after = self.after(&prompt, words(&prompt.last)).ok_or_else(unreadable)?;
        let place = self.place(&prompt, after);
        // The last token, even if a whole word, can become a longer one.
        prompt.tokens.truncate(place.tokens.saturating_sub(usize::from(place.exact)).max(1));
        Ok(prompt.tokens)
    }

    /// How many bytes the prompt has after the last message's words.
    fn after(&self, prompt: &Prompt, words: &str) -> Option<usize> {
        let mut chat = prompt.chat.clone();
        *chat.last_mut()? = Written { part: Part::User, content: format!("{words}{MARK}") };
        let marked = self.render(&chat, true).ok()?;
        let end = marked.rfind(MARK)?;
        // This fails for a template that changes more of a message than the white space at its ends.
        prompt.text.starts_with(&marked[..end]).then(|| prompt.text.len() - end)
    }

    fn place(&self, prompt: &Prompt, after: usize) -> Place {
        let vocab = self.model.vocab();
        let length = |token: &Token| vocab.token_to_piece(LlamaToken(*token), true, None).len();
        place(prompt.tokens.len(), prompt.tokens.iter().rev().map(length), after)
    }

    fn render(&self, chat: &[Written], response: bool) -> Result<String, Status> {
        self.template.render(&self.model, chat, response)
    }

    /// The messages in the form passed to the template.
    fn written(&self, messages: &[ChatMessage], tools: &[Tool]) -> Result<Vec<Written>, Status> {
        let written = messages.iter().enumerate().map(|(index, message)| self.message(index, message));
        let mut chat = written.collect::<Result<Vec<_>, _>>()?;
        let form = self.template.tools;
        form.add(&form.instructions(&self.cleaned(tools)), &mut chat);
        Ok(chat)
    }

    fn message(&self, index: usize, message: &ChatMessage) -> Result<Written, Status> {
        let content = self.special.strip(&message.content);
        let form = self.template.tools;
        let part = match (message.role.as_str(), &message.call) {
            ("assistant", Some(call)) => {
                let call = ToolCall {
                    name: self.special.strip(&call.name),
                    arguments: self.special.strip(&call.arguments),
                };
                return Ok(form.call(&content, &call));
            }
            ("tool", None) => return Ok(form.result(&content)),
            ("system", None) => Part::System,
            ("user", None) => Part::User,
            ("assistant", None) => Part::Assistant,
            (role, Some(_)) => {
                return Err(invalid(format!("messages[{index}].call: {role:?} cannot call tools")));
            }
            (role, None) => {
                return Err(invalid(format!(
                    "messages[{index}].role: {role:?} is not system, user, assistant or tool"
                )));
            }
        };
        Ok(Written { part, content })
    }

    /// Removes special tokens from tools: clients' descriptions are as untrusted as typed text.
    fn cleaned(&self, tools: &[Tool]) -> Vec<Tool> {
        let clean = |text: &str| self.special.strip(text);
        let tools = tools.iter().map(|tool| Tool {
            name: clean(&tool.name),
            description: clean(&tool.description),
            parameters: clean(&tool.parameters),
        });
        tools.collect()
    }
}

/// The token of a text, if it is a single one and silent.
fn silent(tokens: &[LlamaToken], is_silent: impl Fn(LlamaToken) -> bool) -> Option<Token> {
    let [token] = *tokens else { return None };
    is_silent(token).then_some(token.0)
}

/// Whether a user-defined token's text structures a chat, such as `<tool_call>`, `[INST]` or `<think>`. Others, such as
/// `<table>` or runs of line ends, are ordinary text that happens to have its own token.
fn is_mark(text: &str) -> bool {
    let inner = text.strip_prefix('<').and_then(|text| text.strip_suffix('>'));
    let inner = inner.or_else(|| text.strip_prefix('[').and_then(|text| text.strip_suffix(']')));
    inner.is_some_and(|inner| {
        let plain = inner.trim_start_matches('/').to_ascii_lowercase();
        inner.contains(['_', '|', '｜']) || ["think", "tool", "tools", "inst"].contains(&plain.as_str())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stop_string_is_also_known_by_its_token_if_that_is_written_as_no_text() {
        let control = |token: LlamaToken| token.0 >= 100;
        assert_eq!(silent(&[LlamaToken(100)], control), Some(100));
        assert_eq!(
            silent(&[LlamaToken(99)], control),
            None,
            "its text appears, possibly as part of another token's"
        );
        assert_eq!(silent(&[LlamaToken(100), LlamaToken(7)], control), None);
        assert_eq!(silent(&[], control), None);
    }

    #[test]
    fn tokens_that_structure_a_chat_are_told_from_ordinary_text() {
        for mark in [
            "<tool_call>",
            "</tool_call>",
            "<think>",
            "</think>",
            "<|fim_prefix|>",
            "[INST]",
            "[/INST]",
            "<start_of_turn>",
        ] {
            assert!(is_mark(mark), "{mark}");
        }
        for text in ["<table>", "\n\n", "    ", "<b>", "[1]", "<"] {
            assert!(!is_mark(text), "{text:?}");
        }
    }
}
