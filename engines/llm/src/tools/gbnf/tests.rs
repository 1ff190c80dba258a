//! Cases that are written by hand; `generated` has random ones, which `validator` judges.

mod generated;
mod validator;

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
