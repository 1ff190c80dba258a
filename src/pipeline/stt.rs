//! Stage 2, recognition: each utterance streams into the engine while it is spoken; at a pause only the tail is left.
//!
//! An utterance keeps its audio until its final transcript, so that an engine that dies costs time and no word.

use std::sync::Arc;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::engine::{EngineError, Stt, SttInput, SttStream};
use crate::frame::{Transcript, UtteranceId};

/// Between partial transcripts while the person speaks.
const PARTIAL_EVERY: Duration = Duration::from_millis(900);
/// How long an utterance waits for an engine that is away.
const PATIENCE: Duration = Duration::from_secs(12);
/// Engines may die on an utterance this often before it is given up.
const ATTEMPTS: u32 = 3;
/// Items between voice activity and one utterance; voice activity waits when they are full.
const FEED_QUEUE: usize = 256;

/// From voice activity to recognition, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SttFeed {
    /// An utterance begins with this audio.
    Started {
        /// The utterance.
        utterance: UtteranceId,
        /// Its audio so far.
        audio: Vec<i16>,
    },
    /// More of it.
    Audio(Vec<i16>),
    /// A short pause: transcribe on trial.
    Paused {
        /// Its number.
        pause: u32,
    },
    /// The trial was too early.
    Resumed,
    /// The utterance is cut here: its words are final.
    Cut,
    /// The turn is over: nothing more is wanted of the utterance.
    Closed,
}

/// From recognition to the conductor.
#[derive(Debug, Clone, PartialEq)]
pub enum SttEvent {
    /// The words so far.
    Partial(UtteranceId, Transcript),
    /// The words at this pause: final, if the turn ends with it.
    Trial(UtteranceId, u32, Transcript),
    /// The words of an utterance that was cut.
    Final(UtteranceId, Transcript),
    /// There will be no words, and why.
    Failed(UtteranceId, String),
}

/// Routes what voice activity hears to one task per utterance, until voice activity ends.
pub async fn run(
    mut feed: mpsc::Receiver<SttFeed>,
    stt: Arc<dyn Stt>,
    language: watch::Receiver<Option<String>>,
    out: mpsc::Sender<SttEvent>,
    tasks: TaskTracker,
    token: CancellationToken,
) {
    let mut current: Option<mpsc::Sender<SttFeed>> = None;
    while let Some(item) = feed.recv().await {
        if let SttFeed::Started { utterance, .. } = &item {
            let (sender, receiver) = mpsc::channel(FEED_QUEUE);
            let language = language.borrow().clone().unwrap_or_default();
            let task = Utterance::new(*utterance, stt.clone(), language, out.clone()).run(receiver);
            let token = token.clone();
            tasks.spawn(Box::pin(async move { token.run_until_cancelled(task).await }));
            current = Some(sender);
        }
        let ended = matches!(item, SttFeed::Cut | SttFeed::Closed);
        if let Some(utterance) = &current {
            // An utterance that was given up no longer reads; the conductor has been told.
            _ = utterance.send(item).await;
        }
        if ended {
            current = None;
        }
    }
}

struct Utterance {
    id: UtteranceId,
    stt: Arc<dyn Stt>,
    language: String,
    out: mpsc::Sender<SttEvent>,
    audio: Vec<i16>,
    sent: usize,
    /// The decode that waits to be sent.
    wanted: Option<(u32, bool)>,
    next: u32,
    /// A decode is under way.
    outstanding: Option<u32>,
    /// The decode at the last pause, whose words are final unless the person goes on, and the pause.
    trial: Option<(u32, u32)>,
    trial_words: Option<Transcript>,
    ended: bool,
    closed: bool,
    attempts: u32,
}

impl Utterance {
    fn new(id: UtteranceId, stt: Arc<dyn Stt>, language: String, out: mpsc::Sender<SttEvent>) -> Self {
        Self {
            id,
            stt,
            language,
            out,
            audio: Vec::new(),
            sent: 0,
            wanted: None,
            next: 1,
            outstanding: None,
            trial: None,
            trial_words: None,
            ended: false,
            closed: false,
            attempts: 0,
        }
    }

