//! Stage 1, voice activity: where speech begins, pauses and ends. [`Gate`] decides; [`run`] feeds it.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::{mpsc, watch};

use crate::config;
use crate::ends::MicReceiver;
use crate::engine::{VAD_WINDOW, Vad};
use crate::frame::{MIC_RATE, UtteranceId, VadEvent};

use super::stt::SttFeed;

/// Audio kept from before the decision, so that no first sound is lost: 400 ms.
const PREROLL: usize = 6400;
/// Below the threshold by this much a window is no longer speech: a voice near the threshold must not flutter.
const HYSTERESIS: f32 = 0.15;
/// What the end of the turn is judged by: the last 8 s of the utterance.
const JUDGED: usize = 8 * MIC_RATE as usize;

/// An event and how much of the microphone had been heard when it was decided, which dates it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// What happened.
    pub event: VadEvent,
    /// Samples heard so far.
    pub seen: u64,
    /// At a pause: the end of the utterance, to be judged by its melody.
    pub audio: Option<Arc<[i16]>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Voice {
    Silent { run: u64 },
    Speaking { began: u64, last: u64, paused: bool, pauses: u32 },
}

/// Turns probabilities of speech into events. Pure: its clock is the count of samples.
#[derive(Debug)]
pub struct Gate {
    threshold: f32,
    start: u64,
    pause: u64,
    longest: u64,
    seen: u64,
    utterance: UtteranceId,
    voice: Voice,
    /// Where the last utterance ended: no later one begins before it.
    free: u64,
}

impl Gate {
    /// A gate with the configured threshold and times.
    #[must_use]
    pub fn new(settings: &config::Vad) -> Self {
        let samples = |ms: u32| u64::from(ms) * u64::from(MIC_RATE) / 1000;
        Self {
            threshold: settings.threshold,
            start: samples(settings.start_ms),
            pause: samples(settings.pause_ms),
            longest: u64::from(settings.max_utterance_seconds) * u64::from(MIC_RATE),
            seen: 0,
            utterance: UtteranceId(0),
            voice: Voice::Silent { run: 0 },
            free: 0,
        }
    }

    /// Samples heard so far.
    #[must_use]
    pub fn seen(&self) -> u64 {
        self.seen
    }

    /// Hears the next window's probability of speech.
    pub fn push(&mut self, probability: f32) -> Option<VadEvent> {
        let before = self.seen;
        self.seen += VAD_WINDOW as u64;
        let utterance = self.utterance;
        match &mut self.voice {
            Voice::Silent { run } if probability >= self.threshold => {
                *run += VAD_WINDOW as u64;
                let at = self.seen - *run;
                if *run < self.start {
                    return None;
                }
                self.utterance.0 += 1;
                self.voice = Voice::Speaking { began: at, last: self.seen, paused: false, pauses: 0 };
                Some(VadEvent::Started { utterance: self.utterance, at })
            }
            Voice::Silent { run } => {
                *run = 0;
                None
            }
            Voice::Speaking { last, paused, began, pauses } => {
                let voiced = probability >= self.threshold - if *paused { 0.0 } else { HYSTERESIS };
                if voiced {
                    *last = self.seen;
                }
                let at = *last;
                if before - *began >= self.longest {
                    self.end(at);
                    return Some(VadEvent::Cut { utterance, at });
                }
                if voiced && std::mem::take(paused) {
                    return Some(VadEvent::Resumed { utterance });
                }
                if !*paused && self.seen - at >= self.pause {
                    (*paused, *pauses) = (true, *pauses + 1);
                    return Some(VadEvent::Paused { utterance, pause: *pauses, at });
                }
                None
            }
        }
    }

    /// The turn of this utterance is over: what is heard from here on belongs to the next. False: it was over already.
    pub fn close(&mut self, utterance: UtteranceId) -> bool {
        let Voice::Speaking { last, .. } = self.voice else { return false };
        if utterance < self.utterance {
            return false;
        }
        self.end(last);
        true
    }

    fn end(&mut self, at: u64) {
        self.voice = Voice::Silent { run: 0 };
        self.free = at;
    }
}

/// What was heard lately.
#[derive(Default)]
struct Recent {
    samples: VecDeque<i16>,
    /// All of it belongs to the utterance.
    speaking: bool,
}

impl Recent {
    fn hear(&mut self, window: &[i16]) {
        self.samples.extend(window);
        let most = if self.speaking { JUDGED } else { PREROLL };
        self.samples.drain(..self.samples.len().saturating_sub(most));
    }

    /// An utterance begins here, of which no more than `most` samples are there.
    fn begin(&mut self, most: u64) -> Vec<i16> {
        let most = usize::try_from(most).unwrap_or(usize::MAX).min(PREROLL);
        self.samples.drain(..self.samples.len().saturating_sub(most));
        self.speaking = true;
        self.samples.iter().copied().collect()
    }
}

