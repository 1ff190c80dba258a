//! The text that each family puts around the parts of a chat, as in its authors' own template. Pure.
//!
//! The tokenizer adds the token that begins every prompt (`<s>`, `<bos>`).

use super::arrange::{Requires, arranged};
use super::marks::bracketed;
use super::{Part, Written};

/// The text before and after a part.
pub(super) type Around = (&'static str, &'static str);

/// The parts whose surrounding white space the template removes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trims {
    Nothing,
    Assistant,
    All,
}

/// One family's form.
#[derive(Debug)]
pub(super) struct Form {
    /// None: the family has no such role, and the text begins the person's next message.
    pub(super) system: Option<Around>,
    tools: Around,
    pub(super) user: Around,
    pub(super) assistant: Around,
    call: Around,
    result: Around,
    /// Begins the response.
    response: &'static str,
    trims: Trims,
    /// Whether the person's and the assistant's messages must take turns, beginning with the person's.
    pub(super) alternates: bool,
}

impl Form {
    /// Formats a chat as text.
    pub(super) fn render(&self, chat: &[Written], response: bool) -> String {
        let trimmed = chat.iter().map(|it| Written { part: it.part, content: self.trimmed(it).to_owned() });
        let mut text = String::new();
        let requires = Requires { no_system: self.system.is_none(), turns: self.alternates };
        for Written { part, content } in arranged(requires, trimmed.collect()) {
            let (before, after) = self.around(part);
            text.extend([before, content.as_str(), after]);
        }
        if response {
            text.push_str(self.response);
        }
        text
    }

    fn around(&self, part: Part) -> Around {
        match part {
            Part::System => self.system.unwrap_or(self.user),
            Part::Tools => self.tools,
            Part::User => self.user,
            Part::Assistant => self.assistant,
            Part::Call => self.call,
            Part::Result => self.result,
        }
    }

    fn trimmed<'a>(&self, written: &'a Written) -> &'a str {
        let trims = match self.trims {
            Trims::Nothing => false,
            Trims::Assistant => written.part == Part::Assistant,
            Trims::All => true,
        };
        if trims { written.content.trim() } else { &written.content }
    }

    /// The marks in the text around parts: from each opening bracket to its closing one.
    pub(super) fn marks(&self) -> Vec<String> {
        let parts = [self.user, self.assistant, self.tools, self.call, self.result];
        let around = parts.into_iter().chain(self.system).flat_map(|(before, after)| [before, after]);
        let mut marks: Vec<String> = around.flat_map(bracketed).map(str::to_owned).collect();
        marks.sort_unstable();
        marks.dedup();
        marks
    }
}

/// A form that formats every part as the person's or the assistant's message.
const fn plain(system: Option<Around>, user: Around, assistant: Around, response: &'static str) -> Form {
    Form {
        system,
        tools: user,
        user,
        assistant,
        call: assistant,
        result: user,
        response,
        trims: Trims::Nothing,
        alternates: false,
    }
}

pub(super) static CHATML: Form = plain(
    Some(("<|im_start|>system\n", "<|im_end|>\n")),
    ("<|im_start|>user\n", "<|im_end|>\n"),
    ("<|im_start|>assistant\n", "<|im_end|>\n"),
    "<|im_start|>assistant\n",
);

pub(super) static LLAMA3: Form = Form {
    result: ("<|start_header_id|>ipython<|end_header_id|>\n\n", "<|eot_id|>"),
    trims: Trims::All,
    ..plain(
        Some(("<|start_header_id|>system<|end_header_id|>\n\n", "<|eot_id|>")),
        ("<|start_header_id|>user<|end_header_id|>\n\n", "<|eot_id|>"),
        ("<|start_header_id|>assistant<|end_header_id|>\n\n", "<|eot_id|>"),
        "<|start_header_id|>assistant<|end_header_id|>\n\n",
    )
};

pub(super) static GEMMA: Form = Form {
    trims: Trims::All,
    alternates: true,
    ..plain(
        None,
        ("<start_of_turn>user\n", "<end_of_turn>\n"),
        ("<start_of_turn>model\n", "<end_of_turn>\n"),
        "<start_of_turn>model\n",
    )
};

pub(super) static MISTRAL_V1: Form =
    Form { alternates: true, ..plain(None, (" [INST] ", " [/INST]"), (" ", "</s>"), "") };

pub(super) static MISTRAL_V3: Form = Form { trims: Trims::Assistant, ..mistral(None) };

pub(super) static MISTRAL_V3_TEKKEN: Form = tekken(None);

pub(super) static MISTRAL_V7: Form = mistral(Some(("[SYSTEM_PROMPT] ", "[/SYSTEM_PROMPT]")));

pub(super) static MISTRAL_V7_TEKKEN: Form = tekken(Some(("[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]")));

pub(super) static PHI3: Form = plain(
    Some(("<|system|>\n", "<|end|>\n")),
    ("<|user|>\n", "<|end|>\n"),
    ("<|assistant|>\n", "<|end|>\n"),
    "<|assistant|>\n",
);

pub(super) static PHI4_MINI: Form = plain(
    Some(("<|system|>", "<|end|>")),
    ("<|user|>", "<|end|>"),
    ("<|assistant|>", "<|end|>"),
    "<|assistant|>",
);

pub(super) static PHI4: Form = plain(
    Some(("<|im_start|>system<|im_sep|>", "<|im_end|>")),
    ("<|im_start|>user<|im_sep|>", "<|im_end|>"),
    ("<|im_start|>assistant<|im_sep|>", "<|im_end|>"),
    "<|im_start|>assistant<|im_sep|>",
);

/// Mistral's forms from version 3 on, with SentencePiece's spaces. Their tools precede the first message, not the last one as
/// in the authors' template: otherwise prompts would not begin with the previous one.
const fn mistral(system: Option<Around>) -> Form {
    Form {
        tools: ("[AVAILABLE_TOOLS] ", "[/AVAILABLE_TOOLS]"),
        call: ("", "</s>"),
        result: ("[TOOL_RESULTS] ", "[/TOOL_RESULTS]"),
        alternates: true,
        ..plain(system, ("[INST] ", "[/INST]"), (" ", "</s>"), "")
    }
}

/// Mistral's forms for its tokenizer Tekken, without spaces.
const fn tekken(system: Option<Around>) -> Form {
    Form {
        tools: ("[AVAILABLE_TOOLS]", "[/AVAILABLE_TOOLS]"),
        call: ("", "</s>"),
        result: ("[TOOL_RESULTS]", "[/TOOL_RESULTS]"),
        alternates: true,
        ..plain(system, ("[INST]", "[/INST]"), ("", "</s>"), "")
    }
}
