use clap::ValueEnum;
use visavis_proto::v1::{Tool, ToolCall};

use super::*;

/// Each family's template, reduced to the lines that identify it, and its prompt for [`chat`].
const GOLDEN: [(Family, &str, &str); 7] = [
    (Family::ChatMl, include_str!("golden/chatml.jinja"), include_str!("golden/chatml.txt")),
    (Family::Llama3, include_str!("golden/llama3.jinja"), include_str!("golden/llama3.txt")),
    (Family::Gemma, include_str!("golden/gemma.jinja"), include_str!("golden/gemma.txt")),
    (Family::MistralV3, include_str!("golden/mistral-v3.jinja"), include_str!("golden/mistral-v3.txt")),
    (Family::Phi3, include_str!("golden/phi3.jinja"), include_str!("golden/phi3.txt")),
    (Family::Phi4Mini, include_str!("golden/phi4-mini.jinja"), include_str!("golden/phi4-mini.txt")),
    (Family::Phi4, include_str!("golden/phi4.jinja"), include_str!("golden/phi4.txt")),
];

fn part(part: Part, content: &str) -> Written {
    Written { part, content: content.into() }
}

fn chat() -> Vec<Written> {
    vec![
        part(Part::System, "Be brief."),
        part(Part::User, "Hi!"),
        part(Part::Assistant, "Hello."),
        part(Part::User, "Who are you?"),
    ]
}

#[test]
fn each_template_is_recognised_and_written_as_its_authors_document_it() {
    for (family, template, prompt) in GOLDEN {
        assert_eq!(Family::of(template), Some(family));
        assert_eq!(family.form().render(&chat(), true), prompt, "{family:?}");
    }
}

#[test]
fn tools_have_the_templates_own_form_where_it_has_one() {
    for (family, template, _) in GOLDEN {
        let expected = match family {
            Family::Llama3 => ToolForm::Llama,
            Family::MistralV3 => ToolForm::Mistral { space: " " },
            _ => ToolForm::Hermes,
        };
        assert_eq!(family.tools(template), expected, "{family:?}");
    }
    assert_eq!(
        Family::MistralV3.tools(""),
        ToolForm::Hermes,
        "a template that is only named says nothing of tools"
    );
}

#[test]
fn a_template_of_another_family_is_not_taken_for_a_known_one() {
    for template in
        ["", "{{ raise_exception('no') }}", "### Instruction:\n{{ messages }}", "[INST] <<SYS>>", "alpaca"]
    {
        assert_eq!(Family::of(template), None, "{template}");
    }
    assert_eq!(Family::of("mistral-v7-tekken"), Some(Family::MistralV7Tekken));
    for text in [None, Some("x")] {
        let message = unknown(text, Path::new("/m/own.gguf"));
        assert!(message.contains("/m/own.gguf") && message.contains("llm.template"), "{message}");
        assert!(message.contains("chatml, llama3"), "{message}");
    }
}

#[test]
fn a_greeting_and_neighbours_of_one_side_keep_the_turns_of_strict_templates() {
    let greeted = [
        part(Part::System, "Be brief."),
        part(Part::Assistant, "Hello."),
        part(Part::User, "Wait"),
        part(Part::User, "Who are you?"),
    ];
    assert_eq!(
        Family::MistralV3.form().render(&greeted, true),
        "[INST] Be brief.[/INST] Hello.</s>[INST] Wait\n\nWho are you?[/INST]"
    );
    assert_eq!(
        Family::MistralV7Tekken.form().render(&greeted, true),
        "[SYSTEM_PROMPT]Be brief.[/SYSTEM_PROMPT][INST][/INST]Hello.</s>[INST]Wait\n\nWho are you?[/INST]"
    );
    let chatml = Family::ChatMl.form().render(&greeted, true);
    assert_eq!(chatml.matches("<|im_start|>user\n").count(), 2, "{chatml}");
}

#[test]
fn mistral_reads_tools_calls_and_results_between_its_own_marks() {
    let chat = [
        part(Part::System, "Be brief."),
        part(Part::Tools, "[{}]"),
        part(Part::User, "Look."),
        part(Part::Call, "[TOOL_CALLS] [{}]"),
        part(Part::Result, "{}"),
    ];
    assert_eq!(
        Family::MistralV3.form().render(&chat, true),
        "[AVAILABLE_TOOLS] [{}][/AVAILABLE_TOOLS][INST] Be brief.\n\nLook.[/INST][TOOL_CALLS] [{}]</s>[TOOL_RESULTS] \
         {}[/TOOL_RESULTS]"
    );
}

