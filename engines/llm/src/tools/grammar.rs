//! Builds the grammar of a tool call from the tools' schemas, within a budget. Pure.
//!
//! One model thread serves all calls, and each token under a grammar is checked against every possible continuation of the
//! text. So only cheap constraints enter the grammar: names, types, short lists of choices. Patterns, lengths and anything
//! over the budget stay open; the server checks the finished call against the whole schema.

use serde_json::Value;
use visavis_proto::v1::Tool;

use super::ToolForm;
use super::gbnf::{Rules, constant};
use super::ordered::Json;

/// Most values in all tools' reduced schemas together.
pub(super) const MOST_VALUES: usize = 1500;
/// Most choices in one tool's reduced schema: each is another possible continuation of the text.
const MOST_CHOICES: usize = 48;
/// The same in the schema of a response, which is asked for by programs and is behind calls.
const MOST_ANSWER_CHOICES: usize = 128;
/// Deepest nesting of a reduced schema, references included.
const DEEPEST: usize = 10;
/// Longest literal value that enters the grammar, in bytes.
const LONGEST_VALUE: usize = 200;
/// Longest list whose length enters the grammar.
const LONGEST_LIST: u64 = 16;
/// Largest number whose range enters the grammar.
const LARGEST_NUMBER: i64 = 1_000_000;
/// Longest grammar in bytes.
const LONGEST_GRAMMAR: usize = 128 << 10;

const TYPES: [&str; 7] = ["object", "array", "string", "number", "integer", "boolean", "null"];
/// Formats whose rule has a fixed size.
const FORMATS: [&str; 4] = ["date", "time", "date-time", "uuid"];

/// The grammar of a call from its opening brace; none if the tools' names alone are too long for one.
pub(crate) fn grammar(tools: &[Tool], form: ToolForm) -> Option<String> {
    let open = |_: &Tool| Json::object([("type", Json::text("object"))]);
    let mut values = MOST_VALUES;
    // The bracket of a list may have been written before the grammar was in force.
    let bracket = if form.lists() { "(\"[\" [ \\n]*)? " } else { "" };
    let root = format!("[ \\n]* {bracket}call");
    // If the schemas need too many rules, require at least a known name and an object.
    written(&root, tools, form, |tool| reduced(&tool.parameters, &mut values))
        .or_else(|| written(&root, tools, form, open))
}

/// The grammar of a response that is a call and nothing else: without the white space that a model could go on with for ever.
pub(crate) fn grammar_of_call(tools: &[Tool], form: ToolForm) -> Option<String> {
    let mut values = MOST_VALUES;
    let open = |_: &Tool| Json::object([("type", Json::text("object"))]);
    written("call", tools, form, |tool| reduced(&tool.parameters, &mut values))
        .or_else(|| written("call", tools, form, open))
}

/// The grammar of a response that is JSON by this schema or, if there are tools, a call of one of them. None: it would be too long.
pub(crate) fn grammar_of_json(schema: &str, tools: &[Tool], form: ToolForm) -> Option<String> {
    let mut rules = Rules::default();
    let answer = rules.value(&reduced_answer(schema)?);
    let mut values = MOST_VALUES;
    let calls = calls(&mut rules, tools, form, |tool| reduced(&tool.parameters, &mut values));
    let root = if tools.is_empty() { answer } else { format!("{answer} | call") };
    let call = if tools.is_empty() { String::new() } else { call_rule(&calls) };
    let grammar = format!("root ::= {root}\n{call}{}", rules.text());
    (grammar.len() <= LONGEST_GRAMMAR).then_some(grammar)
}

