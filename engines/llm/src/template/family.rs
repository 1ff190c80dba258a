//! The supported families of chat templates, and how each is recognised. Pure.

use clap::ValueEnum;

use super::form::{
    CHATML, Form, GEMMA, LLAMA3, MISTRAL_V1, MISTRAL_V3, MISTRAL_V3_TEKKEN, MISTRAL_V7, MISTRAL_V7_TEKKEN,
    PHI3, PHI4, PHI4_MINI,
};
use crate::tools::ToolForm;

/// A family, with llama.cpp's name if it has one. `llm.template` takes the same names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Family {
    /// Qwen, SmolLM2, Hermes and many others
    #[value(name = "chatml")]
    ChatMl,
    /// Llama 3 to 3.3
    #[value(name = "llama3")]
    Llama3,
    /// Gemma 1 to 3
    #[value(name = "gemma")]
    Gemma,
    /// Mistral 7B v0.1 and v0.2, Mixtral
    #[value(name = "mistral-v1")]
    MistralV1,
    /// Mistral 7B v0.3, Mixtral 8x22B
    #[value(name = "mistral-v3")]
    MistralV3,
    /// Mistral Nemo, Ministral 8B
    #[value(name = "mistral-v3-tekken")]
    MistralV3Tekken,
    /// Mistral Large 2411
    #[value(name = "mistral-v7")]
    MistralV7,
    /// Mistral Small 3
    #[value(name = "mistral-v7-tekken")]
    MistralV7Tekken,
    /// Phi 3 and 3.5
    #[value(name = "phi3")]
    Phi3,
    /// Phi 4 mini
    #[value(name = "phi4-mini")]
    Phi4Mini,
    /// Phi 4 with 14 billion weights
    #[value(name = "phi4")]
    Phi4,
}

impl Family {
    /// The family of a template, or of llama.cpp's name of one. As in llama.cpp, marks decide; no other family's templates
    /// contain a family's marks.
    pub(crate) fn of(template: &str) -> Option<Self> {
        if let Ok(named) = Self::from_str(template, false) {
            return Some(named);
        }
        let has = |mark: &str| template.contains(mark);
        if has("<|im_start|>") {
            // SmolVLM's whole chat begins with that mark.
            return match (has("<|im_sep|>"), has("<end_of_utterance>")) {
                (true, _) => Some(Self::Phi4),
                (false, false) => Some(Self::ChatMl),
                (false, true) => None,
            };
        }
        if has("[INST]") {
            return Self::of_mistral(has);
        }
        if has("<|start_header_id|>") && has("<|end_header_id|>") {
            return Some(Self::Llama3);
        }
        if has("<start_of_turn>") {
            return Some(Self::Gemma);
        }
        if has("<|assistant|>") && has("<|end|>") {
            return Some(if has("'|>' + message['content']") { Self::Phi4Mini } else { Self::Phi3 });
        }
        None
    }

    /// None for Llama 2, which has the same marks.
    fn of_mistral(has: impl Fn(&str) -> bool) -> Option<Self> {
        if has("[SYSTEM_PROMPT]") {
            return Some(if has("[INST] ") { Self::MistralV7 } else { Self::MistralV7Tekken });
        }
        if !has("[AVAILABLE_TOOLS]") && !has("' [INST] ' + system_message") {
            return None;
        }
        Some(match (has(" [INST]"), has("\"[INST]\"")) {
            (true, _) => Self::MistralV1,
            (false, true) => Self::MistralV3Tekken,
            (false, false) => Self::MistralV3,
        })
    }

    pub(super) fn form(self) -> &'static Form {
        match self {
            Self::ChatMl => &CHATML,
            Self::Llama3 => &LLAMA3,
            Self::Gemma => &GEMMA,
            Self::MistralV1 => &MISTRAL_V1,
            Self::MistralV3 => &MISTRAL_V3,
            Self::MistralV3Tekken => &MISTRAL_V3_TEKKEN,
            Self::MistralV7 => &MISTRAL_V7,
            Self::MistralV7Tekken => &MISTRAL_V7_TEKKEN,
            Self::Phi3 => &PHI3,
            Self::Phi4Mini => &PHI4_MINI,
            Self::Phi4 => &PHI4,
        }
    }

    /// The template's own tool form if it is supported, otherwise Hermes' form, in the system message.
    pub(super) fn tools(self, template: &str) -> ToolForm {
        let has = |mark: &str| template.contains(mark);
        match self {
            Self::Llama3 if has("ipython") && has("\"parameters\"") => ToolForm::Llama,
            // Later versions write `[TOOL_CALLS]name[ARGS]{…}`.
            _ if !has("[AVAILABLE_TOOLS]") || has("[ARGS]") => ToolForm::Hermes,
            Self::MistralV3 | Self::MistralV7 => ToolForm::Mistral { space: " " },
            Self::MistralV3Tekken | Self::MistralV7Tekken => ToolForm::Mistral { space: "" },
            _ => ToolForm::Hermes,
        }
    }

    /// The names that `llm.template` accepts.
    pub(super) fn names() -> Vec<String> {
        let name = |family: &Self| family.to_possible_value().map(|value| value.get_name().to_owned());
        Self::value_variants().iter().filter_map(name).collect()
    }
}
