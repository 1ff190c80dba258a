use super::*;
use proptest::prelude::*;

/// The whole output, with code in its place.
fn filter<'a>(pieces: impl IntoIterator<Item = &'a str>) -> String {
    let mut filter = Filter::default();
    let mut out = String::new();
    let mut add = |pieces: Vec<Piece>| {
        for piece in pieces {
            match piece {
                Piece::Text(text) => out.push_str(&text),
                Piece::CodeBegins => out.push_str("⟦code⟧"),
                Piece::Code(code) => out.push_str(&format!("⟦{code}⟧")),
            }
        }
    };
    for piece in pieces {
        add(filter.push(piece));
        assert!(filter.pending.len() <= 5000, "{} bytes are held back", filter.pending.len());
    }
    add(filter.finish());
    out
}

fn text(text: &str) -> String {
    filter([text]).trim().to_owned()
}

#[test]
fn what_is_not_for_the_person_is_removed() {
    for (written, read) in [
        ("<think>\nThey ask for tea.\n</think>\n\nTea, please.", "Tea, please."),
        ("<think>No newline</think>Tea.", "Tea."),
        ("<Thinking>a < b</THINKING> Yes.", "Yes."),
        ("<reasoning>why</reasoning>Because.", "Because."),
        ("Tea. <think>It goes on and never", "Tea."),
        ("hm</think>Tea.", "hmTea."),
        ("◁think▷hm◁/think▷Tea.", "Tea."),
        ("<|channel|>analysis<|message|>hm<|end|><|start|>assistant<|channel|>final<|message|>Tea.", "Tea."),
        ("<tool_call>\n{\"name\": \"x\", \"arguments\": {}}\n</tool_call>", ""),
        ("Sure. <function=look_up>{\"q\": 1}</function> Done.", "Sure. Done."),
        ("<tools>\n{\"type\": \"function\"}\n</tools>\nHello.", "Hello."),
        ("[TOOL_CALLS] [{\"name\": \"x\", \"arguments\": {}}]", ""),
        ("{\"name\": \"x\", \"arguments\": {\"a\": \"}\"}}", ""),
        ("One.\n{\"tool\": \"x\", \"parameters\": {\"a\": 1}}\nTwo.", "One.\nTwo."),
        ("[{\"name\": \"x\", \"arguments\": {}}] Two.", "Two."),
        ("{\"name\": \"x\", \"arguments\": {\"a", ""),
        ("look_up({\"q\": \"tea (green)\"})", ""),
        ("get_weather(city=\"Paris\")\nIt rains.", "It rains."),
        ("<|python_tag|>look_up.call(q)", ""),
        ("Hello.<|im_end|>", "Hello."),
        ("<|im_start|>assistant\nHello.<|im_end|>\n", "Hello."),
        ("<start_of_turn>model\nHello.<end_of_turn><eos>", "Hello."),
        ("[INST] <<SYS>>Be kind.<</SYS>> Hi [/INST] Hello.</s>", "Be kind. Hi Hello."),
        ("<｜tool▁calls▁begin｜>x", ""),
        ("<p>One.</p><p>Two.</p>", "One.\nTwo."),
        ("One.<br/>Two.<br>Three.", "One.\nTwo.\nThree."),
        ("<speak>It is <emphasis level=\"strong\">really</emphasis> so.</speak>", "It is really so."),
        ("Wait <break time=\"500ms\"/> for <a href='x>y'>it</a>.", "Wait for it."),
        ("bell\u{7} and \0 and \u{feff}mark", "bell and  and mark"),
    ] {
        assert_eq!(text(written), read, "{written}");
        let each: Vec<String> = written.chars().map(String::from).collect();
        assert_eq!(filter(each.iter().map(String::as_str)).trim(), read, "{written}, each character alone");
    }
}

#[test]
fn code_is_separated_from_text() {
    assert_eq!(text("Look:\n```python\nprint(1)\n```\nThat is all."), "Look:\n⟦code⟧⟦print(1)⟧That is all.");
    assert_eq!(text("Here: ```a < b``` so"), "Here: \n⟦code⟧⟦a < b⟧so");
    assert_eq!(text("```\n<think>1</think>"), "⟦code⟧⟦<think>1</think>⟧");
    assert_eq!(text("`x` and ``y``"), "`x` and ``y``");
    let long = format!("```\n{}", "x".repeat(100_000));
    assert!(filter([long.as_str()]).len() < 10_000);
}

