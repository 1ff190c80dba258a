//! Turn-taking of the whole pipeline with scripted engines on a virtual clock.
#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic fails the test")]

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use visavis::config::Config;
use visavis::engine::EngineError;
use visavis::pipeline;
use visavis::pipeline::options::CallOptions;
use visavis::pipeline::scope::Scope;
use visavis::ports::{TransportPorts, call_ports};
use visavis_core::event::{CallEvent, ClientCommand, EndReason};
use visavis_core::frame::{AudioFrame, MIC_FRAME, Role};
use visavis_scripted::{Scripted, ScriptedLlm, ScriptedResponse, ScriptedStt};

struct Call {
    ports: Option<TransportPorts>,
    llm: Arc<ScriptedLlm>,
    stop: CancellationToken,
    run: tokio::task::JoinHandle<EndReason>,
    /// When each frame of a response arrived.
    heard: Vec<Instant>,
    events: Vec<(Instant, CallEvent)>,
}

fn pieces(text: &str) -> ScriptedResponse {
    ScriptedResponse::words(text).every(Duration::from_millis(20))
}

fn killed() -> EngineError {
    EngineError::Failed("killed".into())
}

impl Call {
    fn begin(lines: &[&str], responses: Vec<ScriptedResponse>, config: Config) -> Self {
        Self::of(lines, ScriptedLlm::new(responses), config)
    }

    fn of(lines: &[&str], llm: ScriptedLlm, config: Config) -> Self {
        let scripted = Scripted::with(llm).hearing(ScriptedStt::new(lines.iter().copied()));
        let (engines, llm) = (scripted.engines(), scripted.llm);
        let (ports, pipeline) = call_ports();
        let (drain, stop) = (CancellationToken::new(), CancellationToken::new());
        let scope = Scope { drain, token: stop.clone() };
        let run = tokio::spawn(async move {
            Box::pin(pipeline::run("test".into(), pipeline, engines, &config, CallOptions::default(), scope))
                .await
        });
        Self { ports: Some(ports), llm, stop, run, heard: Vec::new(), events: Vec::new() }
    }

    /// Speaks (or is silent) for this long in real time, and collects what arrives.
    async fn mic(&mut self, ms: u64, loud: bool) {
        self.mic_at_pace(ms, loud, 1).await;
    }

    /// The same, so many times faster.
    async fn mic_at_pace(&mut self, ms: u64, loud: bool, pace: u32) {
        let ports = self.ports.as_mut().expect("the client is there");
        for _ in 0..ms / 20 {
            let samples = vec![if loud { 8000 } else { 0 }; MIC_FRAME];
            ports.mic.send(AudioFrame { samples, received: true });
            sleep(Duration::from_millis(20) / pace).await;
            while let Ok(frame) = ports.media.try_recv() {
                assert!(!frame.samples.is_empty());
                self.heard.push(Instant::now());
            }
            while let Ok(event) = ports.events.try_recv() {
                self.events.push((Instant::now(), event));
            }
        }
    }

    async fn say(&mut self) {
        self.mic(1000, true).await;
        self.mic(700, false).await;
    }

    fn count(&self, what: impl Fn(&CallEvent) -> bool) -> usize {
        self.events.iter().filter(|(_, event)| what(event)).count()
    }

    /// The selected texts of the events, joined in order.
    fn texts(&self, of: impl Fn(&CallEvent) -> Option<String>) -> String {
        self.events.iter().filter_map(|(_, event)| of(event)).collect()
    }

    async fn hang_up(mut self) -> EndReason {
        drop(self.ports.take());
        timeout(Duration::from_secs(5), self.run).await.expect("the pipeline ends with its client").unwrap()
    }
}

#[tokio::test(start_paused = true)]
async fn a_spoken_question_gets_a_spoken_response_that_begins_before_the_model_is_done() {
    let slow = ScriptedResponse::words(&"Well, the answer to that, is quite long indeed. ".repeat(3));
    let slow = slow.every(Duration::from_millis(150));
    let mut call = Call::begin(&["What is it?"], vec![slow], Config::default());
    call.say().await;
    call.mic(20_000, false).await;
    let at =
        |what: fn(&CallEvent) -> bool| call.events.iter().find(|(_, event)| what(event)).map(|(at, _)| *at);
    let spoke = at(|event| matches!(event, CallEvent::AgentStartedSpeaking(_))).expect("it spoke");
    let written = at(|event| matches!(event, CallEvent::ResponseTextEnded(_))).expect("the text ended");
    assert!(spoke < written, "speech waits for the whole text");
    assert_eq!(call.count(|event| matches!(event, CallEvent::AgentStoppedSpeaking(_))), 1);
    // 27 words of 300 ms.
    assert!((403..=407).contains(&call.heard.len()), "{}", call.heard.len());
    assert_eq!(call.hang_up().await, EndReason::HungUp);
}