/// What follows the name's key in the calls of each tool.
fn calls(
    rules: &mut Rules,
    tools: &[Tool],
    form: ToolForm,
    mut arguments: impl FnMut(&Tool) -> Json,
) -> Vec<String> {
    let key = constant(&Value::from(form.arguments()));
    let call = |tool: &Tool| {
        let arguments = rules.value(&arguments(tool));
        format!(r#"{} "," space {key} space ":" space {arguments}"#, constant(&Value::from(&*tool.name)))
    };
    tools.iter().map(call).collect()
}

/// The rule for a call, with its line's end.
fn call_rule(calls: &[String]) -> String {
    format!(
        r#"call ::= "{{" space "\"name\"" space ":" space ({}) space "}}"
"#,
        calls.join(" | ")
    )
}

fn written(
    root: &str,
    tools: &[Tool],
    form: ToolForm,
    arguments: impl FnMut(&Tool) -> Json,
) -> Option<String> {
    let mut rules = Rules::default();
    let calls = calls(&mut rules, tools, form, arguments);
    let grammar = format!("root ::= {root}\n{}{}", call_rule(&calls), rules.text());
    (grammar.len() <= LONGEST_GRAMMAR).then_some(grammar)
}

/// The part of a tool's schema that enters the grammar. `values`: the budget left.
pub(super) fn reduced(schema: &str, values: &mut usize) -> Json {
    let open = || Json::object([("type", Json::text("object"))]);
    let Ok(root @ Json::Object(_)) = serde_json::from_str::<Json>(schema) else { return open() };
    let mut reducer = Reducer { root: &root, values: *values, choices: MOST_CHOICES };
    let known = reducer.target(&root, 0).filter(|schema| reducer.is_object(schema));
    let arguments = match known {
        // Disallow properties that the schema does not name: a small model would invent them without end.
        Some(schema) => reducer.object(schema, 0, false),
        None => reducer.schema(&root, 0),
    };
    *values = reducer.values;
    if *values == 0 { open() } else { arguments }
}

/// The part of a response's schema that enters the grammar; none if it is not JSON. Unlike arguments it may be of any kind.
fn reduced_answer(schema: &str) -> Option<Json> {
    let root: Json = serde_json::from_str(schema).ok()?;
    Some(Reducer { root: &root, values: MOST_VALUES, choices: MOST_ANSWER_CHOICES }.schema(&root, 0))
}

struct Reducer<'a> {
    root: &'a Json,
    values: usize,
    choices: usize,
}

impl<'a> Reducer<'a> {
    /// Takes part of the budget; if it does not suffice, empties it and returns false.
    fn takes(budget: &mut usize, part: usize) -> bool {
        let left = budget.checked_sub(part);
        *budget = left.unwrap_or(0);
        left.is_some()
    }

