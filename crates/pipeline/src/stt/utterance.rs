//! One utterance from its first sound to its final words.
//!
//! It keeps its audio until its final transcript, so that an engine that dies costs time and no word.

use std::sync::Arc;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use tokio::sync::mpsc;

use super::SttEvent;
use super::SttFeed;
use super::cadence::Cadence;
use super::tongue::Tongue;
use crate::agreement::Agreement;
use crate::engine::{EngineError, Stt, SttCapabilities, SttInput, SttRequest, SttStream};
use crate::frame::{Transcript, UtteranceId};
use crate::heard::{Sound, is_invented};

/// How long an utterance waits for an engine that is away.
const PATIENCE: Duration = Duration::from_secs(12);
/// Engines may die on an utterance this often before it is given up.
const ATTEMPTS: u32 = 3;
/// Voice that has been heard when an utterance begins, behind the audio from before: 64 ms.
const BEGUN: u64 = 1024;

/// A question to the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Question {
    number: u32,
    last: bool,
}

pub(super) struct Utterance {
    id: UtteranceId,
    stt: Arc<dyn Stt>,
    can: SttCapabilities,
    tongue: Tongue,
    out: mpsc::Sender<SttEvent>,
    audio: Vec<i16>,
    sent: usize,
    sound: Sound,
    cadence: Cadence,
    agreement: Agreement,
    next: u32,
    /// The question that waits to be sent.
    wanted: Option<Question>,
    /// The question that waits to be answered.
    outstanding: Option<Question>,
    /// The one asked at the last pause, whose words are final unless the person goes on, and the pause.
    trial: Option<(u32, u32)>,
    trial_words: Option<Transcript>,
    ended: bool,
    closed: bool,
    attempts: u32,
}

impl Utterance {
    pub(super) fn new(
        id: UtteranceId,
        stt: Arc<dyn Stt>,
        tongue: Tongue,
        out: mpsc::Sender<SttEvent>,
    ) -> Self {
        let cadence = if tongue.over_answer { Cadence::over_answer(BEGUN) } else { Cadence::new(BEGUN) };
        Self {
            id,
            can: stt.capabilities(),
            stt,
            tongue,
            out,
            audio: Vec::new(),
            sent: 0,
            sound: Sound::default(),
            cadence,
            agreement: Agreement::default(),
            next: 1,
            wanted: None,
            outstanding: None,
            trial: None,
            trial_words: None,
            ended: false,
            closed: false,
            attempts: 0,
        }
    }

    pub(super) async fn run(mut self, mut feed: mpsc::Receiver<SttFeed>) {
        let mut opening = Some(self.open());
        let mut stream: Option<SttStream> = None;
        loop {
            self.pump(stream.as_ref());
            if self.closed {
                self.remember_language();
                return;
            }
            if let Some(words) = self.final_words() {
                _ = self.out.send(SttEvent::Final(self.id, words)).await;
                return;
            }
            let fault = tokio::select! {
                // What is heard comes first: a pause that is already known goes before a partial that would be asked.
                biased;
                item = feed.recv(), if !self.ended => {
                    let Some(item) = item else { return };
                    self.hear(item);
                    // All that has come already is heard before anything is asked of the engine.
                    while !self.ended && !self.closed && let Ok(item) = feed.try_recv() {
                        self.hear(item);
                    }
                    if self.can.partials && self.cadence.is_due() && !self.ended && self.trial.is_none() {
                        self.ask(false);
                    }
                    None
                }
                opened = async { opening.as_mut().expect("guarded").await }, if opening.is_some() => {
                    opening = None;
                    opened.map(|opened| stream = Some(opened)).err()
                }
                answer = async { stream.as_mut().expect("guarded").output.next().await }, if stream.is_some() => {
                    match answer {
                        Some(Ok((number, words))) => {
                            self.take(number, words).await;
                            None
                        }
                        Some(Err(error)) => Some(error),
                        None => Some(EngineError::Unavailable("recognition ended".into())),
                    }
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
        let stt = self.stt.clone();
        let mut expected = self.tongue.spoken.lock().expected();
        let known = &self.can.languages;
        expected.retain(|expected| known.is_empty() || known.contains(&expected.language));
        let request = SttRequest { language: self.tongue.given.clone(), expected, ahead: false };
        let retries = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(50))
            .with_max_delay(Duration::from_millis(500))
            .with_total_delay(Some(PATIENCE))
            .without_max_times();
        Box::pin(
            async move { (|| stt.open(request.clone())).retry(retries).when(EngineError::is_passing).await },
        )
    }

    fn hear(&mut self, item: SttFeed) {
        match item {
            SttFeed::Started { audio, .. } => {
                self.sound.hear(&audio);
                self.audio = audio;
            }
            SttFeed::Audio(audio) => {
                self.sound.hear(&audio);
                self.cadence.hear(&audio);
                self.audio.extend(audio);
            }
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
        self.ask(true);
        self.trial = self.outstanding.map(|question| (question.number, pause));
        self.trial_words = None;
    }

    fn ask(&mut self, last: bool) {
        let question = Question { number: self.next, last };
        (self.wanted, self.outstanding) = (Some(question), Some(question));
        self.cadence.ask();
        self.next += 1;
    }

    /// A new engine knows nothing: all audio goes again, and the question that was lost.
    fn start_again(&mut self) {
        self.sent = 0;
        self.wanted = self.outstanding;
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
        if let Some(Question { number, last }) = self.wanted {
            let phrases = if self.can.phrases { self.tongue.phrases() } else { Vec::new() };
            let stable = self.agreement.stable().to_string();
            if stream.input.try_send(SttInput::Decode { number, last, stable, phrases }).is_ok() {
                self.wanted = None;
            }
        }
    }

    async fn take(&mut self, number: u32, words: Transcript) {
        let awaited = self.outstanding.is_some_and(|question| question.number == number);
        if !awaited && self.outstanding.is_some() {
            // A newer question is on its way: old words would only be late.
            return;
        }
        let words = self.understand(words);
        if awaited {
            self.outstanding = None;
            self.cadence.answer(words.decode_ms);
        }
        tracing::debug!(
            utterance = self.id.0,
            number,
            ms = words.decode_ms,
            trial = self.trial.is_some_and(|(trial, _)| trial == number),
            stable = words.stable,
            length = words.text.len(),
            no_speech = words.no_speech_probability,
            sureness = words.average_log_probability,
            "words"
        );
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

    /// What of a transcript is to be believed, and how much of it will stay.
    fn understand(&mut self, mut words: Transcript) -> Transcript {
        if is_invented(&words, &self.sound) {
            words.text.clear();
        }
        self.cadence.understood(!words.text.is_empty());
        if self.tongue.given.is_empty() {
            words.language = self.tongue.spoken.lock().judge(&words, self.sound.speech_ms());
        }
        (words.text, words.stable) = self.agreement.hear(&words.text);
        words
    }

    fn final_words(&mut self) -> Option<Transcript> {
        if !self.ended {
            return None;
        }
        let mut words = self.trial_words.take()?;
        words.stable = words.text.len();
        self.believe(&words);
        Some(words)
    }

    /// The turn ended with the words of the last trial, if there was one: their language is the call's.
    fn remember_language(&mut self) {
        if let Some(words) = self.trial_words.take() {
            self.believe(&words);
        }
    }

    fn believe(&self, words: &Transcript) {
        if self.tongue.given.is_empty() {
            self.tongue.spoken.lock().remember(words, self.sound.speech_ms());
        }
    }
}
