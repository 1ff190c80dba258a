//! Two recognisers as one: our own makes the partials, the endpoint the final transcripts. If the endpoint fails or is late,
//! our own transcript is used.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt;
use futures_util::stream;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};

use super::INPUTS;
use super::choice::{Choice, Side, Verdict, completed};
use super::endpoint::Transcribe;
use super::hearing::Sound;
use super::untranslated;
use crate::frame::Transcript;
use crate::{Decoded, EngineError, Stt, SttCapabilities, SttInput, SttRequest, SttStream};

/// Longest time for our own recogniser to begin an utterance. After that the endpoint recognises it alone.
const OPENING: Duration = Duration::from_secs(1);

/// Our own recogniser and an endpoint.
pub(super) struct Combined {
    pub(super) own: Arc<dyn Stt>,
    pub(super) endpoint: Arc<dyn Transcribe>,
    /// The languages that the endpoint recognises; empty: any.
    pub(super) languages: Vec<String>,
    /// How long to wait for the endpoint's final transcript.
    pub(super) patience: Duration,
}

impl Combined {
    /// Begins an utterance in our own recogniser, unless that fails or takes too long.
    async fn begin(&self, mut request: SttRequest) -> Result<SttStream, EngineError> {
        let known = self.own.capabilities().languages;
        request.expected.retain(|expected| known.is_empty() || known.contains(&expected.language));
        let opened = timeout(OPENING, self.own.open(request)).await;
        opened.unwrap_or(Err(EngineError::Deadline)).inspect_err(|error| {
            tracing::warn!(%error, "our own recogniser cannot take part in an utterance, which gets no partials");
        })
    }
}

#[async_trait]
impl Stt for Combined {
    fn capabilities(&self) -> SttCapabilities {
        let own = self.own.capabilities();
        let languages = if self.languages.is_empty() { own.languages } else { self.languages.clone() };
        SttCapabilities { languages, translates: false, ..own }
    }

    async fn open(&self, request: SttRequest) -> Result<SttStream, EngineError> {
        if request.translate {
            return Err(untranslated());
        }
        let sound = Sound::new(self.endpoint.clone(), request.language.clone());
        let (own, gone) = match self.begin(request).await {
            Ok(stream) => (Some(Ear { stream, waiting: None }), EngineError::Deadline),
            Err(error) => (None, error),
        };
        let (input, inputs) = mpsc::channel(INPUTS);
        let patience = self.patience;
        let ears = Ears {
            inputs,
            closed: false,
            own,
            gone,
            sound,
            patience,
            choice: None,
            until: None,
            heard: None,
        };
        let next = |ears: Option<Ears>| async move {
            let mut ears = ears?;
            let found = ears.next().await?;
            let rest = found.is_ok().then_some(ears);
            Some((found, rest))
        };
        Ok(SttStream { input, output: stream::unfold(Some(ears), next).boxed() })
    }
}

/// An utterance in our own recogniser.
struct Ear {
    stream: SttStream,
    /// Inputs that wait for room in its queue.
    waiting: Option<SttInput>,
}

/// An event of our own recogniser.
enum Heard {
    /// A waiting input was sent.
    Sent,
    Words(Decoded),
    Ended(EngineError),
}

impl Ear {
    /// Sends waiting inputs, and reads transcripts meanwhile: some recognisers accept inputs only while their output is read.
    async fn next(&mut self) -> Heard {
        let SttStream { input, output } = &mut self.stream;
        tokio::select! {
            biased;
            decoded = output.next() => match decoded {
                Some(Ok(decoded)) => Heard::Words(decoded),
                Some(Err(error)) => Heard::Ended(error),
                None => Heard::Ended(EngineError::Unavailable("recognition ended".into())),
            },
            permit = input.reserve(), if self.waiting.is_some() => {
                // Without a permit the recogniser is gone; its output says why.
                if let (Ok(permit), Some(item)) = (permit, self.waiting.take()) {
                    permit.send(item);
                }
                Heard::Sent
            }
        }
    }
}

/// An utterance that both recognise.
struct Ears {
    inputs: mpsc::Receiver<SttInput>,
    /// No more inputs come.
    closed: bool,
    /// Our own recogniser, while it takes part in the utterance.
    own: Option<Ear>,
    /// Why it does not take part.
    gone: EngineError,
    sound: Sound,
    patience: Duration,
    /// The decode whose words are awaited.
    choice: Option<Choice>,
    /// The endpoint's deadline for them.
    until: Option<Instant>,
    /// The latest transcript of our own recogniser.
    heard: Option<Transcript>,
}

