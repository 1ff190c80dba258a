//! What `static/avatars/expressions.json` says; docs/avatar.md tells what its fields mean. The page reads the same file.

use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

use serde::Deserialize;

use super::cue::{Gesture, Mood};
use super::expression::State;
use super::shapes::Shape;

/// The table.
pub(super) static TABLE: LazyLock<Table> = LazyLock::new(|| parse(TEXT).expect("a test has read it"));
const TEXT: &str = include_str!("../../../../static/avatars/expressions.json");

fn parse(text: &str) -> Result<Table, serde_json::Error> {
    serde_json::from_str(text)
}

/// Everything that is not the mouth of speech.
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

/// Somewhere to look, against the viewer.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Look {
    pub(super) yaw: f32,
    pub(super) pitch: f32,
    pub(super) stay: [f64; 2],
    pub(super) chance: f64,
}

/// A moment of a gesture.
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

/// Some of the shapes, by their place.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(try_from = "BTreeMap<String, f32>")]
pub(super) struct Sparse(pub(super) Vec<(usize, f32)>);

impl TryFrom<BTreeMap<String, f32>> for Sparse {
    type Error = String;

    fn try_from(named: BTreeMap<String, f32>) -> Result<Self, String> {
        let place = |(name, weight): (String, f32)| {
            let shape = Shape::position(&name).ok_or_else(|| format!("{name:?} is no ARKit blend shape"))?;
            let fits = (0.0..=1.0).contains(&weight);
            fits.then_some((shape, weight)).ok_or_else(|| format!("{name}: {weight} is outside 0 to 1"))
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
    fn the_file_has_every_mood_gesture_and_state_and_names_known_shapes() {
        let table = parse(TEXT).unwrap();
        assert_eq!((table.moods.len(), table.gestures.len(), table.states.len()), (8, 5, 4));
        for layer in table.states.values() {
            assert!(!layer.looks.is_empty(), "the eyes of a state have nowhere to look");
        }
        for layer in table.moods.values().chain(table.states.values()) {
            assert!(layer.fade >= 0.1, "a face that jumps");
        }
    }

    #[test]
    fn gestures_begin_and_end_at_rest_and_go_on_in_time() {
        for (gesture, keys) in &parse(TEXT).unwrap().gestures {
            assert!(keys.windows(2).all(|pair| pair[1].t - pair[0].t >= 0.08), "{gesture:?}");
            for key in [&keys[0], &keys[keys.len() - 1]] {
                let still = (key.yaw, key.pitch, key.roll) == (0.0, 0.0, 0.0) && key.look == Aim::default();
                assert!(still && key.weights.0.is_empty(), "{gesture:?}");
            }
        }
    }

    #[test]
    fn a_shape_that_there_is_not_is_refused() {
        let error = parse(&TEXT.replacen("mouthSmileLeft", "mouthSmirk", 1)).unwrap_err();
        assert!(error.to_string().contains("mouthSmirk"), "{error}");
    }
}
