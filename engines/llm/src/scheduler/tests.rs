use super::steps::{BATCH_PATIENCE, HEAVY_PATIENCE};
use super::*;

const CHUNK: Chunk = Chunk { shared: 4, alone: 8, ahead: 2, few: 0 };

fn scheduler(slots: usize) -> Scheduler {
    Scheduler::new(slots, CHUNK, true)
}

fn generate(
    id: u64,
    conversation: &str,
    priority: Priority,
    tokens: impl IntoIterator<Item = Token>,
) -> Request {
    Request {
        id,
        conversation: conversation.into(),
        client: String::new(),
        priority,
        kind: Kind::Generate,
        tokens: tokens.into_iter().collect(),
        probe: None,
        displaced: 0,
    }
}

fn prefill(id: u64, conversation: &str, tokens: impl IntoIterator<Item = Token>) -> Request {
    Request { kind: Kind::Prefill, ..generate(id, conversation, Priority::Live, tokens) }
}

/// Admits what can be admitted and evaluates until only generation is left; returns the admissions.
fn run_prompts(scheduler: &mut Scheduler) -> Vec<Admission> {
    let admissions = scheduler.admit();
    loop {
        let pieces = scheduler.next_step();
        let sampled = pieces.iter().all(|piece| piece.sample);
        scheduler.evaluated(&pieces);
        if sampled {
            return admissions;
        }
    }
}

fn sizes(pieces: &[Piece]) -> Vec<(u64, usize)> {
    pieces.iter().map(|piece| (piece.id, piece.tokens.len())).collect()
}

#[test]
fn a_second_turn_evaluates_only_what_is_new() {
    let mut scheduler = scheduler(2);
    scheduler.submit(generate(1, "a", Priority::Live, 0..6));
    run_prompts(&mut scheduler);
    scheduler.push(1, 50);
    let pieces = scheduler.next_step();
    assert_eq!((pieces[0].start, &pieces[0].tokens[..], pieces[0].sample), (6, &[50][..], true));
    scheduler.evaluated(&pieces);
    scheduler.remove(1);
    // What was heard of the response differs from what was generated after token 5.
    scheduler.submit(generate(2, "a", Priority::Live, [0, 1, 2, 3, 4, 5, 60, 61]));
    let admission = scheduler.admit().remove(0);
    assert_eq!((admission.slot, admission.reuse), (0, Reuse::Own { keep: 6 }));
    assert_eq!(scheduler.next_step()[0].tokens, [60, 61]);
}

#[test]
fn a_repeated_prompt_still_evaluates_its_last_token() {
    let mut scheduler = scheduler(1);
    scheduler.submit(prefill(1, "a", 0..6));
    run_prompts(&mut scheduler);
    assert_eq!(scheduler.prefilled(), [1]);
    scheduler.remove(1);
    scheduler.submit(generate(2, "a", Priority::Live, 0..6));
    assert_eq!(scheduler.admit()[0].reuse, Reuse::Own { keep: 5 });
    let pieces = scheduler.next_step();
    assert_eq!((sizes(&pieces), pieces[0].sample), (vec![(2, 1)], true));
    scheduler.evaluated(&pieces);
    scheduler.remove(2);
    scheduler.submit(prefill(3, "a", 0..6));
    scheduler.admit();
    assert_eq!(scheduler.prefilled(), [3]);
}

#[test]
fn a_new_conversation_copies_the_system_prompt_from_a_busy_slot() {
    let mut scheduler = scheduler(2);
    scheduler.submit(generate(1, "a", Priority::Live, 0..6));
    run_prompts(&mut scheduler);
    scheduler.submit(generate(2, "b", Priority::Live, [0, 1, 2, 3, 90, 91]));
    let admission = scheduler.admit().remove(0);
    assert_eq!((admission.slot, admission.reuse), (1, Reuse::Copy { from: 0, length: 4 }));
    assert_eq!(scheduler.next_step()[0].tokens, [90, 91]);
}

#[test]
fn only_evaluated_tokens_are_copied_and_none_with_a_recurrent_model() {
    let mut shared = scheduler(2);
    shared.submit(generate(1, "a", Priority::Live, 0..20));
    shared.submit(generate(2, "b", Priority::Live, 0..20));
    assert!(shared.admit().iter().all(|admission| admission.reuse == Reuse::Own { keep: 0 }));
    let mut recurrent = Scheduler::new(2, CHUNK, false);
    recurrent.submit(generate(1, "a", Priority::Live, 0..6));
    run_prompts(&mut recurrent);
    recurrent.submit(generate(2, "b", Priority::Live, 0..6));
    assert_eq!(recurrent.admit()[0].reuse, Reuse::Own { keep: 0 });
}

