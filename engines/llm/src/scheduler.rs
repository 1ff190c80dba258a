//! Decides which request holds which slot and which tokens the next step evaluates. Pure: no model, clock or channel.
//!
//! A slot is one sequence of the KV cache. `cached` mirrors what the cache holds for it; the caller applies every
//! change to the real cache in the order in which it is returned.

use std::cmp::Reverse;
use std::time::{Duration, Instant};

use visavis_proto::queue::{PriorityQueue, Waiting};
pub(crate) use visavis_proto::v1::Priority;

mod shares;
mod steps;
#[cfg(test)]
mod tests;

use shares::Shares;
pub(crate) use steps::{Chunk, Piece};

/// How often a response loses its slot to another client's: it must come to its end.
const MOST_DISPLACED: u8 = 2;
/// A conversation without work for longer than this keeps its slot from nobody: whoever should have released it is probably gone.
const ABANDONED: Duration = Duration::from_secs(30 * 60);

/// A token of the model's vocabulary.
pub(crate) type Token = i32;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Generate,
    /// Evaluates the prompt only.
    Prefill,
}

/// A request as the scheduler sees it. Ids increase in order of arrival.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) id: u64,
    /// Empty: the slot is not kept for later requests.
    pub(crate) conversation: String,
    /// Whom the work is for. Empty: the conversation counts by itself.
    pub(crate) client: String,
    /// A live turn goes before a speculative response, and that before batch work.
    pub(crate) priority: Priority,
    pub(crate) kind: Kind,
    pub(crate) tokens: Vec<Token>,
    /// Index of the prompt token whose logits are wanted as well, once.
    pub(crate) probe: Option<usize>,
    /// How often it has lost its slot to another client's response.
    pub(crate) displaced: u8,
}

impl Request {
    /// Whose share of the model's time it uses.
    fn client(&self) -> &str {
        if self.client.is_empty() { &self.conversation } else { &self.client }
    }

    fn rank(&self) -> Rank {
        Rank { priority: self.priority, beside: self.is_beside(), id: self.id }
    }

    /// Whether it is a response that no call waits for: of a program's request, not of a person's turn. Calls only prefill as batch work.
    fn is_beside(&self) -> bool {
        self.kind == Kind::Generate && self.priority == Priority::Batch
    }
}

/// A request's order in the queue; a displaced request returns to its former position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    priority: Priority,
    /// It is of no call.
    beside: bool,
    id: u64,
}

/// Where the cached beginning of an admitted request's prompt comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reuse {
    /// The slot keeps its first `keep` tokens; the rest is removed.
    Own { keep: usize },
    /// The slot is emptied and receives the first `length` tokens of slot `from`.
    Copy { from: usize, length: usize },
}

/// A request that moved from the queue to a slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Admission {
    pub(crate) id: u64,
    pub(crate) slot: usize,
    pub(crate) reuse: Reuse,
}

#[derive(Debug)]
struct Work {
    request: Request,
    /// The request's reader is behind; it takes part in no step.
    parked: bool,
}

#[derive(Debug, Default)]
struct Slot {
    /// The conversation.
    owner: String,
    /// The owner's client.
    client: String,
    cached: Vec<Token>,
    last_used: u64,
    /// When its last work began or ended.
    used_at: Option<Instant>,
    work: Option<Work>,
}

impl Slot {
    fn pending(&self) -> usize {
        self.work.as_ref().map_or(0, |work| work.request.tokens.len() - self.cached.len())
    }
}

/// The slots and the requests waiting for them.
#[derive(Debug)]
pub(crate) struct Scheduler {
    slots: Vec<Slot>,
    waiting: PriorityQueue<Rank, Request>,
    chunk: Chunk,
    /// Whether part of one sequence can be copied to another (not with recurrent models).
    can_copy: bool,
    uses: u64,
    now: Option<Instant>,
    shares: Shares,
    spares: bool,
    batch_skipped: u32,
    heavy_skipped: u32,
}

impl Scheduler {
    pub(crate) fn new(slots: usize, chunk: Chunk, can_copy: bool) -> Self {
        let slots = (0..slots).map(|_| Slot::default()).collect();
        let (waiting, shares) = (PriorityQueue::default(), Shares::default());
        let (batch_skipped, heavy_skipped) = (0, 0);
        let (uses, now, spares) = (0, None, false);
        Self { slots, waiting, chunk, can_copy, uses, now, shares, spares, batch_skipped, heavy_skipped }
    }

    /// Queues a request; returns the ids of its conversation's requests that it replaces. A new prefill replaces older
    /// prefills; only a new response replaces a response.
    pub(crate) fn submit(&mut self, request: Request) -> Vec<u64> {
        let replaces = |old: &Request| {
            !request.conversation.is_empty()
                && old.conversation == request.conversation
                && (request.kind == Kind::Generate || old.kind == Kind::Prefill)
        };
        let replaced = self.remove_where(replaces);
        self.enqueue(request);
        replaced
    }

