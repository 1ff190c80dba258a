use proptest::prelude::*;
use visavis_core::avatar::cue::Mood;
use visavis_core::context::VERSION;
use visavis_core::frame::{Message, Role};

use super::*;
use crate::ids::{Fence, NodeId};

const BOUNDS: Bounds = Bounds { calls: 3, bytes: 1 << 20 };
const MS: Duration = Duration::from_millis(1);

fn call(id: &str) -> CallId {
    CallId::new(id).unwrap()
}

fn context(words: &str) -> Arc<CallContext> {
    Arc::new(CallContext {
        version: VERSION,
        messages: vec![Message { role: Role::User, content: words.into() }],
        summary: String::new(),
        language: "en".into(),
        set_language: None,
        voices: [].into(),
        multilingual: false,
        no_voice_told: false,
        tools: Vec::new(),
        mood: Mood::Neutral,
        greeted: true,
        responses: 1,
        pending: None,
    })
}

fn lease(id: &str) -> Lease {
    Lease { call: call(id), node: NodeId::new("n"), fence: Fence(7) }
}

fn down() -> StoreError {
    StoreError::Unreachable("refused".into())
}

/// A backlog that has swept.
fn swept(bounds: Bounds, now: Instant) -> Backlog {
    let mut backlog = Backlog::new(bounds, now);
    assert_eq!(backlog.next(now), Step::Do(Task::Sweep), "the first step looks at the store");
    assert_eq!(backlog.done(&Task::Sweep, Ok(None), now), Outcome::Done);
    backlog
}

/// Does what is to be done now, successfully, and says what it was.
fn work(backlog: &mut Backlog, now: Instant) -> Option<Task> {
    let Step::Do(task) = backlog.next(now) else { return None };
    let given = if let Task::Acquire(call) = &task { Some(lease(call.as_str())) } else { None };
    assert_eq!(backlog.done(&task, Ok(given), now), Outcome::Done);
    Some(task)
}

fn save(id: &str, version: u64, words: &str) -> Task {
    Task::Save { lease: lease(id), version, context: context(words) }
}

#[test]
fn only_the_newest_context_of_a_call_is_written_and_one_that_comes_meanwhile_is_written_next() {
    let now = Instant::now();
    let mut backlog = swept(BOUNDS, now);
    assert_eq!(backlog.put(&call("a"), context("before it began")), Put::Ignored);
    backlog.begin(&call("a"), None, now);
    for words in ["one", "two"] {
        assert_eq!(backlog.put(&call("a"), context(words)), Put::Waits);
    }
    assert_eq!(work(&mut backlog, now), Some(Task::Acquire(call("a"))));
    let Step::Do(saving) = backlog.next(now) else { panic!("the context waits") };
    assert_eq!(saving, save("a", 2, "two"));
    assert_eq!(backlog.put(&call("a"), context("three")), Put::Waits);
    assert_eq!(backlog.done(&saving, Ok(None), now), Outcome::Done);
    assert_eq!(work(&mut backlog, now), Some(save("a", 3, "three")));
    assert_eq!((backlog.waiting(), backlog.bytes), (0, 0));
    // The lease is renewed as long as the call lasts, and then given back.
    assert_eq!(backlog.next(now), Step::Wait(now + RENEWED));
    assert_eq!(work(&mut backlog, now + RENEWED), Some(Task::Renew(lease("a"))));
    backlog.end(&call("a"), End::Keep);
    assert_eq!(work(&mut backlog, now + RENEWED), Some(Task::Release { lease: lease("a"), keep: None }));
    assert!(backlog.calls.is_empty());
}