/// Sentences of five words, no two of them alike.
fn story(sentences: usize) -> String {
    const WHO: [&str; 7] = ["dog", "cat", "fox", "hen", "cow", "owl", "bee"];
    const WHERE: [&str; 9] = ["home", "out", "up", "down", "on", "back", "off", "round", "away"];
    let sentence = |n: usize| format!("The old {} walks {}. ", WHO[n % WHO.len()], WHERE[n % WHERE.len()]);
    (0..sentences).map(sentence).collect()
}

#[tokio::test(start_paused = true)]
async fn a_story_of_90_s_is_heard_to_its_end_though_it_is_written_for_more_than_a_minute() {
    let told = story(60);
    // 300 words of 210 ms, each of which sounds for 300.
    let written = ScriptedResponse::words(&told).every(Duration::from_millis(210));
    let mut call = Call::begin(&["Tell me a story."], vec![written], Config::default());
    call.say().await;
    call.mic(110_000, false).await;
    let spoken = call.texts(|event| match event {
        CallEvent::SegmentSpoken { text, .. } => Some(format!("{text} ")),
        _ => None,
    });
    assert!(spoken.split_whitespace().eq(told.split_whitespace()), "{spoken}");
    assert!(call.heard.len() >= 4_490, "{} frames of 4,500", call.heard.len());
    let ends = call.texts(|event| match event {
        CallEvent::Turn { end, .. } => Some(format!("{end:?} ")),
        _ => None,
    });
    assert_eq!(ends, "Finished ");
    assert_eq!(call.count(|event| matches!(event, CallEvent::ResponseFailed { .. })), 0);
    call.hang_up().await;
}

#[tokio::test(start_paused = true)]
async fn a_barge_in_silences_the_response_and_the_history_keeps_only_what_was_heard() {
    let responses = vec![pieces("One two three four five six seven eight nine ten. "), pieces("Yes. ")];
    let mut call = Call::begin(&["Count.", "Stop, what was that?"], responses, Config::default());
    call.say().await;
    call.mic(1000, false).await;
    assert!(!call.heard.is_empty(), "it responds");
    let voice = Instant::now();
    call.say().await;
    call.mic(3000, false).await;
    let decided = call
        .events
        .iter()
        .find(|(_, event)| matches!(event, CallEvent::Interrupted { .. }))
        .expect("interrupted")
        .0;
    assert!(decided - voice <= Duration::from_millis(1500), "{:?}", decided - voice);
    let stopped = voice + Duration::from_millis(240);
    let leaked = call.heard.iter().filter(|at| **at > stopped && **at < voice + Duration::from_millis(1400));
    assert_eq!(leaked.count(), 0, "silent before it is known whether it was speech");
    let asked = call.llm.asked();
    let remembered = &asked[1].messages[2];
    assert_eq!(remembered.role, Role::Assistant);
    let words = remembered.content.split_whitespace().count();
    // About a second of 300 ms words before the barge-in, and those until the decision.
    assert!((2..=5).contains(&words), "{}", remembered.content);
    call.hang_up().await;
}

#[tokio::test(start_paused = true)]
async fn the_history_holds_no_private_text_of_a_response() {
    let responses = vec![pieces("<think>x</think>Tea. <|im_end|>"), pieces("Yes. ")];
    let mut call = Call::begin(&["What is it?", "Really?"], responses, Config::default());
    for _ in 0..2 {
        call.say().await;
        call.mic(4000, false).await;
    }
    let asked = call.llm.asked();
    let said: Vec<_> = asked[1].messages.iter().skip(1).map(|message| message.content.as_str()).collect();
    assert_eq!(said, ["What is it?", "Tea.", "Really?"]);
    call.hang_up().await;
}

#[tokio::test(start_paused = true)]
async fn a_model_that_dies_before_a_word_is_asked_again_and_the_person_gets_a_response() {
    let dead = ScriptedResponse::default().then_fails(Duration::from_millis(50), killed());
    let mut call = Call::begin(&["Hello?"], vec![dead, pieces("Hello there. ")], Config::default());
    call.say().await;
    call.mic(2000, false).await;
    assert!(call.heard.len() > 20);
    assert_eq!(call.llm.asked().len(), 2);
    assert_eq!(
        call.count(|event| matches!(event, CallEvent::Turn { .. })),
        1,
        "the client was not told of the first one"
    );
    call.hang_up().await;
}