    /// Follows references; none if they lead nowhere or are nested too deep.
    fn target(&self, schema: &'a Json, depth: usize) -> Option<&'a Json> {
        let mut at = schema;
        for _ in depth..DEEPEST {
            match at.get("$ref").and_then(Json::as_str) {
                None => return Some(at),
                Some(to) => at = self.root.pointer(to.strip_prefix('#')?)?,
            }
        }
        None
    }

    fn is_object(&self, schema: &Json) -> bool {
        let branches = ["anyOf", "oneOf", "allOf", "enum", "const"];
        schema.get("type").is_none_or(|kind| kind.as_str() == Some("object"))
            && branches.into_iter().all(|keyword| schema.get(keyword).is_none())
    }

    /// Reduces a schema; allows any value where the budget or the depth is exhausted.
    fn schema(&mut self, schema: &'a Json, depth: usize) -> Json {
        let any = || Json::Object(Vec::new());
        if depth >= DEEPEST || !Self::takes(&mut self.values, 1) {
            return any();
        }
        let Some(schema) = self.target(schema, depth) else { return any() };
        if let Some(value) = schema.get("const") {
            return self.choice(std::slice::from_ref(value));
        }
        if let Some(Json::List(members)) = schema.get("enum") {
            return self.choice(members);
        }
        for keyword in ["anyOf", "oneOf", "allOf"] {
            match schema.get(keyword) {
                Some(Json::List(branches)) if branches.len() == 1 => {
                    return self.schema(&branches[0], depth + 1);
                }
                Some(Json::List(branches)) if keyword != "allOf" => return self.branches(branches, depth),
                Some(_) => return any(),
                None => {}
            }
        }
        self.typed(schema, depth)
    }

    fn choice(&mut self, members: &[Json]) -> Json {
        let texts = members.iter().all(|member| member.as_str().is_some());
        let open =
            if texts { Json::object([("type", Json::text("string"))]) } else { Json::Object(Vec::new()) };
        let short =
            |member: &Json| matches!(member, Json::Scalar(_)) && member.to_string().len() <= LONGEST_VALUE;
        let fits = !members.is_empty() && members.iter().all(short);
        // A list that does not fit takes none of the budget, so that others still may.
        if !fits || members.len() > self.choices || members.len() > self.values {
            return open;
        }
        self.choices -= members.len();
        self.values -= members.len();
        Json::object([("enum", Json::List(members.to_vec()))])
    }

    fn branches(&mut self, branches: &'a [Json], depth: usize) -> Json {
        if branches.is_empty() || branches.len() > self.choices {
            return Json::Object(Vec::new());
        }
        self.choices -= branches.len();
        let branches = branches.iter().map(|branch| self.schema(branch, depth + 1)).collect();
        Json::object([("anyOf", Json::List(branches))])
    }

    fn typed(&mut self, schema: &'a Json, depth: usize) -> Json {
        let kind = match schema.get("type") {
            Some(Json::List(kinds)) => return self.kinds(kinds),
            Some(kind) => kind.as_str().filter(|kind| TYPES.contains(kind)),
            None => schema.get("properties").map(|_| "object"),
        };
        match kind {
            Some("object") => self.object(schema, depth, true),
            Some("array") => self.array(schema, depth),
            Some("integer") => whole(schema),
            Some("string") => {
                let format = schema.get("format").and_then(Json::as_str);
                let format = format.filter(|format| FORMATS.contains(format));
                let mut fields = vec![("type".to_owned(), Json::text("string"))];
                fields.extend(format.map(|format| ("format".to_owned(), Json::text(format))));
                Json::Object(fields)
            }
            Some(kind) => Json::object([("type", Json::text(kind))]),
            None => Json::Object(Vec::new()),
        }
    }

    fn kinds(&mut self, kinds: &[Json]) -> Json {
        let known = |kind: &Json| kind.as_str().is_some_and(|kind| TYPES.contains(&kind));
        if kinds.is_empty() || !kinds.iter().all(known) || kinds.len() > self.choices {
            return Json::Object(Vec::new());
        }
        self.choices -= kinds.len();
        Json::object([("type", Json::List(kinds.to_vec()))])
    }

    /// `more`: unnamed properties are allowed unless the schema forbids them.
    fn object(&mut self, schema: &'a Json, depth: usize, more: bool) -> Json {
        let named: &[(String, Json)] = match schema.get("properties") {
            Some(Json::Object(named)) => named,
            _ => &[],
        };
        let open = || Json::object([("type", Json::text("object"))]);
        let additional = schema.get("additionalProperties");
        if named.is_empty() && more && additional.is_none() {
            return open();
        }
        // Optional properties are choices as well.
        if named.len() > self.choices || named.iter().any(|(name, _)| name.len() > LONGEST_VALUE) {
            return open();
        }
        self.choices -= named.len();
        let additional = match additional {
            Some(schema @ Json::Object(_)) => self.schema(schema, depth + 1),
            Some(Json::Scalar(Value::Bool(true))) => Json::Scalar(true.into()),
            _ => Json::Scalar(false.into()),
        };
        let known =
            |name: &&Json| name.as_str().is_some_and(|name| named.iter().any(|(known, _)| known == name));
        let required = match schema.get("required") {
            Some(Json::List(names)) => names.iter().filter(known).cloned().collect(),
            _ => Vec::new(),
        };
        let properties =
            named.iter().map(|(name, schema)| (name.clone(), self.schema(schema, depth + 1))).collect();
        Json::object([
            ("type", Json::text("object")),
            ("properties", Json::Object(properties)),
            ("required", Json::List(required)),
            ("additionalProperties", additional),
        ])
    }

    fn array(&mut self, schema: &'a Json, depth: usize) -> Json {
        let mut fields = vec![("type".to_owned(), Json::text("array"))];
        let length = |name: &str| match schema.get(name) {
            Some(Json::Scalar(value)) => value.as_u64().filter(|length| *length <= LONGEST_LIST),
            _ => None,
        };
        for name in ["minItems", "maxItems"] {
            fields.extend(length(name).map(|length| (name.to_owned(), Json::Scalar(length.into()))));
        }
        if let Some(items @ Json::Object(_)) = schema.get("items")
            && schema.get("prefixItems").is_none()
        {
            fields.push(("items".to_owned(), self.schema(items, depth + 1)));
        }
        Json::Object(fields)
    }
}

fn whole(schema: &Json) -> Json {
    let mut fields = vec![("type".to_owned(), Json::text("integer"))];
    for name in ["minimum", "maximum"] {
        let Some(Json::Scalar(value)) = schema.get(name) else { continue };
        if value.as_i64().is_some_and(|number| (-LARGEST_NUMBER..=LARGEST_NUMBER).contains(&number)) {
            fields.push((name.to_owned(), Json::Scalar(value.clone())));
        }
    }
    Json::Object(fields)
}

#[cfg(test)]
mod tests {
    use super::super::gbnf::recogniser::Grammar;
    use super::*;