#[test]
fn a_store_that_fails_is_tried_again_later_and_nothing_is_lost() {
    let now = Instant::now();
    let mut backlog = swept(BOUNDS, now);
    backlog.begin(&call("a"), None, now);
    backlog.put(&call("a"), context("one"));
    let task = Task::Acquire(call("a"));
    assert_eq!(backlog.next(now), Step::Do(task.clone()));
    assert_eq!(backlog.done(&task, Err(down()), now), Outcome::Postponed);
    assert_eq!(backlog.trouble().unwrap().reason, "refused");
    assert_eq!(backlog.next(now), Step::Wait(now + 100 * MS));
    backlog.put(&call("a"), context("two"));
    backlog.end(&call("a"), End::Briefly(MS));
    assert_eq!(backlog.next(now + 99 * MS), Step::Wait(now + 100 * MS), "a new context does not hurry it");
    let later = now + 100 * MS;
    assert_eq!(work(&mut backlog, later), Some(task));
    assert!(backlog.trouble().is_none());
    assert_eq!(work(&mut backlog, later), Some(save("a", 2, "two")));
    assert_eq!(work(&mut backlog, later), Some(Task::Release { lease: lease("a"), keep: Some(MS) }));
    assert_eq!(backlog.next(later), Step::Wait(now + SWEPT));
}

#[test]
fn without_room_the_oldest_call_that_has_ended_gives_way_and_then_new_ones_are_refused() {
    let now = Instant::now();
    let mut backlog = swept(BOUNDS, now);
    for id in ["a", "b", "c", "d", "e"] {
        backlog.begin(&call(id), None, now);
    }
    for id in ["a", "b", "c"] {
        assert_eq!(backlog.put(&call(id), context("x")), Put::Waits);
    }
    for id in ["c", "b"] {
        backlog.end(&call(id), End::Keep);
    }
    assert_eq!(backlog.put(&call("d"), context("x")), Put::Waits);
    assert!(backlog.context(&call("b")).is_none(), "of the two that have ended, it waited longest");
    assert_eq!(backlog.put(&call("e"), context("x")), Put::Waits);
    assert!(backlog.context(&call("c")).is_none());
    assert_eq!(backlog.put(&call("a"), context("y")), Put::Waits, "it replaces one of its own");
    backlog.begin(&call("f"), None, now);
    assert_eq!(backlog.put(&call("f"), context("x")), Put::NoRoom);
    assert_eq!(backlog.waiting(), 3);
}

#[test]
fn a_context_larger_than_all_room_is_still_written_alone() {
    let now = Instant::now();
    let mut backlog = swept(Bounds { calls: 3, bytes: 10_000 }, now);
    for id in ["a", "b"] {
        backlog.begin(&call(id), None, now);
    }
    assert_eq!(backlog.put(&call("a"), context(&"x".repeat(50_000))), Put::Waits);
    assert_eq!(backlog.put(&call("b"), context("x")), Put::NoRoom);
}

#[test]
fn of_a_call_whose_data_was_deleted_nothing_more_is_written_even_if_its_lease_was_being_asked_for() {
    let now = Instant::now();
    let mut backlog = swept(BOUNDS, now);
    backlog.begin(&call("a"), None, now);
    backlog.put(&call("a"), context("one"));
    let Step::Do(asking) = backlog.next(now) else { panic!("it waits") };
    backlog.bar(&call("a"));
    assert_eq!(backlog.done(&asking, Ok(Some(lease("a"))), now), Outcome::Done);
    assert_eq!(backlog.next(now), Step::Wait(now + SWEPT), "neither saved nor renewed");
    assert_eq!(backlog.put(&call("a"), context("two")), Put::Ignored);
    backlog.end(&call("a"), End::Keep);
    assert!(backlog.calls.is_empty());
    backlog.bar(&call("nobody"));
    assert!(backlog.calls.is_empty(), "strangers leave nothing behind");
}

