//! What clients' shares of the model's time mean for slots and steps.

use super::*;
use crate::scheduler::steps::HEAVY_PATIENCE;

/// A request of a client with a conversation of its own.
fn of(client: &str, request: Request) -> Request {
    Request { client: client.into(), ..request }
}

/// Lets the model work for a request for so many seconds.
fn charge(scheduler: &mut Scheduler, slot: usize, seconds: u64) {
    let piece = Piece { id: 0, slot, start: 0, tokens: vec![7], sample: false, probe: None };
    scheduler.charge(&[piece], Duration::from_secs(seconds), Instant::now());
}

#[test]
fn a_heavy_clients_long_prompt_does_not_delay_a_light_client_and_goes_on_meanwhile() {
    let mut scheduler = scheduler(3);
    scheduler.submit(of("heavy", generate(1, "a", Priority::Live, 0..1000)));
    scheduler.admit();
    charge(&mut scheduler, 0, 9);
    scheduler.submit(of("light", generate(2, "b", Priority::Speculative, 2000..2012)));
    scheduler.admit();
    let mut steps = Vec::new();
    for _ in 0..=HEAVY_PATIENCE {
        let pieces = scheduler.next_step();
        steps.push(sizes(&pieces));
        scheduler.evaluated(&pieces);
        if pieces.iter().any(|piece| piece.id == 2 && piece.sample) {
            scheduler.push(2, 50);
        }
    }
    assert!(steps[..HEAVY_PATIENCE as usize].iter().flatten().all(|(id, _)| *id == 2), "{steps:?}");
    assert_eq!(steps[HEAVY_PATIENCE as usize], [(2, 1), (1, 2)], "{steps:?}");
    scheduler.remove(2);
    assert_eq!(sizes(&scheduler.next_step()), [(1, 4)], "it is alone, but the other may ask at any moment");
}

#[test]
fn clients_with_about_the_same_use_are_served_in_order_of_arrival() {
    let mut scheduler = scheduler(2);
    scheduler.submit(of("one", generate(1, "a", Priority::Live, 0..20)));
    scheduler.submit(of("two", generate(2, "b", Priority::Live, 100..120)));
    scheduler.admit();
    charge(&mut scheduler, 0, 1);
    assert_eq!(sizes(&scheduler.next_step()), [(1, 4)]);
}

#[test]
fn a_response_displaces_that_of_a_much_heavier_client_but_not_the_other_way_round() {
    let mut scheduler = scheduler(2);
    scheduler.submit(of("heavy", generate(1, "a", Priority::Live, 0..9)));
    scheduler.submit(of("light", generate(2, "b", Priority::Live, 20..29)));
    scheduler.admit();
    charge(&mut scheduler, 0, 9);
    scheduler.submit(of("new", prefill(3, "c", 40..49)));
    assert_eq!(scheduler.admit(), [], "a prefill displaces nothing");
    scheduler.submit(of("new", generate(4, "c", Priority::Speculative, 40..49)));
    assert_eq!(scheduler.admit(), [], "a speculative response does not displace a live one");
    scheduler.submit(of("new", generate(4, "c", Priority::Live, 40..49)));
    assert_eq!(scheduler.admit().iter().map(|it| (it.id, it.slot)).collect::<Vec<_>>(), [(4, 0)]);
    assert_eq!(scheduler.admit(), [], "the heavy one waits");
    scheduler.remove(2);
    assert_eq!(scheduler.admit().iter().map(|it| (it.id, it.slot)).collect::<Vec<_>>(), [(1, 1)]);
}

#[test]
fn a_client_with_many_conversations_loses_its_own_idle_slots_first() {
    let mut scheduler = scheduler(3);
    for (id, client, conversation) in [(1, "light", "a"), (2, "heavy", "b"), (3, "heavy", "c")] {
        scheduler.submit(of(client, generate(id, conversation, Priority::Live, [9])));
        run_prompts(&mut scheduler);
    }
    for id in 1..=3 {
        scheduler.remove(id);
    }
    scheduler.submit(of("heavy", generate(4, "d", Priority::Live, [8])));
    assert_eq!(scheduler.admit()[0].slot, 1, "not the least recently used");
    scheduler.remove(4);
    scheduler.submit(of("light", generate(5, "a", Priority::Live, [9, 10])));
    assert_eq!(scheduler.admit()[0].reuse, Reuse::Own { keep: 1 });
}

