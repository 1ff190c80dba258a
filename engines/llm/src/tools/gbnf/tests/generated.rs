//! Schemas and values that random bytes decide: a grammar allows what the validator does.

use proptest::prelude::*;
use serde_json::Value;

use super::grammar;
use super::validator::{FORMATS, allows, further, kind, list_bounds, whole_within};
use crate::tools::gbnf::requires;
use crate::tools::ordered::Json;

/// Decisions that bytes make; each is for the first possibility once they are used up.
struct Decisions<'a>(std::slice::Iter<'a, u8>);

impl Decisions<'_> {
    fn below(&mut self, count: usize) -> usize {
        usize::from(self.0.next().copied().unwrap_or(0)) % count
    }

    fn one_of<T: Clone>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())].clone()
    }

    fn some_of<T: Clone>(&mut self, all: &[T]) -> Vec<T> {
        all.iter().filter(|_| self.below(2) == 1).cloned().collect()
    }
}

const NAMES: [&str; 8] = ["a", "ab", "abc", "b", "", "é\"]^-", "\\n", "a\n"];
const TEXTS: [&str; 4] = ["", "ab", "é \"q\" \\", "\n\t\u{1}"];
const BOUNDS: [i64; 9] = [-120, -7, -1, 0, 3, 9, 10, 105, 1000];
const WHOLE: [i64; 22] = [
    -1_000_000, -121, -120, -99, -8, -7, -6, -1, 0, 1, 3, 4, 9, 10, 11, 100, 104, 105, 106, 999, 1000,
    1_000_001,
];
const KINDS: [&str; 7] = ["object", "array", "string", "integer", "number", "boolean", "null"];

fn number(value: i64) -> Json {
    Json::Scalar(value.into())
}

fn scalar(decisions: &mut Decisions<'_>) -> Json {
    Json::Scalar(match decisions.below(5) {
        0 => decisions.one_of(&TEXTS).into(),
        1 => decisions.one_of(&WHOLE).into(),
        2 => decisions.one_of(&[0.5, -1.25, 1e30, 2.5e-7]).into(),
        3 => (decisions.below(2) == 0).into(),
        _ => Value::Null,
    })
}

/// A schema as `reduced` makes them.
fn any_schema(decisions: &mut Decisions<'_>, depth: usize) -> Json {
    match decisions.below(if depth == 0 { 6 } else { 10 }) {
        0 => kind(decisions.one_of(&KINDS)),
        1 => Json::Object(Vec::new()),
        2 => {
            let (format, _) = decisions.one_of(&FORMATS);
            Json::object([("type", Json::text("string")), ("format", Json::text(format))])
        }
        3 => Json::Object(bounded("integer", ["minimum", "maximum"], &BOUNDS, decisions)),
        4 => {
            let members = (0..=decisions.below(4)).map(|_| scalar(decisions)).collect();
            Json::object([("enum", Json::List(members))])
        }
        5 => {
            let kinds = (0..=decisions.below(3)).map(|_| Json::text(decisions.one_of(&KINDS))).collect();
            Json::object([("type", Json::List(kinds))])
        }
        6 => {
            let branches = (0..=decisions.below(3)).map(|_| any_schema(decisions, depth - 1)).collect();
            Json::object([("anyOf", Json::List(branches))])
        }
        7 => {
            let mut fields = bounded("array", ["minItems", "maxItems"], &[0, 1, 2, 3], decisions);
            if decisions.below(4) > 0 {
                fields.push(("items".to_owned(), any_schema(decisions, depth - 1)));
            }
            Json::Object(fields)
        }
        _ => object_schema(decisions, depth - 1),
    }
}

fn bounded(
    name: &str,
    keywords: [&str; 2],
    bounds: &[i64],
    decisions: &mut Decisions<'_>,
) -> Vec<(String, Json)> {
    let mut fields = vec![("type".to_owned(), Json::text(name))];
    for keyword in decisions.some_of(&keywords) {
        fields.push((keyword.to_owned(), number(decisions.one_of(bounds))));
    }
    fields
}

fn object_schema(decisions: &mut Decisions<'_>, depth: usize) -> Json {
    let names = decisions.some_of(&NAMES);
    let properties = names.iter().map(|name| ((*name).to_owned(), any_schema(decisions, depth))).collect();
    let required = decisions.some_of(&names).into_iter().map(Json::text).collect();
    let more = match decisions.below(3) {
        0 => Json::Scalar(false.into()),
        1 => Json::Scalar(true.into()),
        _ => any_schema(decisions, depth),
    };
    Json::object([
        ("type", Json::text("object")),
        ("properties", Json::Object(properties)),
        ("required", Json::List(required)),
        ("additionalProperties", more),
    ])
}

