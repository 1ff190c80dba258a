//! Smart Turn: the probability that a person has finished, by the sound of the last 8 s, in about 30 ms of one core.

use std::path::Path;

use anyhow::Context;
use ndarray::Array3;
use ort::session::Session;
use ort::value::TensorRef;
use parking_lot::Mutex;

use super::{EndOfTurn, EngineError, onnx};
use crate::audio::log_mel::{BANDS, FRAMES, LogMel};

/// The loaded model, shared by all calls; it remembers nothing.
pub struct SmartTurn {
    session: Mutex<Session>,
    log_mel: LogMel,
}

impl SmartTurn {
    /// Loads ONNX Runtime from `runtime` and the model from `model`, and tries it on silence.
    ///
    /// # Errors
    /// When either file is missing or of the wrong kind.
    pub fn load(runtime: &Path, model: &Path) -> anyhow::Result<Self> {
        let session = Mutex::new(onnx::session(runtime, model)?);
        let loaded = Self { session, log_mel: LogMel::default() };
        // The first run prepares memory for all others, and a wrong model shows itself here, not in a call.
        loaded.run(&[]).with_context(|| format!("{} is not an end-of-turn model", model.display()))?;
        Ok(loaded)
    }

    fn run(&self, audio: &[i16]) -> anyhow::Result<f32> {
        let features = Array3::from_shape_vec((1, BANDS, FRAMES), self.log_mel.features(audio))?;
        let mut session = self.session.lock();
        let outputs =
            session.run(ort::inputs!["input_features" => TensorRef::from_array_view(&features)?])?;
        let (_, probability) = outputs[0].try_extract_tensor::<f32>()?;
        let probability = probability.first().copied().context("the model gave no probability")?;
        anyhow::ensure!((0.0..=1.0).contains(&probability), "the model gave {probability}, no probability");
        Ok(probability)
    }
}

impl EndOfTurn for SmartTurn {
    fn probability(&self, audio: &[i16]) -> Result<f32, EngineError> {
        self.run(audio).map_err(|error| EngineError::Failed(format!("end of turn: {error:#}")))
    }
}
