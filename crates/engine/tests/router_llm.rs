//! Routing of language models, with scripted engines on a virtual clock.
#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic fails the test")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::StreamExt;
use tokio::time::{Instant, advance, sleep, timeout};
use visavis_config::Route;
use visavis_core::frame::{Message, Role};
use visavis_core::route::{EngineKind, Reason};
use visavis_core::tool::{Tools, builtin};
use visavis_engine::router::policy::Ask;
use visavis_engine::router::{Board, RoutedLlm};
use visavis_engine::{Caller, EngineError, Llm, LlmCapabilities, LlmPiece, LlmRequest};
use visavis_scripted::boards::{Statuses, board, route};
use visavis_scripted::{ScriptedLlm, ScriptedResponse};

const SECOND: Duration = Duration::from_secs(1);

/// A response, and the engine that made it.
#[derive(Debug, PartialEq)]
struct Given {
    text: String,
    engine: String,
    reason: Reason,
}

fn given(text: &str, engine: &str, reason: Reason) -> Given {
    Given { text: text.into(), engine: engine.into(), reason }
}

fn request(conversation: &str) -> LlmRequest {
    let messages = vec![Message { role: Role::User, content: "Hello.".into() }];
    LlmRequest { conversation: conversation.into(), messages, ..LlmRequest::default() }
}

/// Reads a response to its end; returns the last engine that was reported.
async fn ask(llm: &dyn Llm, request: LlmRequest) -> Result<Given, EngineError> {
    let mut pieces = llm.generate(request).await?;
    let mut all = given("", "", Reason::Route);
    while let Some(piece) = pieces.next().await {
        match piece? {
            LlmPiece::Text(text) => all.text += &text,
            LlmPiece::Routed(routed) => (all.engine, all.reason) = (routed.engine.to_string(), routed.reason),
            _ => {}
        }
    }
    Ok(all)
}

fn says(text: &'static str) -> ScriptedLlm {
    ScriptedLlm::responding(move |_| ScriptedResponse::words(text).every(Duration::from_millis(10)))
}

fn died() -> EngineError {
    EngineError::Unavailable("the connection is lost".into())
}

/// Dies 300 ms after each request, before its first token.
fn dying() -> ScriptedLlm {
    ScriptedLlm::responding(|_| ScriptedResponse::default().then_fails(Duration::from_millis(300), died()))
}

struct Routed {
    llm: RoutedLlm,
    cloud: Arc<ScriptedLlm>,
    main: Arc<ScriptedLlm>,
    statuses: Statuses,
    board: Arc<Board>,
}

impl Routed {
    /// The engine that a new request would go to.
    fn next_up(&self) -> Option<String> {
        self.board.next_up(&Ask::default()).map(|member| member.name.to_string())
    }
}

fn routed_by(route: &Route, cloud: ScriptedLlm) -> Routed {
    let (board, statuses) = board(route, &["cloud", "main"]);
    let (cloud, main) = (Arc::new(cloud), Arc::new(says("Hello from here.")));
    let llm = RoutedLlm::new(board.clone(), vec![cloud.clone(), main.clone()]);
    Routed { llm, cloud, main, statuses, board }
}

fn routed(cloud: ScriptedLlm) -> Routed {
    routed_by(&route(EngineKind::Llm), cloud)
}

