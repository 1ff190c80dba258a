//! Calls that a model writes as text. Not every endpoint reads them: llama-cpp-python's passes all that a model writes on as text, and small
//! models write calls without the marks by which others find them. Pure.

use serde_json::{Deserializer, Value};

use crate::tool::WrittenCall;

/// Marks before a call, wherever it stands.
const MARKS: [&str; 5] = ["<tool_call>", "<function_call>", "<tools>", "[TOOL_CALLS]", "<|python_tag|>"];
/// A fence around a call, with and without the name of its language.
const FENCE: &str = "```json";
const PLAIN_FENCE: &str = "```";
/// Longest call in bytes; what is longer is text.
const LONGEST: usize = 16 << 10;

/// Finds the first call in a response's text. Without its mark it counts at the beginning alone, and only if it names a tool that was offered.
#[derive(Debug, Default)]
pub(super) struct InText {
    /// Names of the tools that were offered; empty: no call is looked for.
    names: Vec<String>,
    /// Text that may be the beginning of a call.
    held: String,
    /// More than white space was let through.
    begun: bool,
    call: Option<WrittenCall>,
}

/// What a text may be as a call.
enum Read {
    Call(WrittenCall),
    /// More of it decides.
    Open,
    No,
}

impl InText {
    /// Looks for calls of these tools.
    pub(super) fn of(names: Vec<String>) -> Self {
        Self { names, ..Self::default() }
    }

    /// Takes a piece of text; returns what is no call. Behind a call nothing is.
    pub(super) fn push(&mut self, piece: String) -> String {
        if self.names.is_empty() {
            return piece;
        }
        if self.call.is_some() {
            return String::new();
        }
        self.held.push_str(&piece);
        let text = self.text();
        let rest = self.held.split_off(text);
        let text = std::mem::replace(&mut self.held, rest);
        if self.call.is_some() {
            self.held.clear();
        }
        self.begun |= !text.trim().is_empty();
        text
    }

    /// The text has ended: returns what was held back and is no call.
    pub(super) fn finish(&mut self) -> String {
        std::mem::take(&mut self.held)
    }

    /// Whether there is a call, with which the response ends.
    pub(super) fn has_call(&self) -> bool {
        self.call.is_some()
    }

    /// The call.
    pub(super) fn take(&mut self) -> Option<WrittenCall> {
        self.call.take()
    }

    /// Bytes of the held text that belong to no call. Keeps a call that is whole.
    fn text(&mut self) -> usize {
        if !self.begun {
            match read(&self.held, Some(&self.names)) {
                Read::Call(call) => self.call = Some(call),
                Read::Open => {}
                Read::No => return self.marked(),
            }
            return 0;
        }
        self.marked()
    }

    /// The same, where calls have a mark.
    fn marked(&mut self) -> usize {
        let mut from = 0;
        while let Some((at, end)) = mark(&self.held[from..]) {
            let (at, end) = (from + at, from + end);
            match read(&self.held[end..], None) {
                Read::Call(call) => self.call = Some(call),
                Read::Open => {}
                Read::No => {
                    from = end;
                    continue;
                }
            }
            return at;
        }
        self.held.len() - begun_mark(&self.held[from..])
    }
}

/// The first mark in a text: where it begins and ends.
fn mark(text: &str) -> Option<(usize, usize)> {
    MARKS.iter().filter_map(|mark| text.find(mark).map(|at| (at, at + mark.len()))).min()
}

/// Bytes at the end of a text that may be the beginning of a mark.
fn begun_mark(text: &str) -> usize {
    let begun = |mark: &&str| (1..mark.len()).rev().find(|length| text.ends_with(&mark[..*length]));
    MARKS.iter().filter_map(begun).max().unwrap_or(0)
}

/// Reads a text that begins with a call: JSON, maybe in a list or fenced. `names`: what it may be called; none: anything.
fn read(text: &str, names: Option<&[String]>) -> Read {
    let text = text.trim_start();
    if FENCE.starts_with(text) {
        return Read::Open;
    }
    let fenced = text.strip_prefix(FENCE).or_else(|| text.strip_prefix(PLAIN_FENCE));
    let text = fenced.map_or(text, str::trim_start);
    if text.is_empty() {
        return Read::Open;
    }
    if !text.starts_with(['{', '[']) {
        return Read::No;
    }
    match Deserializer::from_str(text).into_iter::<Value>().next() {
        Some(Ok(value)) => match call(&value) {
            Some(call) if names.is_none_or(|names| names.contains(&call.name)) => Read::Call(call),
            _ => Read::No,
        },
        Some(Err(error)) if error.is_eof() && text.len() <= LONGEST => Read::Open,
        _ => Read::No,
    }
}

