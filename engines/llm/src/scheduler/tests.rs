use super::*;

mod beside;
mod clients;
mod slots;
mod steps;

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
