//! Silero VAD: the probability of speech, 32 ms at a time, in about 0.1 ms of one core.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use ndarray::{Array1, Array2, Array3};
use ort::session::Session;
use ort::value::TensorRef;

use super::pool::Pool;
use super::{VAD_WINDOW, Vad, onnx};
use crate::frame::MIC_RATE;

/// Samples of the previous window that the model takes as well.
const CONTEXT: usize = 64;
/// Below this level (-55 dBFS, root mean square) a window is a quiet room, and the model is not run: at 31 runs a second on an
/// idle machine its weights are loaded from memory each time, at four times the cost on a busy one.
const FLOOR: u64 = 58;
/// Most sessions; beyond that calls share them, 0.1 ms at a time.
const SESSIONS: usize = 8;

/// The loaded model, shared by all calls; each call keeps its own state.
pub struct Silero {
    sessions: Arc<Pool<Session>>,
}

impl Silero {
    /// Loads ONNX Runtime from `runtime` and the model from `model`.
    ///
    /// # Errors
    /// When either file is missing or of the wrong kind.
    pub fn load(runtime: &Path, model: &Path) -> anyhow::Result<Self> {
        Ok(Self { sessions: Arc::new(onnx::sessions(runtime, model, SESSIONS)?) })
    }

    /// A detector for one call.
    #[must_use]
    pub fn detector(&self) -> SileroDetector {
        SileroDetector {
            sessions: self.sessions.clone(),
            state: Array3::zeros((2, 1, 128)),
            context: [0.0; CONTEXT],
            quiet: true,
        }
    }
}

/// The detector of one call, with the model's state.
pub struct SileroDetector {
    sessions: Arc<Pool<Session>>,
    state: Array3<f32>,
    context: [f32; CONTEXT],
    quiet: bool,
}

impl SileroDetector {
    fn run(&mut self, window: &[i16]) -> anyhow::Result<f32> {
        let mut input = Array2::<f32>::zeros((1, CONTEXT + VAD_WINDOW));
        let row = input.as_slice_mut().context("a new array is contiguous")?;
        row[..CONTEXT].copy_from_slice(&self.context);
        for (to, from) in row[CONTEXT..].iter_mut().zip(window) {
            *to = f32::from(*from) / 32768.0;
        }
        self.context.copy_from_slice(&row[VAD_WINDOW..]);
        let rate = Array1::from_elem(1, i64::from(MIC_RATE));
        let remembered = &mut self.state;
        self.sessions.with(|session| {
            let outputs = session.run(ort::inputs![
                "input" => TensorRef::from_array_view(&input)?,
                "state" => TensorRef::from_array_view(&*remembered)?,
                "sr" => TensorRef::from_array_view(&rate)?,
            ])?;
            let (_, probability) = outputs["output"].try_extract_tensor::<f32>()?;
            let (_, state) = outputs["stateN"].try_extract_tensor::<f32>()?;
            remembered.as_slice_mut().context("the state is contiguous")?.copy_from_slice(state);
            probability.first().copied().context("the model gave no probability")
        })
    }
}

impl Vad for SileroDetector {
    fn probability(&mut self, window: &[i16]) -> f32 {
        debug_assert_eq!(window.len(), VAD_WINDOW);
        let power: u64 = window.iter().map(|sample| u64::from(sample.unsigned_abs()).pow(2)).sum();
        let silent = power < FLOOR * FLOOR * window.len() as u64;
        if silent && self.quiet {
            self.context.fill(0.0);
            return 0.0;
        }
        if self.quiet {
            self.state.fill(0.0);
        }
        // The state decays during silence; after a silent window that the model has seen, it is reset.
        let probability = self.run(window).unwrap_or_else(|error| {
            tracing::error!(%error, "voice activity detection failed");
            0.0
        });
        self.quiet = silent && probability < 0.1;
        probability
    }
}