enum Event {
    Input(Option<SttInput>),
    Own(Heard),
    Endpoint(Result<Transcript, EngineError>),
    Late,
}

impl Ears {
    async fn next(&mut self) -> Option<Result<Decoded, EngineError>> {
        while !self.closed || self.choice.is_some() {
            match self.event().await {
                Event::Input(None) => self.closed = true,
                Event::Input(Some(input)) => {
                    if let Err(error) = self.take(input) {
                        return Some(Err(error));
                    }
                }
                Event::Own(heard) => self.hear(heard),
                Event::Endpoint(found) => self.answered(found),
                Event::Late => {
                    self.until = None;
                    if let Some(choice) = &mut self.choice {
                        choice.late = true;
                    }
                }
            }
            if let Some(decoded) = self.decide() {
                return Some(decoded);
            }
        }
        None
    }

    async fn event(&mut self) -> Event {
        let Self { inputs, closed, own, sound, until, .. } = &mut *self;
        let (late, free) = (*until, own.as_ref().is_none_or(|ear| ear.waiting.is_none()));
        tokio::select! {
            // Inputs first: a newer decode makes an upload unnecessary.
            biased;
            input = inputs.recv(), if free && !*closed => Event::Input(input),
            found = sound.words() => Event::Endpoint(found),
            heard = listen(own) => Event::Own(heard),
            () = wait(late) => Event::Late,
        }
    }

    fn take(&mut self, input: SttInput) -> Result<(), EngineError> {
        match &input {
            SttInput::Audio(more) => self.sound.hear(more)?,
            SttInput::Decode { number, last, .. } => self.ask(*number, *last),
        }
        if let Some(own) = &mut self.own {
            own.waiting = Some(input);
        }
        Ok(())
    }

    fn ask(&mut self, number: u32, last: bool) {
        let own = if self.own.is_some() { Side::Awaited } else { Side::Failed(self.gone.clone()) };
        self.choice = Some(Choice { number, last, own, endpoint: Side::Awaited, late: false });
        if last {
            self.sound.upload();
        } else {
            self.sound.cancel();
        }
        self.until = last.then(|| Instant::now() + self.patience);
    }

    /// Takes a result of our own recogniser; words of an earlier decode are kept for their confidence figures.
    fn hear(&mut self, heard: Heard) {
        let side = match heard {
            Heard::Sent => return,
            Heard::Words(Decoded { number, words, .. }) => {
                self.heard = Some(words.clone());
                if self.choice.as_ref().is_none_or(|choice| choice.number != number) {
                    return;
                }
                Side::Words(words)
            }
            Heard::Ended(error) => {
                tracing::warn!(%error, "our own recogniser failed: the endpoint recognises the utterance alone");
                (self.own, self.gone) = (None, error.clone());
                Side::Failed(error)
            }
        };
        if let Some(choice) = &mut self.choice
            && choice.own == Side::Awaited
        {
            choice.own = side;
        }
    }

    fn answered(&mut self, found: Result<Transcript, EngineError>) {
        if let Err(error) = &found {
            tracing::warn!(%error, "the endpoint returned no transcript");
        }
        let heard = self.heard.as_ref();
        if let Some(choice) = &mut self.choice {
            choice.endpoint = found.map_or_else(Side::Failed, |words| Side::Words(completed(words, heard)));
        }
    }

    /// The result of the awaited decode, once it is decided.
    fn decide(&mut self) -> Option<Result<Decoded, EngineError>> {
        let choice = self.choice.as_ref()?;
        let number = choice.number;
        let decided = match choice.verdict() {
            Verdict::Wait => return None,
            Verdict::Skip => None,
            Verdict::Words(words) => Some(Ok(Decoded { number, words, routed: None })),
            Verdict::Fails(error) => Some(Err(error)),
            Verdict::Instead(words, reason) => {
                let reason = reason.as_str();
                metrics::counter!("visavis_stt_own_instead_total", "reason" => reason).increment(1);
                tracing::info!(reason, "our own transcript is used instead of the endpoint's");
                Some(Ok(Decoded { number, words, routed: None }))
            }
        };
        (self.choice, self.until) = (None, None);
        self.sound.cancel();
        decided
    }
}

/// The next event of our own recogniser; pending forever if it does not take part.
async fn listen(own: &mut Option<Ear>) -> Heard {
    match own {
        Some(ear) => ear.next().await,
        None => std::future::pending().await,
    }
}

async fn wait(until: Option<Instant>) {
    match until {
        Some(until) => sleep_until(until).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
