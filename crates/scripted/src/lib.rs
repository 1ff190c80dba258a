//! Engines that follow a script: they recognise, respond and speak what a test tells them to, when it tells them to. They test
//! a conversation, a transport or a stage without models, in milliseconds and with the same result every time.
//!
//! - [`Scripted`]: a set of them, in the form a call takes
//! - [`ScriptedStt`] hears [`Hearing`]s, [`ScriptedLlm`] returns [`ScriptedResponse`]s, [`ScriptedTts`] speaks tones,
//!   [`ScriptedEndOfTurn`] judges pauses, [`LoudnessVad`] treats loud sound as speech
//! - [`boards`]: for tests of routes
//!
//! Each can be late, fail after some of its work, never respond, refuse, or lack capabilities; each records its requests for as
//! long as it lives. Delays are tokio's, so a paused clock skips them.
//!
//! ```
//! use std::time::Duration;
//! use visavis_core::event::{CallEvent, ClientCommand};
//! use visavis_pipeline::{options::CallOptions, scope::Scope};
//! use visavis_scripted::{Scripted, ScriptedLlm, ScriptedResponse};
//!
//! #[tokio::main(flavor = "current_thread", start_paused = true)]
//! async fn main() {
//!     let response = ScriptedResponse::words("It is four o'clock.").every(Duration::from_millis(20));
//!     let scripted = Scripted::with(ScriptedLlm::new([response]));
//!     let (mut client, pipeline) = visavis_media::ports::call_ports();
//!     let (engines, config) = (scripted.engines(), visavis_config::Config::default());
//!     let (options, scope) = (CallOptions::default(), Scope::default());
//!     tokio::spawn(async move {
//!         Box::pin(visavis_pipeline::run("call".into(), pipeline, engines, &config, options, scope)).await
//!     });
//!     client.commands.send(ClientCommand::Say("What time is it?".into())).await.unwrap();
//!     let mut said = String::new();
//!     while let Some(event) = client.events.recv().await {
//!         match event {
//!             CallEvent::SegmentSpoken { text, .. } => said += &text,
//!             CallEvent::Turn { .. } => break,
//!             _ => {}
//!         }
//!     }
//!     assert_eq!(said, "It is four o'clock.");
//!     assert_eq!(scripted.llm.asked()[0].messages.last().unwrap().content, "What time is it?");
//! }
//! ```

#![forbid(unsafe_code)]

pub mod boards;
mod ending;
mod listening;
mod llm;
mod response;
mod stt;
mod tts;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use visavis_engine::{EndOfTurn, Engines, Vad};

pub use listening::{LoudnessVad, ScriptedEndOfTurn};
pub use llm::{ScriptedLlm, tokens};
pub use response::ScriptedResponse;
pub use stt::{Decode, Hearing, ScriptedStt, Utterance};
pub use tts::{ScriptedTts, TONE_RATE, one_part, tone};

/// All engines of a call. Each stays accessible, for its recorded requests.
#[derive(Debug, Clone, Default)]
pub struct Scripted {
    /// Speech to text; by default no utterance has words.
    pub stt: Arc<ScriptedStt>,
    /// Language model; by default its script is empty.
    pub llm: Arc<ScriptedLlm>,
    /// Text to speech; by default each word is 300 ms of a tone.
    pub tts: Arc<ScriptedTts>,
    /// Turn prediction by prosody; by default none.
    pub end_of_turn: Option<Arc<ScriptedEndOfTurn>>,
}

impl Scripted {
    /// This model, with the defaults for the rest.
    #[must_use]
    pub fn with(llm: ScriptedLlm) -> Self {
        Self { llm: Arc::new(llm), ..Self::default() }
    }

    /// The same with this recogniser.
    #[must_use]
    pub fn hearing(self, stt: ScriptedStt) -> Self {
        Self { stt: Arc::new(stt), ..self }
    }

    /// The same with this voice.
    #[must_use]
    pub fn speaking(self, tts: ScriptedTts) -> Self {
        Self { tts: Arc::new(tts), ..self }
    }

    /// The same with this turn prediction.
    #[must_use]
    pub fn judging(self, end_of_turn: ScriptedEndOfTurn) -> Self {
        Self { end_of_turn: Some(Arc::new(end_of_turn)), ..self }
    }

    /// The engines as a call takes them, with [`LoudnessVad`] for voice activity.
    #[must_use]
    pub fn engines(&self) -> Engines {
        Engines {
            stt: self.stt.clone(),
            llm: self.llm.clone(),
            tts: self.tts.clone(),
            vad: Arc::new(|| Box::new(LoudnessVad) as Box<dyn Vad>),
            end_of_turn: self.end_of_turn.clone().map(|judge| judge as Arc<dyn EndOfTurn>),
        }
    }
}