#[test]
fn a_call_that_another_node_took_over_is_written_no_more() {
    let now = Instant::now();
    let mut backlog = swept(BOUNDS, now);
    backlog.begin(&call("a"), Some(lease("a")), now);
    backlog.put(&call("a"), context("one"));
    let Step::Do(saving) = backlog.next(now) else { panic!("it waits") };
    assert_eq!(backlog.done(&saving, Err(StoreError::Stale), now), Outcome::Lost);
    assert_eq!(backlog.put(&call("a"), context("two")), Put::Ignored);
    assert!(backlog.trouble().is_none(), "the store is well");
    assert_eq!(backlog.next(now), Step::Wait(now + SWEPT));
}

#[test]
fn a_call_that_is_over_for_good_is_deleted_unless_nothing_of_it_was_ever_stored() {
    let now = Instant::now();
    let mut backlog = swept(BOUNDS, now);
    for id in ["a", "b"] {
        backlog.begin(&call(id), None, now);
        backlog.put(&call(id), context("one"));
    }
    work(&mut backlog, now);
    for id in ["a", "b"] {
        backlog.end(&call(id), End::Forget);
    }
    assert_eq!(work(&mut backlog, now), Some(Task::Delete(call("a"))));
    assert_eq!(work(&mut backlog, now), None);
    assert_eq!(backlog.bytes, 0);
}

/// What may happen to a backlog.
#[derive(Debug, Clone)]
enum Event {
    Begin(u8),
    Put(u8, usize),
    End(u8, u8),
    Bar(u8),
    Work(u8),
    Later(u16),
}

fn event() -> impl Strategy<Value = Event> {
    let id = 0u8..6;
    prop_oneof![
        id.clone().prop_map(Event::Begin),
        (id.clone(), 0usize..5_000).prop_map(|(id, bytes)| Event::Put(id, bytes)),
        (id.clone(), 0u8..3).prop_map(|(id, end)| Event::End(id, end)),
        id.prop_map(Event::Bar),
        (0u8..4).prop_map(Event::Work),
        (0u16..20_000).prop_map(Event::Later),
    ]
}

proptest! {
    #[test]
    fn whatever_happens_the_bounds_hold_and_all_work_comes_to_an_end(events in proptest::collection::vec(event(), 0..200)) {
        let mut now = Instant::now();
        let bounds = Bounds { calls: 3, bytes: 10_000 };
        let mut backlog = Backlog::new(bounds, now);
        let id = |id: u8| call(&id.to_string());
        for event in events {
            match event {
                Event::Begin(one) => backlog.begin(&id(one), None, now),
                Event::Put(one, bytes) => _ = backlog.put(&id(one), context(&"x".repeat(bytes))),
                Event::End(one, end) => {
                    backlog.end(&id(one), [End::Keep, End::Briefly(MS), End::Forget][usize::from(end)]);
                }
                Event::Bar(one) => backlog.bar(&id(one)),
                Event::Work(how) => {
                    if let Step::Do(task) = backlog.next(now) {
                        let given = if let Task::Acquire(call) = &task { Some(lease(call.as_str())) } else { None };
                        let result = match how { 0 => Err(down()), 1 => Err(StoreError::Stale), _ => Ok(given) };
                        backlog.done(&task, result, now);
                    }
                }
                Event::Later(ms) => now += Duration::from_millis(ms.into()),
            }
            let waiting: Vec<usize> =
                backlog.calls.values().filter_map(|entry| Some(entry.waiting.as_ref()?.bytes)).collect();
            prop_assert_eq!(backlog.bytes, waiting.iter().sum::<usize>());
            prop_assert!(waiting.len() <= bounds.calls);
        }
        for one in 0..6 {
            backlog.end(&id(one), End::Keep);
        }
        for _ in 0..100 {
            match backlog.next(now) {
                Step::Do(_) => _ = work(&mut backlog, now),
                Step::Wait(_) if backlog.calls.is_empty() => break,
                Step::Wait(until) => now = until,
            }
        }
        prop_assert!(backlog.calls.is_empty(), "{} calls are never done with", backlog.calls.len());
    }
}
