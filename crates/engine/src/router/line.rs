//! One utterance at one recogniser: opened, fed with the audio so far, and read.

use std::future::poll_fn;
use std::task::{Context, Poll, ready};

use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt};
use tokio::sync::mpsc::error::TrySendError;

use super::board::Picked;
use crate::retry::poll_at_once;
use crate::{Decoded, EngineError, SttCapabilities, SttInput, SttStream};

/// Samples sent at once, within an engine's limit for one message.
const PIECE: usize = 64_000;

/// A request for the words so far.
#[derive(Debug, Clone)]
pub(super) struct Decode {
    pub(super) number: u32,
    pub(super) last: bool,
    pub(super) stable: String,
    pub(super) phrases: Vec<String>,
}

/// The audio of an utterance, kept for the next recogniser.
#[derive(Debug, Default)]
pub(super) struct Sound {
    pub(super) audio: Vec<i16>,
    /// The newest request without a transcript.
    pub(super) wanted: Option<Decode>,
}

/// An event of a recogniser.
pub(super) enum Event {
    /// It has accepted the utterance.
    Opened,
    /// It has decoded, or failed.
    Decoded(Result<Decoded, EngineError>),
}

enum State {
    Opening(BoxFuture<'static, Result<SttStream, EngineError>>),
    Open(SttStream),
}

/// An utterance at one recogniser.
pub(super) struct Line {
    pub(super) picked: Picked,
    /// It has returned no transcript in time.
    pub(super) late: bool,
    /// It has returned a transcript.
    pub(super) begun: bool,
    can: SttCapabilities,
    state: State,
    /// Number of samples sent.
    sent: usize,
    /// The last request sent.
    asked: Option<u32>,
}

impl Line {
    pub(super) fn new(
        picked: Picked,
        can: SttCapabilities,
        opening: BoxFuture<'static, Result<SttStream, EngineError>>,
    ) -> Self {
        let state = State::Opening(opening);
        Self { picked, late: false, begun: false, can, state, sent: 0, asked: None }
    }

    /// Sends what can be sent without waiting; returns whether more waits for room.
    pub(super) fn pump(&mut self, sound: &Sound) -> bool {
        let State::Open(stream) = &self.state else { return false };
        while self.sent < sound.audio.len() {
            let end = sound.audio.len().min(self.sent + PIECE);
            match stream.input.try_send(SttInput::Audio(sound.audio[self.sent..end].to_vec())) {
                Ok(()) => self.sent = end,
                Err(TrySendError::Full(_)) => return true,
                // Its output says why.
                Err(TrySendError::Closed(_)) => return false,
            }
        }
        let Some(wanted) = sound.wanted.as_ref().filter(|wanted| self.asked != Some(wanted.number)) else {
            return false;
        };
        // A recogniser without partial transcripts is asked only at pauses.
        if wanted.last || self.can.partials {
            let Decode { number, last, stable, mut phrases } = wanted.clone();
            if !self.can.phrases {
                phrases.clear();
            }
            if let Err(TrySendError::Full(_)) =
                stream.input.try_send(SttInput::Decode { number, last, stable, phrases })
            {
                return true;
            }
        }
        self.asked = Some(wanted.number);
        false
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Event> {
        match &mut self.state {
            State::Opening(opening) => match ready!(opening.poll_unpin(context)) {
                Ok(stream) => {
                    self.state = State::Open(stream);
                    Poll::Ready(Event::Opened)
                }
                Err(error) => Poll::Ready(Event::Decoded(Err(error))),
            },
            State::Open(stream) => {
                // An endpoint is contacted only when words are wanted: its errors appear here, not when the utterance begins.
                let decoded = if self.picked.last {
                    stream.output.poll_next_unpin(context)
                } else {
                    poll_at_once(|| stream.output.poll_next_unpin(context))
                };
                let decoded = ready!(decoded);
                let ended = || Err(EngineError::Unavailable("recognition ended".into()));
                Poll::Ready(Event::Decoded(decoded.unwrap_or_else(ended)))
            }
        }
    }
}

/// The next event of any of these, with its index.
pub(super) async fn any(lines: &mut [Line]) -> (usize, Event) {
    poll_fn(|context| {
        for (index, line) in lines.iter_mut().enumerate() {
            if let Poll::Ready(event) = line.poll(context) {
                return Poll::Ready((index, event));
            }
        }
        Poll::Pending
    })
    .await
}
