//! The real program with a real model: responses, cancellation, reuse, refusal and shutdown.

#![allow(clippy::unwrap_used)] // a broken expectation is a failed test, in helpers too

mod program;

use program::{Program, finish, long, message, model, short};
use tonic::Code;
use visavis_proto::fault::is_too_long;
use visavis_proto::v1::generate_done::Reason;
use visavis_proto::v1::generate_event::Event;
use visavis_proto::v1::health_reply::State;
use visavis_proto::v1::{ChatMessage, GenerateRequest, Priority, ReleaseRequest, Tool, ToolCall};

#[tokio::test]
async fn a_response_ends_with_one_done_and_greedy_responses_agree() {
    let mut program = Program::start(&[]).await;
    let question = GenerateRequest {
        messages: vec![message("user", "What is the capital of France?")],
        max_tokens: 24,
        ..GenerateRequest::default()
    };
    let (text, done) = program.generate(question.clone()).await;
    assert!(text.contains("Paris"), "{text:?}");
    assert!(
        done.prompt_tokens > 5 && done.generated_tokens > 0 && done.total_ms >= done.first_token_ms,
        "{done:?}"
    );
    assert_eq!(program.generate(question.clone()).await.0, text);
    let (cut, done) =
        program.generate(GenerateRequest { stop: vec!["Paris".into()], ..question.clone() }).await;
    assert_eq!((cut.as_str(), done.reason()), (text.split("Paris").next().unwrap(), Reason::Stop));
    let (_, done) = program.generate(GenerateRequest { max_tokens: 3, ..question }).await;
    assert_eq!((done.generated_tokens, done.reason()), (3, Reason::Length));
    // A reply may arrive before its request stops counting.
    let stats = program.stats_when(|stats| stats.active == 0).await;
    assert_eq!((stats.requests, stats.queued, stats.cancelled, stats.failed), (4, 0, 0, 0));
    assert!(stats.units > 0 && stats.busy_ms > 0);
}

#[tokio::test]
async fn a_seed_repeats_a_response_and_another_seed_gives_another() {
    let mut program = Program::start(&[]).await;
    let request = |seed| GenerateRequest { temperature: 1.5, seed, ..long("") };
    let mut responses = Vec::new();
    for seed in [7, 7, 8] {
        responses.push(program.generate(GenerateRequest { max_tokens: 24, ..request(seed) }).await.0);
    }
    assert_eq!(responses[0], responses[1]);
    assert_ne!(responses[0], responses[2]);
}

#[tokio::test]
async fn a_dropped_stream_frees_its_slot_and_the_next_request_works() {
    let mut program = Program::start(&["--slots", "1"]).await;
    let mut stream = program.llm.generate(long("a")).await.unwrap().into_inner();
    assert!(matches!(stream.message().await.unwrap().unwrap().event, Some(Event::Text(_))));
    assert_eq!(program.stats().await.active, 1);
    drop(stream);
    let stats = program.stats_when(|stats| stats.active == 0).await;
    assert_eq!(stats.cancelled, 1);
    let (text, _) = program.generate(short("b", "Hello!")).await;
    assert!(!text.is_empty());
}

#[tokio::test]
async fn a_second_turn_and_a_second_conversation_evaluate_only_what_is_new() {
    let mut program = Program::start(&[]).await;
    let first = short("a", "What is the capital of France?");
    let (response, done) = program.generate(first.clone()).await;
    assert_eq!(done.cached_tokens, 0);
    let mut second = first.clone();
    second.messages.push(message("assistant", &response));
    second.messages.push(message("user", "And of Italy?"));
    let (_, next) = program.generate(second).await;
    assert!(next.cached_tokens >= done.prompt_tokens, "{next:?} after {done:?}");
    let (_, other) = program.generate(short("b", "Who are you?")).await;
    assert!(other.cached_tokens > 5, "the system prompt is shared: {other:?}");
    let prefill = program.llm.prefill(short("c", "Tell me a joke.")).await.unwrap().into_inner();
    let (_, ready) = program.generate(short("c", "Tell me a joke.")).await;
    assert_eq!(
        (ready.prompt_tokens, ready.cached_tokens),
        (prefill.prompt_tokens, prefill.prompt_tokens - 1)
    );
    program.llm.release(ReleaseRequest { conversation: "a".into() }).await.unwrap();
    program.llm.release(ReleaseRequest { conversation: "unknown".into() }).await.unwrap();
}

