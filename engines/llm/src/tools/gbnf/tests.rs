use proptest::prelude::*;
use serde_json::{Value, json};

use super::recogniser::Grammar;
use super::*;

fn parsed(schema: &str) -> Json {
    serde_json::from_str(schema).unwrap()
}

fn grammar(schema: &Json) -> Grammar {
    let mut rules = Rules::default();
    let root = rules.value(schema);
    Grammar::read(&format!("root ::= {root}\n{}", rules.text()))
}

/// Checks which texts a schema's grammar allows.
fn assert_allows(schema: &str, allowed: &[&str], refused: &[&str]) {
    let grammar = grammar(&parsed(schema));
    for text in allowed {
        assert!(grammar.follows(text), "{schema} refuses {text:?}");
    }
    for text in refused {
        assert!(!grammar.follows(text), "{schema} allows {text:?}");
    }
}

#[test]
fn the_rules_of_a_schema_are_few_and_each_is_written_once() {
    let schema = concat!(
        r#"{"type":"object","properties":{"when":{"type":"string","format":"date"},"#,
        r#""city":{"enum":["Paris","Rome"]},"days":{"type":"integer","minimum":1,"maximum":14},"#,
        r#""note":{"anyOf":[{"type":"string"},{"type":"null"}]},"#,
        r#""tags":{"type":"array","maxItems":3,"items":{"type":"string"}}},"#,
        r#""required":["when","city"],"additionalProperties":false}"#
    );
    let mut rules = Rules::default();
    assert_eq!(rules.value(&parsed(schema)), "r11");
    let own = r#"
r0 ::= "\"when\"" space ":" space date-string
r1 ::= "\"Paris\"" | "\"Rome\""
r2 ::= "\"city\"" space ":" space r1
r3 ::= [1-9] | [1] [0-4]
r4 ::= "\"days\"" space ":" space r3
r5 ::= string | null
r6 ::= "\"note\"" space ":" space r5
r7 ::= "[" space (string ("," space string){0,2})? space "]"
r8 ::= "\"tags\"" space ":" space r7
r9 ::= ("," space r8)?
r10 ::= ("," space r6)? r9
r11 ::= "{" space r0 "," space r2 ("," space (r4 r10 | r6 r9 | r8))? space "}"
"#;
    assert_eq!(rules.text(), format!("{SHARED}{}", own.trim_start()));
    assert_eq!(rules.value(&parsed(schema)), "r11");
    assert_eq!(rules.text().lines().count(), SHARED.lines().count() + 12, "nothing comes twice");
}

#[test]
fn any_value_is_any_json_with_bounded_white_space() {
    let space = |width| format!("[\n{}1]", " ".repeat(width));
    assert_allows(
        "{}",
        &[
            r#"{"a": [1, "x", null, {"b":true}], "a":{}}"#,
            "{\n\n  \"a\":\n \t[ ]\n}",
            "-1.5e+3",
            "0",
            r#""\u00e9\n\\ \" é 。""#,
            &space(20),
        ],
        &[
            "",
            "nul",
            "01",
            "1.",
            ".5",
            "+1",
            r#"{"a":1"#,
            r#"{"a":1,}"#,
            "[1,,2]",
            "\"a\nb\"",
            r#""\x""#,
            &space(21),
        ],
    );
}