/// Reads the microphone until the client is gone. `closed`: the last utterance whose turn is over.
pub async fn run(
    mut mic: MicReceiver,
    mut vad: Box<dyn Vad>,
    settings: config::Vad,
    stt: mpsc::Sender<SttFeed>,
    conductor: mpsc::Sender<Heard>,
    closed: watch::Receiver<UtteranceId>,
) {
    let mut gate = Gate::new(&settings);
    let mut recent = Recent::default();
    let mut window: Vec<i16> = Vec::with_capacity(2 * VAD_WINDOW);
    while let Some(frame) = mic.recv().await {
        window.extend_from_slice(&frame.samples);
        while window.len() >= VAD_WINDOW {
            let mut feed = Vec::with_capacity(3);
            if recent.speaking && gate.close(*closed.borrow()) {
                recent.speaking = false;
                feed.push(SttFeed::Closed);
            }
            let probability = vad.probability(&window[..VAD_WINDOW]);
            let event = gate.push(probability);
            recent.hear(&window[..VAD_WINDOW]);
            if recent.speaking {
                feed.push(SttFeed::Audio(window[..VAD_WINDOW].to_vec()));
            }
            window.drain(..VAD_WINDOW);
            let mut audio = None;
            match &event {
                Some(VadEvent::Started { utterance, .. }) => {
                    let audio = recent.begin(gate.seen() - gate.free);
                    feed.push(SttFeed::Started { utterance: *utterance, audio });
                }
                Some(VadEvent::Paused { pause, .. }) => {
                    audio = Some(recent.samples.iter().copied().collect());
                    feed.push(SttFeed::Paused { pause: *pause });
                }
                Some(VadEvent::Resumed { .. }) => feed.push(SttFeed::Resumed),
                Some(VadEvent::Cut { .. }) => {
                    recent.speaking = false;
                    feed.push(SttFeed::Cut);
                }
                None => {}
            }
            // First, so that no words come before the voice that spoke them.
            if let Some(event) = event
                && conductor.send(Heard { event, seen: gate.seen(), audio }).await.is_err()
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

#[cfg(test)]
mod tests {
    use super::*;

    fn gate() -> Gate {
        Gate::new(&config::Vad {
            start_ms: 64,
            pause_ms: 192,
            max_utterance_seconds: 5,
            ..config::Vad::default()
        })
    }

    fn feed(gate: &mut Gate, probability: f32, windows: usize) -> Vec<VadEvent> {
        (0..windows).filter_map(|_| gate.push(probability)).collect()
    }

    #[test]
    fn a_click_of_one_window_is_no_speech() {
        let mut gate = gate();
        assert_eq!(feed(&mut gate, 0.9, 1), []);
        assert_eq!(feed(&mut gate, 0.0, 40), []);
    }

    #[test]
    fn a_pause_is_resumed_and_a_closed_utterance_is_followed_by_a_new_one() {
        let (mut gate, utterance) = (gate(), UtteranceId(1));
        assert_eq!(feed(&mut gate, 0.9, 10), [VadEvent::Started { utterance, at: 0 }]);
        assert_eq!(feed(&mut gate, 0.1, 8), [VadEvent::Paused { utterance, pause: 1, at: 5120 }]);
        assert_eq!(feed(&mut gate, 0.9, 2), [VadEvent::Resumed { utterance }]);
        assert_eq!(feed(&mut gate, 0.1, 40), [VadEvent::Paused { utterance, pause: 2, at: 10240 }]);
        assert!(!gate.close(UtteranceId(0)), "an older one is closed already");
        assert!(gate.close(utterance));
        assert_eq!(gate.free, 10240);
        let next = UtteranceId(2);
        assert_eq!(feed(&mut gate, 0.9, 2), [VadEvent::Started { utterance: next, at: 30720 }]);
    }

    #[test]
    fn the_audio_of_an_utterance_reaches_back_before_its_voice_but_not_into_the_one_before() {
        let mut recent = Recent::default();
        (0..40).for_each(|_| recent.hear(&[1; VAD_WINDOW]));
        assert_eq!(recent.begin(u64::MAX).len(), PREROLL);
        recent.speaking = false;
        recent.hear(&[2; VAD_WINDOW]);
        assert_eq!(recent.begin(VAD_WINDOW as u64), vec![2; VAD_WINDOW]);
    }

    #[test]
    fn speech_without_a_pause_is_cut_at_the_limit_and_goes_on_as_a_new_utterance() {
        let mut gate = gate();
        let events = feed(&mut gate, 0.9, 240);
        let cuts = events.iter().filter(|event| matches!(event, VadEvent::Cut { .. })).count();
        let starts = events.iter().filter(|event| matches!(event, VadEvent::Started { .. })).count();
        assert_eq!((starts, cuts), (2, 1), "{events:?}");
    }
}
