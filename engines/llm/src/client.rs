//! One request from arrival to its last event: its reader, its timing and its undelivered events.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use llama_cpp_2::sampling::LlamaSampler;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};
use tonic::Status;
use visavis_proto::state::{Outcome, Ticket};
use visavis_proto::v1::generate_done::Reason;
use visavis_proto::v1::generate_event::Event;
use visavis_proto::v1::{GenerateDone, GenerateEvent, PrefillReply};

use crate::constraint::Constraint;
use crate::request::Settings;
use crate::scheduler::Token;
use crate::text::TextGate;
use crate::tools::{ToolForm, ToolGate};

/// A reader that takes nothing for this long is considered gone. A paused playout still takes a piece from time to time.
const READER_PATIENCE: Duration = Duration::from_secs(120);

/// Where a request's events or reply go.
#[derive(Debug)]
pub(crate) enum Reader {
    Events(mpsc::Sender<Result<GenerateEvent, Status>>),
    Reply(Option<oneshot::Sender<Result<PrefillReply, Status>>>),
}

/// A request that has entered the queue.
#[derive(Debug)]
pub(crate) struct Client {
    reader: Reader,
    ticket: Option<Ticket>,
    arrived: Instant,
    deadline: Option<Instant>,
    started: Option<Instant>,
    first_token: Option<Instant>,
    /// Since when the reader has been behind.
    behind: Option<Instant>,
    unsent: VecDeque<Result<GenerateEvent, Status>>,
    text: TextGate,
    pub(crate) tools: ToolGate,
    /// Constrains the tokens of a tool call, or of a response that is to follow one from its beginning.
    pub(crate) grammar: Option<Constraint>,
    /// Created when the request gets its slot; remembers the response's last tokens.
    pub(crate) sampler: Option<LlamaSampler>,
    pub(crate) settings: Settings,
    pub(crate) prompt_tokens: usize,
    cached_tokens: usize,
    pub(crate) generated: usize,
}

impl Client {
    pub(crate) fn new(
        reader: Reader,
        ticket: Ticket,
        settings: Settings,
        tools: ToolForm,
        prompt_tokens: usize,
        arrived: Instant,
    ) -> Self {
        let gate = ToolGate::new(&settings.tools, tools);
        Self {
            reader,
            ticket: Some(ticket),
            arrived,
            deadline: settings.deadline.map(|after| arrived + after),
            started: None,
            first_token: None,
            behind: None,
            unsent: VecDeque::new(),
            text: TextGate::new(settings.stop.clone()),
            tools: if settings.json { gate.of_json() } else { gate },
            grammar: None,
            sampler: None,
            settings,
            prompt_tokens,
            cached_tokens: 0,
            generated: 0,
        }
    }

    /// The request got a slot. A request that was displaced and resumes keeps its first figures.
    pub(crate) fn start(&mut self, cached: usize, now: Instant) {
        if let Some(ticket) = &mut self.ticket {
            ticket.start();
        }
        if self.started.is_none() {
            self.started = Some(now);
            self.cached_tokens = cached;
        }
    }

    /// Queues the probability that the last message is complete.
    pub(crate) fn turn_end(&mut self, probability: f32, now: Instant) {
        self.unsent.push_back(Ok(GenerateEvent { event: Some(Event::TurnEnd(probability)) }));
        self.flush(now);
    }

    /// Whether the token ends the response as a stop string does; it has no text.
    pub(crate) fn stops_at(&self, token: Token) -> bool {
        self.settings.stop_tokens.contains(&token)
    }

    /// Takes a generated token's bytes; true if a stop string or a tool call ended the response.
    pub(crate) fn token(&mut self, bytes: &[u8], now: Instant) -> bool {
        self.first_token.get_or_insert(now);
        self.generated += 1;
        let text = self.text.push(bytes);
        let text = self.tools.push(text);
        self.send_text(text);
        self.text.stopped() || self.tools.ended()
    }

    /// The response is complete.
    pub(crate) fn done(&mut self, reason: Reason, now: Instant) {
        let rest = self.text.finish();
        let rest = self.tools.push(rest);
        let (held, call) = self.tools.finish();
        self.send_text(rest + &held);
        self.unsent.extend(call.map(|call| Ok(GenerateEvent { event: Some(Event::Call(call)) })));
        let started = self.started.unwrap_or(now);
        let done = GenerateDone {
            reason: reason.into(),
            prompt_tokens: count(self.prompt_tokens),
            cached_tokens: count(self.cached_tokens),
            generated_tokens: count(self.generated),
            queue_ms: milliseconds(started - self.arrived),
            first_token_ms: milliseconds(self.first_token.unwrap_or(now) - started),
            total_ms: milliseconds(now - self.arrived),
        };
        self.unsent.push_back(Ok(GenerateEvent { event: Some(Event::Done(done)) }));
        self.end_ticket(Outcome::Done);
    }

    /// A prefill is complete: its prompt is evaluated.
    pub(crate) fn prefilled(&mut self) {
        let reply = PrefillReply {
            prompt_tokens: count(self.prompt_tokens),
            cached_tokens: count(self.cached_tokens),
        };
        if let Reader::Reply(sender) = &mut self.reader
            && let Some(sender) = sender.take()
        {
            // The caller may be gone; the evaluated tokens remain useful.
            _ = sender.send(Ok(reply));
        }
        self.end_ticket(Outcome::Done);
    }

