//! The model's thread: a loop that accepts requests, lets the scheduler choose, runs one step and delivers the text.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::time::{Duration, Instant};

use tonic::Status;
use visavis_proto::state::{EngineState, Outcome};
use visavis_proto::v1::generate_done::Reason;

use crate::client::Client;
use crate::model::{Evaluator, Model, Rows};
use crate::scheduler::{Chunk, Piece, Request, Reuse, Scheduler, Token};
use crate::tools::{self, Begun};

/// How soon a sequence resumes after its slow reader has caught up, also while the model rests.
const READER_POLL: Duration = Duration::from_millis(5);

/// The model rests this many times as long as a step took that only served much heavier clients than an active one.
const REST: u32 = 3;
/// The longest step of a response with its rest: ten tokens in a second keep up with a voice.
const WRITTEN: Duration = Duration::from_millis(100);

/// What the service asks of the thread.
#[derive(Debug)]
pub(crate) enum Job {
    Run(Box<Client>, Request),
    Release(String),
}

/// Runs one model for all its requests.
pub(crate) struct Worker<'model> {
    evaluator: Evaluator<'model>,
    scheduler: Scheduler,
    chunk: Chunk,
    state: Arc<EngineState>,
    context: usize,
    /// Requests in the queue or in a slot.
    clients: HashMap<u64, Client>,
    /// Until when the model rests, unless a lighter client has work.
    rests_until: Option<Instant>,
    /// Finished requests whose readers have not yet taken everything.
    leaving: Vec<Client>,
}

impl<'model> Worker<'model> {
    pub(crate) fn new(
        model: &Model,
        evaluator: Evaluator<'model>,
        slots: u32,
        state: Arc<EngineState>,
    ) -> Self {
        Self {
            evaluator,
            scheduler: Scheduler::new(slots as usize, model.chunk, model.can_copy),
            chunk: model.chunk,
            state,
            context: model.context as usize,
            clients: HashMap::new(),
            rests_until: None,
            leaving: Vec::new(),
        }
    }

    /// Works until the service is gone.
    pub(crate) fn run(mut self, jobs: &Receiver<Job>) {
        let mut worked = true;
        while self.receive_jobs(jobs, worked) {
            self.end_and_flush();
            self.admit();
            worked = self.rests() || self.step();
        }
    }

    /// Accepts pending jobs, waiting for one if idle; false if no more can come.
    fn receive_jobs(&mut self, jobs: &Receiver<Job>, worked: bool) -> bool {
        if let Some(until) = self.rests_until {
            match jobs.recv_timeout(until.saturating_duration_since(Instant::now()).min(READER_POLL)) {
                Ok(job) => self.accept(job),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return false,
            }
        } else if !worked {
            let idle = self.clients.is_empty() && self.leaving.is_empty();
            let first = if idle {
                jobs.recv().map_err(|_| RecvTimeoutError::Disconnected)
            } else {
                jobs.recv_timeout(READER_POLL)
            };
            match first {
                Ok(job) => self.accept(job),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return false,
            }
        }
        loop {
            match jobs.try_recv() {
                Ok(job) => self.accept(job),
                Err(TryRecvError::Empty) => return true,
                Err(TryRecvError::Disconnected) => return false,
            }
        }
    }

    fn accept(&mut self, job: Job) {
        match job {
            Job::Run(client, request) => {
                let id = request.id;
                for replaced in self.scheduler.submit(request) {
                    self.end(
                        replaced,
                        Status::cancelled("a newer request of the same conversation replaced it"),
                    );
                }
                self.clients.insert(id, *client);
            }
            Job::Release(conversation) => {
                for id in self.scheduler.release(&conversation) {
                    self.end(id, Status::cancelled("the conversation was released"));
                }
            }
        }
    }

    /// Ends requests whose callers left or whose deadline passed; delivers to slow readers.
    fn end_and_flush(&mut self) {
        let now = Instant::now();
        self.scheduler.passes(now);
        let over: Vec<_> =
            self.clients.iter().filter_map(|(id, client)| Some((*id, client.ends(now)?))).collect();
        for (id, status) in over {
            self.scheduler.remove(id);
            self.end(id, status);
        }
        for (id, client) in &mut self.clients {
            let parked = !client.flush(now);
            self.scheduler.park(*id, parked);
        }
        self.leaving.retain_mut(|client| !client.flush(now) && client.ends(now).is_none());
    }

