//! Checks schemas and arguments within a budget: patterns run on a linear-time engine, and a validation that could take more
//! steps than the budget is refused before it begins.

use jsonschema::{PatternOptions, Regex, ValidationError, Validator};
use serde_json::{Value, json};

use super::bounds::{Size, measure};

/// Limits on a compiled pattern's bytes, each with the most steps (states) that it then takes for one byte of text. Compilation
/// stops at the last limit, so `\pL{1000}` costs no more than a short pattern.
const PATTERN_SIZES: [(usize, u64); 3] = [(8 << 10, 250), (32 << 10, 1000), (128 << 10, 4000)];
const LARGEST_PATTERN: usize = 128 << 10;
/// Bytes of cache for a running pattern.
const PATTERN_CACHE: usize = 64 << 10;
/// Most steps of one validation: some tens of milliseconds at worst, usually microseconds.
const MOST_STEPS: u64 = 16_000_000;
/// Most faults that may be collected in memory; where there could be more, they are not listed.
const MOST_FAULTS: u64 = 50_000;
/// Longest arguments in bytes.
const LONGEST_ARGUMENTS: usize = 16 << 10;

/// Checks that a schema is valid and simple enough.
///
/// # Errors
/// The first fault, with its location.
pub(super) fn check(schema: &Value) -> Result<(), String> {
    measure(schema, weight)?;
    validity(schema)?;
    compile(schema).map(drop)
}

/// Checks that a schema follows the rules of JSON Schema.
///
/// # Errors
/// The first fault, with its location.
pub(super) fn validity(schema: &Value) -> Result<(), String> {
    jsonschema::meta::validate(schema).map_err(|error| at(&error))
}

/// Checks arguments against a schema that has passed [`check`].
///
/// # Errors
/// Up to three faults, in a sentence that helps the model correct them.
pub(super) fn arguments(schema: &Value, written: &str) -> Result<Value, String> {
    if written.len() > LONGEST_ARGUMENTS {
        return Err(format!("the arguments have {} bytes; at most {LONGEST_ARGUMENTS}", written.len()));
    }
    let value: Value = serde_json::from_str(written).map_err(|_| "the arguments are not JSON".to_string())?;
    if !value.is_object() {
        return Err("the arguments are not a JSON object".into());
    }
    let size = measure(schema, weight)?;
    let most = MOST_STEPS / steps(size, 1).max(1);
    if written.len() as u64 > most {
        return Err(format!(
            "the arguments have {} bytes; this tool's schema can be checked up to {most}",
            written.len()
        ));
    }
    let validator = compile(schema)?;
    if size.values * written.len() as u64 > MOST_FAULTS {
        let fault = || "the arguments do not follow the tool's schema".to_string();
        return if validator.is_valid(&value) { Ok(value) } else { Err(fault()) };
    }
    let faults: Vec<String> = validator.iter_errors(&value).take(3).map(|error| at(&error)).collect();
    if faults.is_empty() { Ok(value) } else { Err(faults.join("; ")) }
}

/// Upper bound of the steps for arguments of this many bytes: each value of the schema meets each value of the arguments
/// at most once, and each pattern meets each byte at most once.
fn steps(size: Size, bytes: u64) -> u64 {
    size.values.saturating_add(size.steps).saturating_mul(bytes)
}

fn engine(size: usize) -> PatternOptions<Regex> {
    PatternOptions::regex().size_limit(size).dfa_size_limit(PATTERN_CACHE)
}

fn compile(schema: &Value) -> Result<Validator, String> {
    // Checking formats would need engines and rules of its own; the model still sees them.
    let options =
        jsonschema::options().with_pattern_options(engine(LARGEST_PATTERN)).should_validate_formats(false);
    options.build(schema).map_err(|error| at(&error))
}

/// A pattern's cost per byte of text.
fn weight(pattern: &str) -> Result<u64, String> {
    let alone = json!({ "pattern": pattern });
    let fits = |size| jsonschema::options().with_pattern_options(engine(size)).build(&alone).is_ok();
    let size = PATTERN_SIZES.into_iter().find(|(size, _)| fits(*size));
    size.map(|(_, steps)| steps).ok_or_else(|| {
        format!(
            "the pattern {pattern:?} cannot be used: no look-around, no back references, no large repetitions; at \
             most {LARGEST_PATTERN} bytes when compiled"
        )
    })
}

