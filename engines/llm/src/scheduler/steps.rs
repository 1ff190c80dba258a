//! Which tokens the next step evaluates.

use super::shares::Shares;
use super::{Kind, Priority, Rank, Request, Scheduler, Slot, Token};

/// Batch work joins at least one step in this many, however busy the calls are: it is delayed, never starved.
pub(super) const BATCH_PATIENCE: u32 = 16;

/// The work of heavy clients joins at least one step in this many while a lighter one has work.
pub(super) const HEAVY_PATIENCE: u32 = 6;

/// How many prompt tokens one step may evaluate.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Chunk {
    /// While another sequence generates: bounds how long that one stalls.
    pub(crate) shared: usize,
    /// While none generates: only cancellations and new requests wait. Also the longest prompt that may hold up other clients'
    /// requests to its end.
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

/// How soon a slot's work is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    /// That of a call.
    Call,
    /// The same, of a client that is much heavier than another one with such work.
    Heavy,
    /// Nobody waits for it.
    Batch,
}

/// A slot with something to evaluate. The lowest goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Runner {
    class: Class,
    rank: Rank,
    slot: usize,
}

/// Whether work that others go before joins this step: it does unless they have work, and then once in so many steps.
fn joins(skipped: &mut u32, patience: u32, others: bool) -> bool {
    let waits = others && *skipped < patience;
    *skipped = if waits { *skipped + 1 } else { 0 };
    !waits
}

