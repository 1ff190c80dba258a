use super::*;
use crate::avatar::cue::{Gesture, Mood};
use proptest::prelude::*;

const HAPPY: Cue = Cue::Mood(Mood::Happy);
const NOD: Cue = Cue::Gesture(Gesture::Nod);
const AWAY: Cue = Cue::Gesture(Gesture::LookAway);

/// The whole output, with cues at bytes of the whole text.
fn filter<'a>(pieces: impl IntoIterator<Item = &'a str>) -> Filtered {
    let mut tags = Tags::new(true);
    let mut whole = Filtered::default();
    let mut add = |part: Filtered| {
        let before = whole.text.len();
        whole.cues.extend(part.cues.iter().map(|placed| PlacedCue { at: before + placed.at, ..*placed }));
        whole.text.push_str(&part.text);
    };
    for piece in pieces {
        add(tags.push(piece));
    }
    add(tags.finish());
    whole
}

fn text(text: &str) -> String {
    filter([text]).text
}

/// The cues as pairs of place and cue.
fn pairs(filtered: &Filtered) -> Vec<(usize, Cue)> {
    filtered.cues.iter().map(|placed| (placed.at, placed.cue)).collect()
}

#[test]
fn tags_are_removed_and_their_cues_precede_the_next_words() {
    let out = filter(["[happy] Hello, [nod] yes [look-away][lean in]of course. [Nod]"]);
    assert_eq!(out.text, "Hello, yes of course. ");
    let lean = Cue::Gesture(Gesture::LeanIn);
    assert_eq!(pairs(&out), [(0, HAPPY), (7, NOD), (11, AWAY), (11, lean), (22, NOD)]);
    assert_eq!(
        pairs(&filter(["*smiles warmly* Hi, *nods* *looks away* so"])),
        [(0, HAPPY), (4, NOD), (4, AWAY)]
    );
    assert_eq!(pairs(&filter(["[happy, nod]Hi"])), [(0, HAPPY), (0, NOD)]);
}

#[test]
fn no_white_space_is_left_where_a_tag_was() {
    for (written, read) in [
        ("Well [nod] yes.", "Well yes."),
        ("Well [nod].", "Well."),
        ("Well[nod]yes.", "Well yes."),
        ("Yes. [nod] Of course.", "Yes. Of course."),
        ("Yes.[nod] Of course.", "Yes. Of course."),
        ("Well [nod]", "Well"),
        ("[happy]\n\nHi", "Hi"),
        ("one [nod]\ntwo", "one\ntwo"),
    ] {
        assert_eq!(text(written), read, "{written}");
    }
}

#[test]
fn known_stage_directions_are_removed_and_some_give_no_cue() {
    for written in [
        "[sarcastic] Great.",
        "[deep breath] Great.",
        "*sighs* Great.",
        "[Laughs] Great.",
        "[pauses]Great.",
        "*pauses* Great.",
        "*waves goodbye* Great.",
        "*takes a deep breath* Great.",
    ] {
        assert_eq!(text(written), "Great.", "{written}");
    }
    assert!(filter(["[sarcastic] Great."]).cues.is_empty());
    assert_eq!(text("Well, *nods slowly* right."), "Well, right.");
    assert_eq!(text("Great! *waves*"), "Great! ");
}

#[test]
fn ordinary_words_in_brackets_and_asterisks_are_kept() {
    for written in [
        "Sound *waves* travel fast.",
        "Dear [name], the [link] is here.",
        "*Waves* travel, and she *laughs* at it.",
        "He made a *pause* and *tilts at windmills*.",
        "a.[index] of [averyverylongname] [x]",
    ] {
        assert_eq!(text(written), written);
    }
}

#[test]
fn without_bracket_tags_only_stage_directions_are_removed() {
    let mut tags = Tags::new(false);
    let mut out = tags.push("[happy] *nods slowly* Right, [nod] Sound *waves*.").text;
    out.push_str(&tags.finish().text);
    assert_eq!(out, "[happy] Right, [nod] Sound *waves*.");
}

#[test]
fn other_brackets_and_asterisks_are_text() {
    for written in [
        "[1] and [see page 4] and [see below]",
        "array[0] array[index] a[i] [x] []",
        "[link](https://example.org) [happy](x) ",
        "**bold** *really* **nods** 2 * 3 *",
        "* one\n* two",
        "[Sic] [NASA] [averyveryverylongoneword] [-a-b-]",
        "[grüße] [",
        "so *nod",
    ] {
        let expected = written.strip_suffix(" [").map_or(written, |start| start);
        assert_eq!(text(written).trim_end(), expected.trim_end());
    }
}

#[test]
fn an_unfinished_tag_is_dropped_and_other_open_brackets_are_kept() {
    for (written, read) in
        [("Yes [hap", "Yes"), ("Yes [", "Yes"), ("Yes [see p", "Yes [see p"), ("a [b", "a [b")]
    {
        assert_eq!(text(written), read, "{written}");
    }
}

#[test]
fn no_more_text_is_held_back_than_the_longest_tag() {
    let mut tags = Tags::new(true);
    let long = "[a bracket that goes on and on and never ends";
    assert_eq!(tags.push(long).text, long);
    assert_eq!(tags.push("Stop. ").text, "Stop. ");
    assert_eq!(tags.push("Go on").text, "Go on");
}

#[test]
fn what_is_far_behind_a_stage_direction_does_not_count_however_it_comes() {
    for (spaces, read) in [(23, "*waves* and"), (24, "and"), (60, "and")] {
        let written = format!("*waves*{}and", " ".repeat(spaces));
        let read = read.replace(' ', &" ".repeat(spaces));
        assert_eq!(text(&written), read, "{spaces} spaces");
        assert_eq!(filter(written.split_inclusive(' ')).text, read, "{spaces} spaces, one by one");
    }
    let wide = format!("*waves*{}und", "\u{3000}".repeat(20));
    assert_eq!(filter(wide.split_inclusive('\u{3000}')).text, wide);
}

fn written() -> impl Strategy<Value = String> {
    let parts = prop::sample::select(vec![
        "[happy]",
        "[nod]",
        "[sarcastic]",
        "*nods*",
        "*waves*",
        "*waves a*",
        "Hm",
        "[1]",
        "a[0]",
        "[see page 4]",
        "[x](y)",
        "**b**",
        "[",
        "]",
        "*",
        " ",
        "                       ",
        "\u{3000}",
        "\n",
        "ä",
        "Yes",
        ".",
        "[hap",
        "[lean",
        "-in]",
        "。",
        "no",
        ", ",
    ]);
    prop::collection::vec(parts, 0..14).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn the_output_does_not_depend_on_how_the_text_is_split(text in written(), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6)) {
        let bounds: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| bounds[cut.index(bounds.len())]).collect();
        cuts.extend([0, text.len()]);
        cuts.sort_unstable();
        let pieces = cuts.windows(2).map(|pair| &text[pair[0]..pair[1]]);
        prop_assert_eq!(filter(pieces), filter([text.as_str()]));
        let each = bounds.windows(2).map(|pair| &text[pair[0]..pair[1]]);
        prop_assert_eq!(filter(each), filter([text.as_str()]));
    }

    #[test]
    fn text_without_marks_is_unchanged(text in "[a-zä.,!? \n-]{0,80}") {
        prop_assert_eq!(filter([text.as_str()]).text, text);
    }
}
