//! Copies of utterances for recognisers that are tried out.

use std::sync::Arc;

use futures_util::StreamExt;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::router::board::Board;
use crate::router::shadow;
use crate::{EngineError, Stt, SttCapabilities, SttInput, SttRequest, SttStream};

/// A copy of an utterance.
pub(super) struct Shadow {
    pub(super) board: Arc<Board>,
    pub(super) engine: usize,
    pub(super) inputs: mpsc::Receiver<SttInput>,
}

impl Shadow {
    pub(super) async fn run(mut self, stt: Arc<dyn Stt>, request: SttRequest) -> Result<(), EngineError> {
        let can = stt.capabilities();
        let SttStream { input, mut output } = stt.open(request).await?;
        let (mut asked, mut over) = (None, false);
        while !over || asked.is_some() {
            tokio::select! {
                message = self.inputs.recv(), if !over => match message {
                    Some(message) => {
                        let Some(message) = within(&can, message) else { continue };
                        if matches!(message, SttInput::Decode { .. }) {
                            asked = Some(Instant::now());
                        }
                        let behind = |_| EngineError::Busy("it takes a copy's sound too slowly".into());
                        input.try_send(message).map_err(behind)?;
                    }
                    None => over = true,
                },
                decoded = output.next() => {
                    decoded.ok_or_else(|| EngineError::Failed("recognition ended".into()))??;
                    if let Some(asked) = asked.take() {
                        shadow::measure(&self.board, self.engine, asked.elapsed());
                    }
                }
            }
        }
        Ok(())
    }
}

/// What an engine can be asked of this; none: nothing.
fn within(can: &SttCapabilities, input: SttInput) -> Option<SttInput> {
    match input {
        SttInput::Decode { last: false, .. } if !can.partials => None,
        SttInput::Decode { number, last, stable, .. } if !can.phrases => {
            Some(SttInput::Decode { number, last, stable, phrases: Vec::new() })
        }
        input => Some(input),
    }
}
