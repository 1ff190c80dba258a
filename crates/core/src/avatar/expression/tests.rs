use super::*;
use crate::avatar::face::Pose;
use crate::avatar::shapes::NAMES;

const STEP: f64 = 1.0 / 60.0;

fn at(frame: u32) -> f64 {
    f64::from(frame) * STEP
}

/// The faces of this many seconds.
fn faces(expression: &mut Expression, seconds: u32, mouth: Option<&Mouth>) -> Vec<Face> {
    (0..seconds * 60).map(|frame| expression.face(at(frame), mouth)).collect()
}

fn mean(faces: &[Face], shape: Shape) -> f32 {
    faces.iter().map(|face| face.weights[shape]).sum::<f32>() / faces.len() as f32
}

fn speaking(weights: Weights) -> Mouth {
    Mouth { weights, level: 0.2, stress: 0.0, speaking: true }
}

/// The frames at which the lids begin to close.
fn blinks(faces: &[Face]) -> Vec<usize> {
    let closed = |face: &Face| face.weights[Shape::EyeBlinkLeft] > 0.5;
    (1..faces.len()).filter(|at| closed(&faces[*at]) && !closed(&faces[*at - 1])).collect()
}

#[test]
fn blinks_come_ten_to_thirty_times_a_minute_without_long_gaps() {
    for seed in 0..5 {
        let mut expression = Expression::new(seed);
        expression.state(State::Listening, 0.0);
        let blinks = blinks(&faces(&mut expression, 300, None));
        assert!((50..150).contains(&blinks.len()), "{} in 5 minutes", blinks.len());
        let gaps = blinks.windows(2).map(|pair| (pair[1] - pair[0]) as f64 * STEP);
        let (shortest, longest) =
            gaps.fold((9.0_f64, 0.0_f64), |(low, high), gap| (low.min(gap), high.max(gap)));
        assert!(shortest > 0.4 && longest < 8.5, "{shortest} to {longest} s");
    }
}

#[test]
fn equal_seeds_give_equal_faces_and_different_ones_differ() {
    let run = |seed| faces(&mut Expression::new(seed), 10, None);
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}

/// Overlaps every mood, gesture and state, with much stress.
fn busy(expression: &mut Expression, frame: u32) -> Option<Mouth> {
    use super::super::cue::{GESTURES, MOODS};
    let turn = (frame / 40) as usize;
    if frame.is_multiple_of(40) {
        expression.cue(Cue::Mood(MOODS[turn % 8].1), at(frame));
        expression
            .state([State::Listening, State::Thinking, State::Speaking, State::Idle][turn % 4], at(frame));
    }
    if frame.is_multiple_of(55) {
        expression.cue(Cue::Gesture(GESTURES[turn % 5].1), at(frame) + 0.2);
        expression.clause(at(frame));
    }
    let mut mouth = speaking(Weights::NEUTRAL);
    mouth.stress = if frame % 20 < 6 { 0.9 } else { 0.0 };
    (turn % 4 == 2).then_some(mouth)
}

#[test]
fn only_lids_and_eyes_jump_whatever_is_shown() {
    let mut expression = Expression::new(3);
    let mut before: Option<Face> = None;
    for frame in 0..60 * 60 {
        let mouth = busy(&mut expression, frame);
        let face = expression.face(at(frame), mouth.as_ref());
        if let Some(before) = before {
            for (shape, name) in NAMES.iter().enumerate().filter(|(_, name)| !name.starts_with("eye")) {
                let jump = (face.weights.0[shape] - before.weights.0[shape]).abs();
                assert!(jump < 0.13, "{name} jumps by {jump} at {frame}");
            }
            let (now, then) = (face.pose, before.pose);
            let turned = (now.yaw - then.yaw)
                .abs()
                .max((now.pitch - then.pitch).abs())
                .max((now.roll - then.roll).abs());
            assert!(turned < 3.0, "the head jumps by {turned}° at {frame}");
        }
        before = Some(face);
        assert!(face.weights.0.iter().all(|weight| (0.0..=1.0).contains(weight)), "{frame}");
        assert!(face.weights[Shape::MouthClose] <= face.weights[Shape::JawOpen]);
        let Pose { yaw, pitch, roll } = face.pose;
        assert!([yaw, pitch, roll].iter().all(|angle| angle.abs() < 35.0), "{frame}");
    }
}

#[test]
fn moods_are_shown_and_the_mouth_of_speech_overrides_them() {
    let mut expression = Expression::new(1);
    expression.cue(Cue::Mood(Mood::Happy), 0.0);
    let silent = expression.clone().face(1.0, None);
    assert!(silent.weights[Shape::MouthSmileLeft] > 0.4);
    let mut weights = Weights::NEUTRAL;
    weights[Shape::MouthPucker] = 0.9;
    let said = *faces(&mut expression, 1, Some(&speaking(weights))).last().unwrap();
    assert!(said.weights[Shape::MouthSmileLeft] < 0.1, "an \"oo\" suppresses the smile");
    assert!(said.weights[Shape::CheekSquintLeft] > 0.25, "the eyes keep smiling");
    assert_eq!((said.weights[Shape::MouthPucker], said.level), (0.9, 0.2));
}

