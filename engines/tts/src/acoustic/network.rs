//! A loaded network that turns ids into samples: the common part of all kinds of models.

use std::path::Path;

use anyhow::{Context, ensure};
use ort::session::{RunOptions, Session, SessionInputValue};

use super::graph::{InnerTensor, expose};
use crate::runtime::Runtime;

/// Properties that distinguish the networks of one kind of model.
#[derive(Debug)]
pub(super) struct Kind {
    /// Its name, as in "is not Kokoro".
    pub(super) name: &'static str,
    /// The required inputs; without them it is of another kind.
    pub(super) inputs: [&'static str; 3],
    /// The tensor that holds each id's duration in frames.
    pub(super) durations: InnerTensor,
    /// It multiplies 8-bit integers.
    pub(super) int8: bool,
    /// Advice for a file that cannot be used.
    pub(super) advice: &'static str,
}

/// A network with its session.
#[derive(Debug)]
pub(super) struct Network {
    device: &'static str,
    bytes: usize,
    session: Session,
    /// The name of the durations output.
    durations: Option<String>,
}

/// A network's output.
#[derive(Debug)]
pub(super) struct Spoken {
    pub(super) samples: Vec<f32>,
    /// The duration of each id.
    pub(super) frames: Option<Vec<u64>>,
}

impl Network {
    /// Loads a network from its file; errors say what to do.
    pub(super) fn load(runtime: &Runtime, file: &Path, kind: &Kind) -> anyhow::Result<Self> {
        let Kind { name, advice, .. } = kind;
        let shown = file.display();
        let model = std::fs::read(file).with_context(|| format!("cannot read {shown}; {advice}"))?;
        let bytes = model.len();
        let (model, durations) = expose(model, kind.durations);
        let (session, device) = runtime
            .session(&model, kind.int8)
            .with_context(|| format!("{shown} is not a model that ONNX Runtime can load; {advice}"))?;
        let inputs: Vec<&str> = session.inputs().iter().map(|input| input.name()).collect();
        ensure!(
            kind.inputs.iter().all(|input| inputs.contains(input)),
            "{shown} is not {name}: its inputs are {}; {advice}",
            inputs.join(", ")
        );
        if durations.is_none() {
            tracing::warn!(model = %shown, "no phoneme durations in this model: word times are estimates");
        }
        Ok(Self { device, bytes, session, durations })
    }

    /// The device that it computes on.
    pub(super) fn device(&self) -> &'static str {
        self.device
    }

    /// The size of its file.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether it has an input of this name.
    pub(super) fn takes(&self, name: &str) -> bool {
        self.session.inputs().iter().any(|input| input.name() == name)
    }

    /// Runs the network once.
    pub(super) fn run(
        &mut self,
        inputs: Vec<(&str, SessionInputValue<'_>)>,
        run: &RunOptions,
    ) -> ort::Result<Spoken> {
        let outputs = self.session.run_with_options(inputs, run)?;
        let frames = match &self.durations {
            Some(name) => {
                let (_, frames) = outputs[name.as_str()].try_extract_tensor::<f32>()?;
                Some(frames.iter().map(|&frames| frames.max(0.0) as u64).collect())
            }
            None => None,
        };
        let (_, samples) = outputs[0].try_extract_tensor::<f32>()?;
        Ok(Spoken { samples: samples.to_vec(), frames })
    }
}
