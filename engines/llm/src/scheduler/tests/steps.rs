//! Which tokens the next step evaluates.

use super::*;
use crate::scheduler::steps::BATCH_PATIENCE;

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
    scheduler.release("a");
    scheduler.admit();
    let pieces = scheduler.next_step();
    assert_eq!((&pieces[0].tokens[..], pieces[0].probe), (&[0, 1, 2, 50][..], None));
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