#[tokio::test(start_paused = true)]
async fn a_model_that_dies_after_a_filler_is_asked_again_and_the_filler_is_no_part_of_the_response() {
    let dies = ScriptedResponse::default().then_fails(Duration::from_secs(6), killed());
    let mut call = Call::begin(&[], vec![dies, pieces("It is Paris. ")], Config::default());
    let commands = call.ports.as_ref().unwrap().commands.clone();
    commands.send(ClientCommand::Say("What is the capital of France?".into())).await.unwrap();
    call.mic(5000, false).await;
    assert!(call.heard.len() >= 25, "the filler is heard: {} frames", call.heard.len());
    assert_eq!(call.count(|event| matches!(event, CallEvent::AgentStartedSpeaking(_))), 0);
    call.mic(5000, false).await;
    let said = call.texts(|event| match event {
        CallEvent::SegmentSpoken { text, .. } => Some(text.clone()),
        _ => None,
    });
    assert_eq!((said.as_str(), call.llm.asked().len()), ("It is Paris.", 2));
    assert_eq!(call.count(|event| matches!(event, CallEvent::Interrupted { .. })), 0);
    assert_eq!(call.count(|event| matches!(event, CallEvent::ResponseFailed { .. })), 1);
    drop(commands);
    call.hang_up().await;
}

#[tokio::test(start_paused = true)]
async fn a_model_that_dies_during_its_response_is_asked_again_after_an_apology() {
    let dies = pieces("The capital of France, as everybody knows, is the city of ");
    let dies = dies.then_fails(Duration::from_secs(2), killed());
    let mut call = Call::begin(&[], vec![dies, pieces("It is Paris. "), pieces("Yes. ")], Config::default());
    let commands = call.ports.as_ref().unwrap().commands.clone();
    commands.send(ClientCommand::Say("What is the capital of France?".into())).await.unwrap();
    call.mic(10_000, false).await;
    let ports = call.texts(|event| match event {
        CallEvent::Turn { end, .. } => Some(format!("{end:?} ")),
        _ => None,
    });
    assert_eq!(ports, "Failed Finished ");
    commands.send(ClientCommand::Say("Really?".into())).await.unwrap();
    call.mic(3000, false).await;
    let asked = call.llm.asked();
    assert_eq!(asked[1].messages, asked[0].messages);
    assert!(!format!("{:?}", asked[2].messages).contains("Sorry"), "{:?}", asked[2].messages);
    drop(commands);
    call.hang_up().await;
}

#[tokio::test(start_paused = true)]
async fn a_prompt_that_is_too_long_is_cut_and_answered_and_tools_that_can_never_fit_are_refused() {
    let llm = ScriptedLlm::new((0..3).map(|_| pieces("That is long. "))).with_limit(400);
    let mut call = Call::of(&[], llm, Config::default());
    let commands = call.ports.as_ref().unwrap().commands.clone();
    for asked in 1..=3 {
        commands.send(ClientCommand::Say("7 ".repeat(1900))).await.unwrap();
        call.mic(4000, false).await;
        assert_eq!(call.count(|event| matches!(event, CallEvent::AgentStoppedSpeaking(_))), asked);
    }
    let asked = call.llm.asked();
    let lengths: Vec<usize> =
        asked.iter().map(|request| request.messages.last().unwrap().content.len()).collect();
    assert!(
        lengths[0] > 3000 && lengths.iter().skip(1).all(|length| (500..1600).contains(length)),
        "{lengths:?}"
    );
    assert_eq!(call.count(|event| matches!(event, CallEvent::ResponseFailed { .. })), 0);
    let big = serde_json::json!([{ "name": "big", "description": "x".repeat(1000), "parameters": {
        "type": "object", "properties": { "x": { "type": "string", "description": "y".repeat(3000) } } } }]);
    let tools = visavis_core::tool::of_client(&big, 5000).unwrap();
    commands.send(ClientCommand::SetTools { id: Some("7".into()), tools }).await.unwrap();
    call.mic(1000, false).await;
    let refused = call.texts(|event| match event {
        CallEvent::BadMessage { id: Some(_), message } => Some(message.clone()),
        _ => None,
    });
    assert!(refused.contains("d.tools") && refused.contains("400"), "{refused}");
    drop(commands);
    call.hang_up().await;
}