#[test]
fn a_slot_without_an_owner_is_taken_before_the_least_recently_used_one() {
    let mut scheduler = scheduler(3);
    for (id, conversation) in [(1, "a"), (2, "b"), (3, "")] {
        scheduler.submit(generate(id, conversation, Priority::Live, [9]));
        run_prompts(&mut scheduler);
    }
    for id in [2, 1, 3] {
        scheduler.remove(id);
    }
    let mut slot_of_next = |id: u64, conversation: &str| {
        scheduler.submit(generate(id, conversation, Priority::Live, [8]));
        scheduler.admit()[0].slot
    };
    assert_eq!([slot_of_next(4, "c"), slot_of_next(5, "d"), slot_of_next(6, "e")], [2, 1, 0]);
}

#[test]
fn the_slot_of_a_released_conversation_is_taken_first_and_its_prefix_is_reused() {
    let mut scheduler = scheduler(2);
    scheduler.submit(generate(1, "a", Priority::Live, 0..6));
    run_prompts(&mut scheduler);
    scheduler.submit(generate(2, "a", Priority::Batch, [7]));
    assert_eq!(scheduler.release("a"), [2]);
    assert_eq!(scheduler.release("unknown"), [0; 0]);
    scheduler.submit(generate(3, "b", Priority::Live, [5]));
    scheduler.submit(generate(4, "c", Priority::Live, [0, 1, 2, 99]));
    let admissions = scheduler.admit();
    assert_eq!(admissions[0].slot, 1);
    assert_eq!((admissions[1].slot, admissions[1].reuse), (0, Reuse::Own { keep: 3 }));
}

#[test]
fn a_new_response_replaces_all_of_its_conversation_and_a_prefill_only_prefills() {
    let mut scheduler = scheduler(2);
    scheduler.submit(generate(1, "a", Priority::Live, 0..3));
    scheduler.admit();
    assert_eq!(scheduler.submit(prefill(2, "a", 0..4)), [0; 0]);
    assert_eq!(scheduler.admit(), [], "a prefill must not touch the slot that is still generating");
    assert_eq!(scheduler.submit(prefill(3, "a", 0..5)), [2]);
    assert_eq!(scheduler.submit(generate(4, "a", Priority::Live, 0..6)), [3, 1]);
    assert_eq!(scheduler.admit()[0].slot, 0);
    assert_eq!(scheduler.submit(generate(5, "", Priority::Live, 0..6)), [0; 0]);
    assert_eq!(scheduler.submit(generate(6, "", Priority::Live, 0..6)), [0; 0]);
}

#[test]
fn prompt_chunks_are_small_only_while_another_sequence_generates() {
    let mut scheduler = scheduler(3);
    scheduler.submit(generate(1, "a", Priority::Live, 0..9));
    scheduler.admit();
    let pieces = scheduler.next_step();
    assert_eq!((sizes(&pieces), pieces[0].sample), (vec![(1, 8)], false));
    scheduler.evaluated(&pieces);
    let pieces = scheduler.next_step();
    scheduler.evaluated(&pieces);
    scheduler.push(1, 50);
    scheduler.submit(generate(2, "b", Priority::Speculative, 100..103));
    scheduler.submit(generate(3, "c", Priority::Live, 200..202));
    scheduler.admit();
    let pieces = scheduler.next_step();
    assert_eq!(
        sizes(&pieces),
        [(1, 1), (3, 2), (2, 2)],
        "the live prompt first, the speculative one in what is left"
    );
    assert_eq!(pieces.iter().map(|piece| piece.sample).collect::<Vec<_>>(), [true, true, false]);
}

#[test]
fn batch_work_waits_for_calls_but_is_not_starved() {
    let mut scheduler = scheduler(2);
    scheduler.submit(generate(1, "", Priority::Batch, 0..1));
    scheduler.submit(generate(2, "a", Priority::Live, 0..1));
    scheduler.admit();
    let with_batch = (0..2 * BATCH_PATIENCE + 2).filter(|_| scheduler.next_step().len() == 2).count();
    assert_eq!(with_batch, 2);
    scheduler.remove(2);
    assert_eq!(sizes(&scheduler.next_step()), [(1, 1)]);
}

#[test]
fn a_live_turn_displaces_batch_work_which_resumes_later_with_its_tokens() {
    let mut scheduler = scheduler(1);
    scheduler.submit(generate(1, "", Priority::Batch, 0..3));
    run_prompts(&mut scheduler);
    scheduler.push(1, 50);
    scheduler.submit(generate(2, "", Priority::Batch, 0..3));
    assert_eq!(scheduler.admit(), [], "a request of equal priority waits");
    scheduler.submit(generate(3, "a", Priority::Live, 70..73));
    assert_eq!(scheduler.admit(), [Admission { id: 3, slot: 0, reuse: Reuse::Own { keep: 0 } }]);
    run_prompts(&mut scheduler);
    scheduler.remove(3);
    assert_eq!(scheduler.admit()[0].id, 1);
    assert_eq!(scheduler.next_step()[0].tokens, [0, 1, 2, 50]);
}

