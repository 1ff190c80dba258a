//! Stage 1, voice activity: where speech begins, pauses and ends. [`Gate`] decides; [`run`] feeds it.

use std::collections::VecDeque;

use tokio::sync::mpsc;

use crate::config;
use crate::ends::MicReceiver;
use crate::engine::{VAD_WINDOW, Vad};
use crate::frame::{MIC_RATE, UtteranceId, VadEvent};

use super::stt::SttFeed;

/// Audio kept from before the decision, so that no first sound is lost: 400 ms.
const PREROLL: usize = 6400;
/// Below the threshold by this much a window is no longer speech: a voice near the threshold must not flutter.
const HYSTERESIS: f32 = 0.15;

/// An event and how much of the microphone had been heard when it was decided, which dates it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// What happened.
    pub event: VadEvent,
    /// Samples heard so far.
    pub seen: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Voice {
    Silent { run: u64 },
    Speaking { began: u64, last: u64, paused: bool },
}

/// Turns probabilities of speech into events. Pure: its clock is the count of samples.
#[derive(Debug)]
pub struct Gate {
    threshold: f32,
    start: u64,
    pause: u64,
    end: u64,
    longest: u64,
    seen: u64,
    utterance: UtteranceId,
    voice: Voice,
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
            end: samples(settings.end_ms),
            longest: u64::from(settings.max_utterance_seconds) * u64::from(MIC_RATE),
            seen: 0,
            utterance: UtteranceId(0),
            voice: Voice::Silent { run: 0 },
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
                self.voice = Voice::Speaking { began: at, last: self.seen, paused: false };
                Some(VadEvent::Started { utterance: self.utterance, at })
            }
            Voice::Silent { run } => {
                *run = 0;
                None
            }
            Voice::Speaking { last, paused, began } => {
                let voiced = probability >= self.threshold - if *paused { 0.0 } else { HYSTERESIS };
                if voiced {
                    *last = self.seen;
                }
                let at = *last;
                if self.seen - at >= self.end || before - *began >= self.longest {
                    self.voice = Voice::Silent { run: 0 };
                    return Some(VadEvent::Ended { utterance, at });
                }
                if voiced && std::mem::take(paused) {
                    return Some(VadEvent::Resumed { utterance });
                }
                if !*paused && self.seen - at >= self.pause {
                    *paused = true;
                    return Some(VadEvent::Paused { utterance, at });
                }
                None
            }
        }
    }
}

/// Reads the microphone until the client is gone.
pub async fn run(
    mut mic: MicReceiver,
    mut vad: Box<dyn Vad>,
    settings: config::Vad,
    stt: mpsc::Sender<SttFeed>,
    conductor: mpsc::Sender<Heard>,
) {
    let mut gate = Gate::new(&settings);
    let mut recent: VecDeque<i16> = VecDeque::with_capacity(PREROLL + VAD_WINDOW);
    let mut window: Vec<i16> = Vec::with_capacity(2 * VAD_WINDOW);
    let mut speaking = false;
    while let Some(frame) = mic.recv().await {
        window.extend_from_slice(&frame.samples);
        while window.len() >= VAD_WINDOW {
            let probability = vad.probability(&window[..VAD_WINDOW]);
            let event = gate.push(probability);
            let samples = window.drain(..VAD_WINDOW);
            let mut feed = Vec::with_capacity(2);
            if speaking {
                feed.push(SttFeed::Audio(samples.collect()));
            } else {
                recent.extend(samples);
                let excess = recent.len().saturating_sub(PREROLL);
                recent.drain(..excess);
            }
            if let Some(event) = &event {
                match event {
                    VadEvent::Started { utterance, .. } => {
                        speaking = true;
                        feed.push(SttFeed::Started {
                            utterance: *utterance,
                            audio: recent.drain(..).collect(),
                        });
                    }
                    VadEvent::Paused { .. } => feed.push(SttFeed::Paused),
                    VadEvent::Resumed { .. } => feed.push(SttFeed::Resumed),
                    VadEvent::Ended { .. } => {
                        speaking = false;
                        feed.push(SttFeed::Ended);
                    }
                }
            }
            // First, so that no words come before the voice that spoke them.
            if let Some(event) = event
                && conductor.send(Heard { event, seen: gate.seen() }).await.is_err()
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
            end_ms: 512,
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
    fn a_short_pause_is_resumed_and_a_long_one_ends_the_same_utterance_where_the_voice_stopped() {
        let (mut gate, utterance) = (gate(), UtteranceId(1));
        assert_eq!(feed(&mut gate, 0.9, 10), [VadEvent::Started { utterance, at: 0 }]);
        assert_eq!(feed(&mut gate, 0.1, 8), [VadEvent::Paused { utterance, at: 5120 }]);
        assert_eq!(feed(&mut gate, 0.9, 2), [VadEvent::Resumed { utterance }]);
        assert_eq!(
            feed(&mut gate, 0.1, 40),
            [VadEvent::Paused { utterance, at: 10240 }, VadEvent::Ended { utterance, at: 10240 }]
        );
    }

    #[test]
    fn speech_without_a_pause_is_cut_at_the_limit_and_goes_on_as_a_new_utterance() {
        let mut gate = gate();
        let events = feed(&mut gate, 0.9, 240);
        let ends = events.iter().filter(|event| matches!(event, VadEvent::Ended { .. })).count();
        let starts = events.iter().filter(|event| matches!(event, VadEvent::Started { .. })).count();
        assert_eq!((starts, ends), (2, 1), "{events:?}");
    }
}
