//! What listens to the sound itself: voice activity, and the end of a turn.

use std::collections::VecDeque;

use parking_lot::Mutex;
use visavis_engine::{EndOfTurn, EngineError, Vad};

/// Takes what is loud for speech: a window of whose samples a quarter lies beyond 1,000.
#[derive(Debug, Default)]
pub struct LoudnessVad;

impl Vad for LoudnessVad {
    fn probability(&mut self, window: &[i16]) -> f32 {
        let loud = window.iter().filter(|sample| sample.unsigned_abs() > 1000).count();
        if loud * 4 > window.len() { 0.95 } else { 0.02 }
    }
}

/// Judges each pause by the next line of its script; behind the last one every turn has ended.
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

    /// The same, but it fails at the pause behind the last line.
    #[must_use]
    pub fn then_failing(self, error: EngineError) -> Self {
        self.script.lock().push_back(Err(error));
        self
    }

    /// How many samples were judged, pause by pause.
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
