use std::time::Duration;

use visavis_scripted::{ScriptedLlm, ScriptedResponse};

use super::*;
use crate::avatar::cue::{Cue, Gesture};

fn asker() -> Asker {
    Asker { conversation: "call".into(), ..Asker::default() }
}

/// The segments of a response of these pieces.
async fn segments(pieces: &[&str], request: ResponseRequest, cues: CueSources) -> Vec<Segment> {
    let llm = ScriptedLlm::new([ScriptedResponse::texts(pieces.iter().copied())]);
    let (segments, mut out) = mpsc::channel(64);
    let (notes, _kept) = mpsc::channel(1024);
    let (_rounds, rounds) = mpsc::channel(1);
    let (_played, position) = watch::channel(PlaybackPosition::default());
    let channels = Channels { segments, notes, position };
    run(asker(), request, Arc::new(llm), channels, rounds, cues).await.unwrap();
    let mut segments = Vec::new();
    while let Some(segment) = out.recv().await {
        segments.push(segment);
    }
    segments
}

fn request() -> ResponseRequest {
    ResponseRequest {
        id: ResponseId(1),
        speculative: false,
        script: None,
        canned: false,
        preface: None,
        messages: Vec::new(),
        language: "en".into(),
        voice: String::new(),
        tools: Tools::default(),
        aloud: true,
    }
}

/// What is shown and what is spoken, segment by segment.
async fn answered(pieces: &[&str]) -> Vec<(String, String)> {
    let segments = segments(pieces, request(), CueSources::default()).await;
    segments.into_iter().map(|segment| (segment.text, segment.speakable)).collect()
}

const NO_RESPONSE: &str = "I have no answer to that. Please put it another way.";

#[tokio::test]
async fn private_text_is_neither_spoken_nor_shown() {
    let cases: [(&[&str], &str); 6] = [
        (&["<th", "ink>They want tea.", "\nYes.</think>\n\nHere is", " your tea."], "Here is your tea."),
        (&["Hello.", "<|im_end|>"], "Hello."),
        (&["{\"name\": \"x\", \"argu", "ments\": {}}"], NO_RESPONSE),
        (&["<think>It never ends. And"], NO_RESPONSE),
        (&["\u{0}Tea\u{1b} it is."], "Tea it is."),
        (&["<p>It is <emphasis>really</emphasis> hot.</p>"], "It is really hot."),
    ];
    for (pieces, expected) in cases {
        let (shown, spoken): (Vec<_>, Vec<_>) = answered(pieces).await.into_iter().unzip();
        assert_eq!(shown.join(" "), expected, "{pieces:?}");
        assert_eq!(spoken.join(" "), expected, "{pieces:?}");
    }
}

#[tokio::test]
async fn code_is_shown_and_announced_once() {
    let pieces = ["Try this:\n```py", "thon\nprint(1)\n```\nOr this.\n```\nx", "**2\n```\n", "That is all."];
    let shown: Vec<_> = answered(&pieces).await;
    let shown: Vec<_> = shown.iter().map(|(text, spoken)| (text.as_str(), spoken.as_str())).collect();
    assert_eq!(
        shown,
        [
            ("Try this:", "Try this:"),
            ("\nThe code is on the screen.", "The code is on the screen."),
            ("print(1)", ""),
            ("\nOr this.", "Or this."),
            ("x**2", ""),
            ("\nThat is all.", "That is all."),
        ]
    );
}

#[tokio::test]
async fn captions_have_no_markdown_and_keep_line_breaks() {
    let shown: Vec<_> =
        answered(&["# Tea\n", "- **Green** tea.\n- *Black* tea.\n| a | b |\n|---|---|\n"]).await;
    let shown: Vec<_> = shown.iter().map(|(text, _)| text.as_str()).collect();
    assert_eq!(shown, ["Tea", "\nGreen tea.", "\nBlack tea.", "\na, b"]);
}

#[tokio::test]
async fn a_table_is_shown_and_spoken_row_by_row() {
    let rows = answered(&["| Name | Age |\n|---|---|\n| Ada | 36 |\n"]).await;
    let rows: Vec<_> = rows.iter().map(|(text, spoken)| (text.as_str(), spoken.as_str())).collect();
    assert_eq!(rows, [("Name, Age", "Name, Age"), ("\nAda, 36", "Ada, 36")]);
}

#[tokio::test]
async fn a_response_without_words_is_followed_by_a_canned_phrase() {
    for pieces in [&["🎉🎉"][..], &["..."], &[""], &["---\n"]] {
        let said: Vec<_> = answered(pieces).await.into_iter().map(|(_, spoken)| spoken).collect();
        let said = said.join(" ");
        assert!(said.trim().ends_with(NO_RESPONSE), "{pieces:?}: {said}");
    }
}

