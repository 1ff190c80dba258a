//! The real program with a real model: unfinished messages, speculative responses and turn prediction.

#![allow(clippy::unwrap_used)] // a broken expectation is a failed test, in helpers too

#[allow(dead_code)] // the other tests use all of it
mod program;

use program::{Program, finish, long, message, short};
use tonic::Code;
use visavis_proto::v1::generate_done::Reason;
use visavis_proto::v1::generate_event::Event;
use visavis_proto::v1::{GenerateDone, GenerateRequest, Priority};

/// How likely the turn ends with these words, and the rest of the response.
async fn turn_end(program: &mut Program, conversation: &str, words: &str) -> (Option<f32>, GenerateDone) {
    let request = GenerateRequest { turn_end: true, ..short(conversation, words) };
    let mut events = program.llm.generate(request).await.unwrap().into_inner();
    let first = events.message().await.unwrap().unwrap().event.unwrap();
    let (_, done) = finish(events).await;
    (if let Event::TurnEnd(probability) = first { Some(probability) } else { None }, done)
}

#[tokio::test]
async fn a_whole_question_is_likelier_to_end_the_turn_than_its_beginning_whatever_the_punctuation() {
    let mut program = Program::start(&[]).await;
    for (whole, part) in [
        ("What is the capital of France?", "What is the capital of."),
        ("Could you tell me a short story", "Could you tell me a"),
        ("I am going to the market.", "I am going to the..."),
    ] {
        let (whole, _) = turn_end(&mut program, "", whole).await;
        let (part, _) = turn_end(&mut program, "", part).await;
        let (whole, part) = (whole.unwrap(), part.unwrap());
        assert!(whole > 5.0 * part && whole <= 1.0 && part >= 0.0, "{whole} {part}");
    }
    let plain = turn_end(&mut program, "", "I was thinking about the").await.0.unwrap();
    for ending in [".", "...", "?", " - ", ", \""] {
        let other = turn_end(&mut program, "", &format!("I was thinking about the{ending}")).await.0.unwrap();
        assert!((other / plain - 1.0).abs() < 0.1, "{plain} became {other} with {ending:?}");
    }
    assert_eq!(turn_end(&mut program, "", "...").await.0, None, "no words, no probability");
}

#[tokio::test]
async fn prefilled_words_leave_the_probability_unchanged_and_only_the_last_word_to_evaluate() {
    let mut program = Program::start(&[]).await;
    let question = "Could you please tell me what the capital of France is?";
    let (cold, _) = turn_end(&mut program, "", question).await;
    for words in ["Could you please", "Could you please tell me what the capital of..."] {
        let open = GenerateRequest { open: true, ..short("a", words) };
        program.llm.prefill(open).await.unwrap();
    }
    let open = GenerateRequest { open: true, ..short("a", question) };
    let prefill = program.llm.prefill(open).await.unwrap().into_inner();
    assert!(prefill.cached_tokens + 4 >= prefill.prompt_tokens, "{prefill:?}");
    let (warm, done) = turn_end(&mut program, "a", question).await;
    assert_eq!(done.cached_tokens, prefill.prompt_tokens, "all but the last word is cached");
    let (cold, warm) = (cold.unwrap(), warm.unwrap());
    assert!((cold / warm - 1.0).abs() < 0.1, "{cold} became {warm}");
    let (again, _) = turn_end(&mut program, "a", question).await;
    assert!((cold / again.unwrap() - 1.0).abs() < 0.1, "also when all of it is cached");
}

#[tokio::test]
async fn a_cancelled_speculative_response_stops_at_once_and_leaves_only_the_common_prefix() {
    let mut program = Program::start(&[]).await;
    let question = "I would like to know the capital of France, please.";
    let (cold, _) = program.generate(GenerateRequest { max_tokens: 24, ..short("", question) }).await;
    // A fresh program, so that there is nothing to copy.
    let mut program = Program::start(&["--slots", "1"]).await;
    let open = GenerateRequest { open: true, ..short("a", "I would like to know the") };
    let prefill = program.llm.prefill(open).await.unwrap().into_inner();
    let speculative = GenerateRequest {
        priority: Priority::Speculative.into(),
        max_tokens: 500,
        ..short("a", "I would like to know the...")
    };
    let mut stream = program.llm.generate(speculative).await.unwrap().into_inner();
    assert!(matches!(stream.message().await.unwrap().unwrap().event, Some(Event::Text(_))));
    drop(stream);
    let before = program.stats().await.units;
    let stats = program.stats_when(|stats| stats.active == 0).await;
    assert_eq!(stats.cancelled, 1);
    assert!(stats.units <= before + 4, "{} tokens after the reader had left", stats.units - before);
    let (text, done) = program.generate(GenerateRequest { max_tokens: 24, ..short("a", question) }).await;
    assert_eq!(done.cached_tokens, prefill.prompt_tokens + 1, "all words of the common prefix");
    // Batched arithmetic may round differently late in a response; a wrong cache shows at once.
    assert_eq!(text.get(..12), cold.get(..12), "{text:?} instead of {cold:?}");
}

#[tokio::test]
async fn a_prefill_waits_for_a_response_being_generated_and_gives_way_to_a_new_one() {
    let mut program = Program::start(&[]).await;
    let spoken = GenerateRequest { max_tokens: 40, ..long("a") };
    let mut stream = program.llm.generate(spoken).await.unwrap().into_inner();
    assert!(stream.message().await.unwrap().is_some());
    let mut llm = program.llm.clone();
    let open = GenerateRequest { open: true, ..short("a", "Please stop the") };
    let waiting = tokio::spawn(async move { llm.prefill(open).await });
    program.stats_when(|stats| stats.queued == 1).await;
    let (_, done) = finish(stream).await;
    assert_eq!((done.reason(), done.generated_tokens), (Reason::Length, 40), "it was not disturbed");
    waiting.await.unwrap().unwrap();
    // A reply may arrive before its request stops counting; wait, so that `active` counts only the one below.
    program.stats_when(|stats| stats.active == 0).await;

    let much = format!("I want you to remember this: {}", "the roses need water, ".repeat(120));
    let (mut llm, open) = (program.llm.clone(), GenerateRequest { open: true, ..short("a", &much) });
    let ahead = tokio::spawn(async move { llm.prefill(open).await });
    program.stats_when(|stats| stats.active == 1).await;
    let (text, done) = program.generate(short("a", &much)).await;
    assert!(!text.is_empty() && done.generated_tokens > 0);
    assert_eq!(ahead.await.unwrap().unwrap_err().code(), Code::Cancelled);
}

#[tokio::test]
async fn open_and_turn_end_are_refused_unless_the_last_message_is_the_users() {
    let mut program = Program::start(&[]).await;
    let open = GenerateRequest { open: true, ..short("", "Hello") };
    let status = program.llm.generate(open).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert!(status.message().starts_with("open: "), "{status}");
    let mut told = short("", "Hello");
    told.messages.push(message("assistant", "Hi!"));
    for request in [
        GenerateRequest { turn_end: true, ..told.clone() },
        GenerateRequest { turn_end: true, ..short("", "Hello") },
        GenerateRequest { open: true, ..told },
    ] {
        let status = program.llm.prefill(request).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{status}");
    }
}
