//! The tools that a request offers, and whether one has to be called. Pure.

use serde_json::{Value, json};
use visavis_core::tool::{Doer, Tool, Tools, duplicates, schema_fault};

use crate::api::openai::error::ApiError;
use crate::api::openai::fields::Fields;

/// Most tools, longest name and largest tool in bytes, as our own engine takes them.
const MOST: usize = 64;
const LONGEST_NAME: usize = 64;
const LARGEST: usize = 16 << 10;

/// What the model may call.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Offer {
    pub(super) tools: Tools,
    /// It has to call one.
    pub(super) must_call: bool,
}

/// Reads `tools` and `tool_choice`.
pub(super) fn read(fields: &Fields<'_>) -> Result<Offer, ApiError> {
    let list = fields.list("tools")?;
    if list.len() > MOST {
        return Err(fields.fault("tools", format!("{} tools; at most {MOST}", list.len())));
    }
    let tools = list.iter().enumerate().map(|(index, value)| tool(value, format!("tools[{index}]")));
    let tools = tools.collect::<Result<Tools, ApiError>>()?;
    if let Some(name) = duplicates(tools.iter().map(|tool| tool.name.as_str())).first() {
        return Err(fields.fault("tools", format!("{name:?} occurs twice")));
    }
    chosen(fields, tools)
}

fn tool(value: &Value, place: String) -> Result<Tool, ApiError> {
    let fields = Fields::of(value, place)?;
    let kind = fields.needed_text("type")?;
    if kind != "function" {
        return Err(fields.fault("type", format!("{kind:?} is not function, the one kind that is supported")));
    }
    let function = fields.needed("function")?;
    let name = function.needed_text("name")?;
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if name.is_empty() || name.len() > LONGEST_NAME || !name.chars().all(fits) {
        let what = format!("1 to {LONGEST_NAME} letters, digits, _ or - are expected");
        return Err(function.fault("name", what));
    }
    let description = function.text("description")?.unwrap_or_default();
    let none = || json!({ "type": "object", "properties": {} });
    let parameters = function.get("parameters").cloned().unwrap_or_else(none);
    if !parameters.is_object() {
        return Err(function.fault("parameters", "not an object; a JSON schema is expected"));
    }
    let bytes = name.len() + description.len() + parameters.to_string().len();
    if bytes > LARGEST {
        return Err(function.fault("parameters", format!("the tool has {bytes} bytes; at most {LARGEST}")));
    }
    if let Some(fault) = schema_fault(&parameters) {
        return Err(function.fault("parameters", fault));
    }
    let (name, description) = (name.to_owned(), description.to_owned());
    // The client runs it in a request of its own, so nothing here waits for it.
    Ok(Tool { name, description, parameters, timeout_ms: 0, doer: Doer::Client })
}

/// What of the tools is offered. A model that may call none is told of none.
fn chosen(fields: &Fields<'_>, tools: Tools) -> Result<Offer, ApiError> {
    let choice = match fields.get("tool_choice") {
        None => return Ok(Offer { tools, must_call: false }),
        Some(Value::String(choice)) => choice.as_str(),
        Some(_) => return named(fields, tools),
    };
    match choice {
        "auto" => Ok(Offer { tools, must_call: false }),
        "none" => Ok(Offer::default()),
        "required" if tools.is_empty() => Err(fields.fault("tool_choice", "there are no tools to call")),
        "required" => Ok(Offer { tools, must_call: true }),
        _ => {
            Err(fields.fault("tool_choice", format!("{choice:?} is not auto, none, required or a function")))
        }
    }
}

/// The one tool that has to be called.
fn named(fields: &Fields<'_>, tools: Tools) -> Result<Offer, ApiError> {
    let choice = fields.needed("tool_choice")?;
    if choice.needed_text("type")? != "function" {
        return Err(choice.fault("type", "only a function can be chosen"));
    }
    let function = choice.needed("function")?;
    let name = function.needed_text("name")?;
    let tools: Tools = tools.into_iter().filter(|tool| tool.name == name).collect();
    if tools.is_empty() {
        return Err(function.fault("name", format!("{name:?} is none of the tools")));
    }
    Ok(Offer { tools, must_call: true })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &Value) -> Result<Offer, ApiError> {
        super::read(&Fields::of(body, "").unwrap())
    }

    fn function(name: &str) -> Value {
        json!({ "type": "function", "function": { "name": name, "description": "Does it.", "strict": true } })
    }

    fn names(offer: &Offer) -> Vec<&str> {
        offer.tools.iter().map(|tool| tool.name.as_str()).collect()
    }

    #[test]
    fn the_choice_says_what_is_offered_and_whether_it_must_be_called() {
        let tools = json!([function("look"), function("find")]);
        let one = json!({ "type": "function", "function": { "name": "find" } });
        for (choice, offered, must_call) in [
            (Value::Null, vec!["look", "find"], false),
            (json!("auto"), vec!["look", "find"], false),
            (json!("none"), vec![], false),
            (json!("required"), vec!["look", "find"], true),
            (one, vec!["find"], true),
        ] {
            let offer = read(&json!({ "tools": tools, "tool_choice": choice })).unwrap();
            assert_eq!((names(&offer), offer.must_call), (offered, must_call), "{choice}");
        }
        assert_eq!(read(&json!({ "tool_choice": "auto" })), Ok(Offer::default()));
    }

    #[test]
    fn a_tool_needs_no_more_than_a_name() {
        let offer =
            read(&json!({ "tools": [{ "type": "function", "function": { "name": "look" } }] })).unwrap();
        assert_eq!(offer.tools[0].parameters, json!({ "type": "object", "properties": {} }));
        assert!(offer.tools[0].description.is_empty());
    }

    #[test]
    fn each_bad_tool_is_named() {
        let with = |function: Value| json!({ "tools": [{ "type": "function", "function": function }] });
        for (body, param) in [
            (json!({ "tools": [5] }), "tools[0]"),
            (json!({ "tools": [{ "type": "web_search" }] }), "tools[0].type"),
            (json!({ "tools": [{ "type": "function" }] }), "tools[0].function"),
            (with(json!({})), "tools[0].function.name"),
            (with(json!({ "name": "look up" })), "tools[0].function.name"),
            (with(json!({ "name": "a".repeat(65) })), "tools[0].function.name"),
            (with(json!({ "name": "a", "parameters": [] })), "tools[0].function.parameters"),
            (with(json!({ "name": "a", "parameters": { "type": "strng" } })), "tools[0].function.parameters"),
            (with(json!({ "name": "a", "description": "x".repeat(20_000) })), "tools[0].function.parameters"),
            (json!({ "tools": [function("a"), function("a")] }), "tools"),
            (json!({ "tools": vec![function("a"); 65] }), "tools"),
            (json!({ "tool_choice": "required" }), "tool_choice"),
            (json!({ "tools": [function("a")], "tool_choice": "any" }), "tool_choice"),
            (json!({ "tools": [function("a")], "tool_choice": { "type": "custom" } }), "tool_choice.type"),
            (json!({ "tools": [function("a")], "tool_choice": function("b") }), "tool_choice.function.name"),
        ] {
            let error = read(&body).unwrap_err().body();
            assert_eq!(error["error"]["param"], param, "{error:.200}");
        }
    }
}
