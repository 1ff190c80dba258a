//! Engines that hear the sound itself: voice activity and turn prediction by prosody.

use std::collections::VecDeque;

use parking_lot::Mutex;
use visavis_engine::{EndOfTurn, EngineError, Vad};

/// Treats loud sound as speech: a window with a quarter of its samples beyond 1,000.
#[derive(Debug, Default)]
pub struct LoudnessVad;

impl Vad for LoudnessVad {
    fn probability(&mut self, window: &[i16]) -> f32 {
        let loud = window.iter().filter(|sample| sample.unsigned_abs() > 1000).count();
        if loud * 4 > window.len() { 0.95 } else { 0.02 }
    }
}

/// Judges each pause by the next entry of its script; after the last one every turn has ended.
#[derive(Debug, Default)]
pub struct ScriptedEndOfTurn {
    script: Mutex<VecDeque<Result<f32, EngineError>>>,
    asked: Mutex<Vec<usize>>,
}

impl ScriptedEndOfTurn {
    /// Judges pauses by these probabilities, 0 to 1, that the turn has ended.
    #[must_use]
    pub fn new(probabilities: impl IntoIterator<Item = f32>) -> Self {
        let script = probabilities.into_iter().map(Ok).collect();
        Self { script: Mutex::new(script), asked: Mutex::default() }
    }

    /// The same, but it fails at the pause after the last entry.
    #[must_use]
    pub fn then_failing(self, error: EngineError) -> Self {
        self.script.lock().push_back(Err(error));
        self
    }

    /// Number of samples judged at each pause.
    #[must_use]
    pub fn asked(&self) -> Vec<usize> {
        self.asked.lock().clone()
    }
}

impl EndOfTurn for ScriptedEndOfTurn {
    fn probability(&self, audio: &[i16]) -> Result<f32, EngineError> {
        self.asked.lock().push(audio.len());
        self.script.lock().pop_front().unwrap_or(Ok(1.0))
    }
}