#[tokio::test(start_paused = true)]
async fn a_model_that_can_only_generate_is_asked_for_nothing_else_and_its_call_works() {
    let llm = ScriptedLlm::new([pieces("Tea, I think. "), pieces("Yes. ")]).only_answering();
    let mut config = Config::default();
    config.tools.builtin = vec!["current_time".into()];
    config.conversation.greeting.clear();
    let mut call = Call::of(&["What is it?", "Really?"], llm, config);
    let commands = call.ports.as_ref().unwrap().commands.clone();
    commands.send(ClientCommand::Ready).await.unwrap();
    let paint = serde_json::json!([{ "name": "paint", "description": "Paints the page." }]);
    let tools = visavis_core::tool::of_client(&paint, 5000).unwrap();
    commands.send(ClientCommand::SetTools { id: Some("7".into()), tools }).await.unwrap();
    for answered in 1..=2 {
        call.say().await;
        call.mic(4000, false).await;
        assert_eq!(call.count(|event| matches!(event, CallEvent::AgentStoppedSpeaking(_))), answered);
    }
    let refused = call.texts(|event| match event {
        CallEvent::BadMessage { id: Some(_), message } => Some(message.clone()),
        _ => None,
    });
    assert!(refused.contains("calls no tools"), "{refused}");
    assert_eq!(call.llm.beyond(), Vec::<&str>::new(), "asked for what it cannot do");
    let asked = call.llm.asked();
    let said: Vec<_> = asked[1].messages.iter().skip(1).map(|message| message.content.as_str()).collect();
    assert_eq!(said, ["What is it?", "Tea, I think.", "Really?"]);
    drop(commands);
    call.hang_up().await;
}

#[tokio::test(start_paused = true)]
async fn a_lost_connection_is_not_a_hang_up() {
    let mut call = Call::begin(&[], vec![], Config::default());
    call.mic(100, false).await;
    call.ports.as_ref().unwrap().departure.lost();
    assert_eq!(call.hang_up().await, EndReason::ConnectionLost);
}

#[tokio::test(start_paused = true)]
async fn a_cough_pauses_the_response_and_no_sample_of_it_is_lost() {
    let response = pieces("One two three four five six seven eight nine ten. ");
    let mut call = Call::begin(&["Count.", ""], vec![response], Config::default());
    call.say().await;
    call.mic(1000, false).await;
    let before = call.heard.len();
    call.mic(300, true).await;
    call.mic(6000, false).await;
    // Ten words of 300 ms.
    assert!(before < 100 && call.heard.len() == 150, "{before} {}", call.heard.len());
    let longest = call.heard.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap();
    assert!(longest > Duration::from_millis(150), "it paused: {longest:?}");
    assert_eq!(call.count(|event| matches!(event, CallEvent::Interrupted { .. })), 0);
    call.hang_up().await;
}