#[test]
fn texts_have_the_format_that_llama_cpp_knows() {
    assert_allows(r#"{"type":"string"}"#, &[r#""""#, r#""a b\t""#], &["a", "1", "\"\u{1}\"", "\"\u{7f}\""]);
    let date = r#"{"type":"string","format":"date"}"#;
    assert_allows(
        date,
        &[r#""2026-12-31""#],
        &[r#""2026-13-01""#, r#""2026-00-01""#, r#""26-1-1""#, r#""x""#],
    );
    let time = r#"{"type":"string","format":"time"}"#;
    assert_allows(
        time,
        &[r#""23:59:59Z""#, r#""00:00:00.123-01:30""#],
        &[r#""24:00:00Z""#, r#""1:00:00Z""#, r#""12:00:00""#],
    );
    let moment = r#"{"type":"string","format":"date-time"}"#;
    assert_allows(moment, &[r#""2026-12-31T23:59:59+01:00""#], &[r#""2026-12-31 23:59:59Z""#]);
    let id = r#"{"type":"string","format":"uuid"}"#;
    assert_allows(
        id,
        &[r#""123e4567-e89b-12d3-a456-42661417400F""#],
        &[r#""123e4567-e89b-12d3-a456-42661417400""#, r#""123e4567e89b12d3a45642661417400f""#],
    );
}

#[test]
fn values_that_are_listed_are_written_as_json_writes_them_whatever_they_hold() {
    assert_allows(
        r#"{"enum":["a\"b","c\\d","é\n",1,-2.5,null,true]}"#,
        &[r#""a\"b""#, r#""c\\d""#, r#""é\n""#, "1", "-2.5", "null", "true"],
        &[r#""a"b""#, r#""c\d""#, "\"é\n\"", "2", "false", r#""a""#],
    );
    assert_allows(r#"{"type":["integer","null"]}"#, &["12", "null"], &["1.5", "nil", r#""1""#]);
}

#[test]
fn lists_have_as_many_items_as_allowed() {
    let list = |bounds: &str| format!(r#"{{"type":"array","items":{{"type":"null"}}{bounds}}}"#);
    let four = "[null,null, null,null]";
    assert_allows(&list(""), &["[]", "[ ]", "[null]", four], &["[null null]", "[,null]", "[1]"]);
    assert_allows(&list(r#","minItems":1"#), &["[null]", four], &["[]"]);
    assert_allows(&list(r#","minItems":2,"maxItems":3"#), &["[null,null]"], &["[null]", four]);
    assert_allows(&list(r#","minItems":4,"maxItems":4"#), &[four], &["[null]"]);
    assert_allows(&list(r#","maxItems":0"#), &["[]", "[\n]"], &["[null]"]);
    assert_allows(&list(r#","maxItems":1"#), &["[]", "[null]"], &[four]);
    // The recogniser refuses the grammar if its bounds contradict each other too.
    assert_allows(&list(r#","minItems":3,"maxItems":2"#), &[four], &["[null]"]);
}

#[test]
fn required_properties_come_first_and_others_may_be_left_out() {
    assert_allows(
        r#"{"type":"object","properties":{"a":{"type":"null"},"b":{"type":"null"},"c":{"type":"null"}},"required":["b"],"additionalProperties":false}"#,
        &[
            r#"{"b":null}"#,
            r#"{ "b" : null, "a":null, "c":null }"#,
            r#"{"b":null,"c":null}"#,
            r#"{"b":null,"a":null}"#,
        ],
        &[
            "{}",
            r#"{"a":null,"b":null}"#,
            r#"{"b":null,"c":null,"a":null}"#,
            r#"{"b":null,"d":null}"#,
            r#"{"b":null,}"#,
            r#"{"b":null "c":null}"#,
            r#"{"b":1}"#,
        ],
    );
    let closed = r#"{"type":"object","properties":{},"required":[],"additionalProperties":false}"#;
    assert_allows(closed, &["{}", "{ }"], &[r#"{"a":1}"#]);
    assert_allows(r#"{"type":"object"}"#, &["{}", r#"{"a":1, "b":[]}"#], &["[]"]);
}

#[test]
fn a_named_property_cannot_be_written_as_a_further_one() {
    let further = r#""required":[],"additionalProperties":{"type":"null"}"#;
    assert_allows(
        &format!(
            r#"{{"type":"object","properties":{{"ci":{{"enum":[1]}},"city":{{"enum":[2]}},"a\"]^-":{{"enum":[3]}}}},{further}}}"#
        ),
        &[
            r#"{"ci":1,"city":2,"a\"]^-":3,"c":null,"cit":null}"#,
            r#"{"":null,"citys":null,"cite":null,"a":null,"a\"":null,"a\n":null,"x\u00e9":null}"#,
            r#"{"ci":1,"\n\u0063":null}"#,
        ],
        &[
            r#"{"ci":null}"#,
            r#"{"city":null}"#,
            r#"{"\u0063i":null}"#,
            r#"{"c\u0069":null}"#,
            r#"{"a\"]^-":null}"#,
            r#"{"x":1}"#,
            r#"{"x":null,"ci":1}"#,
            "{\"c\n\":null}",
            r#"{"c\":null}"#,
        ],
    );
    // An empty name, and names that take all escapes there are.
    let every =
        r#"{"type":"object","properties":{"":{},"\"":{},"\\":{},"\b":{},"\f":{},"\n":{},"\r":{},"\t":{}},"#;
    let every = format!("{every}{further}}}");
    assert_allows(&every, &[r#"{"a":null}"#, r#"{"\n\n":null}"#], &["{\"\n\":null}", r#"{"a":1}"#]);
    let open = r#"{"type":"object","properties":{},"required":[],"additionalProperties":{"type":"null"}}"#;
    assert_allows(open, &["{}", r#"{"a":null, "\u0063":null}"#], &[r#"{"a":1}"#]);
}

#[test]
fn many_long_names_leave_any_key_to_the_further_ones() {
    let rules = |count: usize| {
        let each = |n: usize| format!(r#""{n:02}{:018}":{{"type":"null"}}"#, 0);
        let names = (0..count).map(each).collect::<Vec<_>>().join(",");
        let schema = format!(
            r#"{{"type":"object","properties":{{{names}}},"required":[],"additionalProperties":true}}"#
        );
        let mut rules = Rules::default();
        rules.value(&parsed(&schema));
        rules.text()
    };
    // A key that differs from the names goes on with any characters behind the first other one.
    let excludes = |text: &str| text.contains("] chars");
    assert!(excludes(&rules(20)) && !excludes(&rules(21)), "{}", rules(21));
    assert!(rules(20).len() < 30_000, "{}", rules(20).len());
}

#[test]
fn ranges_of_whole_numbers_are_exact() {
    for (least, most) in [
        (Some(1), Some(14)),
        (Some(0), Some(0)),
        (Some(-5), Some(3)),
        (Some(-120), Some(-7)),
        (Some(-1), Some(0)),
        (Some(99), Some(1000)),
        (Some(207), Some(1193)),
        (Some(105), None),
        (Some(0), None),
        (Some(-30), None),
        (None, Some(-5)),
        (None, Some(0)),
        (None, Some(98)),
        // Nothing would be left, so nothing is bounded.
        (Some(9), Some(3)),
    ] {
        let mut schema = json!({"type": "integer"});
        for (keyword, value) in [("minimum", least), ("maximum", most)] {
            if let Some(value) = value {
                schema[keyword] = Value::from(value);
            }
        }
        let grammar = grammar(&parsed(&schema.to_string()));
        let contradictory = least.zip(most).is_some_and(|(least, most)| least > most);
        for number in -1300_i64..=1300 {
            let within = least.is_none_or(|least| number >= least) && most.is_none_or(|most| number <= most);
            assert_eq!(grammar.follows(&number.to_string()), within || contradictory, "{number} of {schema}");
        }
        assert_eq!(grammar.follows("1000000000000000"), most.is_none() || contradictory, "{schema}");
        for text in ["", "-", "007", "-05", "+1", "1.0", "10000000000000000"] {
            assert!(!grammar.follows(text), "{text} of {schema}");
        }
    }
}

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
/// Formats, each with the only value that is made of it.
const FORMATS: [(&str, &str); 4] = [
    ("date", "2026-02-28"),
    ("time", "23:59:59.123+01:00"),
    ("date-time", "2026-02-28T23:59:59Z"),
    ("uuid", "123e4567-e89b-12d3-a456-426614174000"),
];
const BOUNDS: [i64; 9] = [-120, -7, -1, 0, 3, 9, 10, 105, 1000];
const WHOLE: [i64; 22] = [
    -1_000_000, -121, -120, -99, -8, -7, -6, -1, 0, 1, 3, 4, 9, 10, 11, 100, 104, 105, 106, 999, 1000,
    1_000_001,
];
const KINDS: [&str; 7] = ["object", "array", "string", "integer", "number", "boolean", "null"];

fn kind(kind: &str) -> Json {
    Json::object([("type", Json::text(kind))])
}

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

/// The schema of properties that an object does not name.
fn further(schema: &Json) -> Option<Json> {
    match schema.get("additionalProperties") {
        Some(Json::Scalar(Value::Bool(true))) => Some(Json::Object(Vec::new())),
        Some(more @ Json::Object(_)) => Some(more.clone()),
        _ => None,
    }
}

/// Bounds of which the upper one is dropped if it is below the other.
fn list_bounds(schema: &Json) -> (usize, Option<usize>) {
    let bound = |keyword| count(schema, keyword).map(|count| usize::try_from(count).unwrap());
    let least = bound("minItems").unwrap_or(0);
    (least, bound("maxItems").filter(|most| *most >= least))
}

fn whole_within(schema: &Json, number: i64) -> bool {
    let (least, most) = (bound(schema, "minimum"), bound(schema, "maximum"));
    let contradictory = least.zip(most).is_some_and(|(least, most)| least > most);
    contradictory || (least.is_none_or(|least| number >= least) && most.is_none_or(|most| number <= most))
}

/// Whether a value is one of the schema's, by reading the schema rather than the grammar.
fn allows(schema: &Json, value: &Json) -> bool {
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
