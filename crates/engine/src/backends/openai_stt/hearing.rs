//! One utterance at an endpoint.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream};
use futures_util::{FutureExt, StreamExt};
use tokio::sync::mpsc;

use super::endpoint::Transcribe;
use crate::audio::wav;
use crate::frame::{MIC_RATE, Transcript};
use crate::{Decoded, EngineError, SttInput};

/// Longest utterance in samples.
const LONGEST: usize = wav::LONGEST as usize * MIC_RATE as usize;

/// The audio of an utterance, and its upload in progress.
pub(super) struct Sound {
    endpoint: Arc<dyn Transcribe>,
    /// ISO 639-1; empty: it is to be identified.
    language: String,
    samples: Vec<i16>,
    upload: Option<BoxFuture<'static, Result<Transcript, EngineError>>>,
}

impl Sound {
    /// An utterance without audio.
    pub(super) fn new(endpoint: Arc<dyn Transcribe>, language: String) -> Self {
        Self { endpoint, language, samples: Vec::new(), upload: None }
    }

    /// Adds audio.
    ///
    /// # Errors
    /// When the utterance becomes too long.
    pub(super) fn hear(&mut self, more: &[i16]) -> Result<(), EngineError> {
        if self.samples.len() + more.len() > LONGEST {
            let seconds = wav::LONGEST;
            return Err(EngineError::Invalid(format!("an utterance has at most {seconds} s of sound")));
        }
        self.samples.extend_from_slice(more);
        Ok(())
    }

    /// Starts an upload, and cancels an earlier one, which is now obsolete.
    pub(super) fn upload(&mut self) {
        let (endpoint, language, samples) =
            (self.endpoint.clone(), self.language.clone(), self.samples.clone());
        self.upload = Some(async move { endpoint.transcribe(&samples, &language).await }.boxed());
    }

    /// Ends the upload.
    pub(super) fn cancel(&mut self) {
        self.upload = None;
    }

    /// Whether an upload is in progress.
    pub(super) fn is_uploading(&self) -> bool {
        self.upload.is_some()
    }

    /// The words of the upload, once; pending forever if there is none. Dropping the future loses nothing.
    ///
    /// # Errors
    /// Why it has none.
    pub(super) async fn words(&mut self) -> Result<Transcript, EngineError> {
        let Some(upload) = &mut self.upload else { return std::future::pending().await };
        let words = upload.await;
        self.upload = None;
        words
    }
}

/// An utterance that only the endpoint recognises.
pub(super) struct Hearing {
    inputs: mpsc::Receiver<SttInput>,
    /// No more inputs come.
    closed: bool,
    sound: Sound,
    /// The number of the decode whose upload is in progress.
    number: u32,
}

enum Event {
    Input(Option<SttInput>),
    Words(Result<Transcript, EngineError>),
}

impl Hearing {
    /// An utterance with these inputs.
    pub(super) fn new(inputs: mpsc::Receiver<SttInput>, sound: Sound) -> Self {
        Self { inputs, closed: false, sound, number: 0 }
    }

    /// The transcripts; the stream ends after an error. Dropping it closes the connection.
    pub(super) fn decoded(self) -> BoxStream<'static, Result<Decoded, EngineError>> {
        let next = |hearing: Option<Self>| async move {
            let mut hearing = hearing?;
            let found = hearing.next().await?;
            let rest = found.is_ok().then_some(hearing);
            Some((found, rest))
        };
        stream::unfold(Some(self), next).boxed()
    }

    async fn next(&mut self) -> Option<Result<Decoded, EngineError>> {
        while !self.closed || self.sound.is_uploading() {
            let Self { inputs, closed, sound, .. } = &mut *self;
            let event = tokio::select! {
                // Inputs first: a newer decode makes an upload unnecessary.
                biased;
                input = inputs.recv(), if !*closed => Event::Input(input),
                words = sound.words() => Event::Words(words),
            };
            match event {
                Event::Input(None) => self.closed = true,
                Event::Input(Some(SttInput::Audio(more))) => {
                    if let Err(error) = self.sound.hear(&more) {
                        return Some(Err(error));
                    }
                }
                Event::Input(Some(SttInput::Decode { number, .. })) => {
                    self.number = number;
                    self.sound.upload();
                }
                Event::Words(words) => {
                    let number = self.number;
                    return Some(words.map(|words| Decoded { number, words, routed: None }));
                }
            }
        }
        None
    }
}