#[test]
fn a_response_beside_calls_takes_no_slot_that_a_conversation_keeps_and_waits_until_one_is_released() {
    let mut scheduler = scheduler(2);
    for (id, conversation) in [(1, "a"), (2, "b")] {
        scheduler.submit(generate(id, conversation, Priority::Live, 0..3));
        run_prompts(&mut scheduler);
        scheduler.remove(id);
    }
    scheduler.submit(generate(3, "", Priority::Batch, 10..13));
    assert_eq!(scheduler.admit(), [], "both slots are a call's, though idle");
    scheduler.submit(generate(4, "a", Priority::Live, 0..5));
    assert_eq!(scheduler.admit()[0].reuse, Reuse::Own { keep: 3 }, "the call finds its cache");
    scheduler.remove(4);
    scheduler.release("b");
    assert_eq!(scheduler.admit()[0], Admission { id: 3, slot: 1, reuse: Reuse::Own { keep: 0 } });
    scheduler.remove(3);
    scheduler.submit(generate(5, "c", Priority::Live, [70]));
    assert_eq!(scheduler.admit()[0].slot, 1, "it keeps none itself");
}

#[test]
fn a_response_beside_calls_gives_its_slot_to_a_calls_prefill_and_goes_on_later() {
    let mut scheduler = scheduler(1);
    scheduler.submit(generate(1, "", Priority::Batch, 0..3));
    run_prompts(&mut scheduler);
    scheduler.push(1, 50);
    let between_turns = Request { priority: Priority::Batch, ..prefill(2, "a", 70..73) };
    scheduler.submit(between_turns);
    assert_eq!(scheduler.admit(), [Admission { id: 2, slot: 0, reuse: Reuse::Own { keep: 0 } }]);
    run_prompts(&mut scheduler);
    assert_eq!(scheduler.prefilled(), [2]);
    scheduler.remove(2);
    assert_eq!(scheduler.admit(), [], "the call's prompt stays");
    scheduler.release("a");
    assert_eq!(scheduler.admit()[0].id, 1);
    assert_eq!(scheduler.next_step()[0].tokens, [0, 1, 2, 50]);
}

#[test]
fn a_long_prompt_beside_a_call_joins_few_steps_with_little() {
    let mut scheduler = scheduler(2);
    scheduler.submit(generate(1, "a", Priority::Live, 0..1));
    scheduler.submit(generate(2, "", Priority::Batch, 0..40));
    scheduler.admit();
    let mut most = 0;
    for _ in 0..2 * BATCH_PATIENCE {
        let pieces = scheduler.next_step();
        let beside = pieces.iter().filter(|piece| piece.id == 2).map(|piece| piece.tokens.len());
        most = most.max(beside.max().unwrap_or(0));
    }
    assert_eq!(most, CHUNK.ahead);
    scheduler.remove(1);
    assert_eq!(sizes(&scheduler.next_step()), [(2, CHUNK.alone)], "alone it is as quick as any");
}

#[test]
fn a_parked_sequence_is_skipped_until_its_reader_catches_up() {
    let mut scheduler = scheduler(2);
    scheduler.submit(generate(1, "a", Priority::Live, 0..1));
    scheduler.submit(generate(2, "b", Priority::Live, 0..1));
    scheduler.admit();
    scheduler.park(1, true);
    assert_eq!(sizes(&scheduler.next_step()), [(2, 1)]);
    scheduler.park(1, false);
    assert_eq!(sizes(&scheduler.next_step()), [(1, 1), (2, 1)]);
}

#[test]
fn tokens_of_a_lost_cache_are_evaluated_again() {
    let mut scheduler = scheduler(1);
    scheduler.submit(generate(1, "a", Priority::Live, 0..6));
    run_prompts(&mut scheduler);
    scheduler.remove(1);
    scheduler.submit(generate(2, "a", Priority::Live, 0..7));
    let slot = scheduler.admit()[0].slot;
    scheduler.forget(slot);
    assert_eq!(scheduler.next_step()[0].start, 0);
}

#[test]
fn a_probe_is_reported_once_by_its_index_within_the_step() {
    let mut scheduler = scheduler(1);
    scheduler.submit(Request { probe: Some(9), ..generate(1, "a", Priority::Live, 0..12) });
    scheduler.admit();
    let mut probes = Vec::new();
    for _ in 0..2 {
        let pieces = scheduler.next_step();
        probes.push((pieces[0].start, pieces[0].probe, pieces[0].sample));
        scheduler.evaluated(&pieces);
    }
    assert_eq!(probes, [(0, None, false), (8, Some(1), true)]);
    scheduler.push(1, 50);
    assert_eq!(scheduler.next_step()[0].probe, None);
}