#[tokio::test]
async fn reuse_does_not_change_the_response() {
    let mut program = Program::start(&[]).await;
    let question = || GenerateRequest { max_tokens: 24, ..short("", "Name three colours of the rainbow.") };
    let (cold, _) = program.generate(question()).await;
    // Four responses at once, from slots with different tails and with copied prefixes.
    let llm = &program.llm;
    let together = (0..4).map(|i| async move {
        let request = GenerateRequest { conversation: i.to_string(), ..question() };
        finish(llm.clone().generate(request).await.unwrap().into_inner()).await
    });
    for (text, done) in futures_util::future::join_all(together).await {
        assert!(done.cached_tokens > 0, "{done:?}");
        // Batched arithmetic may round differently late in a response; a wrong cache shows at once.
        assert_eq!(text.get(..12), cold.get(..12), "{text:?} instead of {cold:?}");
    }
}

#[tokio::test]
async fn a_newer_request_of_the_same_conversation_ends_the_older_one() {
    let mut program = Program::start(&[]).await;
    let mut old = program.llm.generate(long("a")).await.unwrap().into_inner();
    assert!(old.message().await.unwrap().is_some());
    let (text, _) = program.generate(short("a", "Stop. Say hello.")).await;
    assert!(!text.is_empty());
    let status = loop {
        match old.message().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("the old response ended as if it were complete"),
            Err(status) => break status,
        }
    };
    assert_eq!(status.code(), Code::Cancelled, "{status}");
    program.stats_when(|stats| stats.active == 0).await;
}

