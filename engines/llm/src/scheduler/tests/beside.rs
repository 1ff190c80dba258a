//! What responses beside calls may take, and what they give back.

use super::*;
use crate::scheduler::steps::BATCH_PATIENCE;

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
    assert_eq!(sizes(&scheduler.next_step()), [(2, CHUNK.ahead)], "the call may go on at any moment");
    scheduler.release("a");
    assert_eq!(sizes(&scheduler.next_step()), [(2, CHUNK.alone)], "alone it is as quick as any");
}

#[test]
fn a_response_beside_calls_shortens_no_step_of_a_calls_prompt() {
    let mut scheduler = scheduler(2);
    scheduler.submit(generate(1, "", Priority::Batch, 0..1));
    scheduler.submit(generate(2, "a", Priority::Live, 10..50));
    scheduler.admit();
    let mut joined = false;
    for _ in 0..=BATCH_PATIENCE {
        let pieces = scheduler.next_step();
        joined |= pieces.iter().any(|piece| piece.id == 1);
        assert_eq!(sizes(&pieces)[0], (2, CHUNK.alone));
    }
    assert!(joined);
}

#[test]
fn a_calls_prefill_between_turns_has_all_the_room_of_the_steps_that_it_joins() {
    let mut scheduler = scheduler(2);
    scheduler.submit(generate(1, "a", Priority::Live, 0..1));
    scheduler.submit(Request { priority: Priority::Batch, ..prefill(2, "b", 10..50) });
    scheduler.admit();
    let steps: Vec<_> = (0..=BATCH_PATIENCE).map(|_| sizes(&scheduler.next_step())).collect();
    assert_eq!(steps[BATCH_PATIENCE as usize], [(1, 1), (2, CHUNK.shared)], "{steps:?}");
}

#[test]
fn a_program_leaves_the_beginning_of_a_call_that_has_ended_to_the_next_call() {
    let mut scheduler = scheduler(2);
    scheduler.submit(generate(1, "a", Priority::Live, 0..6));
    run_prompts(&mut scheduler);
    scheduler.release("a");
    for id in [2, 3, 4] {
        scheduler.submit(Request { client: "program".into(), ..generate(id, "", Priority::Batch, 10..13) });
        assert_eq!(run_prompts(&mut scheduler)[0].slot, 1);
        scheduler.remove(id);
    }
    scheduler.submit(generate(5, "b", Priority::Live, [0, 1, 2, 3, 90]));
    assert_eq!(scheduler.admit()[0], Admission { id: 5, slot: 0, reuse: Reuse::Own { keep: 4 } });
}

#[test]
fn a_conversation_that_nobody_releases_keeps_its_slot_for_half_an_hour() {
    let mut scheduler = scheduler(1);
    let start = Instant::now();
    scheduler.passes(start);
    scheduler.submit(generate(1, "a", Priority::Live, 0..3));
    run_prompts(&mut scheduler);
    scheduler.remove(1);
    scheduler.submit(generate(2, "", Priority::Batch, 10..13));
    scheduler.passes(start + ABANDONED);
    assert_eq!(scheduler.admit(), []);
    scheduler.passes(start + ABANDONED + Duration::from_secs(1));
    assert_eq!(scheduler.admit()[0].id, 2);
}
