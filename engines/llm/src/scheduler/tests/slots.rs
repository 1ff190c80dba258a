//! Which request gets which slot, and what of its prompt is there already.

use super::*;

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
    scheduler.release("a");
    assert_eq!(scheduler.admit()[0].id, 1);
    assert_eq!(scheduler.next_step()[0].tokens, [0, 1, 2, 50]);
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