#[test]
fn a_heavy_client_with_a_slot_takes_no_idle_one_from_a_lighter_client() {
    let mut scheduler = scheduler(2);
    scheduler.submit(of("light", generate(1, "a", Priority::Live, [9])));
    run_prompts(&mut scheduler);
    charge(&mut scheduler, 0, 1);
    scheduler.remove(1);
    scheduler.submit(of("heavy", generate(2, "b", Priority::Live, [8])));
    scheduler.admit();
    charge(&mut scheduler, 1, 9);
    scheduler.submit(of("heavy", generate(3, "c", Priority::Live, [7])));
    assert_eq!(scheduler.admit(), []);
    scheduler.submit(of("new", generate(4, "d", Priority::Live, [6])));
    assert_eq!(scheduler.admit()[0].slot, 0, "another client takes it");
}

#[test]
fn beside_an_active_lighter_client_a_heavy_one_gets_small_steps_and_the_model_rests_after_them() {
    let mut scheduler = scheduler(2);
    scheduler.submit(of("heavy", generate(1, "a", Priority::Live, 0..99)));
    scheduler.submit(of("light", generate(2, "b", Priority::Live, 100..104)));
    scheduler.admit();
    charge(&mut scheduler, 0, 9);
    scheduler.remove(2);
    assert_eq!(
        (sizes(&scheduler.next_step()), scheduler.spares()),
        (vec![(1, 4)], false),
        "it is not active"
    );
    scheduler.submit(of("light", generate(3, "b", Priority::Live, 100..104)));
    scheduler.admit();
    charge(&mut scheduler, 1, 1);
    assert_eq!((sizes(&scheduler.next_step()), scheduler.spares()), (vec![(3, 4)], false));
    scheduler.remove(3);
    assert_eq!((sizes(&scheduler.next_step()), scheduler.spares()), (vec![(1, 2)], true));
    assert!(scheduler.may_rest(), "until a lighter client has work");
    scheduler.submit(of("light", generate(4, "b", Priority::Live, 100..104)));
    scheduler.admit();
    assert!(!scheduler.may_rest());
    scheduler.release("b");
    assert_eq!(
        (sizes(&scheduler.next_step()), scheduler.spares()),
        (vec![(1, 8)], false),
        "its call has ended"
    );
}

#[test]
fn a_rest_outlasts_a_heavy_clients_work_and_its_next_request_and_ends_when_a_lighter_client_waits() {
    let mut scheduler = scheduler(2);
    scheduler.submit(of("heavy", generate(1, "a", Priority::Live, 0..99)));
    scheduler.submit(of("light", generate(2, "b", Priority::Live, 100..104)));
    scheduler.admit();
    charge(&mut scheduler, 0, 9);
    charge(&mut scheduler, 1, 1);
    scheduler.remove(2);
    scheduler.remove(1);
    assert!(scheduler.may_rest(), "nobody has work");
    scheduler.submit(of("heavy", generate(3, "a", Priority::Live, 0..99)));
    scheduler.admit();
    assert!(scheduler.may_rest());
    scheduler.submit(of("new", generate(4, "c", Priority::Live, [6])));
    assert!(!scheduler.may_rest(), "it waits for a slot");
}

#[test]
fn a_client_alone_is_never_heavy_beside_itself() {
    let mut scheduler = scheduler(2);
    scheduler.submit(of("one", generate(1, "a", Priority::Live, [9])));
    run_prompts(&mut scheduler);
    let piece = Piece { id: 1, slot: 0, start: 0, tokens: vec![7; 2], sample: false, probe: None };
    scheduler.charge(&[piece], Duration::from_secs(1), Instant::now());
    scheduler.remove(1);
    scheduler.submit(of("one", generate(2, "b", Priority::Live, 0..999)));
    scheduler.submit(of("one", generate(3, "a", Priority::Live, [9, 10])));
    scheduler.admit();
    let pieces = scheduler.next_step();
    assert_eq!((pieces[0].id, pieces[0].tokens.len(), scheduler.spares()), (2, CHUNK.shared, false));
}

#[test]
fn a_response_that_was_displaced_twice_keeps_its_slot() {
    let mut scheduler = scheduler(1);
    scheduler.submit(of("heavy", generate(1, "a", Priority::Live, 0..9)));
    scheduler.admit();
    charge(&mut scheduler, 0, 30);
    for (id, client) in [(2, "b"), (3, "c")] {
        scheduler.submit(of(client, generate(id, client, Priority::Live, 20..29)));
        assert_eq!(scheduler.admit()[0].id, id);
        scheduler.remove(id);
        assert_eq!(scheduler.admit()[0].id, 1);
    }
    scheduler.submit(of("d", generate(4, "d", Priority::Live, 20..29)));
    assert_eq!(scheduler.admit(), []);
}
