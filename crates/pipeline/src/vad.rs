//! Stage 1, voice activity: where speech begins, pauses and ends.
//!
//! - this file: takes each window of the microphone from the transport to recognition
//! - [`gate`]: decides; [`super::echo`] and [`super::near_voice`] tell it whose voice it hears

pub mod gate;

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use crate::config;
use crate::engine::{VAD_WINDOW, Vad};
use crate::frame::{MIC_RATE, Play, PlaybackPosition, UtteranceId, VadEvent};
use crate::ports::{Arrival, MicReceiver};

use super::echo::{Echo, Source};
use super::near_voice::NearVoice;
use super::playout::Current;
use super::stt::SttFeed;
use gate::Gate;

/// Audio kept from before an utterance's start, so that its first sound is not lost: 400 ms.
const PREROLL: usize = 6400;
/// Audio for the turn prediction by prosody: the last 8 s of the utterance.
const JUDGED: usize = 8 * MIC_RATE as usize;
/// Room for more samples than this, which an utterance has needed, is given back after it.
const SPACIOUS: usize = 4 * PREROLL;

/// An event, dated by the samples heard when it was decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// What happened.
    pub event: VadEvent,
    /// Samples heard so far.
    pub seen: u64,
    /// At a pause: the end of the utterance, for the turn prediction by prosody.
    pub audio: Option<Arc<[i16]>>,
}

/// The recent audio.
#[derive(Default)]
struct Recent {
    samples: VecDeque<i16>,
    /// All of it belongs to the current utterance.
    speaking: bool,
}

impl Recent {
    fn hear(&mut self, window: &[i16]) {
        self.samples.extend(window);
        let most = if self.speaking { JUDGED } else { PREROLL };
        self.samples.drain(..self.samples.len().saturating_sub(most));
        if !self.speaking && self.samples.capacity() > SPACIOUS {
            self.samples.shrink_to(SPACIOUS);
        }
    }

    /// Begins an utterance; returns its audio so far, at most `most` samples.
    fn begin(&mut self, most: u64) -> Vec<i16> {
        let most = usize::try_from(most).unwrap_or(usize::MAX).min(PREROLL);
        self.samples.drain(..self.samples.len().saturating_sub(most));
        self.speaking = true;
        self.samples.iter().copied().collect()
    }
}

/// Analyses one call's microphone.
struct Analyser {
    vad: Box<dyn Vad>,
    echo: Echo,
    near: NearVoice,
    gate: Gate,
    recent: Recent,
}

impl Analyser {
    /// Takes the next window, at `now` on the media clock; returns what to tell the conductor and recognition. Turns up to that
    /// of `call.closed` are over.
    fn hear(&mut self, now: u64, mut window: Vec<i16>, call: Call) -> (Option<Heard>, Vec<SttFeed>) {
        let mut feed = Vec::new();
        if self.recent.speaking && self.gate.close(call.closed) {
            self.recent.speaking = false;
            feed.push(SttFeed::Closed);
        }
        self.echo.hear(now, &mut window);
        let probability = self.vad.probability(&window);
        let source = self.source(probability, &window);
        // A sound over a response is judged by its words, as soon as it pauses.
        self.gate.be_faint(self.near.is_faint() && !call.responds && !self.echo.is_possible());
        let event = self.gate.push(probability, source);
        self.echo.soften(&mut window, source);
        self.recent.hear(&window);
        if self.recent.speaking && self.near.is_overtaken() {
            let (utterance, audio) = (self.gate.utterance(), self.recent.begin(PREROLL as u64));
            feed.push(SttFeed::Started { utterance, audio });
        } else if self.recent.speaking {
            feed.push(SttFeed::Audio(window));
        }
        let mut audio = None;
        match &event {
            Some(VadEvent::Started { utterance, .. }) => {
                let audio = self.recent.begin(self.gate.fresh());
                feed.push(SttFeed::Started { utterance: *utterance, audio });
            }
            Some(VadEvent::Paused { pause, .. }) => {
                audio = Some(self.recent.samples.iter().copied().collect());
                feed.push(SttFeed::Paused { pause: *pause });
            }
            Some(VadEvent::Resumed { .. }) => feed.push(SttFeed::Resumed),
            Some(VadEvent::Cut { .. }) => {
                self.recent.speaking = false;
                feed.push(SttFeed::Cut);
            }
            None => {}
        }
        let seen = self.gate.seen();
        (event.map(|event| Heard { event, seen, audio }), feed)
    }