fn at(error: &ValidationError<'_>) -> String {
    let path = error.instance_path().to_string();
    if path.is_empty() { error.to_string() } else { format!("{path}: {error}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(properties: &Value) -> Value {
        json!({ "type": "object", "properties": properties })
    }

    /// `levels` definitions, each of which refers to the next one `times` times.
    fn branching(keyword: &str, times: usize, levels: usize) -> Value {
        let mut definitions = serde_json::Map::new();
        for level in 0..levels {
            let next = json!({ "$ref": format!("#/$defs/d{}", level + 1) });
            definitions.insert(format!("d{level}"), json!({ keyword: vec![next; times] }));
        }
        definitions.insert(format!("d{levels}"), json!({ "type": "string" }));
        json!({ "type": "object", "properties": { "x": { "$ref": "#/$defs/d0" } }, "$defs": definitions })
    }

    #[test]
    fn schemas_that_could_cost_minutes_are_refused_with_location_and_limit() {
        let deep = (0..40).fold(json!({ "type": "string" }), |inner, _| with(&json!({ "x": inner })));
        let many: Value = (0..17).map(|n| (format!("p{n}"), json!({ "pattern": "^a+$" }))).collect();
        for (schema, part) in [
            (with(&json!({ "x": { "pattern": r"(?=\pL{40})\w{40}N" } })), "/properties/x/pattern"),
            (with(&json!({ "x": { "pattern": r"(a)\1" } })), "no back references"),
            (with(&json!({ "x": { "pattern": r"\pL{1000}" } })), "no large repetitions"),
            (with(&json!({ "x": { "pattern": "(((a{0,90}){0,90}){0,90}){0,90}" } })), "bytes when compiled"),
            (with(&json!({ "x": { "pattern": "a".repeat(201) } })), "at most 200"),
            (json!({ "patternProperties": { "(?=x)": {} } }), "/patternProperties/(?=x)"),
            (with(&many), "more than 16 patterns"),
            (branching("allOf", 4, 6), "more than 2000 values"),
            (branching("anyOf", 4, 6), "more than 2000 values"),
            (branching("allOf", 3, 20), "deeper than 24 levels"),
            (branching("anyOf", 2, 22), "deeper than 24 levels"),
            (branching("allOf", 1, 30), "deeper than 24 levels"),
            (with(&json!({ "x": { "$ref": "#" } })), "loop"),
            (with(&json!({ "x": { "$ref": "#/properties/y" }, "y": { "$ref": "#/properties/x" } })), "loop"),
            (with(&json!({ "x": { "$ref": "#/nowhere" } })), "\"#/nowhere\" is not a place"),
            (with(&json!({ "x": { "$ref": "http://127.0.0.1:9/x" } })), "is not a place"),
            (with(&json!({ "x": { "$id": "other", "$ref": "#" } })), "/properties/x/$id: not supported"),
            (json!({ "$dynamicRef": "#x" }), "/$dynamicRef: not supported"),
            (json!({ "unevaluatedProperties": false }), "not supported"),
            (with(&json!({ "x": { "enum": vec![1; 2100] } })), "at most 4000"),
            (deep, "deeper than 24"),
        ] {
            let fault = check(&schema).expect_err(part);
            assert!(fault.contains(part), "{part}: {fault}");
        }
    }

    #[test]
    fn ordinary_schemas_with_patterns_references_and_branches_are_accepted() {
        for schema in [
            with(&json!({ "mail": { "type": "string", "pattern": r"^[\w.+-]+@[\w-]+\.[a-z]{2,10}$" } })),
            with(&json!({ "day": { "type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}$" } })),
            with(&json!({ "name": { "type": "string", "pattern": r"^\S.{0,60}$", "maxLength": 60 } })),
            json!({
                "type": "object", "$id": "https://example.org/order", "additionalProperties": false,
                "properties": {
                    "id": { "type": "string" },
                    "size": { "$ref": "#/$defs/Size" },
                    "tags": { "type": "array", "items": { "type": "string" }, "uniqueItems": true },
                    "note": { "anyOf": [{ "type": "string" }, { "type": "null" }], "default": null },
                    "to": { "$ref": "#/$defs/Address" }, "from": { "$ref": "#/$defs/Address" },
                },
                "$defs": {
                    "Size": { "enum": ["s", "m", "l"] },
                    "Address": with(&json!({ "street": { "type": "string" }, "zip": { "pattern": "^[0-9]{5}$" } })),
                },
            }),
        ] {
            check(&schema).unwrap_or_else(|fault| panic!("{fault}: {schema}"));
        }
    }

    #[test]
    fn a_validation_takes_a_bounded_number_of_steps() {
        let backtracking = with(&json!({ "x": { "type": "string", "pattern": "^(a|a)*$" } }));
        check(&backtracking).unwrap();
        let long = json!({ "x": format!("{}b", "a".repeat(9000)) }).to_string();
        assert!(arguments(&backtracking, &long).is_err());
        assert!(arguments(&backtracking, r#"{"x":"aab"}"#).unwrap_err().contains("does not match"));
        // Where every value could be a fault, none is collected.
        let faulty = with(&json!({ "x": { "items": { "allOf": vec![json!({ "type": "string" }); 90] } } }));
        check(&faulty).unwrap();
        let numbers = json!({ "x": vec![1; 4000] }).to_string();
        assert_eq!(
            arguments(&faulty, &numbers).unwrap_err(),
            "the arguments do not follow the tool's schema"
        );
        // The heaviest schema that is accepted, with the longest arguments that it allows.
        let heavy: Value =
            (0..16).map(|n| (format!("p{n}"), json!({ "pattern": r"^\w{1,40}.{0,40}$" }))).collect();
        let heavy = with(&heavy);
        check(&heavy).unwrap();
        let size = measure(&heavy, weight).unwrap();
        let fault = arguments(&heavy, &json!({ "p0": "a".repeat(4000) }).to_string()).unwrap_err();
        assert!(fault.contains("can be checked up to"), "{fault}");
        assert!(steps(size, MOST_STEPS / steps(size, 1)) <= MOST_STEPS);
        assert_eq!(arguments(&heavy, r#"{"p0":"abc"}"#).unwrap()["p0"], "abc");
        assert!(
            arguments(&heavy, &format!("{{\"p0\":\"{}\"}}", "a".repeat(20_000)))
                .unwrap_err()
                .contains("16384")
        );
    }
}
