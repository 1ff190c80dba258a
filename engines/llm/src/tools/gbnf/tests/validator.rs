//! What a reduced schema allows, by reading the schema rather than the grammar.

use serde_json::Value;

use crate::tools::gbnf::{bound, count, requires};
use crate::tools::ordered::Json;

/// Formats, each with the only value of it that is generated.
pub(super) const FORMATS: [(&str, &str); 4] = [
    ("date", "2026-02-28"),
    ("time", "23:59:59.123+01:00"),
    ("date-time", "2026-02-28T23:59:59Z"),
    ("uuid", "123e4567-e89b-12d3-a456-426614174000"),
];

pub(super) fn kind(kind: &str) -> Json {
    Json::object([("type", Json::text(kind))])
}

/// The schema of properties that an object does not name.
pub(super) fn further(schema: &Json) -> Option<Json> {
    match schema.get("additionalProperties") {
        Some(Json::Scalar(Value::Bool(true))) => Some(Json::Object(Vec::new())),
        Some(more @ Json::Object(_)) => Some(more.clone()),
        _ => None,
    }
}

/// Bounds of which the upper one is dropped if it is below the other.
pub(super) fn list_bounds(schema: &Json) -> (usize, Option<usize>) {
    let bound = |keyword| count(schema, keyword).map(|count| usize::try_from(count).unwrap());
    let least = bound("minItems").unwrap_or(0);
    (least, bound("maxItems").filter(|most| *most >= least))
}

pub(super) fn whole_within(schema: &Json, number: i64) -> bool {
    let (least, most) = (bound(schema, "minimum"), bound(schema, "maximum"));
    let contradictory = least.zip(most).is_some_and(|(least, most)| least > most);
    contradictory || (least.is_none_or(|least| number >= least) && most.is_none_or(|most| number <= most))
}

/// Whether a value is one of the schema's, by reading the schema rather than the grammar.
pub(super) fn allows(schema: &Json, value: &Json) -> bool {
    if let Some(Json::List(branches)) = schema.get("anyOf") {
        return branches.iter().any(|branch| allows(branch, value));
    }
    if let Some(Json::List(members)) = schema.get("enum") {
        return members.contains(value);
    }
    let name = match schema.get("type") {
        None => return true,
        Some(Json::List(kinds)) => {
            return kinds.iter().any(|name| allows(&kind(name.as_str().unwrap()), value));
        }
        Some(name) => name.as_str().unwrap(),
    };
    match (name, value) {
        ("object", Json::Object(fields)) => {
            schema.get("properties").is_none_or(|properties| allows_fields(schema, properties, fields))
        }
        ("array", Json::List(items)) => {
            let (least, most) = list_bounds(schema);
            items.len() >= least
                && most.is_none_or(|most| items.len() <= most)
                && items.iter().all(|item| schema.get("items").is_none_or(|schema| allows(schema, item)))
        }
        ("string", Json::Scalar(Value::String(text))) => {
            let format = schema.get("format").and_then(Json::as_str);
            format.is_none_or(|format| FORMATS.contains(&(format, text)))
        }
        ("integer", Json::Scalar(Value::Number(number))) => {
            number.as_i64().is_some_and(|number| whole_within(schema, number))
        }
        ("number", Json::Scalar(Value::Number(_)))
        | ("boolean", Json::Scalar(Value::Bool(_)))
        | ("null", Json::Scalar(Value::Null)) => true,
        _ => false,
    }
}

fn allows_fields(schema: &Json, properties: &Json, fields: &[(String, Json)]) -> bool {
    let names = properties.names();
    let (required, optional): (Vec<&str>, Vec<&str>) =
        names.iter().copied().partition(|name| requires(schema, name));
    let Some((first, rest)) = fields.split_at_checked(required.len()) else { return false };
    let in_order = first.iter().zip(&required).all(|((name, value), required)| {
        name == required && properties.get(name).is_some_and(|schema| allows(schema, value))
    });
    let mut left = optional.as_slice();
    in_order
        && rest.iter().all(|(name, value)| match properties.get(name) {
            Some(schema) => {
                let Some(at) = left.iter().position(|left| left == name) else { return false };
                left = &left[at + 1..];
                allows(schema, value)
            }
            None => {
                left = &[];
                further(schema).is_some_and(|further| allows(&further, value))
            }
        })
}