#[test]
fn a_cached_probe_is_evaluated_again_and_only_the_tokens_before_it_are_reused() {
    let mut scheduler = scheduler(1);
    scheduler.submit(prefill(1, "a", 0..12));
    run_prompts(&mut scheduler);
    scheduler.remove(1);
    scheduler.submit(Request { probe: Some(9), ..generate(2, "a", Priority::Live, 0..12) });
    assert_eq!(scheduler.admit()[0].reuse, Reuse::Own { keep: 9 });
    let pieces = scheduler.next_step();
    assert_eq!((pieces[0].start, pieces[0].tokens.len(), pieces[0].probe), (9, 3, Some(0)));
}

#[test]
fn a_displaced_request_does_not_report_its_probe_again() {
    let mut scheduler = scheduler(1);
    scheduler.submit(Request { probe: Some(1), ..generate(1, "", Priority::Batch, 0..3) });
    run_prompts(&mut scheduler);
    scheduler.push(1, 50);
    scheduler.submit(generate(2, "a", Priority::Live, 70..73));
    run_prompts(&mut scheduler);
    scheduler.remove(2);
    scheduler.admit();
    let pieces = scheduler.next_step();
    assert_eq!((&pieces[0].tokens[..], pieces[0].probe), (&[0, 1, 2, 50][..], None));
}

#[test]
fn after_a_cancelled_speculative_response_only_the_common_prefix_is_reused() {
    let mut scheduler = scheduler(1);
    scheduler.submit(generate(1, "a", Priority::Speculative, [0, 1, 2, 3, 90, 91]));
    run_prompts(&mut scheduler);
    for token in [50, 51] {
        scheduler.push(1, token);
        let pieces = scheduler.next_step();
        scheduler.evaluated(&pieces);
    }
    scheduler.remove(1);
    // The person continued: token 4 instead of the end of the message.
    scheduler.submit(prefill(2, "a", [0, 1, 2, 3, 4, 5]));
    assert_eq!(scheduler.admit()[0].reuse, Reuse::Own { keep: 4 });
    assert_eq!(scheduler.next_step()[0].tokens, [4, 5][..]);
}

#[test]
fn prefills_use_small_steps_until_a_response_is_awaited() {
    let mut scheduler = scheduler(3);
    scheduler.submit(prefill(1, "a", 0..9));
    scheduler.submit(generate(2, "b", Priority::Speculative, 10..19));
    scheduler.admit();
    assert_eq!(sizes(&scheduler.next_step()), [(1, 2)]);
    scheduler.submit(generate(3, "c", Priority::Live, 20..26));
    scheduler.admit();
    assert_eq!(sizes(&scheduler.next_step()), [(1, 8)]);
}

#[test]
fn few_tokens_go_one_at_a_time_and_many_in_even_numbers_where_that_is_faster() {
    let mut scheduler = Scheduler::new(1, Chunk { few: 3, ..CHUNK }, true);
    scheduler.submit(Request { probe: Some(13), ..generate(1, "a", Priority::Live, 0..15) });
    scheduler.admit();
    let mut steps = Vec::<(usize, Option<usize>, bool)>::new();
    while steps.last().is_none_or(|(.., sampled)| !sampled) {
        let pieces = scheduler.next_step();
        steps.push((pieces[0].tokens.len(), pieces[0].probe, pieces[0].sample));
        scheduler.evaluated(&pieces);
    }
    assert_eq!(steps, [(8, None, false), (6, Some(5), false), (1, None, true)]);
    scheduler.remove(1);
    scheduler.submit(generate(2, "a", Priority::Live, (0..15).chain([20, 21])));
    scheduler.admit();
    assert_eq!(sizes(&scheduler.next_step()), [(2, 1)]);
}

#[test]
fn single_tokens_are_evaluated_before_prompts_and_separately_unless_there_are_many() {
    let piece =
        |id, tokens| Piece { id, slot: 0, start: 0, tokens: vec![7; tokens], sample: true, probe: None };
    let groups = |few, pieces: &[Piece]| -> Vec<Vec<u64>> {
        let groups = Chunk { few, ..CHUNK }.groups(pieces.to_vec());
        groups.iter().map(|group| group.iter().map(|piece| piece.id).collect()).collect()
    };
    let pieces = [piece(1, 1), piece(2, 8), piece(3, 1), piece(4, 6)];
    assert_eq!(groups(2, &pieces), [vec![1], vec![3], vec![2, 4]]);
    assert_eq!(groups(1, &pieces), [[2, 4, 1, 3]]);
    assert_eq!(groups(0, &pieces), [[1, 2, 3, 4]]);
}

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
