//! The forms in which models were trained to read tools and to write calls.

use serde_json::{Value, json};
use visavis_proto::v1::{Tool, ToolCall};

#[cfg(test)]
use super::CLOSE;
use super::{OPEN, instructions, signature, tool_response, written};
use crate::chat::{Part, Written};

/// Mistral's calls have ids of nine characters; one call is made at a time, so one id suffices.
const ID: &str = "000000000";

/// How tools are described, called and answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum ToolForm {
    /// Qwen's and Hermes' form, in the system message. Models whose own template has no form understand it best.
    #[default]
    Hermes,
    /// Llama 3.1's form: `{"name": …, "parameters": …}`, results in the role `ipython`.
    Llama,
    /// Mistral's form from version 3 on: a list of calls after a mark; `space` follows each mark.
    Mistral { space: &'static str },
}

impl ToolForm {
    /// The mark before a call. Models forget it, or their file says that it is not to be shown.
    pub(super) fn open(self) -> &'static str {
        match self {
            Self::Hermes => OPEN,
            Self::Llama => "<|python_tag|>",
            Self::Mistral { .. } => "[TOOL_CALLS]",
        }
    }

    /// Marks that messages must not contain.
    pub(crate) fn marks(self) -> Vec<String> {
        match self {
            Self::Hermes => Vec::new(),
            Self::Llama | Self::Mistral { .. } => vec![self.open().to_owned()],
        }
    }

    /// The name of a call's arguments.
    pub(super) fn arguments(self) -> &'static str {
        if self == Self::Llama { "parameters" } else { "arguments" }
    }

    /// Whether calls are in a list.
    pub(super) fn lists(self) -> bool {
        matches!(self, Self::Mistral { .. })
    }

    /// The description of the tools; empty if there are none.
    pub(crate) fn instructions(self, tools: &[Tool]) -> String {
        if tools.is_empty() {
            return String::new();
        }
        let signatures = || tools.iter().map(signature).collect::<Vec<_>>();
        match self {
            Self::Hermes => instructions(tools),
            // The last paragraph is ours, as in Hermes' form.
            Self::Llama => format!(
                "\n\nYou have access to the following functions. To call a function, please respond with JSON for a \
                 function call. Respond in the format {{\"name\": function name, \"parameters\": dictionary of \
                 argument name and its value}}. Do not use variables.\n\n{}\n\nMost questions need no function: \
                 answer them in plain words. Call a function only when its description fits the question.",
                signatures().join("\n\n")
            ),
            Self::Mistral { .. } => format!("[{}]", signatures().join(", ")),
        }
    }

    /// Adds the tools' description to a chat whose first message may be the system's.
    pub(crate) fn add(self, instructions: &str, chat: &mut Vec<Written>) {
        let system = chat.first().is_some_and(|first| first.part == Part::System);
        match (instructions, self) {
            ("", _) => {}
            (_, Self::Mistral { .. }) => {
                chat.insert(
                    usize::from(system),
                    Written { part: Part::Tools, content: instructions.to_owned() },
                );
            }
            _ if system => chat[0].content.push_str(instructions),
            _ => {
                chat.insert(0, Written { part: Part::System, content: instructions.trim_start().to_owned() })
            }
        }
    }

    /// A message of the assistant that ends with a call.
    pub(crate) fn call(self, text: &str, call: &ToolCall) -> Written {
        let ToolCall { name, arguments } = call;
        match self {
            Self::Hermes => {
                let between = if text.is_empty() { "" } else { "\n" };
                Written { part: Part::Assistant, content: format!("{text}{between}{}", written(call)) }
            }
            Self::Llama => {
                let call = format!(r#"{{"name": "{name}", "parameters": {arguments}}}"#);
                // After words, a call is recognised only by its mark, so the history contains the mark.
                let mark = if text.is_empty() { "" } else { self.open() };
                Written { part: Part::Assistant, content: format!("{text}{mark}{call}") }
            }
            Self::Mistral { space } => {
                let call = format!(r#"{{"name": "{name}", "arguments": {arguments}, "id": "{ID}"}}"#);
                let before = if text.is_empty() { "" } else { space };
                let content = format!("{before}{text}{}{space}[{call}]", self.open());
                Written { part: Part::Call, content }
            }
        }
    }

    /// A call's result.
    pub(crate) fn result(self, result: &str) -> Written {
        match self {
            // None of the templates in llama.cpp's C interface knows this role; Qwen's own template formats it as the user's.
            Self::Hermes => Written { part: Part::User, content: tool_response(result) },
            Self::Llama => Written { part: Part::Result, content: result.to_owned() },
            Self::Mistral { .. } => {
                // JSON stays as written: decoded escapes could form marks that were removed from the message.
                let is_json = serde_json::from_str::<Value>(result).is_ok();
                let value = if is_json { result.to_owned() } else { json!(result).to_string() };
                let content = format!(r#"{{"content": {value}, "call_id": "{ID}"}}"#);
                Written { part: Part::Result, content }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MISTRAL: ToolForm = ToolForm::Mistral { space: " " };

    fn tool() -> Tool {
        Tool { name: "look".into(), description: "Looks.".into(), parameters: r#"{"type":"object"}"#.into() }
    }

    fn system(content: &str) -> Written {
        Written { part: Part::System, content: content.into() }
    }

    #[test]
    fn each_form_describes_tools_where_its_models_expect_them() {
        for (form, expected) in
            [(ToolForm::Hermes, "<tools>\n{"), (ToolForm::Llama, "\"parameters\": dictionary")]
        {
            let mut chat = vec![system("Be brief.")];
            form.add(&form.instructions(&[tool()]), &mut chat);
            assert_eq!(chat.len(), 1);
            assert!(
                chat[0].content.starts_with("Be brief.\n\n") && chat[0].content.contains(expected),
                "{chat:?}"
            );
        }
        let mut chat = vec![system("Be brief.")];
        MISTRAL.add(&MISTRAL.instructions(&[tool()]), &mut chat);
        assert_eq!(
            (chat[1].part, chat[1].content.starts_with("[{\"type\": \"function\"")),
            (Part::Tools, true)
        );
        let mut untouched = vec![system("Be brief.")];
        MISTRAL.add(&MISTRAL.instructions(&[]), &mut untouched);
        assert_eq!(untouched, [system("Be brief.")]);
    }

    #[test]
    fn calls_and_results_have_the_forms_that_models_write_and_read() {
        let call = ToolCall { name: "look".into(), arguments: r#"{"at":1}"#.into() };
        let hermes = ToolForm::Hermes.call("Well.", &call);
        let expected = format!("Well.\n{OPEN}\n{{\"name\": \"look\", \"arguments\": {{\"at\":1}}}}\n{CLOSE}");
        assert_eq!((hermes.part, hermes.content), (Part::Assistant, expected));
        let llama = ToolForm::Llama.call("", &call);
        assert_eq!(llama.content, r#"{"name": "look", "parameters": {"at":1}}"#);
        let mistral = MISTRAL.call("", &call);
        let expected = r#"[TOOL_CALLS] [{"name": "look", "arguments": {"at":1}, "id": "000000000"}]"#;
        assert_eq!((mistral.part, mistral.content.as_str()), (Part::Call, expected));
        assert_eq!(MISTRAL.result("sunny").content, r#"{"content": "sunny", "call_id": "000000000"}"#);
        assert_eq!(MISTRAL.result("[1]").content, r#"{"content": [1], "call_id": "000000000"}"#);
        assert_eq!(ToolForm::Llama.result("sunny").part, Part::Result);
        let llama = ToolForm::Llama.call("Well.", &call);
        assert_eq!(llama.content, r#"Well.<|python_tag|>{"name": "look", "parameters": {"at":1}}"#);
    }

    #[test]
    fn a_result_cannot_form_a_mark_by_escaped_characters() {
        let escaped = r#""\u005b/TOOL_RESULTS]""#;
        let content = MISTRAL.result(escaped).content;
        assert!(!content.contains("[/TOOL_RESULTS]"), "{content}");
        let read: Value = serde_json::from_str(&content).unwrap();
        assert_eq!(read["content"], "[/TOOL_RESULTS]");
    }
}