/// A conversation whose next response is a call: even the smallest model copies what has been said before.
fn about_to_call(conversation: &str) -> GenerateRequest {
    let words =
        "The sea is wide and the wind is strong. The old captain looks at the sky and waits for the morning.";
    let arguments = format!(r#"{{"sort": "s7", "words": "{words}"}}"#);
    let sorts: Vec<String> = (0..16).map(|n| format!("\"s{n}\"")).collect();
    let parameters = format!(
        r#"{{"type":"object","properties":{{"sort":{{"enum":[{}]}},"words":{{"type":"string"}},"more":{{"type":"array","items":{{"type":"string"}},"maxItems":12}}}},"required":["sort","words"]}}"#,
        sorts.join(",")
    );
    let tool = |name: &str, description: &str| Tool {
        name: name.into(),
        description: description.into(),
        parameters: parameters.clone(),
    };
    let asked = || message("user", "Write it down.");
    let called = || {
        let call = ToolCall { name: "note".into(), arguments: arguments.clone() };
        ChatMessage { role: "assistant".into(), content: String::new(), call: Some(call) }
    };
    GenerateRequest {
        conversation: conversation.into(),
        messages: vec![asked(), called(), asked(), called(), asked()],
        max_tokens: 200,
        tools: vec![tool("note", "Writes words down."), tool("note_again", "Writes words down again.")],
        ..GenerateRequest::default()
    }
}

#[tokio::test]
async fn a_response_is_written_beside_a_call_that_a_grammar_constrains() {
    let mut program = Program::start(&[]).await;
    let mut calling = program.llm.generate(about_to_call("a")).await.unwrap().into_inner();
    let mut speaking = program.llm.generate(long("b")).await.unwrap().into_inner();
    // What has arrived of both is taken in favour of the call, so that a slow test never counts too many words before it.
    let mut words_before = 0;
    let call = loop {
        tokio::select! {
            biased;
            event = calling.message() => match event.unwrap().expect("a call comes first").event.unwrap() {
                Event::Call(call) => break call,
                other => panic!("{other:?} instead of a call"),
            },
            event = speaking.message() => match event.unwrap().expect("a long response").event.unwrap() {
                Event::Text(_) => words_before += 1,
                other => panic!("{other:?} instead of words"),
            },
        }
    };
    assert!(words_before >= 4, "{words_before} pieces came while the call was written");
    assert!(matches!(speaking.message().await.unwrap().unwrap().event, Some(Event::Text(_))), "it goes on");
    let arguments: serde_json::Value = serde_json::from_str(&call.arguments).unwrap();
    assert_eq!((call.name.as_str(), arguments["sort"].as_str()), ("note", Some("s7")), "{call:?}");
    assert!(arguments["words"].is_string(), "{call:?}");
}

#[tokio::test]
async fn a_full_queue_refuses_at_once_and_a_passed_deadline_ends_a_waiting_request() {
    let mut program = Program::start(&["--slots", "1", "--queue", "1"]).await;
    let mut running = program.llm.generate(long("a")).await.unwrap().into_inner();
    assert!(running.message().await.unwrap().is_some());
    let waiting = program.llm.generate(long("b")).await.unwrap().into_inner();
    let refused = program.llm.generate(long("c")).await.unwrap_err();
    assert_eq!(refused.code(), Code::ResourceExhausted, "{refused}");
    assert_eq!(program.stats().await.rejected, 1);
    drop(waiting);
    program.stats_when(|stats| stats.queued == 0).await;
    let late = GenerateRequest { deadline_ms: 50, ..long("d") };
    let mut late = program.llm.generate(late).await.unwrap().into_inner();
    assert_eq!(late.message().await.unwrap_err().code(), Code::DeadlineExceeded);
    assert_eq!(program.stats().await.active, 1, "the running response continues");
}

#[tokio::test]
async fn bad_input_is_named_and_a_prompt_that_does_not_fit_names_the_limit() {
    let mut program = Program::start(&[]).await;
    let cases = [
        ("messages: empty", GenerateRequest::default()),
        (
            "messages[1].role",
            GenerateRequest { messages: vec![message("user", "a"), message("bot", "b")], ..long("") },
        ),
        ("temperature", GenerateRequest { temperature: -1.0, ..long("") }),
        (
            "messages: ",
            GenerateRequest { messages: vec![message("user", &"word ".repeat(2000))], ..long("") },
        ),
    ];
    for (beginning, request) in cases {
        let status = program.llm.generate(request).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{status}");
        assert!(status.message().starts_with(beginning), "{status}");
    }
    let status = program.llm.generate(short("", &"word ".repeat(1100))).await.unwrap_err();
    assert!(status.message().contains("context of 1024"), "{status}");
    let detail = is_too_long(&status).expect("the trailer says by how much it is too long");
    assert!(detail.limit == 1024 - 8 && detail.got > 1100, "{detail:?}");
    // Too long to be tokenised, and a single long word, on which tokenizers recurse.
    let status = program.llm.generate(short("", &"word".repeat(50_000))).await.unwrap_err();
    assert!(is_too_long(&status).is_some_and(|detail| detail.got > 1024), "{status}");
    let status = program.llm.generate(short("", &"o".repeat(32_000))).await.unwrap_err();
    assert!(is_too_long(&status).is_some(), "{status}");
    // A refusal may arrive before its request stops counting.
    program.stats_when(|stats| (stats.active, stats.queued) == (0, 0)).await;
}

#[tokio::test]
async fn count_agrees_with_generate() {
    let mut program = Program::start(&[]).await;
    let mut question = short("a", "What is the capital of France?");
    question.messages.push(message("assistant", "It is Paris."));
    question.messages.push(message("user", "And of Italy?"));
    let counted = program.llm.count(question.clone()).await.unwrap().into_inner();
    let (_, done) = program.generate(question.clone()).await;
    assert_eq!((counted.total, counted.limit), (done.prompt_tokens, 1024 - 8));
    assert_eq!(counted.messages.len(), question.messages.len());
    let sum: u32 = counted.messages.iter().sum();
    assert!(counted.total.abs_diff(sum) <= 8, "{counted:?}");

    let parameters = r#"{"type":"object"}"#.to_owned();
    let tools = vec![Tool { name: "look".into(), description: "Looks around.".into(), parameters }];
    let with_tools = program.llm.count(GenerateRequest { tools, ..question.clone() }).await.unwrap();
    let with_tools = with_tools.into_inner();
    assert!(with_tools.tools > 20 && with_tools.total.abs_diff(counted.total + with_tools.tools) <= 4);

    // Messages that do not fit are counted as well, so that the caller can cut them.
    let long = program.llm.count(short("", &"word ".repeat(1100))).await.unwrap().into_inner();
    assert!(long.total > long.limit && long.messages[1] > 1100, "{long:?}");
    let health = program.settled().await;
    assert_eq!(health.context, 1024);
}

#[tokio::test]
async fn a_missing_or_broken_model_is_reported_by_health_and_every_request() {
    let broken = std::env::temp_dir().join(format!("visavis-llm-broken-{}.gguf", std::process::id()));
    std::fs::write(&broken, &std::fs::read(model()).unwrap()[..100_000]).unwrap();
    let missing = std::path::Path::new("no-such-model.gguf");
    for (path, reason) in [(missing, "cannot be opened"), (broken.as_path(), "damaged")] {
        let mut program = Program::start_with(path, &[]).await;
        let health = program.settled().await;
        assert_eq!(health.state(), State::Failed);
        assert!(health.message.contains(reason), "{}", health.message);
        let status = program.llm.generate(short("", "Hello")).await.unwrap_err();
        assert_eq!((status.code(), status.message()), (Code::FailedPrecondition, health.message.as_str()));
    }
    std::fs::remove_file(broken).unwrap();
}

#[tokio::test]
async fn a_folder_or_another_format_as_the_model_says_what_to_set() {
    let other = std::env::temp_dir().join(format!("visavis-llm-other-{}.gguf", std::process::id()));
    std::fs::write(&other, b"PK\x03\x04 an archive").unwrap();
    for (path, reason) in [(std::env::temp_dir(), "is a folder"), (other.clone(), "is not a GGUF model")] {
        let mut program = Program::start_with(&path, &[]).await;
        let health = program.settled().await;
        assert_eq!(health.state(), State::Failed);
        assert!(
            health.message.contains(reason) && health.message.contains("llm.model"),
            "{}",
            health.message
        );
    }
    std::fs::remove_file(other).unwrap();
}

#[tokio::test]
async fn a_named_template_replaces_that_of_the_file() {
    let mut counted = Vec::new();
    for arguments in [&[][..], &["--template", "chatml"], &["--template", "phi4-mini"]] {
        let mut program = Program::start(arguments).await;
        let (_, done) = program.generate(short("", "What is the capital of France?")).await;
        counted.push(done.prompt_tokens);
    }
    assert_eq!(counted[0], counted[1]);
    assert_ne!(counted[0], counted[2]);
}

#[tokio::test]
async fn the_program_exits_when_its_standard_input_closes_even_during_a_response() {
    let mut program = Program::start(&[]).await;
    let mut stream = program.llm.generate(long("a")).await.unwrap().into_inner();
    assert!(stream.message().await.unwrap().is_some());
    drop(program.child.stdin.take());
    assert!(program.ended().await.success());
}

#[tokio::test]
async fn the_program_exits_cleanly_on_a_signal() {
    let mut program = Program::start(&[]).await;
    program.generate(short("a", "Hello!")).await;
    let pid = program.child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    assert!(program.ended().await.success());
}

#[tokio::test]
async fn a_response_follows_a_schema_to_its_end_and_one_that_must_call_calls() {
    let mut program = Program::start(&[]).await;
    let schema = r#"{"type":"object","properties":{"colour":{"enum":["red","green","blue"]},"bright":{"type":"boolean"}},
        "required":["colour","bright"],"additionalProperties":false}"#;
    for temperature in [0.0, 1.5] {
        let request = GenerateRequest {
            messages: vec![message("user", "Which colour has the sky?")],
            max_tokens: u32::MAX,
            fill: true,
            schema: schema.into(),
            temperature,
            ..GenerateRequest::default()
        };
        let (text, done) = program.generate(request).await;
        let answer: serde_json::Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text:?}"));
        assert!(["red", "green", "blue"].contains(&answer["colour"].as_str().unwrap()), "{text}");
        assert!(answer["bright"].is_boolean() && answer.as_object().unwrap().len() == 2, "{text}");
        assert_eq!(done.reason(), Reason::Stop);
    }
    let rare = "\u{1f9ff}\u{13080}\u{a015}";
    let schema =
        serde_json::json!({ "type": "object", "properties": { "x": { "const": rare } }, "required": ["x"] });
    let (text, _) = program.generate(GenerateRequest { schema: schema.to_string(), ..long("") }).await;
    let answer: serde_json::Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text:?}"));
    assert_eq!(answer["x"], rare, "however unlikely its tokens are");
    let tool = Tool {
        name: "look".into(),
        description: "Looks at a place.".into(),
        parameters: r#"{"type":"object","properties":{"at":{"enum":["sky","sea"]}},"required":["at"]}"#
            .into(),
    };
    let request = GenerateRequest { tools: vec![tool], must_call: true, ..long("") };
    let mut events = program.llm.generate(request).await.unwrap().into_inner();
    let Some(Event::Call(call)) = events.message().await.unwrap().unwrap().event else { panic!("no call") };
    let arguments: serde_json::Value = serde_json::from_str(&call.arguments).unwrap();
    assert_eq!(call.name, "look");
    assert!(arguments["at"] == "sky" || arguments["at"] == "sea", "{call:?}");
}

