//! Tools whose schemas once kept a server busy for minutes.

use serde_json::{Map, Value, json};

/// Asks for a call of the last tools, and for text on which their patterns are slow to check.
pub(crate) const QUESTION: &str = "Call the tool look_up now. Its argument word is the letter a, \
                                   sixty times, and then an exclamation mark.";
/// Number of tools that a client may declare.
const TOOLS: usize = 16;
/// Properties with a pattern in one schema: as many as fit into a schema's limit of bytes.
const PATTERNS: usize = 80;

/// Lists of tools; a server may accept the last one.
pub(crate) fn all() -> Vec<Value> {
    vec![
        list(TOOLS, &look_arounds()),
        list(1, &doubling(20, 3)),
        list(1, &doubling(22, 2)),
        list(1, &of_word(&json!({ "type": "string", "pattern": nested(8) }))),
        list(1, &of_word(&json!({ "$ref": "#" }))),
        list(1, &loops()),
        list(TOOLS, &choices()),
        list(1, &of_word(&json!({ "type": "string", "pattern": "^(a|a)*$" }))),
    ]
}

/// This number of tools with one schema.
fn list(count: usize, schema: &Value) -> Value {
    let name = |n: usize| if n == 0 { "look_up".to_owned() } else { format!("look_up_{n}") };
    (0..count)
        .map(|n| json!({ "name": name(n), "description": "Looks a word up.", "parameters": schema }))
        .collect()
}

fn of_word(word: &Value) -> Value {
    json!({ "type": "object", "properties": { "word": word }, "required": ["word"] })
}

/// Patterns that look ahead and count letters of all scripts: expensive to compile and, for a backtracking engine, to match.
fn look_arounds() -> Value {
    let pattern = json!({ "pattern": r"(?=\pL{40})\w{40}N" });
    let properties: Map<String, Value> = (0..PATTERNS).map(|n| (format!("p{n}"), pattern.clone())).collect();
    json!({ "type": "object", "properties": properties })
}

/// Schemas of which each refers to the next one `times` times, `levels` deep.
fn doubling(levels: usize, times: usize) -> Value {
    let level = |n: usize| {
        let next = json!({ "$ref": format!("#/$defs/d{}", n + 1) });
        (format!("d{n}"), json!({ "allOf": vec![next; times] }))
    };
    let mut definitions: Map<String, Value> = (0..levels).map(level).collect();
    definitions.insert(format!("d{levels}"), json!({ "type": "string" }));
    json!({ "type": "object", "properties": { "word": { "$ref": "#/$defs/d0" } }, "$defs": definitions })
}

/// Two schemas that refer to each other.
fn loops() -> Value {
    json!({
        "type": "object",
        "properties": { "word": { "$ref": "#/$defs/a" } },
        "$defs": {
            "a": { "allOf": [{ "$ref": "#/$defs/b" }, { "$ref": "#/$defs/b" }] },
            "b": { "allOf": [{ "$ref": "#/$defs/a" }, { "$ref": "#/$defs/a" }] },
        },
    })
}

/// Repetitions of repetitions: 12 to the power of `depth` letters.
fn nested(depth: usize) -> String {
    (0..depth).fold("a".to_owned(), |inner, _| format!("({inner}){{0,12}}"))
}

/// Lists of words to choose from, which make a large grammar.
fn choices() -> Value {
    let words: Vec<String> = (0..40).map(|n| format!("word number {n}")).collect();
    let property = |n: usize| (format!("p{n}"), json!({ "enum": words }));
    let properties: Map<String, Value> = (0..4).map(property).collect();
    json!({ "type": "object", "properties": properties })
}

#[cfg(test)]
mod tests {
    use super::*;
    use visavis_client::ClientMessage;

    #[test]
    fn each_list_obeys_the_limits_that_count_bytes_and_tools() {
        for tools in all() {
            let length = ClientMessage::SetTools(tools.clone()).to_text("hostile").len();
            assert!(length < 64 << 10, "{length} bytes are more than a message may have");
            let tools = tools.as_array().unwrap();
            assert!((1..=16).contains(&tools.len()));
            for tool in tools {
                let schema = tool["parameters"].to_string().len();
                assert!(schema <= 4_000, "{schema} bytes are more than a schema may have");
            }
        }
    }

    #[test]
    fn the_patterns_fill_most_of_a_message() {
        let tools = list(TOOLS, &look_arounds());
        assert!(ClientMessage::SetTools(tools).to_text("hostile").len() > 48 << 10);
        assert_eq!(nested(2), "((a){0,12}){0,12}");
        assert_eq!(doubling(20, 3)["$defs"].as_object().unwrap().len(), 21);
    }
}
