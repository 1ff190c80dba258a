//! Stage 2, recognition: each utterance streams into the engine while it is spoken, so that at a pause only its tail is left.
//!
//! - this file: one task per utterance, and the call's language
//! - [`utterance`]: one utterance from its first sound to its final transcript
//! - [`tongue`]: what is known about an utterance beforehand
//! - [`partial_scheduler`]: pure: when to ask for partial transcripts

pub mod partial_scheduler;
mod tongue;
mod utterance;

use std::collections::BTreeSet;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::engine::{Caller, Stt, Tts};
use crate::frame::{PlaybackPosition, Transcript, UtteranceId};
use crate::route::Routed;

use super::language::CallLanguage;
use tongue::Prior;
use utterance::Utterance;

/// Items queued from voice activity to one utterance; voice activity waits when the queue is full.
const FEED_QUEUE: usize = 256;

/// What voice activity sends to recognition, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SttFeed {
    /// An utterance begins with this audio; begun again, it has no other words so far.
    Started {
        /// The utterance.
        utterance: UtteranceId,
        /// Its audio so far.
        audio: Vec<i16>,
    },
    /// More of it.
    Audio(Vec<i16>),
    /// A pause: make a trial transcript.
    Paused {
        /// Its number within the utterance, from 1.
        pause: u32,
    },
    /// The person goes on: the trial was too early.
    Resumed,
    /// The utterance is cut here: make its final transcript.
    Cut,
    /// The turn is over: no more transcripts of the utterance are needed.
    Closed,
}

/// What recognition sends to the conductor.
#[derive(Debug, Clone, PartialEq)]
pub enum SttEvent {
    /// A partial transcript.
    Partial(UtteranceId, Transcript),
    /// The trial transcript at this pause: final, if the turn ends with it.
    Trial(UtteranceId, u32, Transcript),
    /// The final transcript of an utterance that was cut.
    Final(UtteranceId, Transcript),
    /// Recognition failed, and why.
    Failed(UtteranceId, String),
    /// From the router: the engine that recognises the utterance from now on.
    Served(UtteranceId, Routed),
}

/// What recognition needs besides the microphone.
pub struct Context {
    /// The recognition engine.
    pub stt: Arc<dyn Stt>,
    /// Lists the languages in which the server can respond.
    pub tts: Arc<dyn Tts>,
    /// The chosen language; `None`: identify it.
    pub language: watch::Receiver<Option<String>>,
    /// The position of playout.
    pub position: watch::Receiver<PlaybackPosition>,
    /// The user served.
    pub caller: Caller,
}

/// Routes the items of voice activity to one task per utterance, until voice activity ends.
pub async fn run(
    mut feed: mpsc::Receiver<SttFeed>,
    context: Context,
    out: mpsc::Sender<SttEvent>,
    tasks: TaskTracker,
    token: CancellationToken,
) {
    let Context { stt, tts, language, position, caller } = context;
    let spoken = Arc::new(Mutex::new(CallLanguage::default()));
    let voices = learn_voices(tts, spoken.clone());
    let call = token.clone();
    tasks.spawn(Box::pin(async move { call.run_until_cancelled(voices).await }));
    let mut current: Option<mpsc::Sender<SttFeed>> = None;
    while let Some(item) = feed.recv().await {
        if let SttFeed::Started { utterance, .. } = &item {
            let (sender, receiver) = mpsc::channel(FEED_QUEUE);
            let given = language.borrow().clone().unwrap_or_default();
            let position = *position.borrow();
            // A filler does not count in the samples of its response.
            let over_response = position != PlaybackPosition::default() && !position.finished;
            let prior = Prior { given, spoken: spoken.clone(), over_response, caller: caller.clone() };
            let task = Utterance::new(*utterance, stt.clone(), prior, out.clone()).run(receiver);
            let token = token.clone();
            tasks.spawn(Box::pin(async move { token.run_until_cancelled(task).await }));
            current = Some(sender);
        }
        let ended = matches!(item, SttFeed::Cut | SttFeed::Closed);
        if let Some(utterance) = &current {
            // Fails if the utterance was given up; the conductor has been told.
            _ = utterance.send(item).await;
        }
        if ended {
            current = None;
        }
    }
}

/// Learns in which languages the server can respond: they are likelier to be spoken.
async fn learn_voices(tts: Arc<dyn Tts>, spoken: Arc<Mutex<CallLanguage>>) {
    if let Ok(voices) = tts.voices().await {
        let mut languages: BTreeSet<String> = voices.into_iter().map(|voice| voice.language).collect();
        if languages.contains("") {
            // A voice that does not report its language may speak any.
            languages.clear();
        }
        spoken.lock().can_respond_in(languages.into_iter().collect());
    }
}