    /// The request ends without a complete response.
    pub(crate) fn fail(&mut self, status: Status, outcome: Outcome) {
        match &mut self.reader {
            Reader::Reply(sender) => {
                if let Some(sender) = sender.take() {
                    _ = sender.send(Err(status));
                }
            }
            Reader::Events(_) => self.unsent.push_back(Err(status)),
        }
        self.end_ticket(outcome);
    }

    /// Why the request must end now, or none.
    pub(crate) fn ends(&self, now: Instant) -> Option<Status> {
        let gone = match &self.reader {
            Reader::Events(sender) => sender.is_closed(),
            Reader::Reply(sender) => sender.as_ref().is_none_or(oneshot::Sender::is_closed),
        };
        if gone {
            return Some(Status::cancelled("the caller went away"));
        }
        if self.behind.is_none() && self.deadline.is_some_and(|deadline| deadline <= now) {
            return Some(Status::deadline_exceeded(
                "deadline_ms: the deadline passed before the response was complete",
            ));
        }
        let stuck = self.behind.is_some_and(|since| now - since > READER_PATIENCE);
        stuck.then(|| Status::deadline_exceeded("the reader of the stream has stopped reading"))
    }

    /// Delivers what the reader has room for; true if nothing is left.
    pub(crate) fn flush(&mut self, now: Instant) -> bool {
        let Reader::Events(sender) = &self.reader else { return true };
        while let Some(event) = self.unsent.pop_front() {
            match sender.try_send(event) {
                // Time spent waiting for the reader does not count against the deadline.
                Ok(()) => {
                    let waited = self.behind.take().map_or(Duration::ZERO, |since| now - since);
                    self.deadline = self.deadline.map(|deadline| deadline + waited);
                }
                Err(TrySendError::Full(event)) => {
                    self.unsent.push_front(event);
                    self.behind.get_or_insert(now);
                    return false;
                }
                Err(TrySendError::Closed(_)) => self.unsent.clear(),
            }
        }
        true
    }

    fn send_text(&mut self, text: String) {
        if !text.is_empty() {
            self.unsent.push_back(Ok(GenerateEvent { event: Some(Event::Text(text)) }));
        }
    }

    fn end_ticket(&mut self, outcome: Outcome) {
        if let Some(ticket) = self.ticket.take() {
            ticket.end(outcome);
        }
    }
}

fn count(tokens: usize) -> u32 {
    u32::try_from(tokens).unwrap_or(u32::MAX)
}

fn milliseconds(time: Duration) -> u32 {
    u32::try_from(time.as_millis()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use visavis_proto::state::EngineState;
    use visavis_proto::v1::{GenerateRequest, HealthReply};

    use super::*;
    use crate::request::{Limits, settings};
    use crate::scheduler::Kind;

    fn client(channel: usize) -> (Client, mpsc::Receiver<Result<GenerateEvent, Status>>) {
        let state = EngineState::new(1);
        state.set_ready(HealthReply::default());
        let (sender, receiver) = mpsc::channel(channel);
        let request = GenerateRequest { deadline_ms: 60_000, ..GenerateRequest::default() };
        let settings =
            settings(&request, Kind::Generate, Limits { context: 100, default_max_tokens: 10 }).unwrap();
        let ticket = state.enter().unwrap();
        let reader = Reader::Events(sender);
        (Client::new(reader, ticket, settings, ToolForm::Hermes, 5, Instant::now()), receiver)
    }

    #[test]
    fn a_slow_reader_gets_every_event_in_order() {
        let (mut client, mut receiver) = client(1);
        let now = Instant::now();
        for word in ["one ", "two ", "three"] {
            client.token(word.as_bytes(), now);
        }
        assert!(!client.flush(now));
        client.done(Reason::Stop, now);
        let mut received = Vec::new();
        while let Ok(event) = receiver.try_recv() {
            received.push(event.unwrap().event.unwrap());
            client.flush(now);
        }
        assert!(client.flush(now));
        let text: Vec<_> = received
            .iter()
            .filter_map(|e| if let Event::Text(t) = e { Some(t.as_str()) } else { None })
            .collect();
        assert_eq!(text, ["one ", "two ", "three"]);
        assert!(matches!(received.last(), Some(Event::Done(done)) if done.generated_tokens == 3));
    }

    #[test]
    fn a_request_ends_when_its_reader_stalls_or_leaves_or_its_deadline_passes() {
        let (mut client, mut receiver) = client(1);
        let now = Instant::now();
        let deadline = Duration::from_secs(60);
        client.token(b"one", now);
        client.flush(now);
        assert_eq!(client.ends(now + deadline).unwrap().code(), tonic::Code::DeadlineExceeded);
        client.token(b"two", now);
        client.flush(now);
        assert!(client.ends(now + READER_PATIENCE).is_none(), "playout may be paused for long");
        assert!(client.ends(now + READER_PATIENCE * 3 / 2).is_some());
        receiver.try_recv().unwrap().unwrap();
        let caught_up = now + READER_PATIENCE;
        assert!(client.flush(caught_up));
        let last = caught_up + deadline - Duration::from_secs(1);
        assert!(client.ends(last).is_none(), "time spent waiting for the reader does not count");
        assert!(client.ends(caught_up + deadline).is_some());
        drop(receiver);
        assert_eq!(client.ends(now).unwrap().code(), tonic::Code::Cancelled);
    }
}
