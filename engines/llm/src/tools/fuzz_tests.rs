//! Schemas and model output made of arbitrary bytes.

use super::gbnf::recogniser::Grammar;
use super::grammar::{MOST_VALUES, reduced};
use super::*;

/// A reduced schema is at most this many times as long as the schema: references are replaced by their targets.
const SMALL: usize = 64;

fn tool(parameters: &str) -> Tool {
    Tool { name: "look_up".into(), description: "Does it.".into(), parameters: parameters.into() }
}

#[test]
fn any_schema_is_reduced_to_a_small_one_and_a_grammar_within_bounds() {
    visavis_fuzz::run("tool_grammar", |input| {
        let schema = visavis_fuzz::text(input);
        let mut values = MOST_VALUES;
        let small = reduced(&schema, &mut values).to_string();
        let read: Value = serde_json::from_str(&small).unwrap();
        assert!(read.is_object() && values <= MOST_VALUES, "{small}");
        assert!(small.len() <= schema.len() * SMALL + SMALL, "{} bytes of {}", small.len(), schema.len());
        let tools = [tool(&schema)];
        if check(&tools).is_err() {
            return;
        }
        let told = instructions(&tools);
        assert!(!told.contains("<|") && told.matches("</tools>").count() == 2, "{told}");
        let rules = grammar(&tools, ToolForm::Hermes).unwrap();
        assert!(rules.starts_with("root ::= "), "{rules}");
        Grammar::read(&rules);
    });
}

#[test]
fn model_output_is_either_spoken_or_part_of_a_call() {
    visavis_fuzz::run("tool_calls", |input| {
        let (seed, text) = input.split_at(input.len().min(1));
        let text = visavis_fuzz::text(text);
        let mut gate = ToolGate::new(&[tool("{}")], ToolForm::Hermes);
        let mut spoken = String::new();
        for piece in visavis_fuzz::pieces(&text, seed.first().copied().unwrap_or(0).into()) {
            spoken += &gate.push(piece.to_owned());
            if gate.ended() {
                break;
            }
        }
        let begun = gate.begun().is_some();
        let (rest, call) = gate.finish();
        spoken += &rest;
        assert!(!spoken.contains(OPEN), "{spoken:?}");
        assert!(begun || call.is_none());
        // Apart from white space before the first word nothing is lost, and nothing is added.
        assert!(spoken.is_empty() || text.contains(&spoken), "{spoken:?} of {text:?}");
        assert!(begun || spoken.trim() == text.trim(), "{spoken:?} of {text:?}");
        if let Some(call) = call {
            assert!(serde_json::from_str::<Value>(&call.arguments).is_ok(), "{}", call.arguments);
        }
    });
}