    /// Removes a request from the queue or from its slot, which keeps the tokens evaluated so far.
    pub(crate) fn remove(&mut self, id: u64) {
        self.remove_where(|request| request.id == id);
    }

    /// Forgets a conversation; returns the ids of its requests, which end. Its tokens remain as a prefix for others
    /// until the slot is needed.
    pub(crate) fn release(&mut self, conversation: &str) -> Vec<u64> {
        let ended =
            self.remove_where(|request| !conversation.is_empty() && request.conversation == conversation);
        for slot in self.slots.iter_mut().filter(|slot| slot.owner == conversation) {
            slot.owner.clear();
        }
        ended
    }

    /// Moves requests from the queue to free slots, the most urgent first.
    pub(crate) fn admit(&mut self) -> Vec<Admission> {
        let mut admissions = Vec::new();
        let mut next = 0;
        while let Some(waiting) = self.waiting.get(next) {
            let Some(slot) = self.choose_slot(&waiting.item) else {
                next += 1;
                continue;
            };
            let Some(Waiting { item: request, .. }) = self.waiting.take(next) else { break };
            // Less urgent work is displaced and queued again, with what it has generated.
            if let Some(mut work) = self.slots[slot].work.take() {
                work.request.displaced = work.request.displaced.saturating_add(1);
                self.enqueue(work.request);
            }
            admissions.push(self.assign(slot, request));
        }
        admissions
    }

    /// Records a successful step: its tokens are in the cache.
    pub(crate) fn evaluated(&mut self, pieces: &[Piece]) {
        for piece in pieces {
            let slot = &mut self.slots[piece.slot];
            slot.cached.extend(&piece.tokens);
            if let Some(work) = slot.work.as_mut().filter(|_| piece.probe.is_some()) {
                work.request.probe = None;
            }
        }
    }

    /// Records how long the model worked on these pieces, until `now`; each has its part by its number of tokens.
    pub(crate) fn charge(&mut self, pieces: &[Piece], worked: Duration, now: Instant) {
        let tokens: usize = pieces.iter().map(|piece| piece.tokens.len()).sum();
        if pieces.iter().any(|piece| piece.tokens.len() > 1) {
            self.shares.step(tokens, worked);
        }
        for piece in pieces {
            let Some(work) = &self.slots[piece.slot].work else { continue };
            let part = worked.mul_f64(piece.tokens.len() as f64 / tokens.max(1) as f64);
            self.shares.charge(work.request.client(), part, now);
        }
    }

    /// Records that time passes, with work or without.
    pub(crate) fn passes(&mut self, now: Instant) {
        self.shares.age(now);
        self.now = Some(now);
    }

    /// Whether the model should rest after its last step: only much heavier clients than an active one have work, and
    /// the lighter one may now be recognised or spoken for on the same cores.
    pub(crate) fn spares(&self) -> bool {
        self.spares
    }

    /// Records that the cache lost everything it held for this slot.
    pub(crate) fn forget(&mut self, slot: usize) {
        self.slots[slot].cached.clear();
    }

    /// Appends a generated token, to be evaluated in the next step.
    pub(crate) fn push(&mut self, id: u64, token: Token) {
        if let Some(work) = self.work(id) {
            work.request.tokens.push(token);
        }
    }

    /// Excludes a sequence from the steps, or includes it again.
    pub(crate) fn park(&mut self, id: u64, parked: bool) {
        if let Some(work) = self.work(id) {
            work.parked = parked;
        }
    }

    /// The prefills with nothing left to evaluate.
    pub(crate) fn prefilled(&self) -> Vec<u64> {
        let done = |slot: &&Slot| slot.pending() == 0;
        let works = self.slots.iter().filter(done).filter_map(|slot| slot.work.as_ref());
        works.filter(|work| work.request.kind == Kind::Prefill).map(|work| work.request.id).collect()
    }

    fn work(&mut self, id: u64) -> Option<&mut Work> {
        self.slots.iter_mut().filter_map(|slot| slot.work.as_mut()).find(|work| work.request.id == id)
    }

    fn enqueue(&mut self, request: Request) {
        self.waiting.push(Waiting { id: request.id, rank: request.rank(), item: request });
    }

    fn remove_where(&mut self, gone: impl Fn(&Request) -> bool) -> Vec<u64> {
        let waiting = self.waiting.remove_all(|waiting| gone(&waiting.item));
        let mut ids: Vec<u64> = waiting.into_iter().map(|waiting| waiting.id).collect();
        for slot in &mut self.slots {
            if let Some(work) = slot.work.take_if(|work| gone(&work.request)) {
                self.uses += 1;
                (slot.last_used, slot.used_at) = (self.uses, self.now);
                ids.push(work.request.id);
            }
        }
        ids
    }

