//! Mixes the targets of a mouth at one moment. Pure.

use super::segment::{Hold, Segment};
use super::viseme::{Pose, Viseme};

/// Constant pull towards rest, so that distant sounds have no effect if none is near.
const REST: f32 = 0.02;
/// Widest jaw of a sibilant.
const SIBILANT_JAW: f32 = 0.1;
/// Jaw opening of the quietest and of the loudest speech, relative to loud moments.
const QUIET_JAW: f32 = 0.3;
const LOUD_JAW: f32 = 1.15;
/// Most visible tongue per opening of the mouth: a full "th" at 5 mm.
const TONGUE_OUT: f32 = 3.0;

/// The pose at `t`; `loud` is the loudness relative to the speaker's usual level.
pub(super) fn mix<'a>(near: impl Iterator<Item = &'a Segment>, t: f64, loud: Option<f32>) -> Pose {
    let mut sum = Pose::REST;
    let [mut jaw, mut lips, mut tongue] = [REST; 3];
    let (mut closed, mut bitten, mut narrowed) = (0.0_f32, 0.0_f32, 0.0_f32);
    for segment in near {
        let dominance = segment.dominance(t);
        let [a, b, c] = segment.pull.map(|pull| pull * dominance);
        let pose = &segment.pose;
        (jaw, lips, tongue) = (jaw + a, lips + b, tongue + c);
        sum.jaw += a * pose.jaw;
        sum.tongue += c * pose.tongue;
        sum.funnel += b * pose.funnel;
        sum.pucker += b * pose.pucker;
        sum.stretch += b * pose.stretch;
        sum.smile += b * pose.smile;
        sum.dimple += b * pose.dimple;
        sum.upper += b * pose.upper;
        sum.lower += b * pose.lower;
        match segment.hold {
            Hold::No => {}
            Hold::Lips => closed = closed.max(segment.held(t) * segment.phone.weight),
            Hold::Teeth => bitten = bitten.max(segment.held(t) * segment.phone.weight),
            Hold::Jaw => narrowed = narrowed.max(segment.held(t)),
        }
    }
    let pose = Pose {
        jaw: sum.jaw / jaw * loud.map_or(1.0, widen),
        tongue: sum.tongue / tongue,
        funnel: sum.funnel / lips,
        pucker: sum.pucker / lips,
        stretch: sum.stretch / lips,
        smile: sum.smile / lips,
        dimple: sum.dimple / lips,
        upper: sum.upper / lips,
        lower: sum.lower / lips,
        ..Pose::REST
    };
    hold(pose, closed, bitten, narrowed)
}

/// The jaw's scale at a loudness.
fn widen(loud: f32) -> f32 {
    (QUIET_JAW + (1.0 - QUIET_JAW) * loud.max(0.0).powf(0.7)).min(LOUD_JAW)
}

/// Enforces contacts: the lips at p, b and m, lip and teeth at f and v, almost the teeth at sibilants.
fn hold(mut pose: Pose, closed: f32, bitten: f32, narrowed: f32) -> Pose {
    let (lips, teeth) = (Viseme::PP.pose(), Viseme::FF.pose());
    let free = (1.0 - closed) * (1.0 - bitten);
    pose.jaw -= narrowed * (pose.jaw - SIBILANT_JAW).max(0.0);
    pose.jaw -= bitten * (pose.jaw - teeth.jaw).max(0.0) * 0.8;
    // The jaw helps the lips to meet.
    pose.jaw -= closed * (pose.jaw - lips.jaw).max(0.0) * 0.4;
    pose.closed = closed.max(bitten);
    // Rounded lips stay forward but do not turn out while they meet.
    pose.funnel *= free;
    pose.pucker *= (1.0 - 0.4 * closed) * (1.0 - 0.6 * bitten);
    pose.stretch *= 1.0 - 0.4 * closed;
    pose.upper = (pose.upper * free).max(teeth.upper * bitten * (1.0 - closed));
    pose.lower *= free;
    pose.press = lips.press * closed;
    pose.roll_upper = lips.roll_upper * closed;
    pose.roll_lower = (lips.roll_lower * closed).max(teeth.roll_lower * bitten);
    pose.shrug_lower = teeth.shrug_lower * bitten * (1.0 - closed * (1.0 - bitten));
    // The tongue goes only as far as the lips are open: neither through closed lips nor popping out as they part.
    let open = pose.jaw * (1.0 - pose.closed);
    pose.tongue = pose.tongue.min(open * TONGUE_OUT);
    pose
}