    /// Whose speech the window contains.
    fn source(&mut self, probability: f32, window: &[i16]) -> Source {
        let speech = self.gate.is_speech(probability);
        let source = self.echo.source(speech);
        let theirs = speech && source != Source::Echo;
        let near = self.near.hear(power(window), theirs, self.recent.speaking);
        if theirs && !near { Source::Far } else { source }
    }
}

/// What voice activity knows of the call.
#[derive(Debug, Clone, Copy)]
struct Call {
    /// The last utterance whose turn is over.
    closed: UtteranceId,
    /// A response is awaited or sounds.
    responds: bool,
}

/// The call's turns, which voice activity follows.
pub struct Turns {
    /// The last utterance whose turn is over.
    pub closed: watch::Receiver<UtteranceId>,
    /// The current response.
    pub current: watch::Receiver<Option<Current>>,
    /// The position of playout.
    pub position: watch::Receiver<PlaybackPosition>,
}

impl Turns {
    fn now(&self) -> Call {
        let (current, position) = (*self.current.borrow(), *self.position.borrow());
        let responds = current.is_some_and(|current| {
            let over = position.finished && position.response == current.response;
            current.play != Play::Speculative && !over
        });
        Call { closed: *self.closed.borrow(), responds }
    }
}

/// The input of voice activity.
pub struct Microphone {
    /// Its frames.
    pub frames: MicReceiver,
    /// Finds and subtracts the agent's echo.
    pub echo: Echo,
    /// The media clock's zero.
    pub origin: Instant,
}

/// Reads the microphone until the client leaves.
pub async fn run(
    microphone: Microphone,
    vad: Box<dyn Vad>,
    settings: config::Vad,
    stt: mpsc::Sender<SttFeed>,
    conductor: mpsc::Sender<Heard>,
    turns: Turns,
) {
    let Microphone { frames: mut mic, echo, origin } = microphone;
    let (near, gate, recent) = (NearVoice::default(), Gate::new(&settings), Recent::default());
    let mut analyser = Analyser { vad, echo, near, gate, recent };
    let mut waiting: Vec<i16> = Vec::with_capacity(2 * VAD_WINDOW);
    while let Some(Arrival { frame, at }) = mic.arrival().await {
        waiting.extend_from_slice(&frame.samples);
        while waiting.len() >= VAD_WINDOW {
            let window = waiting.drain(..VAD_WINDOW).collect();
            let (heard, feed) = analyser.hear(samples_since(origin, at), window, turns.now());
            // First, so that no words arrive before their voice event.
            if let Some(heard) = heard
                && conductor.send(heard).await.is_err()
            {
                return;
            }
            for item in feed {
                if stt.send(item).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// Mean power; full scale is 1.
fn power(window: &[i16]) -> f32 {
    let sum: f32 = window.iter().map(|sample| (f32::from(*sample) / 32_768.0).powi(2)).sum();
    sum / window.len().max(1) as f32
}

/// Time `at` on the media clock, in microphone samples.
fn samples_since(origin: Instant, at: Instant) -> u64 {
    let samples = at.saturating_duration_since(origin).as_nanos() * u128::from(MIC_RATE) / 1_000_000_000;
    u64::try_from(samples).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_utterances_audio_begins_before_its_voice_but_not_in_the_previous_utterance() {
        let mut recent = Recent::default();
        (0..40).for_each(|_| recent.hear(&[1; VAD_WINDOW]));
        assert_eq!(recent.begin(u64::MAX).len(), PREROLL);
        recent.speaking = false;
        recent.hear(&[2; VAD_WINDOW]);
        assert_eq!(recent.begin(VAD_WINDOW as u64), vec![2; VAD_WINDOW]);
    }

    #[test]
    fn a_call_that_listens_holds_no_memory_for_the_utterance_before() {
        let mut recent = Recent { speaking: true, ..Recent::default() };
        (0..300).for_each(|_| recent.hear(&[1; VAD_WINDOW]));
        assert_eq!(recent.samples.len(), JUDGED);
        recent.speaking = false;
        recent.hear(&[2; VAD_WINDOW]);
        assert_eq!((recent.samples.len(), recent.samples.back()), (PREROLL, Some(&2)));
        assert!(recent.samples.capacity() < JUDGED / 2, "{}", recent.samples.capacity());
    }
}
