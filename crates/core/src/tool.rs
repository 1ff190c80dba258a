//! Tools: functions that the model may call, their limits and their checks. Pure.
//!
//! - [`bounds`]: limits the work that a schema can cause
//! - `schema`: checks schemas and arguments within those limits

pub mod bounds;
mod schema;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Most tools that a client may bring or a configuration may name: the model reads each one.
pub const MOST_TOOLS: usize = 16;
const LONGEST_NAME: usize = 64;
const LONGEST_DESCRIPTION: usize = 1000;
/// Most patterns in all of a client's schemas together: each check compiles each of them.
const MOST_CLIENT_PATTERNS: usize = 32;

/// Who runs a tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Doer {
    /// The server, which tells the time.
    CurrentTime,
    /// The conversation, which ends the call.
    EndCall,
    /// A web server.
    Webhook,
    /// The client.
    Client,
}

impl Doer {
    /// The name in metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::CurrentTime | Self::EndCall => "builtin",
            Self::Webhook => "webhook",
            Self::Client => "client",
        }
    }
}

/// A function that the model may call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tool {
    /// Unique within a call.
    pub name: String,
    /// What it does and when to call it, for the model.
    pub description: String,
    /// JSON schema of its arguments, which are an object.
    pub parameters: Value,
    /// Milliseconds after which its result is no longer awaited.
    pub timeout_ms: u64,
    /// Who runs it.
    pub doer: Doer,
}

/// The tools of a call.
pub type Tools = Vec<Tool>;

/// A tool call as the model wrote it, not validated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenCall {
    /// Of the tool; there may be none of that name.
    pub name: String,
    /// JSON, if the model is careful.
    pub arguments: String,
}

/// A call of a tool, by the model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolCall {
    /// Unique within a call.
    pub id: String,
    /// The tool's name.
    pub name: String,
    /// Its arguments, valid by the tool's schema.
    pub arguments: Value,
}

/// How a tool call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ToolEnd {
    /// With a result.
    Done,
    /// With an error, or too late.
    Failed,
    /// Its result is no longer wanted.
    Cancelled,
}

/// The built-in tool of this name.
#[must_use]
pub fn builtin(name: &str) -> Option<Tool> {
    let (doer, description) = match name {
        "current_time" => {
            (Doer::CurrentTime, "Tells the current time of day, the date and the day of the week.")
        }
        "end_call" => (Doer::EndCall, "Ends the call. Only when the person says goodbye or asks to hang up."),
        _ => return None,
    };
    let parameters = json!({ "type": "object", "properties": {} });
    Some(Tool { name: name.into(), description: description.into(), parameters, timeout_ms: 1000, doer })
}

/// Names of the built-in tools.
pub const BUILTIN: [&str; 2] = ["current_time", "end_call"];

impl Tool {
    /// Everything that is wrong with it, each fault with its field.
    #[must_use]
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        let begins = self.name.starts_with(|c: char| c.is_ascii_alphabetic());
        if !begins || !self.name.chars().all(fits) || self.name.len() > LONGEST_NAME {
            faults.push(format!(
                "name: {:?} is not a letter followed by letters, digits, _ or -, {LONGEST_NAME} at most",
                self.name
            ));
        }
        let length = self.description.chars().count();
        if self.description.trim().is_empty() || length > LONGEST_DESCRIPTION {
            faults.push(format!("description: {length} characters; 1 to {LONGEST_DESCRIPTION} are needed"));
        }
        if self.description.contains(|c: char| c.is_control() && !matches!(c, '\n' | '\t')) {
            faults.push("description: contains a control character".into());
        }
        if !(100..=120_000).contains(&self.timeout_ms) {
            faults.push(format!("timeout_ms: {} is outside 100 to 120000", self.timeout_ms));
        }
        faults.extend(self.schema_fault().map(|fault| format!("parameters: {fault}")));
        faults
    }

    fn schema_fault(&self) -> Option<String> {
        let Some(schema) = self.parameters.as_object() else {
            return Some("not an object; a JSON schema is expected".into());
        };
        if schema.get("type").is_some_and(|kind| kind != "object") {
            return Some("type: arguments are an object".into());
        }
        schema::check(&self.parameters).err()
    }

    /// Parses the arguments that the model wrote, if they follow the schema.
    ///
    /// # Errors
    /// What is wrong, in a sentence that helps the model correct it.
    pub fn arguments(&self, written: &str) -> Result<Value, String> {
        schema::arguments(&self.parameters, written)
    }
}

/// What is wrong with a JSON schema by the rules of JSON Schema; none: nothing is. It says nothing of what the schema would cost to check
/// against.
#[must_use]
pub fn schema_fault(schema: &Value) -> Option<String> {
    schema::validity(schema).err()
}

/// Names that occur more than once.
pub fn duplicates<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut seen = std::collections::HashSet::new();
    names.filter(|name| !seen.insert(*name)).collect()
}

