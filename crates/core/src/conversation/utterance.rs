//! What is known of the person's utterances: the open one with its pause, and those that were cut.

use crate::frame::{Transcript, UtteranceId};
use crate::turn_prediction::TurnPrediction;

/// The utterance that is being spoken or pauses.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) id: UtteranceId,
    /// When its voice began.
    pub(super) began: u64,
    pub(super) pause: Option<Pause>,
    /// It began while the agent spoke and contains nothing that needs a response.
    pub(super) ignored: bool,
    /// Words were typed while it was open: until they have their response, it neither delays nor stops anything.
    pub(super) typed_over: bool,
    /// How often the person was asked to wait for its words.
    pub(super) asked_to_wait: u32,
    /// It has sounded over a response for a while without any words.
    pub(super) wordless: bool,
    /// Its words as last shown to the person.
    pub(super) shown: Option<Transcript>,
    /// Bytes of its words that the model was prefilled with.
    pub(super) read: usize,
}

impl Open {
    pub(super) fn new(id: UtteranceId, began: u64) -> Self {
        Self {
            id,
            began,
            pause: None,
            ignored: false,
            typed_over: false,
            asked_to_wait: 0,
            wordless: false,
            shown: None,
            read: 0,
        }
    }
}

/// A pause that may be the end of the turn.
#[derive(Debug)]
pub(super) struct Pause {
    pub(super) number: u32,
    /// When the voice stopped.
    pub(super) at: u64,
    pub(super) noticed: u64,
    pub(super) words: Option<Words>,
    pub(super) prediction: TurnPrediction,
    /// A speculative response was begun; if it failed, the next one waits for the end of the turn.
    pub(super) answered: bool,
}

/// The words at a pause.
#[derive(Debug)]
pub(super) struct Words {
    pub(super) heard: Transcript,
    /// When they came.
    pub(super) at: u64,
}

impl Pause {
    pub(super) fn new(number: u32, at: u64, noticed: u64) -> Self {
        Self { number, at, noticed, words: None, prediction: TurnPrediction::default(), answered: false }
    }
}

/// An utterance that was cut and whose words have not arrived.
#[derive(Debug)]
pub(super) struct Cut {
    pub(super) id: UtteranceId,
    pub(super) at: u64,
    pub(super) noticed: u64,
    /// Words were typed since: its own words are remembered when they arrive, but not waited for.
    pub(super) typed_over: bool,
    pub(super) asked_to_wait: u32,
    /// Its words as last shown to the person.
    pub(super) shown: Option<Transcript>,
}