/// A value of the schema or, now and then if `faulty`, something else.
fn any_value(schema: &Json, decisions: &mut Decisions<'_>, faulty: bool) -> Json {
    if faulty && decisions.below(8) == 7 {
        let kind = kind(decisions.one_of(&KINDS));
        return any_value(&kind, decisions, false);
    }
    if let Some(Json::List(branches)) = schema.get("anyOf") {
        return any_value(&decisions.one_of(branches), decisions, faulty);
    }
    if let Some(Json::List(members)) = schema.get("enum") {
        return decisions.one_of(members);
    }
    let name = match schema.get("type") {
        None => return if decisions.below(4) == 0 { nested(decisions) } else { scalar(decisions) },
        Some(Json::List(kinds)) => {
            let kind = Json::object([("type", decisions.one_of(kinds))]);
            return any_value(&kind, decisions, faulty);
        }
        Some(name) => name.as_str().unwrap(),
    };
    match name {
        "object" => any_object(schema, decisions, faulty),
        "array" => {
            let (least, most) = list_bounds(schema);
            let length = least + decisions.below(most.unwrap_or(least + 2) - least + 1);
            let length = if faulty { length + decisions.below(2) } else { length };
            let any = Json::Object(Vec::new());
            let items = schema.get("items").unwrap_or(&any);
            Json::List((0..length).map(|_| any_value(items, decisions, faulty)).collect())
        }
        "string" => match schema.get("format").and_then(Json::as_str) {
            None => Json::text(decisions.one_of(&TEXTS)),
            Some(format) => Json::text(FORMATS.iter().find(|known| known.0 == format).unwrap().1),
        },
        "integer" => {
            let within: Vec<i64> =
                WHOLE.into_iter().chain(BOUNDS).filter(|it| whole_within(schema, *it)).collect();
            number(decisions.one_of(&within))
        }
        "number" => Json::Scalar(decisions.one_of(&[0.5, -1.25, 1e30]).into()),
        "boolean" => Json::Scalar((decisions.below(2) == 0).into()),
        _ => Json::Scalar(Value::Null),
    }
}

/// A value without a schema that holds others.
fn nested(decisions: &mut Decisions<'_>) -> Json {
    let inner = Json::List(vec![scalar(decisions), scalar(decisions)]);
    Json::Object(vec![(decisions.one_of(&NAMES).to_owned(), inner)])
}

fn any_object(schema: &Json, decisions: &mut Decisions<'_>, faulty: bool) -> Json {
    let Some(properties) = schema.get("properties") else { return nested(decisions) };
    let names = properties.names();
    let (required, optional): (Vec<&str>, Vec<&str>) =
        names.iter().copied().partition(|name| requires(schema, name));
    let mut fields = Vec::new();
    for name in required.into_iter().chain(decisions.some_of(&optional)) {
        let value = any_value(properties.get(name).unwrap(), decisions, faulty);
        fields.push((name.to_owned(), value));
    }
    let more = further(schema).or_else(|| (faulty && decisions.below(8) == 7).then(|| kind("null")));
    for name in decisions.some_of(&NAMES) {
        if let Some(more) = &more
            && (faulty || !names.contains(&name))
        {
            fields.push((name.to_owned(), any_value(more, decisions, faulty)));
        }
    }
    match decisions.below(8) {
        6 if faulty => fields.reverse(),
        7 if faulty => drop(fields.pop()),
        _ => {}
    }
    Json::Object(fields)
}

/// The value's text, with white space where every object and list may have it.
fn with_space(value: &Json, decisions: &mut Decisions<'_>) -> String {
    const SPACES: [&str; 6] = ["", "", " ", "\n", "\n  \t", "\n\n"];
    let inner: Vec<String> = match value {
        Json::Scalar(_) => return value.to_string(),
        Json::List(items) => items.iter().map(|item| with_space(item, decisions)).collect(),
        Json::Object(fields) => {
            let field = |(name, value): &(String, Json)| {
                let space = decisions.one_of(&SPACES);
                format!("{}:{space}{}", Value::from(&**name), with_space(value, decisions))
            };
            fields.iter().map(field).collect()
        }
    };
    let (open, close) = if matches!(value, Json::List(_)) { ("[", "]") } else { ("{", "}") };
    let mut text = open.to_owned() + decisions.one_of(&SPACES);
    for (index, part) in inner.iter().enumerate() {
        if index > 0 {
            text += ",";
            text += decisions.one_of(&SPACES);
        }
        text += part;
    }
    if !inner.is_empty() {
        text += decisions.one_of(&SPACES);
    }
    text + close
}

proptest! {
    #[test]
    fn a_grammar_allows_exactly_the_values_of_its_schema(
        schema in prop::collection::vec(any::<u8>(), 0..160),
        values in prop::collection::vec(any::<u8>(), 0..400),
    ) {
        let schema = any_schema(&mut Decisions(schema.iter()), 3);
        let grammar = grammar(&schema);
        let mut decisions = Decisions(values.iter());
        for faulty in [false, true, true, true] {
            let value = any_value(&schema, &mut decisions, faulty);
            let text = with_space(&value, &mut decisions);
            let allowed = allows(&schema, &value);
            prop_assert!(allowed || faulty, "{} was made of {}", text, schema);
            prop_assert_eq!(grammar.follows(&text), allowed, "{} of {}", text, schema);
        }
    }
}