#[test]
fn moods_never_part_lips_that_speech_closes() {
    let parting = ["jawOpen", "mouthFunnel", "mouthShrugUpper", "mouthUpperUpLeft", "mouthLowerDownLeft"];
    for (_, mood) in super::super::cue::MOODS {
        let mut expression = Expression::new(1);
        expression.cue(Cue::Mood(mood), 0.0);
        for frame in 0..60 {
            expression.face(at(frame), None);
        }
        let mut weights = Weights::NEUTRAL;
        weights[Shape::JawOpen] = 0.1;
        weights[Shape::MouthClose] = 0.1;
        weights[Shape::MouthPressLeft] = 0.3;
        for frame in 60..90 {
            let face = expression.face(at(frame), Some(&speaking(weights)));
            for name in parting {
                let at = Shape::position(name).unwrap();
                assert!(face.weights.0[at] <= weights.0[at] + 1e-6, "{mood:?} {name}");
            }
            assert!(face.weights[Shape::MouthClose] >= 0.1);
        }
    }
}

#[test]
fn listening_keeps_eye_contact_and_thinking_looks_aside() {
    let aside = |state| {
        let mut expression = Expression::new(5);
        expression.state(state, 0.0);
        let faces = faces(&mut expression, 60, None);
        // The gaze is the head's direction plus that of the eyes.
        let degrees = |face: &Face| {
            let eyes = face.weights[Shape::EyeLookOutLeft] - face.weights[Shape::EyeLookInLeft];
            (face.pose.yaw + 30.0 * eyes).abs()
        };
        faces.iter().filter(|face| degrees(face) > 7.0).count() as f64 / faces.len() as f64
    };
    assert!(aside(State::Listening) < 0.1);
    assert!(aside(State::Thinking) > 0.5);
}

#[test]
fn the_eyes_stay_on_the_viewer_while_the_head_nods() {
    let mut expression = Expression::new(1);
    expression.state(State::Listening, 0.0);
    let mut still = expression.clone();
    expression.cue(Cue::Gesture(Gesture::Nod), 0.0);
    // This draws as many random numbers, but does not change the pitch.
    still.cue(Cue::Gesture(Gesture::Shake), 0.0);
    let (nods, stays) = (faces(&mut expression, 1, None), faces(&mut still, 1, None));
    let looks = |face: &Face| {
        face.pose.pitch + 30.0 * (face.weights[Shape::EyeLookDownLeft] - face.weights[Shape::EyeLookUpLeft])
    };
    assert!(nods.iter().any(|face| face.pose.pitch > 6.0));
    for (nod, stay) in nods.iter().zip(&stays) {
        assert!((looks(nod) - looks(stay)).abs() < 1.0);
    }
}

#[test]
fn only_a_listening_agent_nods_and_not_at_every_clause() {
    let nods = |state| {
        let mut expression = Expression::new(2);
        expression.state(state, 0.0);
        let mut nods = 0;
        for second in 0..60 {
            expression.clause(f64::from(second));
            let pitch = |expression: &mut Expression, after: f64| {
                expression.face(f64::from(second) + after, None).pose.pitch
            };
            let most =
                (0..50).map(|step| pitch(&mut expression, f64::from(step) * 0.019)).fold(0.0, f32::max);
            nods += u32::from(most > 4.0);
        }
        nods
    };
    assert!((8..40).contains(&nods(State::Listening)), "{}", nods(State::Listening));
    assert_eq!(nods(State::Speaking), 0);
}

#[test]
fn the_brows_rise_with_stress_and_fall_again() {
    let mut expression = Expression::new(1);
    let mut mouth = speaking(Weights::NEUTRAL);
    let calm = mean(&faces(&mut expression, 1, Some(&mouth)), Shape::BrowOuterUpLeft);
    mouth.stress = 1.0;
    let raised: Vec<Face> = (60..75).map(|frame| expression.face(at(frame), Some(&mouth))).collect();
    assert!(raised[14].weights[Shape::BrowOuterUpLeft] > calm + 0.05);
    mouth.stress = 0.0;
    let after: Vec<Face> = (75..140).map(|frame| expression.face(at(frame), Some(&mouth))).collect();
    assert!(after[64].weights[Shape::BrowOuterUpLeft] < calm + 0.01);
}

#[test]
fn an_earlier_moment_can_be_requested_again() {
    let mut expression = Expression::new(9);
    expression.cue(Cue::Mood(Mood::Happy), 1.2);
    expression.cue(Cue::Gesture(Gesture::Shake), 0.5);
    let ahead = faces(&mut expression, 2, None);
    let again: Vec<Face> = (50..70).map(|frame| expression.face(at(frame), None)).collect();
    for (again, before) in again.iter().zip(&ahead[50..]) {
        let differs = |(one, other): (&f32, &f32)| (one - other).abs();
        let most = again.weights.0.iter().zip(&before.weights.0).map(differs).fold(0.0, f32::max);
        assert!(most < 1e-6, "{most}");
        assert_eq!(again.pose, before.pose);
    }
}

#[test]
fn invalid_times_and_long_silences_give_valid_faces() {
    let mut expression = Expression::new(1);
    expression.face(f64::NAN, None);
    expression.cue(Cue::Mood(Mood::Sad), f64::INFINITY);
    expression.state(State::Speaking, f64::NAN);
    for t in [0.0, 86_400.0, 1.0, -5.0] {
        let mut mouth = speaking(Weights([f32::NAN; 52]));
        mouth.stress = f32::NAN;
        let face = expression.face(t, Some(&mouth));
        assert!(face.weights.0.iter().all(|weight| (0.0..=1.0).contains(weight)));
    }
}
