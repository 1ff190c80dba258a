//! Smart Turn: turn prediction by prosody from the last 8 s of sound, in about 30 ms of one core.

use std::path::Path;

use anyhow::Context;
use ndarray::Array3;
use ort::session::Session;
use ort::value::TensorRef;

use super::pool::Pool;
use super::{EndOfTurn, EngineError, onnx};
use crate::audio::log_mel::{BANDS, FRAMES, LogMel};

/// Most sessions, each of tens of megabytes; beyond that calls wait 30 ms for each other.
const SESSIONS: usize = 2;

/// The loaded model, shared by all calls; it is stateless.
pub struct SmartTurn {
    sessions: Pool<Session>,
    log_mel: LogMel,
}

impl SmartTurn {
    /// Loads ONNX Runtime from `runtime` and the model from `model`, and tries it on silence.
    ///
    /// # Errors
    /// When either file is missing or of the wrong kind.
    pub fn load(runtime: &Path, model: &Path) -> anyhow::Result<Self> {
        let sessions = onnx::sessions(runtime, model, SESSIONS)?;
        let loaded = Self { sessions, log_mel: LogMel::default() };
        // The first run allocates memory for later ones, and detects a wrong model here instead of in a call.
        loaded.run(&[]).with_context(|| format!("{} is not an end-of-turn model", model.display()))?;
        Ok(loaded)
    }

    fn run(&self, audio: &[i16]) -> anyhow::Result<f32> {
        let features = Array3::from_shape_vec((1, BANDS, FRAMES), self.log_mel.features(audio))?;
        let probability = self.sessions.with(|session| {
            let outputs =
                session.run(ort::inputs!["input_features" => TensorRef::from_array_view(&features)?])?;
            let (_, probability) = outputs[0].try_extract_tensor::<f32>()?;
            probability.first().copied().context("the model gave no probability")
        })?;
        let valid = (0.0..=1.0).contains(&probability);
        anyhow::ensure!(valid, "the model gave {probability}, which is not a probability");
        Ok(probability)
    }
}

impl EndOfTurn for SmartTurn {
    fn probability(&self, audio: &[i16]) -> Result<f32, EngineError> {
        self.run(audio).map_err(|error| EngineError::Failed(format!("end of turn: {error:#}")))
    }
}
