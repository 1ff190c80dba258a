//! Stage 2, recognition: each utterance streams into the engine while it is spoken; at a pause only the tail is left.
//!
//! - this file: one task per utterance, and the language that the call has been speaking
//! - [`utterance`]: one utterance from its first sound to its final words
//! - [`tongue`]: what is known of an utterance beforehand
//! - [`cadence`]: pure: when the words so far are worth asking for

pub mod cadence;
mod tongue;
mod utterance;

use std::collections::BTreeSet;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::engine::{Stt, Tts};
use crate::frame::{PlaybackPosition, Transcript, UtteranceId};

use super::language::CallLanguage;
use tongue::Tongue;
use utterance::Utterance;

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
    /// A pause: transcribe on trial.
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

/// What recognition works with besides the microphone.
pub struct Context {
    /// Recognises.
    pub stt: Arc<dyn Stt>,
    /// Tells which languages can be answered in.
    pub tts: Arc<dyn Tts>,
    /// The language that was chosen; `None`: identify it.
    pub language: watch::Receiver<Option<String>>,
    /// What of an answer is heard.
    pub position: watch::Receiver<PlaybackPosition>,
}

/// Routes what voice activity hears to one task per utterance, until voice activity ends.
pub async fn run(
    mut feed: mpsc::Receiver<SttFeed>,
    context: Context,
    out: mpsc::Sender<SttEvent>,
    tasks: TaskTracker,
    token: CancellationToken,
) {
    let Context { stt, tts, language, position } = context;
    let spoken = Arc::new(Mutex::new(CallLanguage::default()));
    let voices = learn_voices(tts, spoken.clone());
    let call = token.clone();
    tasks.spawn(Box::pin(async move { call.run_until_cancelled(voices).await }));
    let mut current: Option<mpsc::Sender<SttFeed>> = None;
    while let Some(item) = feed.recv().await {
        if let SttFeed::Started { utterance, .. } = &item {
            let (sender, receiver) = mpsc::channel(FEED_QUEUE);
            let given = language.borrow().clone().unwrap_or_default();
            let PlaybackPosition { samples, finished, .. } = *position.borrow();
            let tongue = Tongue { given, spoken: spoken.clone(), over_answer: samples > 0 && !finished };
            let task = Utterance::new(*utterance, stt.clone(), tongue, out.clone()).run(receiver);
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

/// Finds out which languages can be answered in: they are likelier to be spoken.
async fn learn_voices(tts: Arc<dyn Tts>, spoken: Arc<Mutex<CallLanguage>>) {
    if let Ok(voices) = tts.voices().await {
        let languages: BTreeSet<String> = voices.into_iter().map(|voice| voice.language).collect();
        spoken.lock().can_answer_in(languages.into_iter().collect());
    }
}