    fn tool(parameters: &str) -> Tool {
        Tool { name: "look_up".into(), description: "Does it.".into(), parameters: parameters.into() }
    }

    fn reduced_to(schema: &str) -> String {
        reduced(schema, &mut { MOST_VALUES }).to_string()
    }

    #[test]
    fn names_types_and_short_choices_enter_the_grammar_in_their_order() {
        let schema = r##"{"type":"object","properties":{
            "when":{"type":"string","format":"date","description":"x","minLength":3},
            "city":{"$ref":"#/$defs/City"},
            "days":{"type":"integer","minimum":1,"maximum":14},
            "note":{"anyOf":[{"type":"string"},{"type":"null"}]},
            "tags":{"type":"array","items":{"type":"string","pattern":"^a+$"},"maxItems":3}},
            "required":["when","city"],"$defs":{"City":{"enum":["Paris","Rome"]}}}"##;
        assert_eq!(
            reduced_to(schema),
            concat!(
                r#"{"type":"object","properties":{"when":{"type":"string","format":"date"},"#,
                r#""city":{"enum":["Paris","Rome"]},"days":{"type":"integer","minimum":1,"maximum":14},"#,
                r#""note":{"anyOf":[{"type":"string"},{"type":"null"}]},"#,
                r#""tags":{"type":"array","maxItems":3,"items":{"type":"string"}}},"#,
                r#""required":["when","city"],"additionalProperties":false}"#
            )
        );
        assert_eq!(
            reduced_to("{}"),
            r#"{"type":"object","properties":{},"required":[],"additionalProperties":false}"#
        );
        let rules = grammar(&[tool(schema), tool(r##"{"$ref":"#/nowhere"}"##)], ToolForm::Hermes).unwrap();
        assert!(rules.starts_with("root ::= [ \\n]* call\n") && rules.contains("Paris"), "{rules}");
    }

    #[test]
    fn the_grammar_follows_the_form_of_calls() {
        let rules = |form| grammar(&[tool("{}")], form).unwrap();
        assert!(rules(ToolForm::Llama).contains("parameters"));
        let list = rules(ToolForm::Mistral { space: "" });
        assert!(list.starts_with("root ::= [ \\n]* (\"[\" [ \\n]*)? call\n"), "{list}");
    }

    #[test]
    fn a_call_names_one_tool_and_has_arguments_that_its_schema_allows() {
        let called = |name: &str, parameters: &str| Tool { name: name.into(), ..tool(parameters) };
        let tools = [
            called("look", r#"{"properties":{"days":{"type":"integer","maximum":9}},"required":["days"]}"#),
            called("look \"up\"", r#"{"properties":{"city":{"enum":["Paris"]}}}"#),
        ];
        let allows = |form, call: &str| Grammar::read(&grammar(&tools, form).unwrap()).follows(call);
        for call in [
            r#"{"name": "look", "arguments": {"days": 3}}"#,
            r#"{"name":"look","arguments":{"days":-12}}"#,
            "\n{ \"name\" : \"look \\\"up\\\"\",\n\"arguments\": { } }",
            r#" {"name": "look \"up\"", "arguments": {"city": "Paris"}}"#,
        ] {
            assert!(allows(ToolForm::Hermes, call), "{call}");
            assert!(allows(ToolForm::Mistral { space: "" }, &format!("[{call}")), "{call}");
            assert!(allows(ToolForm::Llama, &call.replace("arguments", "parameters")), "{call}");
            assert!(!allows(ToolForm::Hermes, &format!("[{call}")), "{call}");
        }
        for call in [
            r#"{"name": "look", "arguments": {"days": 10}}"#,
            r#"{"name": "look", "arguments": {}}"#,
            r#"{"name": "look", "arguments": {"city": "Paris"}}"#,
            r#"{"name": "look \"up\"", "arguments": {"city": "Paris", "days": 3}}"#,
            r#"{"name": "up", "arguments": {}}"#,
            r#"{"name": "look"}"#,
            r#"{"arguments": {"days": 3}, "name": "look"}"#,
            r#"{"name": "look", "arguments": {"days": 3}, "id": 1}"#,
        ] {
            assert!(!allows(ToolForm::Hermes, call), "{call}");
        }
    }

    #[test]
    fn a_response_that_must_call_begins_with_its_brace() {
        for form in [ToolForm::Hermes, ToolForm::Mistral { space: "" }] {
            let grammar = Grammar::read(&grammar_of_call(&[tool("{}")], form).unwrap());
            let call = r#"{"name": "look_up", "arguments": {}}"#;
            assert!(grammar.follows(call));
            assert!(!grammar.follows(&format!("\n{call}")) && !grammar.follows(&format!("[{call}")));
        }
    }

    #[test]
    fn a_response_follows_its_schema_or_calls_a_tool_that_is_offered() {
        let follows = |schema: &str, tools: &[Tool], text: &str| {
            Grammar::read(&grammar_of_json(schema, tools, ToolForm::Hermes).unwrap()).follows(text)
        };
        let city = r#"{"type":"object","properties":{"city":{"type":"string"},"people":{"type":"integer"}},
            "required":["city","people"],"additionalProperties":false}"#;
        let paris = r#"{"city": "Paris", "people": 2100000}"#;
        assert!(follows(city, &[], paris));
        for text in [r#"{"city": "Paris"}"#, r#"{"city": 3, "people": 1}"#, "Paris", ""] {
            assert!(!follows(city, &[], text), "{text}");
        }
        let call = r#"{"name": "look_up", "arguments": {}}"#;
        assert!(!follows(city, &[], call), "no tool was offered");
        assert!(follows(city, &[tool("{}")], call) && follows(city, &[tool("{}")], paris));
        let any = r#"{"type":"object"}"#;
        assert!(follows(any, &[], paris) && follows(any, &[], "{}") && !follows(any, &[], "[1]"));
        assert!(follows(r#"{"type":"array","items":{"type":"integer"}}"#, &[], "[1, 2]"));
        assert!(follows("{}", &[], "[1, \"a\"]"));
        assert_eq!(grammar_of_json("{", &[], ToolForm::Hermes), None);
    }

    #[test]
    fn no_schema_produces_a_large_or_ambiguous_grammar() {
        let object = |property: &str| format!(r#"{{"type":"object","properties":{{"x":{property}}}}}"#);
        let nested = (0..6).fold("a".to_owned(), |inner, _| format!("({inner}){{0,12}}"));
        let members = (0..1000).map(|n| n.to_string()).collect::<Vec<_>>().join(",");
        let doubling = |keyword: &str, times: usize| {
            let each = |n: usize| {
                let next = vec![format!(r##"{{"$ref":"#/$defs/d{}"}}"##, n + 1); times].join(",");
                format!(r#""d{n}":{{"{keyword}":[{next}]}}"#)
            };
            let levels = (0..20).map(each).collect::<Vec<_>>().join(",");
            format!(
                r##"{{"properties":{{"x":{{"$ref":"#/$defs/d0"}}}},"$defs":{{{levels},"d20":{{"type":"string"}}}}}}"##
            )
        };
        for schema in [
            object(&format!(r#"{{"type":"string","pattern":"^{nested}$"}}"#)),
            object(r#"{"type":"string","minLength":100000,"maxLength":100000000}"#),
            object(r#"{"type":"array","minItems":100000,"items":{"type":"array","maxItems":1000000}}"#),
            object(r#"{"type":"array","minItems":9,"maxItems":2}"#),
            object(&format!(r#"{{"enum":[{members}]}}"#)),
            object(r##"{"$ref":"#/properties/x"}"##),
            object(r##"{"type":"array","items":{"$ref":"#"}}"##),
            doubling("anyOf", 2),
            doubling("allOf", 3),
            format!(
                r#"{{"properties":{{{}}}}}"#,
                (0..400).map(|n| format!(r#""p{n}":{{}}"#)).collect::<Vec<_>>().join(",")
            ),
        ] {
            let mut values = MOST_VALUES;
            let small = reduced(&schema, &mut values).to_string();
            assert!(small.len() < 4000 && MOST_VALUES - values < 200, "{}: {small:.200}", small.len());
            assert!(!small.contains("pattern") && !small.contains("100000"), "{small}");
            let rules = grammar(&[tool(&schema)], ToolForm::Hermes).unwrap();
            assert!(rules.len() < 8000, "{} bytes of rules: {schema:.80}", rules.len());
            Grammar::read(&rules);
        }
        let many = vec![tool(&object(&doubling("anyOf", 2))); 64];
        assert!(grammar(&many, ToolForm::Hermes).unwrap().len() <= LONGEST_GRAMMAR);
    }
}
