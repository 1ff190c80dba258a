//! The grammar of the values that a reduced schema allows, in llama.cpp's notation (GBNF). Pure.
//!
//! - `keys`: the keys that an object's named properties leave over
//! - `whole`: ranges of whole numbers
//!
//! A grammar allows what that of llama.cpp's own converter does (`common/json-schema-to-grammar.cpp`): white space as there,
//! required properties before optional ones, both in the schema's order, numbers of at most 16 digits. Where the converter
//! is wrong this is right: ranges that hold numbers with zeros, keys that begin as a named one does, and bounds that
//! contradict each other, which llama.cpp never finishes reading.

mod keys;
#[cfg(test)]
pub(super) mod recogniser;
#[cfg(test)]
mod tests;
mod whole;

use std::collections::HashMap;
use std::fmt::Display;

use serde_json::Value;

use super::ordered::Json;

/// Most bytes in the names of an object that are kept out of its further keys: each takes some 60 bytes of rules.
const MOST_EXCLUDED: usize = 400;

/// The rules that need no schema.
const SHARED: &str = r#"space ::= | " " | "\n"{1,2} [ \t]{0,20}
char ::= [^"\\\x7F\x00-\x1F] | "\\" (["\\bfnrt] | "u" [0-9a-fA-F]{4})
chars ::= char*
string ::= "\"" chars "\""
integral ::= [0] | [1-9] [0-9]{0,15}
integer ::= "-"? integral
number ::= "-"? integral ("." [0-9]{1,16})? ([eE] [-+]? integral)?
boolean ::= "true" | "false"
null ::= "null"
value ::= object | array | string | number | boolean | null
object ::= "{" space (string ":" space value ("," space string ":" space value)*)? space "}"
array ::= "[" space (value ("," space value)*)? space "]"
date ::= [0-9]{4} "-" ("0" [1-9] | "1" [0-2]) "-" ("0" [1-9] | [1-2] [0-9] | "3" [0-1])
hour ::= [01] [0-9] | "2" [0-3]
time ::= hour ":" [0-5] [0-9] ":" [0-5] [0-9] ("." [0-9]{3})? ("Z" | [-+] hour ":" [0-5] [0-9])
date-string ::= "\"" date "\""
time-string ::= "\"" time "\""
date-time-string ::= "\"" date "T" time "\""
hex ::= [0-9a-fA-F]{4}
uuid ::= "\"" hex hex "-" hex "-" hex "-" hex "-" hex hex hex "\""
"#;

/// The rules that schemas need. The same rule is written once, whatever it is needed for.
#[derive(Debug, Default)]
pub(super) struct Rules {
    /// Names by bodies.
    names: HashMap<String, String>,
    text: String,
}

impl Rules {
    /// The rule for the values that a reduced schema allows, by its name.
    pub(super) fn value(&mut self, schema: &Json) -> String {
        if let Some(Json::List(branches)) = schema.get("anyOf") {
            let branches: Vec<_> = branches.iter().map(|branch| self.value(branch)).collect();
            return self.either(&branches);
        }
        if let Some(Json::List(members)) = schema.get("enum") {
            return self.either(&members.iter().map(constant).collect::<Vec<_>>());
        }
        match schema.get("type") {
            Some(Json::List(kinds)) => {
                let kinds: Vec<_> = kinds.iter().map(|kind| self.kind(kind, schema)).collect();
                self.either(&kinds)
            }
            Some(kind) => self.kind(kind, schema),
            None => "value".to_owned(),
        }
    }

    /// All rules, one a line.
    pub(super) fn text(&self) -> String {
        format!("{SHARED}{}", self.text)
    }

    /// The name of the rule with this body.
    fn add(&mut self, body: String) -> String {
        if let Some(name) = self.names.get(&body) {
            return name.clone();
        }
        let name = format!("r{}", self.names.len());
        self.text += &format!("{name} ::= {body}\n");
        self.names.insert(body, name.clone());
        name
    }

    /// One of the alternatives; without any a schema says nothing.
    fn either(&mut self, alternatives: &[String]) -> String {
        if alternatives.is_empty() { "value".to_owned() } else { self.add(alternatives.join(" | ")) }
    }

    fn kind(&mut self, kind: &Json, schema: &Json) -> String {
        let name = match kind.as_str() {
            Some("object") => return self.object(schema),
            Some("array") => return self.array(schema),
            Some("integer") => return self.integer(schema),
            Some("string") => match schema.get("format").and_then(Json::as_str) {
                Some("date") => "date-string",
                Some("time") => "time-string",
                Some("date-time") => "date-time-string",
                Some("uuid") => "uuid",
                _ => "string",
            },
            Some(kind @ ("number" | "boolean" | "null")) => kind,
            _ => "value",
        };
        name.to_owned()
    }