#[test]
fn a_prompt_begins_as_the_last_one_did() {
    for family in Family::value_variants() {
        let form = family.form();
        let mut longer = chat();
        longer.extend([part(Part::Assistant, "An assistant."), part(Part::User, "Good.")]);
        let (before, after) = (form.render(&chat(), true), form.render(&longer, true));
        assert!(after.starts_with(&before), "{family:?}: {before:?} {after:?}");
        let open = form.render(&[part(Part::System, "Be brief."), part(Part::User, "Hi!")], true);
        let end = open.find("Hi!").unwrap() + "Hi!".len();
        assert!(after.starts_with(&open[..end]), "{family:?}");
    }
}

/// The tool forms of a family's templates.
fn forms(family: Family) -> Vec<ToolForm> {
    let own = match family {
        Family::Llama3 => Some(ToolForm::Llama),
        Family::MistralV3 | Family::MistralV7 => Some(ToolForm::Mistral { space: " " }),
        Family::MistralV3Tekken | Family::MistralV7Tekken => Some(ToolForm::Mistral { space: "" }),
        _ => None,
    };
    std::iter::once(ToolForm::Hermes).chain(own).collect()
}

/// What each prompt of a call adds to the previous one: a greeting and a question, a call and its result, and so on.
fn prompts(form: ToolForm) -> Vec<Vec<Written>> {
    let call = ToolCall { name: "look".into(), arguments: r#"{"at":"Rome"}"#.into() };
    vec![
        vec![
            part(Part::System, "Be brief. "),
            part(Part::Assistant, "Hello. "),
            part(Part::User, "How is the sky?"),
        ],
        vec![form.call("", &call), form.result("blue")],
        vec![part(Part::Assistant, " It is blue.\n"), part(Part::User, " And there? ")],
        vec![form.call("I look.", &call), form.result(r#"{"sky":"grey"}"#)],
        vec![form.call("", &call), form.result("it failed")],
        vec![part(Part::Assistant, "I cannot see it."), part(Part::User, "Thanks.")],
    ]
}

#[test]
fn a_prompt_with_tools_calls_results_and_a_greeting_begins_as_the_last_one_did() {
    let tool =
        Tool { name: "look".into(), description: "Looks.".into(), parameters: r#"{"type":"object"}"#.into() };
    for &family in Family::value_variants() {
        for form in forms(family) {
            for left_out in [0, 1] {
                let mut prompts = prompts(form);
                prompts[0].drain(..left_out);
                let (mut chat, mut before) = (Vec::new(), String::new());
                for new in prompts {
                    chat.extend(new);
                    let mut whole = chat.clone();
                    form.add(&form.instructions(std::slice::from_ref(&tool)), &mut whole);
                    let prompt = family.form().render(&whole, true);
                    assert!(prompt.starts_with(&before), "{family:?}, {form:?}: {before:?} {prompt:?}");
                    assert!(prompt.len() > before.len());
                    before = prompt;
                }
            }
        }
    }
}

#[test]
fn no_mark_of_a_family_can_be_written_in_a_message() {
    let marks = |family: Family| family.form().marks();
    assert_eq!(marks(Family::ChatMl), ["<|im_end|>", "<|im_start|>"]);
    assert!(marks(Family::MistralV7).iter().any(|mark| mark == "[/SYSTEM_PROMPT]"));
    for mark in ["[AVAILABLE_TOOLS]", "[INST]", "[/INST]", "[/TOOL_RESULTS]", "</s>"] {
        assert!(marks(Family::MistralV3).iter().any(|own| own == mark), "{mark}");
    }
}

#[test]
fn every_family_can_be_set_in_the_configuration() {
    let settings = include_str!("../../../../crates/config/src/language_model.rs");
    let known = settings.split("const TEMPLATES").nth(1).and_then(|rest| rest.split(';').nth(1)).unwrap();
    let names = Family::names();
    assert!(names.iter().all(|name| known.contains(&format!("\"{name}\""))), "{names:?}: {known}");
    assert_eq!(known.matches('"').count(), 2 * names.len(), "{known}");
}