#[test]
fn long_code_ends_at_the_same_character_however_it_is_cut() {
    let code = format!("```\n{}äöü and more```", "x".repeat(8 * 1024 - 2));
    let whole = filter([code.as_str()]);
    assert!(whole.ends_with("xä⟧"), "{}", &whole[whole.len() - 20..]);
    assert_eq!(filter(code.split_inclusive(['x', 'ä', 'ö', 'ü', 'a'])), whole);
}

#[test]
fn a_long_name_names_a_call_or_not_however_it_is_cut() {
    for (length, is_call) in [(63, true), (64, true), (65, false), (66, false)] {
        let written = format!("{}({{\"q\": 1}})", "x".repeat(length));
        let read = if is_call { "" } else { &written };
        assert_eq!(filter([written.as_str()]), read, "{length} characters");
        assert_eq!(filter(written.split_inclusive('x')), read, "{length} characters, one by one");
    }
}

#[test]
fn ordinary_text_is_unchanged() {
    for written in [
        "If a < b and c > d, then <3.",
        "a<b and b>a; List<String> x; 5 <6",
        "{x | x > 0} is a set; f(x) = [1] and [happy] a[0].",
        "f(x)\ng({x})\nSure (yes).",
        "{\"name\": \"Bob\", \"age\": 3} is JSON.",
        "[see below] | pipes | <unknown> <x|y>",
        "Use the think tank. <thinker> reads.",
        "Prices {low} to [high], 2 * 3 ** 4",
        "[IN",
        "<thi",
        "look_up(",
        "Yes.",
    ] {
        assert_eq!(filter([written]), written);
        let each: Vec<String> = written.chars().map(String::from).collect();
        assert_eq!(filter(each.iter().map(String::as_str)), written, "each character alone");
    }
}

#[test]
fn words_are_not_held_back() {
    let mut filter = Filter::default();
    let mut push = |text| filter.push(text);
    assert_eq!(push("Hello, "), [Piece::Text("Hello, ".into())]);
    assert_eq!(push("you "), [Piece::Text("you ".into())]);
    assert_eq!(push("<th"), []);
    assert_eq!(push("ere"), [Piece::Text("<there".into())]);
}

/// Building blocks of the property tests' texts.
const PARTS: [&str; 5] = [
    "<think>¦</think>¦<thi¦nk>¦<¦>¦</¦<p>¦<br/>¦<b>¦</b>¦<a href=\"x\">¦a<b¦```¦`¦``¦py\n¦{¦}",
    "{\"name\": \"x\", \"arguments\": {}}¦{\"name\":¦\"arguments\"¦\"¦[TOOL_CALLS]¦[TOOL¦[¦]",
    "[1]¦look_up(¦{\"q\"¦)¦(¦<|im_end|>¦<|im_start|>¦user¦<|channel|>¦final¦analysis",
    "<|message|>¦<|¦|>¦<tool_call>¦</tool_call>¦<function=x>¦</function>¦<start_of_turn>¦model",
    "[INST]¦<<SYS>>¦◁think▷¦◁/think▷¦Yes¦ä¦ ¦\n¦. ¦\\¦x=\"y\"",
];

fn written() -> impl Strategy<Value = String> {
    let parts: Vec<&str> = PARTS.iter().flat_map(|line| line.split('¦')).collect();
    let parts = prop::sample::select(parts);
    prop::collection::vec(parts, 0..16).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn the_output_does_not_depend_on_how_the_text_is_split(text in written(), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6)) {
        let bounds: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| bounds[cut.index(bounds.len())]).collect();
        cuts.extend([0, text.len()]);
        cuts.sort_unstable();
        let whole = filter([text.as_str()]);
        prop_assert_eq!(filter(cuts.windows(2).map(|pair| &text[pair[0]..pair[1]])), whole.clone());
        prop_assert_eq!(filter(bounds.windows(2).map(|pair| &text[pair[0]..pair[1]])), whole);
    }

    #[test]
    fn text_without_marks_is_unchanged(text in "[A-Za-zä0-9.,!?() \n-]{0,80}") {
        prop_assert_eq!(filter([text.as_str()]), text);
    }
}
