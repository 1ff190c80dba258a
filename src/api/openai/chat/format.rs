//! What the text of a response is to be: `response_format`. Pure.

use visavis_core::tool::schema_fault;

use crate::api::openai::error::ApiError;
use crate::api::openai::fields::Fields;
use crate::api::openai::sent::Sent;
use crate::engine::sampling::Form;

/// Longest schema in bytes, as our own engine takes it.
const LONGEST_SCHEMA: usize = 16 << 10;

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
    // White space may make it too long, and then the order of its fields is lost.
    let written = sent.schema().filter(|written| written.len() <= LONGEST_SCHEMA);
    Ok(Form::Schema(written.unwrap_or(compact)))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

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