#[tokio::test(start_paused = true)]
async fn a_thinking_pause_does_not_split_the_turn_and_its_speculative_response_is_never_heard() {
    let responses = vec![pieces("To half a sentence. "), pieces("To all of it. ")];
    let mut call = Call::begin(&["What is the capital of France?"], responses, Config::default());
    call.mic(1000, true).await;
    call.mic(600, false).await;
    call.mic(1000, true).await;
    call.mic(4000, false).await;
    assert_eq!(call.llm.asked().len(), 2, "a speculative response was begun");
    assert_eq!(call.count(|event| matches!(event, CallEvent::UserTranscript { last: true, .. })), 1);
    let said = call.events.iter().filter_map(|(_, event)| match event {
        CallEvent::SegmentSpoken { text, .. } => Some(text.as_str()),
        _ => None,
    });
    let said: Vec<_> = said.collect();
    assert_eq!(said, ["To all of it."]);
    call.hang_up().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_handed_over_faster_than_it_was_said_is_one_turn_that_ends_once_it_has_caught_up() {
    let responses = vec![pieces("To all of it. "), pieces("To all of it. ")];
    let mut call = Call::begin(&["What is the capital of France?"], responses, Config::default());
    for (ms, loud) in [(1000, true), (600, false), (1000, true)] {
        call.mic_at_pace(ms, loud, 4).await;
    }
    let caught_up = Instant::now();
    call.mic(4000, false).await;
    let last = |event: &CallEvent| matches!(event, CallEvent::UserTranscript { last: true, .. });
    assert_eq!(call.count(last), 1);
    let decided = call.events.iter().find(|(_, event)| last(event)).expect("the turn is decided").0;
    assert!(decided > caught_up, "{:?} too early", caught_up - decided);
    let said = call.texts(|event| match event {
        CallEvent::SegmentSpoken { text, .. } => Some(text.clone()),
        _ => None,
    });
    assert_eq!(said, "To all of it.");
    let asked = call.llm.asked();
    let question = &asked.last().unwrap().messages.last().unwrap().content;
    assert_eq!(question, "What is the capital of France?");
    call.hang_up().await;
}

#[tokio::test(start_paused = true)]
async fn typed_words_are_answered_without_a_microphone() {
    let mut call = Call::begin(&[], vec![pieces("Typed and read. ")], Config::default());
    let commands = call.ports.as_ref().unwrap().commands.clone();
    commands.send(ClientCommand::Say("Hi".into())).await.unwrap();
    // Nothing at all comes from the microphone.
    sleep(Duration::from_secs(3)).await;
    call.mic(20, false).await;
    assert_eq!(call.count(|event| matches!(event, CallEvent::AgentStoppedSpeaking(_))), 1);
    drop(commands);
    call.hang_up().await;
}

#[tokio::test(start_paused = true)]
async fn ten_minutes_of_speech_without_a_pause_are_answered_at_the_limit_and_end_no_call() {
    let responses = (0..4).map(|_| pieces("I see. ")).collect();
    let mut call = Call::begin(&["one", "two", "three"], responses, Config::default());
    call.mic(600_000, true).await;
    assert!(call.count(|event| matches!(event, CallEvent::UserTranscript { last: true, .. })) >= 1);
    assert_eq!(call.hang_up().await, EndReason::HungUp);
}

#[tokio::test(start_paused = true)]
async fn silence_and_noise_get_no_response() {
    let mut call = Call::begin(&["", ""], vec![], Config::default());
    call.mic(5000, false).await;
    call.say().await;
    call.mic(2000, false).await;
    assert!(call.heard.is_empty());
    assert!(call.llm.asked().is_empty());
    call.hang_up().await;
}

#[tokio::test(start_paused = true)]
async fn a_stopped_server_says_goodbye_and_leaves_no_task() {
    let mut call = Call::begin(
        &["Q"],
        vec![pieces("A long answer that goes on for quite some time. ")],
        Config::default(),
    );
    call.say().await;
    call.stop.cancel();
    call.mic(100, false).await;
    assert!(matches!(
        call.events.last(),
        Some((_, CallEvent::Ended { reason: EndReason::ServerStopping, .. }))
    ));
    let run = call.run;
    assert_eq!(timeout(Duration::from_secs(1), run).await.unwrap().unwrap(), EndReason::ServerStopping);
}

#[tokio::test(start_paused = true)]
async fn tags_show_on_the_face_and_are_never_spoken_shown_or_remembered() {
    use visavis_core::avatar::cue::Cue;
    let tagged = "[happy] Well, [nod] yes. *smiles* I like [sarcastic] it. [tilt] [hap";
    let chars: Vec<char> = tagged.chars().collect();
    let tagged = ScriptedResponse::texts(chars.chunks(3).map(|piece| piece.iter().collect::<String>()));
    let tagged = tagged.every(Duration::from_millis(5));
    let responses = vec![tagged, pieces("Yes, of course. ")];
    let mut config = Config::default();
    config.avatar.tags = true;
    let mut call = Call::begin(&["Do you?", "Really?"], responses, config);
    call.say().await;
    call.mic(4000, false).await;
    // 5 words of 300 ms.
    assert!((74..=77).contains(&call.heard.len()), "{}", call.heard.len());
    let sad = Cue::named("sad").unwrap();
    let ports = call.ports.as_ref().unwrap();
    ports.commands.send(ClientCommand::SetExpression(sad)).await.unwrap();
    call.say().await;
    call.mic(3000, false).await;
    let written: String = call.texts(|event| match event {
        CallEvent::ResponseText { text, .. } => Some(text.clone()),
        _ => None,
    });
    assert_eq!(written, "Well, yes. I like it. Yes, of course. ");
    let spoken = call.texts(|event| match event {
        CallEvent::SegmentSpoken { text, .. } => Some(format!("{text}|")),
        _ => None,
    });
    assert_eq!(spoken, "Well, yes.|I like it.|Yes, of course.|");
    assert_eq!(call.llm.asked()[1].messages[2].content, "Well, yes. I like it.");
    let shown = call.texts(|event| match event {
        CallEvent::Expression(Cue::Mood(mood)) => Some(format!("{mood:?} ")),
        CallEvent::Expression(Cue::Gesture(gesture)) => Some(format!("{gesture:?} ")),
        _ => None,
    });
    // The second response has no tags: its words suggest a nod.
    assert_eq!(shown, "Happy Nod Happy Tilt Sad Nod ");
    call.hang_up().await;
}
