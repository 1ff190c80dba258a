//! The face: from the phonemes of the voice, and what it is to show, to 52 weights at any moment. Pure: time is passed in.
//!
//! - [`shapes`], [`face`]: what a face is at one moment
//! - [`sound`], [`lips`]: from speech sounds to the mouth; [`lip_gap`]: how well it speaks
//! - [`source`]: where the sounds' times come from: the voice's durations, else [`align`], else [`from_audio`]; [`warp`]:
//!   another speech of the same words
//! - [`cue`]: what it can be told to show
//! - [`expression`]: the whole face; `layers` (moods, states of the agent), `gestures`, `blinks`, `gaze`, `speech` (what
//!   the voice does to brows and head), all from one `table`
//! - [`tags`]: cues that the model writes; [`text_cues`]: those that its words suggest
//! - [`performer`]: a call's face in time: what is shown when, and when that is sent
//! - [`wire`]: how moments travel

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
mod table;
pub mod tags;
pub mod text_cues;
pub mod warp;
pub mod wire;
