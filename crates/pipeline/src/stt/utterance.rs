//! One utterance from its first sound to its final transcript.
//!
//! It keeps its audio until the final transcript, so that an engine crash costs time but no words.

use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use tokio::sync::mpsc;

use super::SttEvent;
use super::SttFeed;
use super::partial_scheduler::PartialScheduler;
use super::tongue::Prior;
use crate::engine::retry::patiently;
use crate::engine::{Decoded, EngineError, Stt, SttCapabilities, SttInput, SttRequest, SttStream};
use crate::frame::{Transcript, UtteranceId};
use crate::hallucination::{Sound, is_hallucinated};
use crate::local_agreement::LocalAgreement;

/// Engines may die on an utterance this often before it is given up.
const ATTEMPTS: u32 = 3;
/// Voice already heard when an utterance begins, not counting the audio before it: 64 ms.
const BEGUN: u64 = 1024;

/// A request for a transcript.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Decode {
    number: u32,
    last: bool,
}

/// The request made at the last pause, whose words are final unless the person goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Trial {
    question: u32,
    pause: u32,
}

pub(super) struct Utterance {
    id: UtteranceId,
    stt: Arc<dyn Stt>,
    can: SttCapabilities,
    prior: Prior,
    out: mpsc::Sender<SttEvent>,
    audio: Vec<i16>,
    sent: usize,
    sound: Sound,
    scheduler: PartialScheduler,
    agreement: LocalAgreement,
    next: u32,
    /// The request that waits to be sent.
    wanted: Option<Decode>,
    /// The request whose words are outstanding.
    outstanding: Option<Decode>,
    trial: Option<Trial>,
    trial_words: Option<Transcript>,
    ended: bool,
    closed: bool,
    attempts: u32,
}