/// The call that a value is: the first one of a list. The description of a tool is none.
fn call(value: &Value) -> Option<WrittenCall> {
    let value = value.get(0).unwrap_or(value);
    let value = value.get("function").filter(|inner| inner.is_object()).unwrap_or(value);
    if value.get("description").is_some() {
        return None;
    }
    let name = value.get("name")?.as_str()?.to_owned();
    let arguments = match value.get("arguments").or_else(|| value.get("parameters")) {
        // As the API itself writes them.
        Some(Value::String(text)) => text.clone(),
        Some(arguments) => arguments.to_string(),
        None => String::new(),
    };
    Some(WrittenCall { name, arguments })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The text of these pieces, and the call in it.
    fn found<'a>(pieces: impl IntoIterator<Item = &'a str>) -> (String, Option<WrittenCall>) {
        let mut calls = InText::of(vec!["order".into(), "weather".into()]);
        let mut text: String = pieces.into_iter().map(|piece| calls.push(piece.to_owned())).collect();
        text += &calls.finish();
        (text, calls.take())
    }

    #[test]
    fn a_call_is_found_in_every_form_in_which_models_write_it() {
        let arguments = r#"{"number":"7"}"#;
        for (written, said) in [
            (r#"{"name": "order", "arguments": {"number": "7"}}"#, ""),
            ("```json\n{\n  \"name\": \"order\",\n  \"arguments\": {\"number\": \"7\"}\n}\n```", ""),
            ("```\n{\"name\": \"order\", \"parameters\": {\"number\": \"7\"}}\n```", ""),
            (
                "\n [{\"name\": \"order\", \"arguments\": {\"number\": \"7\"}}, {\"name\": \"weather\"}] Well?",
                "",
            ),
            (r#"{"type": "function", "function": {"name": "order", "arguments": {"number": "7"}}}"#, ""),
            (
                "{\"name\": \"order\", \"arguments\": \"{\\\"number\\\":\\\"7\\\"}\"}\n{\"name\": \"order\"}",
                "",
            ),
            (
                "I look. <tool_call>\n{\"name\": \"order\", \"arguments\": {\"number\": \"7\"}}\n</tool_call>",
                "I look. ",
            ),
            ("<tools>\n{\"name\": \"order\", \"arguments\": {\"number\": \"7\"}}\n</tools>", ""),
            ("[TOOL_CALLS] [{\"name\": \"order\", \"arguments\": {\"number\": \"7\"}}]", ""),
            (
                "a < b <tool_call>no<tool_call>```json\n{\"name\":\"order\",\"arguments\":{\"number\":\"7\"}}",
                "a < b <tool_call>no",
            ),
        ] {
            let call = WrittenCall { name: "order".into(), arguments: arguments.into() };
            assert_eq!(found([written]), (said.to_owned(), Some(call)), "{written}");
        }
        let (_, bare) = found([r#"{"name": "weather"}"#]);
        assert_eq!(bare, Some(WrittenCall { name: "weather".into(), arguments: String::new() }));
        let (_, unknown) = found([r#"<tool_call>{"name": "time", "arguments": {}}"#]);
        assert_eq!(unknown.expect("the model is told that there is none").name, "time");
    }

    #[test]
    fn text_that_is_no_call_is_unchanged() {
        let described = r#"{"type":"function","function":{"name":"order","description":"Looks.","parameters":{"type":"object"}}}"#;
        for written in [
            "It is four o'clock.",
            "{x | x > 0} is a set.",
            "[1] is a note, [TOOL_ none.",
            r#"{"name": "Bob", "arguments": {}} is JSON."#,
            r#"Here: {"name": "order", "arguments": {}}"#,
            "```python\nprint(1)\n```",
            "```json\n[1, 2]\n```",
            r#"{"name": "order", "arguments": {"number": "#,
            "a <tool_call> is a mark, <tool",
            described,
            format!("<tools>\n{described}\n</tools>").as_str(),
            format!(r#"{{"name": "order", "arguments": "{}"#, "x".repeat(LONGEST)).as_str(),
        ] {
            assert_eq!(found([written]), (written.to_owned(), None));
        }
    }

    #[test]
    fn words_are_not_held_back_and_without_tools_nothing_is() {
        let mut calls = InText::of(vec!["order".into()]);
        let mut push = |text: &str| calls.push(text.into());
        assert_eq!(push("\n"), "");
        assert_eq!((push("Well"), push(", 1 <"), push(" 2")), ("\nWell".into(), ", 1 ".into(), "< 2".into()));
        let call = r#"{"name": "order", "arguments": {}}"#;
        assert_eq!(InText::default().push(call.into()), call);
    }

    proptest! {
        #[test]
        fn what_is_found_does_not_depend_on_how_the_text_is_cut(
            parts in prop::collection::vec(
                prop::sample::select(vec![
                    "<tool_call>", "<tool", "_call>", "</tool_call>", "{\"name\": \"order\", ", "\"arguments\": {}}", "{", "}", "[",
                    "[TOOL_CALLS]", "```json", "```", "\n", " ", "Yes", "\u{e9}", "order", "\"", "<|python_tag|>",
                ]),
                0..12,
            ),
        ) {
            let text = parts.concat();
            let each: Vec<String> = text.chars().map(String::from).collect();
            prop_assert_eq!(found(each.iter().map(String::as_str)), found([text.as_str()]));
        }
    }
}
