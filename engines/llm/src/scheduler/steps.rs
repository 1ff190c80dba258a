//! Which tokens the next step evaluates.

use super::{Kind, Priority, Rank, Scheduler, Slot, Token};

/// Batch work joins at least one step in this many, however busy the calls are: it is delayed, never starved.
pub(super) const BATCH_PATIENCE: u32 = 16;

/// How many prompt tokens one step may evaluate.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Chunk {
    /// While another sequence generates: bounds how long that one stalls.
    pub(crate) shared: usize,
    /// While none generates: only cancellations and new requests wait.
    pub(crate) alone: usize,
    /// While nobody waits for a response either: prefilling must give way at once.
    pub(crate) ahead: usize,
    /// Up to this many tokens are faster one at a time than together; more go in even numbers. 0: always together.
    pub(crate) few: usize,
}

impl Chunk {
    /// How many of `tokens` the next step takes.
    fn take(self, tokens: usize) -> usize {
        match tokens {
            _ if self.few == 0 => tokens,
            _ if tokens <= self.few => tokens.min(1),
            _ => tokens & !1,
        }
    }

    /// Splits the step's pieces into groups in evaluation order: what a listener waits for comes first.
    pub(crate) fn groups(self, pieces: Vec<Piece>) -> Vec<Vec<Piece>> {
        let (single, mut rest): (Vec<_>, Vec<_>) =
            pieces.into_iter().partition(|piece| self.few > 0 && piece.tokens.len() == 1);
        let mut groups = Vec::new();
        if single.len() > self.few {
            rest.extend(single);
        } else {
            groups.extend(single.into_iter().map(|piece| vec![piece]));
        }
        groups.extend((!rest.is_empty()).then_some(rest));
        groups
    }
}

/// Tokens of one sequence for the next step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) id: u64,
    pub(crate) slot: usize,
    /// Position of the first token in its sequence.
    pub(crate) start: usize,
    pub(crate) tokens: Vec<Token>,
    /// Whether the last token's logits choose the sequence's next token.
    pub(crate) sample: bool,
    /// Index within `tokens` of the one whose logits are wanted as well.
    pub(crate) probe: Option<usize>,
}

impl Scheduler {
    /// The next step's tokens: one for each response being generated, then prompts by urgency up to the chunk.
    pub(crate) fn next_step(&mut self) -> Vec<Piece> {
        let order = self.order();
        let mut room = self.room(&order);
        let mut pieces = Vec::new();
        for (Rank { id, .. }, index) in order {
            let slot = &self.slots[index];
            let Some(work) = &slot.work else { continue };
            let generating = slot.pending() == 1;
            let count = if generating { 1 } else { self.chunk.take(slot.pending().min(room)) };
            if count == 0 {
                continue;
            }
            if !generating {
                room -= count;
            }
            let start = slot.cached.len();
            let tokens = work.request.tokens[start..start + count].to_vec();
            let sample = work.request.kind == Kind::Generate && count == slot.pending();
            let probe = work.request.probe.and_then(|probe| probe.checked_sub(start));
            let probe = probe.filter(|probe| *probe < count);
            pieces.push(Piece { id, slot: index, start, tokens, sample, probe });
        }
        pieces
    }

    /// The slots that take part in the next step, by urgency.
    fn order(&mut self) -> Vec<(Rank, usize)> {
        let runs = |slot: &Slot| slot.pending() > 0 && slot.work.as_ref().is_some_and(|work| !work.parked);
        let mut order: Vec<_> = self
            .slots
            .iter()
            .enumerate()
            .filter(|(_, slot)| runs(slot))
            .filter_map(|(index, slot)| Some((&slot.work.as_ref()?.request, index)))
            .map(|(request, index)| (request.rank(), index))
            .collect();
        order.sort_unstable();
        let urgent = order.iter().take_while(|(rank, _)| rank.priority < Priority::Batch).count();
        if urgent > 0 && urgent < order.len() && self.batch_skipped < BATCH_PATIENCE {
            self.batch_skipped += 1;
            order.truncate(urgent);
        } else {
            self.batch_skipped = 0;
        }
        order
    }

    /// How many tokens of prompts a step of these slots may evaluate.
    fn room(&self, order: &[(Rank, usize)]) -> usize {
        let generating = |slot: &Slot| slot.pending() == 1;
        let any = |is: &dyn Fn(&Slot) -> bool| order.iter().any(|&(_, index)| is(&self.slots[index]));
        let awaited = |slot: &Slot| {
            let request = slot.work.as_ref().map(|work| &work.request);
            request.is_some_and(|it| it.kind == Kind::Generate && it.priority != Priority::Speculative)
        };
        if any(&generating) {
            self.chunk.shared
        } else if any(&awaited) {
            self.chunk.alone
        } else {
            self.chunk.ahead
        }
    }
}