    /// The conversation's own slot; else an idle one, preferably one that no conversation owns, then one of a client
    /// without recent work, then one of the client that holds the most, then the least recently used; else one with less urgent work, or for a response one with the work of
    /// a much heavier client.
    fn choose_slot(&self, request: &Request) -> Option<usize> {
        let indexed = || self.slots.iter().enumerate();
        let own = |(_, slot): &(usize, &Slot)| !slot.owner.is_empty() && slot.owner == request.conversation;
        if let Some((index, slot)) = indexed().find(own) {
            return slot.work.is_none().then_some(index);
        }
        let idle = indexed().filter(|(_, slot)| slot.work.is_none() && !self.is_kept_from(slot, request));
        let order = |slot: &Slot| {
            let (owned, active) = (!slot.owner.is_empty(), self.shares.knows(&slot.client));
            // What is of no call overwrites what it has left before what a call has: the next call may begin the same way.
            let foreign = request.is_beside() && slot.client != request.client();
            (owned, foreign, active, Reverse(self.held_by(&slot.client)), slot.last_used)
        };
        if let Some((index, _)) = idle.min_by_key(|(_, slot)| order(slot)) {
            return Some(index);
        }
        let busy = indexed().filter_map(|(index, slot)| Some((index, &slot.work.as_ref()?.request)));
        let (index, weakest) = busy.max_by_key(|(_, work)| work.rank())?;
        if weakest.priority > request.priority || (weakest.is_beside() && !request.is_beside()) {
            return Some(index);
        }
        let of_slot = |slot: &Slot| {
            let work = &slot.work.as_ref()?.request;
            let stays = work.priority < request.priority
                || work.client() == request.client()
                || work.displaced >= MOST_DISPLACED;
            (!stays).then(|| self.shares.use_with(work.client(), slot.pending()))
        };
        let busy = indexed().filter_map(|(index, slot)| Some((index, of_slot(slot)?)));
        let (index, most) = busy.max_by(|(_, one), (_, other)| one.total_cmp(other))?;
        let own = self.shares.use_with(request.client(), request.tokens.len());
        let gives_way = request.kind == Kind::Generate && request.priority < Priority::Batch;
        (gives_way && Shares::is_heavier(most, own)).then_some(index)
    }

    /// Whether an idle slot stays with its conversation: a client that has a slot takes none from a much lighter one, and what is of no
    /// call takes none from anybody.
    fn is_kept_from(&self, slot: &Slot, request: &Request) -> bool {
        if request.is_beside() && !slot.owner.is_empty() && !self.is_abandoned(slot) {
            return true;
        }
        let (owner, client) = (&*slot.client, request.client());
        let uses = self.shares.use_with(client, 0);
        !slot.owner.is_empty()
            && owner != client
            && self.shares.knows(owner)
            && self.held_by(client) > 0
            && Shares::is_heavier(uses, self.shares.use_with(owner, 0))
    }

    fn is_abandoned(&self, slot: &Slot) -> bool {
        let idle = self.now.zip(slot.used_at).map(|(now, used)| now.saturating_duration_since(used));
        idle.is_some_and(|idle| idle > ABANDONED)
    }

    /// The slots of a client's conversations.
    fn held_by(&self, client: &str) -> usize {
        self.slots.iter().filter(|slot| !slot.owner.is_empty() && slot.client == client).count()
    }

    fn assign(&mut self, index: usize, request: Request) -> Admission {
        // A response needs the logits of its prompt's last token, so that token is always evaluated; likewise the probe.
        let most = request.tokens.len() - usize::from(request.kind == Kind::Generate);
        let most = request.probe.map_or(most, |probe| probe.min(most));
        let common = |slot: &Slot| {
            slot.cached
                .iter()
                .zip(&request.tokens[..most])
                .take_while(|(cached, wanted)| cached == wanted)
                .count()
        };
        let keep = common(&self.slots[index]);
        let donor = self.slots.iter().enumerate().map(|(from, slot)| (common(slot), from)).max();
        let reuse = match donor {
            Some((length, from)) if self.can_copy && length > keep => Reuse::Copy { from, length },
            _ => Reuse::Own { keep },
        };
        let kept = match reuse {
            Reuse::Own { keep } => keep,
            Reuse::Copy { length, .. } => length,
        };
        let id = request.id;
        let slot = &mut self.slots[index];
        slot.cached = request.tokens[..kept].to_vec();
        slot.owner.clone_from(&request.conversation);
        request.client().clone_into(&mut slot.client);
        slot.used_at = self.now;
        slot.work = Some(Work { request, parked: false });
        Admission { id, slot: index, reuse }
    }
}