#[tokio::test]
async fn a_response_that_may_fill_the_context_ends_with_it_and_its_prompt_may_be_as_long() {
    let mut program = Program::start(&[]).await;
    let fill = |request: GenerateRequest| GenerateRequest { max_tokens: u32::MAX, fill: true, ..request };
    // The program's context is 1024 tokens.
    let (_, done) = program.generate(fill(short("", &"word ".repeat(900)))).await;
    assert!(done.prompt_tokens > 900 && done.prompt_tokens + done.generated_tokens <= 1024, "{done:?}");
    let status = program.llm.generate(fill(short("", &"word ".repeat(1100)))).await.unwrap_err();
    assert_eq!(is_too_long(&status).unwrap().limit, 1023);
}

#[tokio::test]
async fn a_response_beside_calls_waits_for_a_slot_that_no_conversation_keeps() {
    let mut program = Program::start(&["--slots", "1"]).await;
    let (_, first) = program.generate(short("a", "What is the capital of France?")).await;
    let beside = GenerateRequest { priority: Priority::Batch.into(), ..short("", "Hello!") };
    let mut waiting = program.llm.generate(beside).await.unwrap().into_inner();
    let (_, again) = program.generate(short("a", "What is the capital of France?")).await;
    assert_eq!(again.cached_tokens, first.prompt_tokens - 1, "the call finds its cache");
    assert_eq!(program.stats().await.queued, 1);
    program.llm.release(ReleaseRequest { conversation: "a".into() }).await.unwrap();
    assert!(waiting.message().await.unwrap().is_some());
    let (_, done) = finish(waiting).await;
    assert!(done.generated_tokens > 0);
}