impl Scheduler {
    /// The next step's tokens: one for each response being generated, then prompts by urgency up to the chunk.
    pub(crate) fn next_step(&mut self) -> Vec<Piece> {
        let order = self.order();
        self.spares = self.should_spare(&order);
        let mut room = self.room(&order);
        // Otherwise prompts of lighter clients could take all of the step that heavy ones join.
        let prompt = |it: &Runner| it.class == Class::Heavy && self.slots[it.slot].pending() > 1;
        let kept = if order.iter().any(prompt) { self.chunk.ahead.min(room / 2) } else { 0 };
        let mut pieces = Vec::new();
        let calls = order.iter().any(|runner| runner.class < Class::Batch);
        for Runner { class, rank: Rank { id, beside, .. }, slot: index } in order {
            let slot = &self.slots[index];
            let Some(work) = &slot.work else { continue };
            let generating = slot.pending() == 1;
            let most = match class {
                Class::Call => room.saturating_sub(kept),
                // A lighter client waits for this step.
                Class::Heavy => room.min(self.chunk.ahead),
                // So does a call.
                Class::Batch if calls && beside => room.min(self.chunk.ahead),
                Class::Batch => room,
            };
            let count = if generating { 1 } else { self.chunk.take(slot.pending().min(most)) };
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

    /// The slots that take part in the next step, the most urgent first. Heavy clients take part in few steps while a lighter
    /// one has work, and batch work while any call has.
    fn order(&mut self) -> Vec<Runner> {
        let mut order = self.runners();
        let count = |class: Class| order.iter().filter(|runner| runner.class == class).count();
        let (calls, heavy, batch) = (count(Class::Call), count(Class::Heavy), count(Class::Batch));
        let heavy_joins = joins(&mut self.heavy_skipped, HEAVY_PATIENCE, calls > 0 && heavy > 0);
        let batch_joins = joins(&mut self.batch_skipped, BATCH_PATIENCE, calls + heavy > 0 && batch > 0);
        order.retain(|runner| match runner.class {
            Class::Call => true,
            Class::Heavy => heavy_joins,
            Class::Batch => batch_joins,
        });
        order
    }

    /// The slots that have something to evaluate, the most urgent first.
    fn runners(&self) -> Vec<Runner> {
        let runs = |slot: &Slot| slot.pending() > 0 && slot.work.as_ref().is_some_and(|work| !work.parked);
        let slots = self.slots.iter().enumerate().filter(|(_, slot)| runs(slot));
        let requests: Vec<_> =
            slots.filter_map(|(at, slot)| Some((&slot.work.as_ref()?.request, at))).collect();
        let uses = |request: &Request, slot: usize| {
            self.shares.use_with(request.client(), self.slots[slot].pending())
        };
        let others = |of: &Request| {
            let calls = requests.iter().filter(|(other, _)| other.priority < Priority::Batch);
            let others = calls.filter(|(other, _)| other.client() != of.client());
            others.map(|&(other, slot)| uses(other, slot)).fold(f64::INFINITY, f64::min)
        };
        let class = |request: &Request, slot: usize| match request.priority {
            Priority::Batch => Class::Batch,
            _ if Shares::is_heavier(uses(request, slot), others(request)) => Class::Heavy,
            _ => Class::Call,
        };
        let runner = |&(request, slot): &(&Request, usize)| Runner {
            class: class(request, slot),
            rank: request.rank(),
            slot,
        };
        let mut runners: Vec<Runner> = requests.iter().map(runner).collect();
        runners.sort_unstable();
        runners
    }

    /// How many tokens of prompts a step of these slots may evaluate.
    fn room(&self, order: &[Runner]) -> usize {
        // What is of no call changes no call's steps, and its own are short while there is a call that may have a turn at any moment.
        let called = self.slots.iter().any(|slot| !slot.owner.is_empty());
        let counts = |runner: &&Runner| !(called && runner.rank.beside);
        let generating = |slot: &Slot| slot.pending() == 1;
        let any = |is: &dyn Fn(&Slot) -> bool| {
            order.iter().filter(counts).any(|runner| is(&self.slots[runner.slot]))
        };
        let awaited = |slot: &Slot| {
            let request = slot.work.as_ref().map(|work| &work.request);
            request.is_some_and(|it| it.kind == Kind::Generate && it.priority != Priority::Speculative)
        };
        let long = |slot: &Slot| awaited(slot) && slot.pending() > self.chunk.alone;
        if any(&generating) {
            self.chunk.shared
        } else if self.spares || !any(&awaited) {
            self.chunk.ahead
        } else if any(&long) && self.has_several_clients() {
            self.chunk.shared
        } else {
            self.chunk.alone
        }
    }

    /// Whether all who have work now are clients much heavier than another client, whose conversation goes on; also true if nobody has any.
    pub(crate) fn may_rest(&self) -> bool {
        let order = self.runners();
        order.is_empty() || self.should_spare(&order)
    }

    /// Whether there is work, all of it from clients much heavier than another client, whose conversation goes on.
    fn should_spare(&self, order: &[Runner]) -> bool {
        let heavy = |runner: &Runner| {
            let own = &self.slots[runner.slot];
            let owned = self.slots.iter().filter(|slot| !slot.owner.is_empty() && slot.client != own.client);
            let active = owned.filter(|slot| self.shares.is_active(&slot.client));
            let least =
                active.map(|slot| self.shares.use_with(&slot.client, 0)).fold(f64::INFINITY, f64::min);
            let used = self.shares.use_with(&own.client, own.pending());
            Shares::is_heavier(used, least) && !self.is_awaited(&own.client, used)
        };
        !order.is_empty() && order.iter().all(heavy)
    }

    /// Whether a lighter client waits until this one, which has used so much, leaves a slot.
    fn is_awaited(&self, client: &str, used: f64) -> bool {
        let mut calls = self.waiting.iter().filter(|waiting| waiting.item.priority < Priority::Batch);
        calls.any(|waiting| {
            let other = waiting.item.client();
            other != client && Shares::is_heavier(used, self.shares.use_with(other, 0))
        })
    }

    /// Whether the slots belong to more than one client: a request of another may come at any moment.
    fn has_several_clients(&self) -> bool {
        let mut owned = self.slots.iter().filter(|slot| !slot.owner.is_empty());
        owned.next().is_some_and(|first| owned.any(|other| other.client != first.client))
    }
}