    fn admit(&mut self) {
        for admission in self.scheduler.admit() {
            let mut cached = match admission.reuse {
                Reuse::Own { keep } => keep,
                Reuse::Copy { length, .. } => length,
            };
            if !self.evaluator.reuse(admission.slot, admission.reuse) {
                self.scheduler.forget(admission.slot);
                cached = 0;
            }
            if let Some(client) = self.clients.get_mut(&admission.id) {
                client.start(cached, Instant::now());
                client.sampler.get_or_insert_with(|| self.evaluator.sampler(client.settings.sampling));
            }
            self.constrain_from_the_beginning(admission.id);
        }
        self.finish_prefills();
    }

    /// Puts the grammar of a whole response in force, once.
    fn constrain_from_the_beginning(&mut self, id: u64) {
        let Some(client) = self.clients.get_mut(&id) else { return };
        let Some(rules) = client.settings.rules.take() else { return };
        client.grammar = self.evaluator.grammar(&rules);
        if client.grammar.is_none() {
            tracing::error!("llama.cpp cannot read the grammar of a response");
            client.fail(Status::internal("the grammar of the response cannot be read"), Outcome::Failed);
            self.scheduler.remove(id);
            self.leave(id);
        }
    }

    /// Whether the model goes on resting. Requests of heavy clients do not end a rest, nor does the end of their work.
    fn rests(&mut self) -> bool {
        let rests = self.rests_until.is_some_and(|until| Instant::now() < until) && self.scheduler.may_rest();
        if !rests {
            self.rests_until = None;
        }
        rests
    }

    /// Runs one step; false if there was nothing to evaluate.
    fn step(&mut self) -> bool {
        let pieces = self.scheduler.next_step();
        if pieces.is_empty() {
            return false;
        }
        let state = self.state.clone();
        let only_writes = pieces.iter().all(|piece| piece.tokens.len() == 1);
        let (step, begun) = (state.step(), Instant::now());
        for group in self.chunk.groups(pieces) {
            self.evaluate(&group);
            step.advance();
        }
        drop(step);
        // Only on a processor do the engines share what the model would leave.
        if self.chunk.few > 0 && self.scheduler.spares() {
            let ended = Instant::now();
            self.rests_until = Some(ended + rest_after(ended - begun, only_writes));
        }
        self.finish_prefills();
        true
    }

    fn evaluate(&mut self, pieces: &[Piece]) {
        let begun = Instant::now();
        let evaluated = self.evaluator.step(pieces);
        let ended = Instant::now();
        self.scheduler.charge(pieces, ended - begun, ended);
        match evaluated {
            Ok(rows) => {
                self.scheduler.evaluated(pieces);
                for (piece, rows) in pieces.iter().zip(rows) {
                    self.deliver(piece, rows);
                }
            }
            Err(error) => self.fail_all(pieces, &error),
        }
    }

    /// Uses a piece's rows of logits: reports the turn prediction and chooses the next token.
    fn deliver(&mut self, piece: &Piece, rows: Rows) {
        let Some(client) = self.clients.get_mut(&piece.id) else { return };
        if let Some(row) = rows.probe {
            client.turn_end(self.evaluator.turn_end(row), Instant::now());
        }
        let Some(row) = rows.sample else { return };
        if let Some(grammar) = &mut client.grammar {
            let sampler = client.sampler.as_mut().filter(|_| client.settings.is_whole());
            let chosen = match sampler {
                Some(sampler) => self.evaluator.sample_freely_within(grammar, sampler, row),
                None => self.evaluator.sample_within(grammar, row),
            };
            match chosen {
                Some(token) => return self.next_token(piece.id, token),
                None if client.settings.is_whole() => {
                    let error = "it finds no way on that the grammar allows";
                    return self.fail_all(std::slice::from_ref(piece), error);
                }
                // The caller checks calls that the grammar cannot finish.
                None => client.grammar = None,
            }
        }
        if let Some(sampler) = client.sampler.as_mut() {
            match self.evaluator.sample(sampler, row) {
                Ok(token) => self.next_token(piece.id, token),
                Err(error) => self.fail_all(std::slice::from_ref(piece), &error),
            }
        }
    }