    fn integer(&mut self, schema: &Json) -> String {
        let (least, most) = (bound(schema, "minimum"), bound(schema, "maximum"));
        match (least, most) {
            (None, None) => "integer".to_owned(),
            // No number is within: the server refuses the finished call.
            (Some(least), Some(most)) if least > most => "integer".to_owned(),
            _ => self.add(whole::between(least, most)),
        }
    }

    fn array(&mut self, schema: &Json) -> String {
        let item = schema.get("items").map_or_else(|| "value".to_owned(), |items| self.value(items));
        let least = count(schema, "minItems").unwrap_or(0);
        // llama.cpp never finishes reading a repetition whose bounds contradict each other.
        let most = count(schema, "maxItems").filter(|most| *most >= least);
        let more = least.saturating_sub(1);
        let items = match most {
            None if least == 0 && item == "value" => return "array".to_owned(),
            None => format!(r#"{item} ("," space {item}){{{more},}}"#),
            Some(0) => String::new(),
            Some(1) => item,
            Some(most) => format!(r#"{item} ("," space {item}){{{more},{}}}"#, most - 1),
        };
        let items = if least == 0 && !items.is_empty() { format!("({items})?") } else { items };
        self.add(format!(r#""[" space {items} space "]""#))
    }

    fn object(&mut self, schema: &Json) -> String {
        let Some(properties) = schema.get("properties") else { return "object".to_owned() };
        let names = properties.names();
        let (mut required, mut optional) = (Vec::new(), Vec::new());
        for name in &names {
            let value = properties.get(name).map_or_else(|| "value".to_owned(), |schema| self.value(schema));
            let member = self.add(format!(r#"{} space ":" space {value}"#, constant(&Value::from(*name))));
            if requires(schema, name) { required.push(member) } else { optional.push(member) }
        }
        let more = match schema.get("additionalProperties") {
            Some(Json::Scalar(Value::Bool(true))) => Some("value".to_owned()),
            Some(more @ Json::Object(_)) => Some(self.value(more)),
            _ => None,
        };
        if names.is_empty() && more.as_deref() == Some("value") {
            return "object".to_owned();
        }
        let more = more.map(|value| {
            let key = self.further_key(&names);
            self.add(format!(r#"{key} ":" space {value}"#))
        });
        let optional = self.optional(&optional, more.as_deref());
        let required = required.join(r#" "," space "#);
        let members = match (required.is_empty(), optional.is_empty()) {
            (true, true) => return self.add(r#""{" space "}""#.to_owned()),
            (true, false) => format!("({optional})?"),
            (false, true) => required,
            (false, false) => format!(r#"{required} ("," space ({optional}))?"#),
        };
        self.add(format!(r#""{{" space {members} space "}}""#))
    }

    /// The rule for keys other than the names; any key if there is too much to exclude.
    fn further_key(&mut self, names: &[&str]) -> String {
        let bytes: usize = names.iter().map(|name| name.len()).sum();
        if names.is_empty() || bytes > MOST_EXCLUDED {
            return "string".to_owned();
        }
        self.add(keys::other_than(names))
    }

    /// Properties of which any may be left out, in their order, then any number of `more`; empty if there are none. What may
    /// follow a property is one rule, so that the length is linear.
    fn optional(&mut self, members: &[String], more: Option<&str>) -> String {
        let mut beginnings = Vec::new();
        let mut rest = String::new();
        if let Some(more) = more {
            rest = format!(r#"("," space {more})*"#);
            beginnings.push(format!("{more} {rest}"));
        }
        for member in members.iter().rev() {
            let next = format!(r#"("," space {member})?"#);
            if rest.is_empty() {
                beginnings.push(member.clone());
                rest = next;
            } else {
                let name = self.add(rest);
                beginnings.push(format!("{member} {name}"));
                rest = format!("{next} {name}");
            }
        }
        beginnings.reverse();
        beginnings.join(" | ")
    }
}

/// A value that can only be written in this way.
pub(super) fn constant(value: &impl Display) -> String {
    literal(&value.to_string())
}

/// A text that stands in the grammar for itself.
fn literal(text: &str) -> String {
    let mut written = String::from('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => written.extend(['\\', character]),
            '\n' => written += r"\n",
            '\r' => written += r"\r",
            _ => written.push(character),
        }
    }
    written + "\""
}

fn requires(schema: &Json, name: &str) -> bool {
    let Some(Json::List(names)) = schema.get("required") else { return false };
    names.iter().any(|required| required.as_str() == Some(name))
}

fn bound(schema: &Json, keyword: &str) -> Option<i64> {
    let Some(Json::Scalar(value)) = schema.get(keyword) else { return None };
    value.as_i64()
}

fn count(schema: &Json, keyword: &str) -> Option<u64> {
    let Some(Json::Scalar(value)) = schema.get(keyword) else { return None };
    value.as_u64()
}
