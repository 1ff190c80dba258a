//! What the text of a response is to be: `response_format`. Pure.

use serde_json::{Map, Value};
use visavis_core::tool::schema_fault;

use crate::api::openai::error::ApiError;
use crate::api::openai::fields::Fields;
use crate::api::openai::sent::Sent;
use crate::engine::sampling::Form;

/// Longest schema in bytes, as our own engine takes it.
const LONGEST_SCHEMA: usize = 16 << 10;

/// Keywords of a schema that a response may break, since no grammar here keeps to them.
const UNKEPT: [&str; 22] = [
    "contains",
    "dependentRequired",
    "dependentSchemas",
    "else",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "if",
    "maxContains",
    "maxLength",
    "maxProperties",
    "minContains",
    "minLength",
    "minProperties",
    "multipleOf",
    "not",
    "pattern",
    "patternProperties",
    "prefixItems",
    "propertyNames",
    "then",
    "unevaluatedProperties",
    "uniqueItems",
];

/// Reads the form; text if none is asked for.
pub(super) fn read(fields: &Fields<'_>, sent: &Sent) -> Result<Form, ApiError> {
    let Some(format) = fields.inner("response_format")? else { return Ok(Form::Text) };
    match format.needed_text("type")? {
        "text" => Ok(Form::Text),
        "json_object" => Ok(Form::Json),
        "json_schema" => schema(&format.needed("json_schema")?, sent),
        other => Err(format.fault("type", format!("{other:?} is not text, json_object or json_schema"))),
    }
}

fn schema(fields: &Fields<'_>, sent: &Sent) -> Result<Form, ApiError> {
    let Some(schema) = fields.get("schema") else { return Err(fields.fault("schema", "is missing")) };
    if !schema.is_object() {
        return Err(fields.fault("schema", "not an object; a JSON schema is expected"));
    }
    let compact = schema.to_string();
    if compact.len() > LONGEST_SCHEMA {
        let what = format!("{} bytes; at most {LONGEST_SCHEMA}", compact.len());
        return Err(fields.fault("schema", what));
    }
    if let Some(fault) = schema_fault(schema) {
        return Err(fields.fault("schema", fault));
    }
    if fields.flag("strict")?
        && let Some(place) = unkept(schema)
    {
        let what = format!("a response may break {place}; leave it out, or leave strict out");
        return Err(fields.fault("schema", what));
    }
    // White space may make it too long, and then the order of its fields is lost.
    let written = sent.schema().filter(|written| written.len() <= LONGEST_SCHEMA);
    Ok(Form::Schema(written.unwrap_or(compact)))
}

/// The place within a schema of the first keyword that a response may break.
fn unkept(schema: &Value) -> Option<String> {
    let map = schema.as_object()?;
    map.iter().find_map(|(name, value)| {
        let within = match name.as_str() {
            known if is_unkept(known, map) => return Some(format!("/{known}")),
            "properties" | "$defs" | "definitions" => {
                value.as_object()?.iter().find_map(|(key, inner)| Some(format!("/{key}{}", unkept(inner)?)))
            }
            "anyOf" | "oneOf" | "allOf" => {
                let mut branches = value.as_array()?.iter().enumerate();
                branches.find_map(|(at, inner)| Some(format!("/{at}{}", unkept(inner)?)))
            }
            "items" | "additionalProperties" => unkept(value),
            _ => None,
        }?;
        Some(format!("/{name}{within}"))
    })
}

/// Whether a response may break this keyword of a schema.
fn is_unkept(keyword: &str, schema: &Map<String, Value>) -> bool {
    match keyword {
        // Only of whole numbers.
        "minimum" | "maximum" => schema.get("type").is_none_or(|kind| kind != "integer"),
        "allOf" => schema.get("allOf").and_then(Value::as_array).is_some_and(|all| all.len() > 1),
        _ => UNKEPT.contains(&keyword),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(format: &Value) -> Result<Form, ApiError> {
        let body = json!({ "response_format": format });
        let sent = Sent::from(&body);
        super::read(&Fields::of(&sent.body, "").unwrap(), &sent)
    }

    #[test]
    fn each_form_is_read() {
        let schema = json!({ "type": "object", "properties": { "a": { "type": "string" } } });
        let named = json!({ "name": "x", "strict": true, "schema": schema });
        for (format, form) in [
            (Value::Null, Form::Text),
            (json!({ "type": "text" }), Form::Text),
            (json!({ "type": "json_object" }), Form::Json),
            (json!({ "type": "json_schema", "json_schema": named }), Form::Schema(schema.to_string())),
        ] {
            assert_eq!(read(&format), Ok(form), "{format}");
        }
    }

    #[test]
    fn a_strict_schema_is_refused_with_the_keyword_that_a_response_may_break() {
        let read_strictly = |strict: bool, schema: &Value| {
            read(&json!({ "type": "json_schema", "json_schema": { "strict": strict, "schema": schema } }))
        };
        for (property, place) in [
            (json!({ "type": "string", "pattern": "^a" }), "/properties/x/pattern"),
            (json!({ "type": "number", "minimum": 0 }), "/properties/x/minimum"),
            (
                json!({ "type": "array", "items": { "type": "string", "maxLength": 3 } }),
                "/properties/x/items/maxLength",
            ),
            (json!({ "anyOf": [{ "type": "null" }, { "not": {} }] }), "/properties/x/anyOf/1/not"),
            (json!({ "allOf": [{}, {}] }), "/properties/x/allOf"),
        ] {
            let schema = json!({ "type": "object", "properties": { "x": property } });
            let error = read_strictly(true, &schema).unwrap_err().body();
            assert_eq!(error["error"]["param"], "response_format.json_schema.schema");
            assert!(error["error"]["message"].as_str().unwrap().contains(place), "{error}");
            assert!(read_strictly(false, &schema).is_ok(), "it is kept to as far as it can be");
        }
        let kept = json!({ "type": "object", "properties": {
            "pattern": { "type": "integer", "minimum": 1, "maximum": 9 },
            "not": { "type": "array", "items": { "enum": ["a"] }, "maxItems": 3 },
            "when": { "type": "string", "format": "date", "title": "When", "description": "A day." },
            "one": { "allOf": [{ "$ref": "#/$defs/one" }] },
        }, "$defs": { "one": { "const": 1 } } });
        assert!(read_strictly(true, &kept).is_ok());
    }

    #[test]
    fn a_form_or_schema_that_is_none_is_refused_with_its_place() {
        let schema = |schema: Value| json!({ "type": "json_schema", "json_schema": { "schema": schema } });
        let place = "response_format.json_schema.schema";
        for (format, param) in [
            (json!({ "type": "xml" }), "response_format.type"),
            (json!({}), "response_format.type"),
            (json!({ "type": "json_schema" }), "response_format.json_schema"),
            (json!({ "type": "json_schema", "json_schema": {} }), place),
            (schema(json!("{}")), place),
            (schema(json!({ "type": "strng" })), place),
            (schema(json!({ "description": "x".repeat(20_000) })), place),
        ] {
            let error = read(&format).unwrap_err().body();
            assert_eq!(error["error"]["param"], param, "{error:.200}");
        }
    }
}