impl Utterance {
    pub(super) fn new(id: UtteranceId, stt: Arc<dyn Stt>, prior: Prior, out: mpsc::Sender<SttEvent>) -> Self {
        let scheduler = if prior.over_response {
            PartialScheduler::over_response(BEGUN)
        } else {
            PartialScheduler::new(BEGUN)
        };
        Self {
            id,
            can: stt.capabilities(),
            stt,
            prior,
            out,
            audio: Vec::new(),
            sent: 0,
            sound: Sound::default(),
            scheduler,
            agreement: LocalAgreement::default(),
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
                // Audio first, so that a pause that is already known takes precedence over a partial.
                biased;
                item = feed.recv(), if !self.ended => {
                    let Some(item) = item else { return };
                    self.hear_all(item, &mut feed);
                    None
                }
                opened = async { opening.as_mut().expect("guarded").await }, if opening.is_some() => {
                    opening = None;
                    opened.map(|opened| stream = Some(opened)).err()
                }
                response = async { stream.as_mut().expect("guarded").output.next().await }, if stream.is_some() => {
                    match response {
                        Some(Ok(decoded)) => {
                            self.take(decoded).await;
                            None
                        }
                        Some(Err(error)) => Some(error),
                        None => Some(EngineError::Unavailable("recognition ended".into())),
                    }
                }
            };
            if let Some(error) = fault {
                stream = None;
                if !self.restarts(&error) {
                    _ = self.out.send(SttEvent::Failed(self.id, error.to_string())).await;
                    return;
                }
                opening = Some(self.open());
            }
        }
    }

    fn open(&self) -> BoxFuture<'static, Result<SttStream, EngineError>> {
        let stt = self.stt.clone();
        let mut expected = self.prior.spoken.lock().expected();
        let known = &self.can.languages;
        expected.retain(|expected| known.is_empty() || known.contains(&expected.language));
        let (language, caller) = (self.prior.given.clone(), self.prior.caller.clone());
        let request = SttRequest { language, expected, caller, ..SttRequest::default() };
        Box::pin(async move { patiently(|| stt.open(request.clone()), EngineError::is_passing).await })
    }

    /// Takes everything that has arrived before asking the engine.
    fn hear_all(&mut self, item: SttFeed, feed: &mut mpsc::Receiver<SttFeed>) {
        self.hear(item);
        while !self.ended
            && !self.closed
            && let Ok(item) = feed.try_recv()
        {
            self.hear(item);
        }
        if self.can.partials && self.scheduler.is_due() && !self.ended && self.trial.is_none() {
            self.ask(false);
        }
    }

    fn hear(&mut self, item: SttFeed) {
        match item {
            SttFeed::Started { audio, .. } => {
                self.sound.hear(&audio);
                self.audio = audio;
            }
            SttFeed::Audio(audio) => {
                self.sound.hear(&audio);
                self.scheduler.hear(&audio);
                self.audio.extend(audio);
            }
            SttFeed::Paused { pause } => self.transcribe_at(pause),
            SttFeed::Resumed => (self.trial, self.trial_words) = (None, None),
            SttFeed::Cut => {
                self.ended = true;
                if self.trial.is_none() {
                    self.transcribe_at(0);
                }
            }
            SttFeed::Closed => self.closed = true,
        }
    }

    fn transcribe_at(&mut self, pause: u32) {
        self.ask(true);
        self.trial = self.outstanding.map(|asked| Trial { question: asked.number, pause });
        self.trial_words = None;
    }

    fn ask(&mut self, last: bool) {
        let decode = Decode { number: self.next, last };
        (self.wanted, self.outstanding) = (Some(decode), Some(decode));
        self.scheduler.ask();
        self.next += 1;
    }

    /// Sends all audio again, and the decode that was lost: a new engine knows nothing. False: the utterance is given up.
    fn restarts(&mut self, error: &EngineError) -> bool {
        self.attempts += 1;
        self.sent = 0;
        self.wanted = self.outstanding;
        self.attempts < ATTEMPTS && !matches!(error, EngineError::Invalid(_))
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
        if let Some(Decode { number, last }) = self.wanted {
            let phrases = if self.can.phrases { self.prior.phrases() } else { Vec::new() };
            let stable = self.agreement.stable().to_string();
            if stream.input.try_send(SttInput::Decode { number, last, stable, phrases }).is_ok() {
                self.wanted = None;
            }
        }
    }

    async fn take(&mut self, Decoded { number, words, routed }: Decoded) {
        if let Some(routed) = routed {
            _ = self.out.send(SttEvent::Served(self.id, routed)).await;
        }
        let awaited = self.outstanding.is_some_and(|decode| decode.number == number);
        if !awaited && self.outstanding.is_some() {
            // A newer decode is under way, so these words are outdated.
            return;
        }
        let words = self.understand(words);
        if awaited {
            self.outstanding = None;
            self.scheduler.answered(words.decode_ms);
        }
        tracing::debug!(
            utterance = self.id.0,
            number,
            ms = words.decode_ms,
            trial = self.trial.is_some_and(|trial| trial.question == number),
            stable = words.stable,
            length = words.text.len(),
            no_speech = words.no_speech_probability,
            sureness = words.average_log_probability,
            "words"
        );
        match self.trial {
            Some(Trial { question, pause }) if question == number => {
                self.trial_words = Some(words.clone());
                if !self.ended {
                    _ = self.out.send(SttEvent::Trial(self.id, pause, words)).await;
                }
            }
            // A trial transcript is coming and will be better.
            Some(_) => {}
            None => _ = self.out.send(SttEvent::Partial(self.id, words)).await,
        }
    }

    /// Drops hallucinations, and determines the language and the stable words.
    fn understand(&mut self, mut words: Transcript) -> Transcript {
        if is_hallucinated(&words, &self.sound) {
            words.text.clear();
        }
        self.scheduler.understood(!words.text.is_empty());
        if self.prior.given.is_empty() {
            words.language = self.prior.spoken.lock().judge(&words, self.sound.speech_ms());
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

    /// The turn ended with the last trial transcript, if any: learns the call's language from it.
    fn remember_language(&mut self) {
        if let Some(words) = self.trial_words.take() {
            self.believe(&words);
        }
    }

    fn believe(&self, words: &Transcript) {
        if self.prior.given.is_empty() {
            self.prior.spoken.lock().remember(words, self.sound.speech_ms());
        }
    }
}