    /// Delivers a chosen token and continues with it, or ends the response.
    fn next_token(&mut self, id: u64, token: Token) {
        let Some(client) = self.clients.get_mut(&id) else { return };
        let now = Instant::now();
        let reason = if self.evaluator.ends(token) || client.stops_at(token) {
            Some(Reason::Stop)
        } else {
            self.state.add_units(1);
            let calls = !client.settings.tools.is_empty();
            let ended = client.token(&self.evaluator.bytes(token, calls), now);
            constrain(&self.evaluator, client, token);
            if ended {
                Some(Reason::Stop)
            } else {
                let full = client.prompt_tokens + client.generated >= self.context;
                (full || client.generated >= client.settings.max_tokens).then_some(Reason::Length)
            }
        };
        match reason {
            None => {
                self.scheduler.push(id, token);
                let parked = !client.flush(now);
                self.scheduler.park(id, parked);
            }
            Some(reason) => {
                client.done(reason, now);
                self.scheduler.remove(id);
                self.leave(id);
            }
        }
    }

    fn finish_prefills(&mut self) {
        for id in self.scheduler.prefilled() {
            self.scheduler.remove(id);
            if let Some(client) = self.clients.get_mut(&id) {
                client.prefilled();
            }
            self.leave(id);
        }
    }

    /// The step failed: what the cache holds for these sequences is unknown.
    fn fail_all(&mut self, pieces: &[Piece], error: &str) {
        tracing::error!(error, sequences = pieces.len(), "a step of the model failed");
        for piece in pieces {
            self.evaluator.clear(piece.slot);
            self.scheduler.remove(piece.id);
            self.scheduler.forget(piece.slot);
            if let Some(client) = self.clients.get_mut(&piece.id) {
                client.fail(Status::internal(format!("the model failed: {error}")), Outcome::Failed);
            }
            self.leave(piece.id);
        }
    }

    fn end(&mut self, id: u64, status: Status) {
        if let Some(client) = self.clients.get_mut(&id) {
            client.fail(status, Outcome::Cancelled);
        }
        self.leave(id);
    }

    fn leave(&mut self, id: u64) {
        if let Some(mut client) = self.clients.remove(&id)
            && !client.flush(Instant::now())
        {
            self.leaving.push(client);
        }
    }
}

/// How long the model rests after a step that took this long; `only_writes`: it had no tokens of prompts.
fn rest_after(worked: Duration, only_writes: bool) -> Duration {
    let rest = REST * worked;
    if only_writes { rest.min(WRITTEN.saturating_sub(worked)) } else { rest }
}

/// Once a call has begun, constrains its tokens by the tools' grammar.
fn constrain(evaluator: &Evaluator<'_>, client: &mut Client, token: Token) {
    let Some(begun) = client.tools.begun() else { return };
    // A response that is a call follows its grammar already.
    if begun == Begun::Within || client.settings.must_call {
        return;
    }
    let rules = tools::grammar(&client.settings.tools, client.tools.form());
    client.grammar = rules.and_then(|rules| evaluator.grammar(&rules));
    if let (Begun::Bare, Some(grammar)) = (begun, &mut client.grammar)
        && !evaluator.continues(grammar, token)
    {
        client.grammar = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prompts_step_is_followed_by_three_times_its_rest_and_a_response_keeps_ten_tokens_a_second() {
        let ms = Duration::from_millis;
        for (worked, only_writes, rest) in
            [(0, false, 0), (160, false, 480), (10, true, 30), (40, true, 60), (100, true, 0), (300, true, 0)]
        {
            assert_eq!(rest_after(ms(worked), only_writes), ms(rest), "{worked} ms, writes: {only_writes}");
        }
    }
}