#[tokio::test]
async fn tags_are_removed_where_enabled_and_other_brackets_stay() {
    let pieces = ["Dear [name], [nod] sound *waves* travel."];
    let on = CueSources { tags: true, words: false };
    for (sources, expected) in [
        (on, "Dear [name], sound waves travel."),
        (CueSources::default(), "Dear [name], [nod] sound waves travel."),
    ] {
        let segments = segments(&pieces, request(), sources).await;
        let text: Vec<_> = segments.iter().map(|segment| segment.text.as_str()).collect();
        assert_eq!(text.join(" "), expected);
        let cues: Vec<_> = segments.iter().flat_map(|segment| &segment.cues).map(|place| place.cue).collect();
        assert_eq!(cues.is_empty(), !sources.tags, "{cues:?}");
        assert!(cues.iter().all(|cue| *cue == Cue::Gesture(Gesture::Nod)));
    }
}

#[tokio::test]
async fn a_preface_is_said_before_the_response_and_does_not_replace_it() {
    let request = || ResponseRequest { preface: Some("I speak English.".into()), ..request() };
    let said =
        |segments: Vec<Segment>| segments.into_iter().map(|segment| segment.speakable).collect::<Vec<_>>();
    let response = segments(&["Yes."], request(), CueSources::default()).await;
    assert_eq!(said(response), ["I speak English.", "Yes."]);
    let nothing = segments(&[""], request(), CueSources::default()).await;
    assert_eq!(said(nothing).join(" "), format!("I speak English. {NO_RESPONSE}"));
}

/// The segments of a response whose words arrive one by one at this interval, for a voice that takes each segment at once,
/// says fifteen letters a second and is played as soon as it speaks.
async fn segments_at(text: &str, apart: Duration, request: ResponseRequest) -> Vec<String> {
    let llm = ScriptedLlm::new([ScriptedResponse::words(text).every(apart)]);
    let (segments, mut out) = mpsc::channel(4);
    let (notes, _kept) = mpsc::channel(1024);
    let (_rounds, rounds) = mpsc::channel(1);
    let (played, position) = watch::channel(PlaybackPosition::default());
    let channels = Channels { segments, notes, position };
    let response = run(asker(), request, Arc::new(llm), channels, rounds, CueSources::default());
    let mut segments = Vec::new();
    let voice = async {
        let mut until = tokio::time::Instant::now();
        loop {
            tokio::select! {
                segment = out.recv() => match segment {
                    Some(segment) => {
                        let length = Duration::from_secs_f64(segment.speakable.len() as f64 / 15.0);
                        until = until.max(tokio::time::Instant::now()) + length;
                        segments.push(segment.text);
                    }
                    None => break,
                },
                () = tokio::time::sleep(Duration::from_millis(20)) => {
                    if tokio::time::Instant::now() < until {
                        played.send_modify(|position| {
                            position.response = ResponseId(1);
                            position.samples += u64::from(OUT_RATE) / 50;
                        });
                    }
                }
            }
        }
    };
    tokio::join!(response, voice).0.unwrap();
    segments
}

const STORY: &str = "A brave dog, named Max, was a loyal companion who loved to chase after his owner.";
const WHOLE: [&str; 2] =
    ["A brave dog,", "named Max, was a loyal companion who loved to chase after his owner."];

#[tokio::test(start_paused = true)]
async fn slow_text_after_a_short_segment_is_cut_at_a_clause_so_that_the_voice_goes_on() {
    assert_eq!(segments_at(STORY, Duration::from_millis(20), request()).await, WHOLE);
    assert_eq!(
        segments_at(STORY, Duration::from_millis(60), request()).await,
        ["A brave dog,", "named Max, was a loyal companion", "who loved to chase after his owner."]
    );
}

#[tokio::test(start_paused = true)]
async fn text_that_is_not_spoken_is_cut_at_sentences_however_slow_it_is() {
    let silent = ResponseRequest { aloud: false, ..request() };
    assert_eq!(segments_at(STORY, Duration::from_millis(300), silent).await, WHOLE);
}

#[tokio::test]
async fn what_each_request_took_is_told_also_behind_a_tool_call() {
    let usage = |prompt| Usage { prompt, cached: 5, response: 3 };
    let ended = |prompt| LlmPiece::Ended(Ended { cut: false, usage: Some(usage(prompt)) });
    let call = WrittenCall { name: "order".into(), arguments: "{}".into() };
    let llm = ScriptedLlm::new([
        ScriptedResponse::new([LlmPiece::Call(call), ended(10)]),
        ScriptedResponse::new([LlmPiece::Text("It is shipped.".into()), ended(20)]),
    ]);
    let (segments, _spoken) = mpsc::channel(64);
    let (notes, mut told) = mpsc::channel(1024);
    let (next, rounds) = mpsc::channel(1);
    let (_played, position) = watch::channel(PlaybackPosition::default());
    let channels = Channels { segments, notes, position };
    let running = tokio::spawn(async move {
        run(asker(), request(), Arc::new(llm), channels, rounds, CueSources::default()).await
    });
    let mut used = Vec::new();
    while let Some(note) = told.recv().await {
        let ResponseNote::Input(Input::Used(usage)) = note else { continue };
        // The tool returns once what the call took is known, as tools take longer.
        if used.is_empty() {
            next.send(Round::Ask(Vec::new(), true)).await.unwrap();
        }
        used.push(usage);
    }
    running.await.unwrap().unwrap();
    assert_eq!(used, [usage(10), usage(20)]);
}
