//! The face: turns the voice's phonemes and the cues to show into 52 weights at any moment. Pure: time is passed in.
//!
//! - [`shapes`], [`face`]: a face at one moment
//! - [`sound`], [`lips`]: from speech sounds to the mouth; [`lip_gap`]: scores its animation
//! - [`source`]: where the sounds' times come from: the voice's durations, otherwise [`align`], otherwise [`from_audio`];
//!   [`warp`]: from other speech of the same words
//! - [`cue`]: what the face can be told to show
//! - [`expression`]: the whole face; `layers` (moods, and the `state` of the agent), `gestures`, `blinks`, `gaze`, `speech` (how the
//!   voice moves brows and head), all configured by one `table`
//! - [`tags`]: cues that the model writes; [`text_cues`]: cues that its words suggest
//! - [`performer`]: a call's face over time: what is shown when, and when it is sent
//! - [`wire`]: the encoding of batches

pub mod align;
mod blinks;
mod chance;
pub mod cue;
pub mod expression;
pub mod face;
pub mod from_audio;
mod gaze;
mod gestures;
mod glide;
mod layers;
pub mod lip_gap;
pub mod lips;
pub mod performer;
pub mod shapes;
pub mod sound;
pub mod source;
mod speech;
mod state;
mod table;
pub mod tags;
pub mod text_cues;
pub mod warp;
pub mod wire;
