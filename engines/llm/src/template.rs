//! Chat templates: identifies that of a model's file, and formats a chat as the prompt's text.
//!
//! - `family`: the supported templates, and how each is recognised
//! - `form`: what each template puts around messages
//! - `arrange`: which messages a template joins
//! - `marks`: marks that messages must not contain
//!
//! No template is run: its text only identifies its family. So every prompt begins with the previous one, which a template that
//! moves the system message or the tools to the last turn would prevent, and no file decides what is computed.

mod arrange;
mod family;
mod form;
mod marks;

use std::path::Path;

use llama_cpp_2::model::{LlamaChatMessage, LlamaChatTemplate, LlamaModel};
use tonic::Status;

pub(crate) use family::Family;
pub(crate) use marks::Marks;

use crate::chat::{Part, Written};
use crate::tools::ToolForm;
use form::Form;

/// The template of a loaded model.
#[derive(Debug, Clone)]
pub(crate) struct Template {
    kind: Kind,
    /// How tools are described, called and answered.
    pub(crate) tools: ToolForm,
}

#[derive(Debug, Clone)]
enum Kind {
    /// Formatted by this program.
    Own(&'static Form),
    /// Formatted by llama.cpp, which knows more families.
    Llama {
        template: LlamaChatTemplate,
        /// The marks that it puts around messages, which are ordinary text in some families.
        marks: Vec<String>,
    },
}

impl Template {
    /// The template of the model in this file; `named` replaces the file's own.
    ///
    /// # Errors
    /// One sentence for the operator, with the names that can be set.
    pub(crate) fn of(model: &LlamaModel, named: Option<Family>, file: &Path) -> Result<Self, String> {
        let own = model.chat_template(None).ok();
        let text = own.as_ref().map(|own| own.as_c_str().to_string_lossy());
        let text = text.as_deref();
        if let Some(family) = named.or_else(|| text.and_then(Family::of)) {
            return Ok(Self {
                kind: Kind::Own(family.form()),
                tools: family.tools(text.unwrap_or_default()),
            });
        }
        let Some(own) = own.as_ref().filter(|own| is_known(model, own)).cloned() else {
            return Err(unknown(text, file));
        };
        tracing::info!("only llama.cpp knows the model's chat template; tools are described in Hermes' form");
        let marks = marks::derived(|chat| apply(model, &own, chat, true).ok());
        Ok(Self { kind: Kind::Llama { template: own, marks }, tools: ToolForm::Hermes })
    }

    /// The prompt's text, followed by the beginning of the response if one is wanted.
    pub(crate) fn render(
        &self,
        model: &LlamaModel,
        chat: &[Written],
        response: bool,
    ) -> Result<String, Status> {
        match &self.kind {
            Kind::Own(form) => Ok(form.render(chat, response)),
            Kind::Llama { template, .. } => apply(model, template, chat, response),
        }
    }

    /// Marks that messages must not contain, including those that are not tokens of the vocabulary.
    pub(crate) fn marks(&self) -> Vec<String> {
        let mut marks = self.tools.marks();
        match &self.kind {
            Kind::Own(form) => marks.extend(form.marks()),
            Kind::Llama { marks: own, .. } => marks.extend(own.iter().cloned()),
        }
        marks
    }

    /// The end of the person's message; empty: not known.
    pub(crate) fn after_user(&self) -> &'static str {
        match &self.kind {
            Kind::Own(form) => form.user.1,
            Kind::Llama { .. } => "",
        }
    }

    /// The end of the assistant's message; empty: not known.
    pub(crate) fn after_assistant(&self) -> &'static str {
        match &self.kind {
            Kind::Own(form) => form.assistant.1.trim(),
            Kind::Llama { .. } => "",
        }
    }
}

/// Whether llama.cpp can format a chat with this template.
fn is_known(model: &LlamaModel, template: &LlamaChatTemplate) -> bool {
    LlamaChatMessage::new("user".into(), "Hi".into())
        .is_ok_and(|hi| model.apply_chat_template(template, &[hi], true).is_ok())
}

/// A chat formatted by llama.cpp.
fn apply(
    model: &LlamaModel,
    template: &LlamaChatTemplate,
    chat: &[Written],
    response: bool,
) -> Result<String, Status> {
    model
        .apply_chat_template(template, &messages(chat)?, response)
        .map_err(|e| Status::internal(format!("the model's chat template failed: {e}")))
}

/// The chat in llama.cpp's form.
fn messages(chat: &[Written]) -> Result<Vec<LlamaChatMessage>, Status> {
    let role = |part| match part {
        Part::System | Part::Tools => "system",
        Part::User | Part::Result => "user",
        Part::Assistant | Part::Call => "assistant",
    };
    let message = |it: Written| LlamaChatMessage::new(role(it.part).to_owned(), it.content);
    let chat = arrange::joined(chat.to_vec()).into_iter().map(message);
    chat.collect::<Result<_, _>>()
        .map_err(|e| Status::internal(format!("a message cannot be formatted: {e}")))
}

fn unknown(text: Option<&str>, file: &Path) -> String {
    let (file, names) = (file.display(), Family::names().join(", "));
    match text {
        None => format!(
            "{file} has no chat template, as base models have none; name an instruct model with llm.model, or set \
             llm.template to the template that this one was trained with: {names}"
        ),
        Some(_) => format!(
            "the chat template of {file} is of no known kind; set llm.template to the one that the model was \
             trained with, or name another model with llm.model. Known templates: {names}"
        ),
    }
}

#[cfg(test)]
mod tests;
