//! Turns probabilities of speech into utterances and pauses. Pure: the clock is the count of samples.

use crate::config;
use crate::echo::Source;
use crate::engine::VAD_WINDOW;
use crate::frame::{MIC_RATE, UtteranceId, VadEvent};

/// Speech ends only this far below the threshold, so that a voice near it does not flutter.
const HYSTERESIS: f32 = 0.15;

/// How long (96 ms) a voice that may be the agent's holds an utterance open after one that is surely the person's: with the
/// agent's next word appended, "Stop." was recognised as "Scamper.".
const UNSURE: u64 = 3 * VAD_WINDOW as u64;

/// Pause (1.5 s) of a voice so faint that it may be a television's: people wait for a response, televisions talk on.
const FAINT_PAUSE: u64 = 24_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Voice {
    Silent {
        run: u64,
    },
    /// `last`: end of the voice so far; `sure`: end of what is surely the person's.
    Speaking {
        began: u64,
        last: u64,
        sure: u64,
        paused: bool,
        pauses: u32,
    },
}

/// Decides where speech begins, pauses and ends.
#[derive(Debug)]
pub struct Gate {
    threshold: f32,
    start: u64,
    pause: u64,
    longest: u64,
    seen: u64,
    /// The open utterance must pause for [`FAINT_PAUSE`].
    faint: bool,
    utterance: UtteranceId,
    voice: Voice,
    /// End of the last utterance: later ones begin after it.
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
            faint: false,
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

    /// The last utterance that began.
    #[must_use]
    pub fn utterance(&self) -> UtteranceId {
        self.utterance
    }

    /// Sets whether the open utterance is so faint that it may be a television's.
    pub fn be_faint(&mut self, faint: bool) {
        self.faint = faint;
    }

    /// Whether a window of this probability is speech.
    #[must_use]
    pub fn is_speech(&self, probability: f32) -> bool {
        // Not in the longer pause of a faint voice, which any breath would begin anew.
        let lenient = if let Voice::Speaking { paused: false, last, .. } = self.voice {
            self.seen - last < self.pause
        } else {
            false
        };
        probability >= self.threshold - if lenient { HYSTERESIS } else { 0.0 }
    }

    /// Samples since the last utterance ended, which a new one may contain.
    #[must_use]
    pub fn fresh(&self) -> u64 {
        self.seen - self.free
    }

    /// Takes the next window's probability of speech, and whose it would be. Echo and far voices do not count. A voice that may
    /// be the agent's neither begins nor resumes an utterance, but counts towards its beginning once it is known to be the
    /// person's.
    pub fn push(&mut self, probability: f32, source: Source) -> Option<VadEvent> {
        let voiced = matches!(source, Source::Near | Source::Unsure) && self.is_speech(probability);
        let before = self.seen;
        self.seen += VAD_WINDOW as u64;
        let utterance = self.utterance;
        let pause = if self.faint { self.pause.max(FAINT_PAUSE) } else { self.pause };
        match &mut self.voice {
            Voice::Silent { run } if voiced => {
                *run += VAD_WINDOW as u64;
                let at = self.seen - *run;
                if *run < self.start || source == Source::Unsure {
                    return None;
                }
                self.utterance.0 += 1;
                let (last, sure) = (self.seen, self.seen);
                self.voice = Voice::Speaking { began: at, last, sure, paused: false, pauses: 0 };
                Some(VadEvent::Started { utterance: self.utterance, at })
            }
            Voice::Silent { run } => {
                *run = 0;
                None
            }
            Voice::Speaking { last, sure, paused, began, pauses } => {
                let voiced = voiced && (source == Source::Near || self.seen - *sure <= UNSURE);
                if voiced {
                    *last = self.seen;
                }
                if voiced && source == Source::Near {
                    *sure = self.seen;
                }
                let at = *last;
                if before - *began >= self.longest {
                    self.end(at);
                    return Some(VadEvent::Cut { utterance, at });
                }
                if voiced && std::mem::take(paused) {
                    return Some(VadEvent::Resumed { utterance });
                }
                if !*paused && self.seen - at >= pause {
                    (*paused, *pauses) = (true, *pauses + 1);
                    return Some(VadEvent::Paused { utterance, pause: *pauses, at });
                }
                None
            }
        }
    }

    /// Ends the turn of this utterance: sound from now on belongs to the next. False: it had ended already.
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
        (0..windows).filter_map(|_| gate.push(probability, Source::Near)).collect()
    }

    #[test]
    fn a_click_of_one_window_is_not_speech() {
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
    fn a_voice_that_may_be_the_agents_neither_holds_an_utterance_open_nor_resumes_it() {
        let (mut gate, utterance) = (gate(), UtteranceId(1));
        feed(&mut gate, 0.9, 10);
        let unsure = |gate: &mut Gate, windows: usize| -> Vec<VadEvent> {
            (0..windows).filter_map(|_| gate.push(0.9, Source::Unsure)).collect()
        };
        assert_eq!(unsure(&mut gate, 20), [VadEvent::Paused { utterance, pause: 1, at: 5120 + UNSURE }]);
        assert_eq!(feed(&mut gate, 0.9, 1), [VadEvent::Resumed { utterance }]);
    }

    #[test]
    fn a_faint_voice_pauses_only_after_a_second_and_a_half_and_at_once_when_it_is_none_any_more() {
        let (mut gate, utterance) = (gate(), UtteranceId(1));
        gate.be_faint(true);
        feed(&mut gate, 0.9, 10);
        assert_eq!(feed(&mut gate, 0.1, 40), []);
        assert_eq!(feed(&mut gate, 0.9, 10), []);
        assert_eq!(feed(&mut gate, 0.1, 50), [VadEvent::Paused { utterance, pause: 1, at: 60 * 512 }]);
        assert_eq!(feed(&mut gate, 0.9, 1), [VadEvent::Resumed { utterance }]);
        gate.be_faint(false);
        assert_eq!(feed(&mut gate, 0.1, 8).len(), 1);
    }

    #[test]
    fn what_is_hardly_a_voice_does_not_begin_the_pause_of_a_faint_voice_anew() {
        for (silence, pauses) in [(7, 1), (3, 0)] {
            let mut gate = gate();
            gate.be_faint(true);
            feed(&mut gate, 0.9, 10);
            feed(&mut gate, 0.1, silence);
            feed(&mut gate, 0.4, 1);
            assert_eq!(feed(&mut gate, 0.1, 39).len(), pauses, "after {silence} windows");
        }
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
