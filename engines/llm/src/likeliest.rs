//! The few likeliest tokens of a large vocabulary, so that samplers need not scan all of it. Pure.

use crate::scheduler::Token;

/// Logits compared as a block; most blocks of the vocabulary are skipped after one comparison.
const BLOCK: usize = 64;

/// How many of the likeliest tokens are checked against a grammar at once: it checks each of them, and mostly one suffices.
/// All calls wait meanwhile, and a vocabulary has 150,000 tokens, so the less likely ones are never checked.
const CHECKED: [usize; 3] = [1, 104, 4096];

/// A token that may be sampled, with its logit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Candidate {
    pub(crate) token: Token,
    pub(crate) logit: f32,
}

/// The `count` highest logits with their tokens, unordered; fewer if too many logits are NaN.
pub(crate) fn likeliest(logits: &[f32], count: usize) -> Vec<Candidate> {
    let mut best: Vec<Candidate> = Vec::with_capacity(2 * count);
    let mut bar = f32::NEG_INFINITY;
    for (block, first) in logits.chunks(BLOCK).zip((0..).step_by(BLOCK)) {
        if best.len() >= count && !block.iter().fold(false, |any, logit| any | (*logit > bar)) {
            continue;
        }
        for (logit, token) in block.iter().zip(first..) {
            if logit.is_nan() || (best.len() >= count && *logit <= bar) {
                continue;
            }
            best.push(Candidate { token, logit: *logit });
            if best.len() == 2 * count {
                bar = cut(&mut best, count);
            }
        }
    }
    if best.len() > count {
        cut(&mut best, count);
    }
    best
}

/// The token that `check` selects among the likeliest, which it is given in order: first few of them, then more. None if it
/// selects none of a bounded number.
pub(crate) fn first_allowed(
    logits: &[f32],
    mut check: impl FnMut(Vec<Candidate>) -> Option<Token>,
) -> Option<Token> {
    CHECKED.into_iter().find_map(|count| {
        let mut best = likeliest(logits, count);
        best.sort_unstable_by(|a, b| b.logit.total_cmp(&a.logit));
        check(best)
    })
}

/// Keeps the `count` highest; returns the lowest of them.
fn cut(best: &mut Vec<Candidate>, count: usize) -> f32 {
    best.select_nth_unstable_by(count - 1, |a, b| b.logit.total_cmp(&a.logit));
    best.truncate(count);
    best[count - 1].logit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_result_equals_that_of_sorting() {
        let mut state = 1_u32;
        let mut random = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f32::from(u16::try_from(state >> 16).unwrap()) - 30_000.0
        };
        for (size, count) in [(3, 5), (5, 5), (1000, 1), (5000, 40), (70_001, 104)] {
            let logits: Vec<f32> = (0..size).map(|_| random()).collect();
            let mut sorted = logits.clone();
            sorted.sort_unstable_by(|a, b| b.total_cmp(a));
            sorted.truncate(count);
            let mut best = likeliest(&logits, count);
            assert!(best.iter().all(|it| logits[usize::try_from(it.token).unwrap()] == it.logit));
            best.sort_unstable_by(|a, b| b.logit.total_cmp(&a.logit));
            assert_eq!(best.iter().map(|it| it.logit).collect::<Vec<_>>(), sorted);
        }
    }

    #[test]
    fn a_grammar_is_asked_about_the_likeliest_tokens_in_order_and_never_about_all() {
        // A large vocabulary, the likeliest token first.
        let logits: Vec<f32> = (0..151_936_i32).map(|token| -(token as f32)).collect();
        let mut checked = Vec::new();
        let mut only = |allowed: Token| {
            checked.clear();
            let found = first_allowed(&logits, |best| {
                checked.push(best.len());
                assert!(best.is_sorted_by(|a, b| a.logit >= b.logit));
                best.iter().map(|candidate| candidate.token).find(|token| *token == allowed)
            });
            (found, checked.clone())
        };
        assert_eq!(only(0), (Some(0), vec![1]));
        assert_eq!(only(103), (Some(103), vec![1, 104]));
        assert_eq!(only(4_095), (Some(4_095), vec![1, 104, 4_096]));
        assert_eq!(only(4_096), (None, vec![1, 104, 4_096]), "the other calls wait no longer for it");
    }

    #[test]
    fn nan_logits_are_never_chosen() {
        let found = likeliest(&[f32::NAN, 1.0, f32::NEG_INFINITY, f32::NAN], 3);
        assert_eq!(
            found,
            [Candidate { token: 1, logit: 1.0 }, Candidate { token: 2, logit: f32::NEG_INFINITY }]
        );
        assert!(likeliest(&[f32::NAN; 9], 3).is_empty());
    }
}
