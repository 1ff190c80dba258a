//! The contents of `static/avatars/expressions.json`, documented in docs/avatar.md. The page reads the same file.

use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

use serde::Deserialize;

use super::cue::{Gesture, Mood};
use super::shapes::Shape;
use super::state::State;

/// The table.
pub(super) static TABLE: LazyLock<Table> =
    LazyLock::new(|| parse(TEXT).expect("a test checks that the file is valid"));
const TEXT: &str = include_str!("../../../../static/avatars/expressions.json");

fn parse(text: &str) -> Result<Table, serde_json::Error> {
    serde_json::from_str(text)
}

/// Everything about the face but the mouth of speech.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Table {
    #[serde(rename = "about")]
    _about: String,
    pub(super) moods: HashMap<Mood, Layer>,
    pub(super) gestures: HashMap<Gesture, Vec<Key>>,
    pub(super) states: HashMap<State, Layer>,
    pub(super) blink: Blink,
    pub(super) gaze: Gaze,
    pub(super) breath: Breath,
    pub(super) sway: Sway,
    pub(super) speech: Speech,
    pub(super) clause: Clause,
}

/// A mood, or a state of the agent.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Layer {
    pub(super) fade: f64,
    #[serde(default = "forever")]
    pub(super) lasts: f64,
    #[serde(default = "one")]
    pub(super) rest: f32,
    #[serde(default = "one")]
    pub(super) emphasis: f32,
    #[serde(default = "one")]
    pub(super) sway: f32,
    pub(super) weights: Sparse,
    #[serde(default)]
    pub(super) yaw: f32,
    #[serde(default)]
    pub(super) pitch: f32,
    #[serde(default)]
    pub(super) roll: f32,
    #[serde(default)]
    pub(super) looks: Vec<Look>,
}

/// A direction to look in, relative to the viewer.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Look {
    pub(super) yaw: f32,
    pub(super) pitch: f32,
    pub(super) stay: [f64; 2],
    pub(super) chance: f64,
}

/// A key frame of a gesture.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Key {
    pub(super) t: f64,
    pub(super) yaw: f32,
    pub(super) pitch: f32,
    pub(super) roll: f32,
    pub(super) look: Aim,
    pub(super) weights: Sparse,
}

/// A direction.
#[derive(Debug, Clone, Copy, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Aim {
    pub(super) yaw: f32,
    pub(super) pitch: f32,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Blink {
    pub(super) close: f64,
    pub(super) hold: [f64; 2],
    pub(super) open: f64,
    pub(super) every: [f64; 2],
    pub(super) clause: f64,
    pub(super) saccade: f64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Gaze {
    pub(super) jitter: f32,
    pub(super) speed: f32,
    pub(super) full: f32,
    pub(super) follow: f32,
    pub(super) follow_time: f64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Breath {
    pub(super) period: f64,
    pub(super) pitch: f32,
    pub(super) weights: Sparse,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sway {
    pub(super) yaw: f32,
    pub(super) pitch: f32,
    pub(super) roll: f32,
    pub(super) periods: [f64; 2],
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Speech {
    pub(super) mouth: f32,
    pub(super) gate: f32,
    pub(super) nod: f32,
    pub(super) brow: Sparse,
    pub(super) rise: f32,
    pub(super) fall: f32,
    pub(super) least_stress: f32,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Clause {
    pub(super) nod: f64,
    pub(super) size: [f64; 2],
    pub(super) delay: [f64; 2],
    pub(super) pause: f64,
}

/// Weights of some shapes, by the shape's index.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(try_from = "BTreeMap<String, f32>")]
pub(super) struct Sparse(pub(super) Vec<(usize, f32)>);

impl TryFrom<BTreeMap<String, f32>> for Sparse {
    type Error = String;

    fn try_from(named: BTreeMap<String, f32>) -> Result<Self, String> {
        let place = |(name, weight): (String, f32)| {
            let shape =
                Shape::position(&name).ok_or_else(|| format!("{name:?} is not an ARKit blend shape"))?;
            let fits = (0.0..=1.0).contains(&weight);
            fits.then_some((shape, weight)).ok_or_else(|| format!("{name}: {weight} is not between 0 and 1"))
        };
        named.into_iter().map(place).collect::<Result<_, _>>().map(Self)
    }
}

fn one() -> f32 {
    1.0
}

fn forever() -> f64 {
    f64::INFINITY
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_has_every_mood_gesture_and_state_and_only_known_shapes() {
        let table = parse(TEXT).unwrap();
        assert_eq!((table.moods.len(), table.gestures.len(), table.states.len()), (8, 5, 4));
        for layer in table.states.values() {
            assert!(!layer.looks.is_empty(), "a state has no looks");
        }
        for layer in table.moods.values().chain(table.states.values()) {
            assert!(layer.fade >= 0.1, "the fade is too short");
        }
    }

    #[test]
    fn gestures_begin_and_end_at_rest_with_keys_in_order() {
        for (gesture, keys) in &parse(TEXT).unwrap().gestures {
            assert!(keys.windows(2).all(|pair| pair[1].t - pair[0].t >= 0.08), "{gesture:?}");
            for key in [&keys[0], &keys[keys.len() - 1]] {
                let still = (key.yaw, key.pitch, key.roll) == (0.0, 0.0, 0.0) && key.look == Aim::default();
                assert!(still && key.weights.0.is_empty(), "{gesture:?}");
            }
        }
    }

    #[test]
    fn unknown_shapes_are_refused() {
        let error = parse(&TEXT.replacen("mouthSmileLeft", "mouthSmirk", 1)).unwrap_err();
        assert!(error.to_string().contains("mouthSmirk"), "{error}");
    }
}
