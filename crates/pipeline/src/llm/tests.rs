use std::time::Duration;

use super::*;
use crate::avatar::cue::{Cue, Gesture};
use crate::engine::scripted::ScriptedLlm;

/// The phrases of an answer of these pieces.
async fn phrases(pieces: &[&str], request: ResponseRequest, cues: CueSources) -> Vec<Sentence> {
    let llm = ScriptedLlm::default();
    let script = pieces.iter().map(|piece| (Duration::ZERO, Ok(LlmPiece::Text((*piece).to_owned()))));
    llm.answers.lock().push_back(script.collect());
    let (sentences, mut out) = mpsc::channel(64);
    let (notes, _kept) = mpsc::channel(1024);
    let (_rounds, rounds) = mpsc::channel(1);
    let (_played, position) = watch::channel(PlaybackPosition::default());
    let around = Around { sentences, notes, position };
    run("call".into(), request, Arc::new(llm), around, rounds, cues).await.unwrap();
    let mut phrases = Vec::new();
    while let Some(sentence) = out.recv().await {
        phrases.push(sentence);
    }
    phrases
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

/// What is shown and what is spoken, phrase by phrase.
async fn answered(pieces: &[&str]) -> Vec<(String, String)> {
    let phrases = phrases(pieces, request(), CueSources::default()).await;
    phrases.into_iter().map(|phrase| (phrase.text, phrase.speakable)).collect()
}

const NO_ANSWER: &str = "I have no answer to that. Please put it another way.";

#[tokio::test]
async fn private_text_is_neither_spoken_nor_shown() {
    let cases: [(&[&str], &str); 6] = [
        (&["<th", "ink>They want tea.", "\nYes.</think>\n\nHere is", " your tea."], "Here is your tea."),
        (&["Hello.", "<|im_end|>"], "Hello."),
        (&["{\"name\": \"x\", \"argu", "ments\": {}}"], NO_ANSWER),
        (&["<think>It never ends. And"], NO_ANSWER),
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
async fn code_is_shown_and_told_of_once() {
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
async fn captions_are_clean_and_lines_stay_lines() {
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
async fn an_answer_without_a_word_is_followed_by_words() {
    for pieces in [&["🎉🎉"][..], &["..."], &[""], &["---\n"]] {
        let said: Vec<_> = answered(pieces).await.into_iter().map(|(_, spoken)| spoken).collect();
        let said = said.join(" ");
        assert!(said.trim().ends_with(NO_ANSWER), "{pieces:?}: {said}");
    }
}

#[tokio::test]
async fn tags_are_taken_out_where_they_are_on_and_words_stay_words() {
    let pieces = ["Dear [name], [nod] sound *waves* travel."];
    let on = CueSources { tags: true, words: false };
    for (sources, expected) in [
        (on, "Dear [name], sound waves travel."),
        (CueSources::default(), "Dear [name], [nod] sound waves travel."),
    ] {
        let phrases = phrases(&pieces, request(), sources).await;
        let text: Vec<_> = phrases.iter().map(|phrase| phrase.text.as_str()).collect();
        assert_eq!(text.join(" "), expected);
        let cues: Vec<_> = phrases.iter().flat_map(|phrase| &phrase.cues).map(|(_, cue)| *cue).collect();
        assert_eq!(cues.is_empty(), !sources.tags, "{cues:?}");
        assert!(cues.iter().all(|cue| *cue == Cue::Gesture(Gesture::Nod)));
    }
}

#[tokio::test]
async fn a_preface_is_said_before_the_answer_and_is_none() {
    let request = || ResponseRequest { preface: Some("I speak English.".into()), ..request() };
    let said =
        |phrases: Vec<Sentence>| phrases.into_iter().map(|phrase| phrase.speakable).collect::<Vec<_>>();
    let answer = phrases(&["Yes."], request(), CueSources::default()).await;
    assert_eq!(said(answer), ["I speak English.", "Yes."]);
    let nothing = phrases(&[""], request(), CueSources::default()).await;
    assert_eq!(said(nothing).join(" "), format!("I speak English. {NO_ANSWER}"));
}

/// The phrases of an answer whose words come one by one, so far apart, to a voice that takes each phrase at once, says
/// fifteen letters a second and is played as soon as it speaks.
async fn phrases_at(text: &str, apart: Duration, request: ResponseRequest) -> Vec<String> {
    let llm = ScriptedLlm::default();
    let words = text.split_inclusive(' ').map(|word| (apart, Ok(LlmPiece::Text(word.to_owned()))));
    llm.answers.lock().push_back(words.collect());
    let (sentences, mut out) = mpsc::channel(4);
    let (notes, _kept) = mpsc::channel(1024);
    let (_rounds, rounds) = mpsc::channel(1);
    let (played, position) = watch::channel(PlaybackPosition::default());
    let around = Around { sentences, notes, position };
    let answer = run("call".into(), request, Arc::new(llm), around, rounds, CueSources::default());
    let mut phrases = Vec::new();
    let voice = async {
        let mut until = tokio::time::Instant::now();
        loop {
            tokio::select! {
                sentence = out.recv() => match sentence {
                    Some(sentence) => {
                        let length = Duration::from_secs_f64(sentence.speakable.len() as f64 / 15.0);
                        until = until.max(tokio::time::Instant::now()) + length;
                        phrases.push(sentence.text);
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
    tokio::join!(answer, voice).0.unwrap();
    phrases
}

const STORY: &str = "A brave dog, named Max, was a loyal companion who loved to chase after his owner.";
const WHOLE: [&str; 2] =
    ["A brave dog,", "named Max, was a loyal companion who loved to chase after his owner."];

#[tokio::test(start_paused = true)]
async fn what_comes_slowly_behind_a_short_phrase_is_cut_at_a_clause_so_that_the_voice_goes_on() {
    assert_eq!(phrases_at(STORY, Duration::from_millis(20), request()).await, WHOLE);
    assert_eq!(
        phrases_at(STORY, Duration::from_millis(60), request()).await,
        ["A brave dog,", "named Max, was a loyal companion", "who loved to chase after his owner."]
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_not_spoken_is_cut_at_sentences_however_slowly_it_comes() {
    let silent = ResponseRequest { aloud: false, ..request() };
    assert_eq!(phrases_at(STORY, Duration::from_millis(300), silent).await, WHOLE);
}