#[tokio::test(start_paused = true)]
async fn with_the_first_engine_killed_before_its_first_token_20_of_20_responses_come_from_the_second_in_a_second()
 {
    let routed = routed(dying());
    let mut reasons = Vec::new();
    for number in 0..20 {
        let began = Instant::now();
        let response = ask(&routed.llm, request(&format!("call-{number}"))).await.unwrap();
        assert_eq!((response.text.as_str(), response.engine.as_str()), ("Hello from here.", "main"));
        assert!(began.elapsed() <= SECOND, "{:?}", began.elapsed());
        reasons.push(response.reason);
    }
    assert_eq!(reasons[..4], [Reason::Unhealthy, Reason::Unhealthy, Reason::Unhealthy, Reason::BreakerOpen]);
    assert!(routed.cloud.asked().len() < 20, "the breaker spares requests that would fail");
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_stalls_is_not_waited_for_and_after_three_times_not_asked() {
    let routed = routed(ScriptedLlm::responding(|_| ScriptedResponse::never()));
    for reason in [Reason::Late, Reason::Late, Reason::Late, Reason::BreakerOpen] {
        let began = Instant::now();
        let response = ask(&routed.llm, request("")).await.unwrap();
        assert_eq!(response, given("Hello from here.", "main", reason));
        assert!(began.elapsed() <= SECOND, "{reason:?}: {:?}", began.elapsed());
    }
    assert_eq!(routed.cloud.asked().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn the_next_engine_is_told_by_health_and_breaker_without_asking_one() {
    let routed = routed(dying());
    assert_eq!(routed.next_up().as_deref(), Some("cloud"));
    for number in 0..3 {
        ask(&routed.llm, request(&format!("call-{number}"))).await.unwrap();
    }
    assert_eq!(routed.next_up().as_deref(), Some("main"), "its breaker is open, though it is ready");
    advance(SECOND).await;
    assert_eq!(routed.next_up().as_deref(), Some("cloud"), "the next request is its probe");
    assert_eq!(routed.next_up().as_deref(), Some("cloud"), "to look is no probe");
    routed.statuses.set(0, false);
    assert_eq!(routed.next_up().as_deref(), Some("main"));
    routed.statuses.set(1, false);
    assert_eq!(routed.next_up(), None);
    assert_eq!(routed.cloud.asked().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_share_that_is_changed_holds_from_the_next_request_on() {
    let of = |percent| Route { share: [("cloud".to_owned(), percent)].into(), ..route(EngineKind::Llm) };
    let routed = routed_by(&of(0), says("Hello from there."));
    let by = |conversation: &str| {
        let caller = Caller { user: "ann".into(), ..Caller::default() };
        LlmRequest { caller, ..request(conversation) }
    };
    assert_eq!(ask(&routed.llm, by("one")).await.unwrap().engine, "main");
    routed.board.reroute(&[of(100)]);
    assert_eq!(
        ask(&routed.llm, by("two")).await.unwrap(),
        given("Hello from there.", "cloud", Reason::Share)
    );
    assert_eq!(ask(&routed.llm, by("one")).await.unwrap().engine, "main", "its prompt is kept there");
    let copied =
        Route { engines: vec!["main".into()], shadow: vec!["cloud".into()], ..route(EngineKind::Llm) };
    routed.board.reroute(&[copied]);
    assert_eq!(routed.board.report()[0].share, None);
    assert_eq!(ask(&routed.llm, by("three")).await.unwrap().engine, "main");
    assert_eq!(routed.cloud.asked().len(), 2, "it gets a copy");
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_is_late_but_first_serves_and_the_other_is_dropped() {
    let late =
        ScriptedLlm::responding(|_| ScriptedResponse::texts(["Late."]).every(Duration::from_millis(700)));
    let (board, _statuses) = board(&route(EngineKind::Llm), &["cloud", "main"]);
    let slow = Arc::new(ScriptedLlm::responding(|_| ScriptedResponse::never()));
    let llm = RoutedLlm::new(board, vec![Arc::new(late), slow.clone()]);
    let response = ask(&llm, request("")).await.unwrap();
    assert_eq!(response, given("Late.", "cloud", Reason::Route));
    assert_eq!(slow.asked().len(), 1, "it was asked beside the first");
}

#[tokio::test(start_paused = true)]
async fn after_a_pause_one_probe_asks_a_failed_engine_and_brings_it_back() {
    let well = Arc::new(AtomicBool::new(false));
    let now = well.clone();
    let routed = routed(ScriptedLlm::responding(move |_| match now.load(Ordering::Relaxed) {
        true => ScriptedResponse::texts(["Well."]).every(Duration::from_millis(10)),
        false => ScriptedResponse::refused(EngineError::Failed("out of memory".into())),
    }));
    for _ in 0..3 {
        assert_eq!(ask(&routed.llm, request("")).await.unwrap().reason, Reason::Failed);
    }
    well.store(true, Ordering::Relaxed);
    assert_eq!(ask(&routed.llm, request("")).await.unwrap().reason, Reason::BreakerOpen);
    advance(SECOND).await;
    let (probe, other) = tokio::join!(ask(&routed.llm, request("")), ask(&routed.llm, request("")));
    assert_eq!(probe.unwrap(), given("Well.", "cloud", Reason::Route));
    assert_eq!(other.unwrap().reason, Reason::BreakerOpen, "one probe at a time");
    assert_eq!(ask(&routed.llm, request("")).await.unwrap().engine, "cloud");
}

#[tokio::test(start_paused = true)]
async fn a_conversation_stays_where_its_prompt_is_kept_and_is_released_wherever_it_was() {
    let failed = AtomicBool::new(false);
    let routed = routed(ScriptedLlm::responding(move |_| match failed.swap(true, Ordering::Relaxed) {
        true => ScriptedResponse::texts(["Well."]),
        false => ScriptedResponse::refused(died()),
    }));
    assert_eq!(ask(&routed.llm, request("a")).await.unwrap().reason, Reason::Unhealthy);
    let kept = ask(&routed.llm, request("a")).await.unwrap();
    assert_eq!((kept.engine.as_str(), kept.reason), ("main", Reason::Kept));
    routed.llm.prefill(request("a"), true).await;
    assert_eq!((routed.cloud.prefilled().len(), routed.main.prefilled().len()), (0, 1));
    assert_eq!(ask(&routed.llm, request("b")).await.unwrap().engine, "cloud", "another conversation");
    routed.llm.release("a").await;
    assert_eq!((routed.cloud.released(), routed.main.released()), (vec!["a".into()], vec!["a".to_owned()]));
    assert_eq!(ask(&routed.llm, request("a")).await.unwrap().engine, "cloud");
}

#[tokio::test(start_paused = true)]
async fn after_the_first_token_a_failure_ends_the_response_and_the_next_one_comes_from_another_engine() {
    let routed =
        routed(ScriptedLlm::responding(|_| ScriptedResponse::words("One two").failing_after(1, died())));
    let mut pieces = routed.llm.generate(request("a")).await.unwrap();
    let mut heard = String::new();
    let error = loop {
        match pieces.next().await.unwrap() {
            Ok(LlmPiece::Text(text)) => heard += &text,
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert_eq!((heard.as_str(), error), ("One ", died()));
    assert!(pieces.next().await.is_none());
    let next = ask(&routed.llm, request("a")).await.unwrap();
    assert_eq!(next, given("Hello from here.", "main", Reason::Failed));
}

#[tokio::test(start_paused = true)]
async fn a_model_that_stalls_in_its_words_is_left_by_the_conversation_and_after_three_times_by_all() {
    let stalls = || ScriptedResponse::words("One two").then_fails(3 * SECOND, EngineError::Deadline);
    let routed = routed(ScriptedLlm::responding(move |_| stalls()));
    for conversation in ["a", "b", "c"] {
        assert_eq!(ask(&routed.llm, request(conversation)).await, Err(EngineError::Deadline));
        let next = ask(&routed.llm, request(conversation)).await.unwrap();
        assert_eq!(next.engine, "main", "{next:?}");
    }
    let other = ask(&routed.llm, request("d")).await.unwrap();
    assert_eq!(other, given("Hello from here.", "main", Reason::BreakerOpen));
}

#[tokio::test(start_paused = true)]
async fn a_failure_behind_a_turn_prediction_is_not_heard_and_the_turn_is_judged_once() {
    let judged = |text: &'static str| ScriptedResponse::words(text).judging(0.7);
    let (board, _statuses) = board(&route(EngineKind::Llm), &["cloud", "main"]);
    let cloud = ScriptedLlm::responding(move |_| judged("").failing_after(1, died()));
    let main = ScriptedLlm::responding(move |_| judged("Yes."));
    let llm = RoutedLlm::new(board, vec![Arc::new(cloud), Arc::new(main)]);
    let pieces: Vec<_> = llm.generate(request("")).await.unwrap().map(Result::unwrap).collect().await;
    let judgements = pieces.iter().filter(|piece| matches!(piece, LlmPiece::TurnEnd(_))).count();
    assert_eq!((judgements, pieces.last()), (1, Some(&LlmPiece::Text("Yes.".into()))));
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_was_only_late_responds_when_the_one_that_took_over_is_killed_before_its_first_word() {
    let late =
        ScriptedLlm::responding(|_| ScriptedResponse::texts(["Late."]).every(Duration::from_millis(700)));
    let dies = ScriptedLlm::responding(|_| ScriptedResponse::words("").judging(0.7).failing_after(1, died()));
    let (board, _statuses) = board(&route(EngineKind::Llm), &["cloud", "main"]);
    let llm = RoutedLlm::new(board, vec![Arc::new(late), Arc::new(dies)]);
    assert_eq!(ask(&llm, request("")).await.unwrap(), given("Late.", "cloud", Reason::Unhealthy));
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_hangs_is_not_waited_for_long_when_the_one_that_took_over_is_killed() {
    let hangs = Arc::new(ScriptedLlm::responding(|_| ScriptedResponse::never()));
    let dies = ScriptedLlm::responding(|_| ScriptedResponse::words("").judging(0.7).failing_after(1, died()));
    let (board, _statuses) = board(&route(EngineKind::Llm), &["cloud", "main"]);
    let llm = RoutedLlm::new(board, vec![hangs.clone(), Arc::new(dies)]);
    let began = Instant::now();
    let ended = timeout(60 * SECOND, ask(&llm, request(""))).await.expect("it ends");
    assert_eq!((ended, hangs.asked().len()), (Err(died()), 2));
    assert!(began.elapsed() <= 2 * SECOND, "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_hedge_that_is_killed_leaves_the_late_engine_to_respond() {
    let late =
        ScriptedLlm::responding(|_| ScriptedResponse::texts(["Late."]).every(Duration::from_millis(1200)));
    let (board, _statuses) = board(&route(EngineKind::Llm), &["cloud", "main"]);
    let killed = Arc::new(dying());
    let llm = RoutedLlm::new(board, vec![Arc::new(late), killed.clone()]);
    assert_eq!(ask(&llm, request("")).await.unwrap(), given("Late.", "cloud", Reason::Route));
    assert_eq!(killed.asked().len(), 1, "it was asked beside the first");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_goes_to_the_next_engine_and_is_no_fault_and_a_long_prompt_is_told_at_once() {
    let refuses = ScriptedLlm::responding(|_| ScriptedResponse::refused(EngineError::Invalid("no".into())));
    let routed = routed(refuses);
    for _ in 0..5 {
        let response = ask(&routed.llm, request("")).await.unwrap();
        assert_eq!(response, given("Hello from here.", "main", Reason::Refused));
    }
    let routed = self::routed(says("Hello.").with_limit(1));
    assert!(matches!(ask(&routed.llm, request("")).await, Err(EngineError::TooLong { limit: 1, .. })));
    assert!(routed.main.asked().is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_is_not_ready_is_skipped_and_with_none_left_the_fault_is_told() {
    let routed = routed(dying());
    routed.statuses.set(0, false);
    assert_eq!(ask(&routed.llm, request("")).await.unwrap().reason, Reason::Unhealthy);
    assert!(routed.cloud.asked().is_empty());
    let (board, _statuses) = board(&route(EngineKind::Llm), &["cloud", "main"]);
    let llm = RoutedLlm::new(board, vec![Arc::new(dying()), Arc::new(dying())]);
    assert_eq!(ask(&llm, request("")).await, Err(died()));
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_was_busy_is_asked_again_while_one_that_stalls_is_waited_for() {
    let busy = AtomicBool::new(true);
    let cloud = ScriptedLlm::responding(move |_| match busy.swap(false, Ordering::Relaxed) {
        true => ScriptedResponse::refused(EngineError::Busy("its queue is full".into())),
        false => ScriptedResponse::texts(["Well."]),
    });
    let (board, _statuses) = board(&route(EngineKind::Llm), &["cloud", "main"]);
    let stalled = Arc::new(ScriptedLlm::responding(|_| ScriptedResponse::never()));
    let llm = RoutedLlm::new(board, vec![Arc::new(cloud), stalled.clone()]);
    let began = Instant::now();
    assert_eq!(ask(&llm, request("")).await.unwrap(), given("Well.", "cloud", Reason::LastResort));
    assert!(began.elapsed() <= SECOND, "{:?}", began.elapsed());
    assert_eq!(stalled.asked().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_route_is_chosen_by_language_and_its_engine_by_share() {
    let mut german = route(EngineKind::Llm);
    german.languages = vec!["de".into()];
    let routed = routed_by(&german, says("Hallo."));
    let of = |language: &str| LlmRequest { language: language.into(), ..request("") };
    assert_eq!(ask(&routed.llm, of("de")).await.unwrap(), given("Hallo.", "cloud", Reason::Route));
    assert_eq!(ask(&routed.llm, of("en")).await.unwrap().engine, "main", "no route matches");

    let mut shared = route(EngineKind::Llm);
    shared.share.insert("cloud".into(), 50);
    let routed = routed_by(&shared, says("Hallo."));
    let mut engines = [0, 0];
    for number in 0..200 {
        let caller = Caller { user: format!("user-{number}").into(), ..Caller::default() };
        let first = ask(&routed.llm, LlmRequest { caller: caller.clone(), ..request("") }).await.unwrap();
        let again = ask(&routed.llm, LlmRequest { caller, ..request("") }).await.unwrap();
        assert_eq!(first, again, "a user keeps their engine");
        engines[usize::from(first.reason == Reason::Share)] += 1;
    }
    assert!(engines.iter().all(|count| *count > 70), "{engines:?}");
}

#[tokio::test(start_paused = true)]
async fn a_shadow_is_asked_and_never_heard_and_few_copies_run_at_once() {
    let mut shadowed = route(EngineKind::Llm);
    (shadowed.engines, shadowed.shadow) = (vec!["main".into()], vec!["cloud".into()]);
    let routed =
        routed_by(&shadowed, ScriptedLlm::responding(|_| ScriptedResponse::texts(["New."]).then_never()));
    for _ in 0..10 {
        let response = ask(&routed.llm, request("")).await.unwrap();
        assert_eq!(response, given("Hello from here.", "main", Reason::Route));
    }
    assert_eq!(routed.cloud.asked().len(), 4, "further copies are skipped while these run");
    sleep(31 * SECOND).await;
    ask(&routed.llm, request("")).await.unwrap();
    assert_eq!(routed.cloud.asked().len(), 5, "a copy is given up after a while");
}

#[tokio::test(start_paused = true)]
async fn a_request_behind_calls_waits_for_its_engine_and_is_not_copied() {
    let slow = || ScriptedLlm::responding(|_| ScriptedResponse::texts(["At last."]).every(30 * SECOND));
    let behind = || LlmRequest { ahead: true, ..request("") };
    let waiting = routed(slow());
    for _ in 0..5 {
        let response = ask(&waiting.llm, behind()).await.unwrap();
        assert_eq!(response, given("At last.", "cloud", Reason::Route));
    }
    assert!(waiting.main.asked().is_empty(), "its engine is not late");
    assert_eq!(waiting.next_up().as_deref(), Some("cloud"), "nor is it at fault");
    let mut shadowed = route(EngineKind::Llm);
    (shadowed.engines, shadowed.shadow) = (vec!["main".into()], vec!["cloud".into()]);
    let copied = routed_by(&shadowed, slow());
    ask(&copied.llm, behind()).await.unwrap();
    assert!(copied.cloud.asked().is_empty());
}

#[tokio::test(start_paused = true)]
async fn of_each_engine_is_asked_no_more_than_it_can() {
    let able = LlmCapabilities { context: Some(4096), ..LlmCapabilities::ALL };
    let (board, statuses) = board(&route(EngineKind::Llm), &["cloud", "main"]);
    let (cloud, main) = (Arc::new(says("A.").with_capabilities(able)), Arc::new(says("B.").only_answering()));
    let llm = RoutedLlm::new(board, vec![cloud.clone(), main.clone()]);
    assert_eq!(llm.capabilities(), able);
    let asked = || LlmRequest { tools: vec![builtin("current_time").unwrap()], ..request("a") };
    statuses.set(0, false);
    ask(&llm, asked()).await.unwrap();
    llm.prefill(asked(), false).await;
    assert!(llm.count(&[], &Tools::default()).await.is_ok(), "the one that counts is asked");
    assert!(main.beyond().is_empty(), "{:?}", main.beyond());
}
