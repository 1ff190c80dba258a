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
    assert_eq!(sizes(&scheduler.next_step()), [(2, CHUNK.alone)], "alone it is as quick as any");
}