/// Reads the tools that a client brings.
///
/// # Errors
/// The first fault, with its location.
pub fn of_client(list: &Value, timeout_ms: u64) -> Result<Vec<Tool>, String> {
    let list = list.as_array().ok_or("tools: not a list")?;
    if list.len() > MOST_TOOLS {
        return Err(format!("tools: {}; at most {MOST_TOOLS}", list.len()));
    }
    let patterns: usize = list.iter().filter_map(|tool| tool.get("parameters")).map(bounds::patterns).sum();
    if patterns > MOST_CLIENT_PATTERNS {
        return Err(format!("tools: {patterns} patterns in all schemas; at most {MOST_CLIENT_PATTERNS}"));
    }
    let read = |(index, value): (usize, &Value)| {
        let text = |field: &str| value.get(field).and_then(Value::as_str).unwrap_or_default().to_string();
        let none = || json!({ "type": "object", "properties": {} });
        let tool = Tool {
            name: text("name"),
            description: text("description"),
            parameters: value.get("parameters").cloned().unwrap_or_else(none),
            timeout_ms: value.get("timeout_ms").and_then(Value::as_u64).unwrap_or(timeout_ms),
            doer: Doer::Client,
        };
        match tool.faults().first() {
            Some(fault) => Err(format!("tools[{index}].{fault}")),
            None => Ok(tool),
        }
    };
    let tools = list.iter().enumerate().map(read).collect::<Result<Vec<_>, String>>()?;
    match duplicates(tools.iter().map(|tool| tool.name.as_str())).first() {
        Some(name) => Err(format!("tools: {name:?} occurs twice")),
        None => Ok(tools),
    }
}

#[cfg(test)]
mod fuzz_tests;
#[cfg(test)]
mod tests {
    use super::*;

    fn tool(parameters: Value) -> Tool {
        Tool { parameters, ..builtin("current_time").unwrap() }
    }

    #[test]
    fn arguments_that_break_the_schema_are_reported_with_their_location() {
        let tool = tool(json!({
            "type": "object",
            "properties": { "number": { "type": "string" }, "days": { "type": "integer" } },
            "required": ["number"],
        }));
        assert_eq!(tool.arguments(r#"{"number":"7"}"#).unwrap()["number"], "7");
        let fault = tool.arguments(r#"{"days":"soon"}"#).unwrap_err();
        assert!(fault.contains("number") && fault.contains("/days"), "{fault}");
        for written in ["", "[]", "{"] {
            assert!(tool.arguments(written).is_err(), "{written:?}");
        }
    }

    #[test]
    fn every_fault_of_a_tool_is_reported() {
        let bad = Tool {
            name: "look up".into(),
            description: " ".into(),
            timeout_ms: 5,
            ..tool(json!({ "type": "object", "properties": { "x": { "type": "strng" } } }))
        };
        let faults = bad.faults();
        for field in ["name:", "description:", "timeout_ms:", "parameters:"] {
            assert!(faults.iter().any(|fault| fault.starts_with(field)), "{field} {faults:?}");
        }
        assert!(BUILTIN.iter().all(|name| builtin(name).unwrap().faults().is_empty()));
        // A schema's references are never fetched.
        let remote =
            tool(json!({ "type": "object", "properties": { "x": { "$ref": "http://127.0.0.1:9/x" } } }));
        assert_eq!(remote.faults().len(), 1, "{:?}", remote.faults());
    }

    #[test]
    fn a_schema_that_is_none_is_told_with_the_place_of_its_fault() {
        assert_eq!(
            schema_fault(&json!({ "type": "object", "properties": { "x": { "type": "string" } } })),
            None
        );
        let fault = schema_fault(&json!({ "properties": { "x": { "type": "strng" } } })).unwrap();
        assert!(fault.contains("/properties/x"), "{fault}");
    }

    #[test]
    fn all_tools_of_a_client_are_checked() {
        let one = |name: &str| json!({ "name": name, "description": "Does it." });
        assert_eq!(of_client(&json!([one("a"), one("b")]), 9000).unwrap()[1].timeout_ms, 9000);
        let patterns: Value = (0..12).map(|n| (n.to_string(), json!({ "pattern": "^a$" }))).collect();
        let patterned = |n: usize| json!({ "name": format!("t{n}"), "description": "x", "parameters": { "properties": patterns } });
        let many_patterns: Value = (0..8).map(patterned).collect();
        let loops = json!({ "$ref": "#" });
        for (list, part) in [
            (json!({}), "not a list"),
            (json!([one("a"), one("a")]), "twice"),
            (json!([one("a"), { "name": "b" }]), "tools[1].description"),
            (json!([{ "name": "b", "description": "x\u{0}" }]), "control character"),
            (Value::Array(vec![one("a"); 17]), "at most 16"),
            (many_patterns, "96 patterns in all schemas; at most 32"),
            (
                json!([one("a"), { "name": "b", "description": "x", "parameters": loops }]),
                "tools[1].parameters: /$ref",
            ),
        ] {
            let fault = of_client(&list, 9000).unwrap_err();
            assert!(fault.contains(part), "{fault}");
        }
    }
}
