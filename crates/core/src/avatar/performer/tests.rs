use super::*;
use crate::avatar::shapes::Shape;

const RATE: u32 = 24_000;
const PACE: Pace = Pace { fps: 30, lead: 0.17 };

/// Adds a response of open vowels that grows steadily louder.
fn speak(performer: &mut Performer, response: u32, seconds: f64) {
    let samples: Vec<i16> = (0..(seconds * f64::from(RATE)) as i32)
        .map(|at| {
            let loud = 500.0 + 2_000.0 * f64::from(at) / f64::from(RATE);
            (loud * (f64::from(at) * 0.05).sin()) as i16
        })
        .collect();
    let sounds: Vec<Sound> = (0..(seconds / 0.2) as u32)
        .map(|at| Sound { symbol: "ɑ".into(), start: f64::from(at) * 0.2, end: f64::from(at + 1) * 0.2 })
        .collect();
    performer.speech(response, 0.0, &sounds, &samples, RATE, &[]);
}

/// Plays `seconds` of the response from `position`, at `media`, 20 ms at a time, and collects what is due.
fn play(performer: &mut Performer, (position, media): (f64, f64), seconds: f64) -> Vec<Batch> {
    (0..(seconds * 50.0).round() as u32)
        .flat_map(|frame| {
            let since = f64::from(frame) * 0.02;
            performer.sounds(1, position + since, media + since);
            performer.advance(media + since).batches
        })
        .collect()
}

/// All faces of the batches, ordered by time; of two for the same time, that of the later epoch.
fn faces(batches: &[Batch]) -> Vec<(f64, u8, Face)> {
    let mut faces: Vec<(f64, u8, Face)> = Vec::new();
    for batch in batches {
        let begins = f64::from(batch.timestamp) / CLOCK;
        faces.retain(|(at, epoch, _)| *epoch >= batch.epoch || *at < begins - 1e-6);
        let times = (0..).map(|index| begins + f64::from(index * batch.spacing()) / CLOCK);
        faces.extend(times.zip(&batch.faces).map(|(at, face)| (at, batch.epoch, *face)));
    }
    faces.sort_by(|a, b| a.0.total_cmp(&b.0));
    faces
}

#[test]
fn each_face_belongs_to_the_sample_that_sounds_at_its_time() {
    let mut performer = Performer::new(1, PACE);
    speak(&mut performer, 1, 3.0);
    let batches = play(&mut performer, (0.0, 10.0), 2.0);
    let faces = faces(&batches);
    assert!(
        faces.windows(2).all(|pair| (pair[1].0 - pair[0].0 - 1.0 / 30.0).abs() < 1e-4),
        "there is a gap or a duplicate"
    );
    assert!(faces.first().is_some_and(|(at, ..)| (at - 10.0).abs() < 1e-4));
    for (at, _, face) in faces.iter().filter(|(at, ..)| *at > 10.3) {
        let loud = (500.0 + 2_000.0 * (at - 10.0)) / 32_768.0 / std::f64::consts::SQRT_2;
        assert!((f64::from(face.level) / loud - 1.0).abs() < 0.05, "{at}: {} for {loud}", face.level);
    }
}

#[test]
fn messages_come_100_to_310_ms_ahead_and_each_holds_every_second_face() {
    let mut performer = Performer::new(1, PACE);
    speak(&mut performer, 1, 3.0);
    play(&mut performer, (0.0, 0.0), 0.6);
    for frame in 30..80 {
        let now = f64::from(frame) * 0.02;
        performer.sounds(1, now, now);
        for batch in performer.advance(now).batches {
            let first = f64::from(batch.timestamp) / CLOCK - now;
            let last = first + (batch.faces.len() - 1) as f64 / f64::from(batch.fps);
            // This test's clock advances in steps of 20 ms.
            assert!(first > 0.08 && last < 0.31, "{first} to {last}");
            assert_eq!((batch.fps, batch.faces.len()), (15, 3));
        }
    }
}

#[test]
fn a_paused_mouth_closes_within_100_ms_and_resumes_with_the_sound() {
    let mut performer = Performer::new(1, PACE);
    speak(&mut performer, 1, 5.0);
    let mut batches = play(&mut performer, (0.0, 0.0), 1.0);
    performer.paused(1.0);
    (50..150).for_each(|frame| batches.extend(performer.advance(f64::from(frame) * 0.02).batches));
    assert_eq!(performer.wake(), None, "a still face should not be sent");
    assert!(batches.last().is_some_and(|batch| batch.last));
    let before = faces(&batches);
    assert!(
        before
            .iter()
            .filter(|(at, ..)| (0.4..0.95).contains(at))
            .all(|(.., face)| face.weights[Shape::JawOpen] > 0.05)
    );
    assert!(
        before.iter().filter(|(at, ..)| *at >= 1.1).all(|(.., face)| face.weights[Shape::JawOpen] < 0.02)
    );
    let after = faces(&play(&mut performer, (1.0, 4.0), 1.0));
    let louder = after.iter().find(|(at, ..)| *at > 4.5).map_or(0.0, |(.., face)| face.level);
    let expected = (500.0 + 2_000.0 * 1.5) / 32_768.0 / std::f32::consts::SQRT_2;
    assert!((louder / expected - 1.0).abs() < 0.08, "{louder} for {expected}");
}

#[test]
fn nothing_of_a_cancelled_response_is_shown() {
    let mut performer = Performer::new(1, PACE);
    speak(&mut performer, 1, 5.0);
    let mut batches = play(&mut performer, (0.0, 0.0), 1.0);
    performer.dropped(1, 1.0);
    (50..150).for_each(|frame| batches.extend(performer.advance(f64::from(frame) * 0.02).batches));
    assert!(
        faces(&batches)
            .iter()
            .filter(|(at, ..)| *at >= 1.1)
            .all(|(.., face)| face.weights[Shape::JawOpen] < 0.02)
    );
    assert!(batches.iter().rev().take(2).all(|batch| batch.response == 0));
    assert_eq!(performer.wake(), None);
}

#[test]
fn silent_faces_are_computed_only_while_watched() {
    let mut performer = Performer::new(1, PACE);
    assert_eq!(performer.wake(), None);
    performer.watched(true, 0.0);
    let due: Vec<Due> = (0..100).map(|frame| performer.advance(f64::from(frame) * 0.02)).collect();
    assert!(due.iter().all(|due| due.batches.is_empty()));
    let moments: usize = due.iter().map(|due| due.moments.len()).sum();
    assert!((60..=72).contains(&moments), "{moments}");
    performer.watched(false, 2.0);
    assert_eq!(performer.wake(), None);
}