    async fn run(mut self, mut feed: mpsc::Receiver<SttFeed>) {
        let mut opening = Some(self.open());
        let mut stream: Option<SttStream> = None;
        let mut partial_at = Instant::now() + PARTIAL_EVERY;
        loop {
            self.pump(stream.as_ref());
            if self.closed {
                return;
            }
            if let Some(words) = self.final_words() {
                _ = self.out.send(SttEvent::Final(self.id, words)).await;
                return;
            }
            let fault = tokio::select! {
                item = feed.recv(), if !self.ended => {
                    let Some(item) = item else { return };
                    self.hear(item);
                    None
                }
                opened = async { opening.as_mut().expect("guarded").await }, if opening.is_some() => {
                    opening = None;
                    opened.map(|opened| stream = Some(opened)).err()
                }
                answer = async { stream.as_mut().expect("guarded").output.next().await }, if stream.is_some() => {
                    match answer {
                        Some(Ok((number, words))) => {
                            partial_at = Instant::now() + PARTIAL_EVERY;
                            self.take(number, words).await;
                            None
                        }
                        Some(Err(error)) => Some(error),
                        None => Some(EngineError::Unavailable("recognition ended".into())),
                    }
                }
                () = tokio::time::sleep_until(partial_at), if !self.ended && self.trial.is_none() && self.outstanding.is_none() => {
                    partial_at = Instant::now() + PARTIAL_EVERY;
                    self.decode(false);
                    None
                }
            };
            if let Some(error) = fault {
                stream = None;
                self.attempts += 1;
                if self.attempts >= ATTEMPTS || matches!(error, EngineError::Invalid(_)) {
                    _ = self.out.send(SttEvent::Failed(self.id, error.to_string())).await;
                    return;
                }
                self.start_again();
                opening = Some(self.open());
            }
        }
    }

    fn open(&self) -> BoxFuture<'static, Result<SttStream, EngineError>> {
        let (stt, language) = (self.stt.clone(), self.language.clone());
        let retries = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(50))
            .with_max_delay(Duration::from_millis(500))
            .with_total_delay(Some(PATIENCE))
            .without_max_times();
        Box::pin(async move { (|| stt.open(&language)).retry(retries).when(EngineError::is_passing).await })
    }

    fn hear(&mut self, item: SttFeed) {
        match item {
            SttFeed::Started { audio, .. } | SttFeed::Audio(audio) => self.audio.extend(audio),
            SttFeed::Paused { pause } => self.try_at(pause),
            SttFeed::Resumed => (self.trial, self.trial_words) = (None, None),
            SttFeed::Cut => {
                self.ended = true;
                if self.trial.is_none() {
                    self.try_at(0);
                }
            }
            SttFeed::Closed => self.closed = true,
        }
    }

    fn try_at(&mut self, pause: u32) {
        self.decode(true);
        (self.trial, self.trial_words) = (Some((self.next - 1, pause)), None);
    }

    fn decode(&mut self, last: bool) {
        self.wanted = Some((self.next, last));
        self.outstanding = Some(self.next);
        self.next += 1;
    }

    /// A new engine knows nothing: all audio goes again, and the decode that was lost.
    fn start_again(&mut self) {
        self.sent = 0;
        if let Some(number) = self.outstanding {
            self.wanted = Some((number, self.trial.is_some_and(|(trial, _)| trial == number)));
        }
    }

    /// Sends what can be sent without waiting.
    fn pump(&mut self, stream: Option<&SttStream>) {
        let Some(stream) = stream else { return };
        // Within the engine's limit for one message.
        while self.sent < self.audio.len() {
            let end = self.audio.len().min(self.sent + 64_000);
            if stream.input.try_send(SttInput::Audio(self.audio[self.sent..end].to_vec())).is_err() {
                return;
            }
            self.sent = end;
        }
        if let Some((number, last)) = self.wanted
            && stream.input.try_send(SttInput::Decode { number, last }).is_ok()
        {
            self.wanted = None;
        }
    }

    async fn take(&mut self, number: u32, words: Transcript) {
        if self.outstanding == Some(number) {
            self.outstanding = None;
        }
        match self.trial {
            Some((trial, pause)) if trial == number => {
                self.trial_words = Some(words.clone());
                if !self.ended {
                    _ = self.out.send(SttEvent::Trial(self.id, pause, words)).await;
                }
            }
            // A trial is coming, and it knows better.
            Some(_) => {}
            None => _ = self.out.send(SttEvent::Partial(self.id, words)).await,
        }
    }

    fn final_words(&mut self) -> Option<Transcript> {
        if self.ended { self.trial_words.take() } else { None }
    }
}
