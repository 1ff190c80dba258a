//! Echoes of a voice over several paths, judged by the utterances that the gate makes of them.

use super::voice::{Random, in_a_room, overdriven, samples, through_opus, voice};
use super::*;
use crate::config;
use crate::engine::VAD_WINDOW;
use crate::frame::{MIC_FRAME, VadEvent};
use crate::vad::gate::Gate;

/// Level above which these tests detect speech: stricter than a real detector.
const AUDIBLE: f32 = -52.0;
/// The media clock when the call begins.
const BEGAN: u64 = 77_777;

/// A call in which `agent` is played from the start and the microphone hears `heard`. Returns where utterances begin, in ms,
/// and how long after that they were reported.
fn utterances(agent: &[f32], heard: &[f32]) -> Vec<(usize, usize)> {
    utterances_beside_gap(agent, heard, &(0..0))
}

/// The same, with these windows of the microphone lost.
fn utterances_beside_gap(agent: &[f32], heard: &[f32], gap: &std::ops::Range<usize>) -> Vec<(usize, usize)> {
    let (played, agent) = (Played::default(), samples(agent));
    let mut echo = Echo::new(played.clone());
    let mut gate = Gate::new(&config::Vad::default());
    let (mut begun, mut sent, mut last) = (Vec::new(), 0, 0);
    for (number, window) in samples(heard).chunks_exact(VAD_WINDOW).enumerate() {
        let now = (number + 1) * VAD_WINDOW;
        while sent < now {
            let frame = agent.get(sent..(sent + MIC_FRAME).min(agent.len())).unwrap_or_default();
            if !frame.is_empty() {
                played.lock().play(BEGAN + sent as u64, frame);
            }
            sent += MIC_FRAME;
        }
        if gap.contains(&number) {
            continue;
        }
        let mut window = window.to_vec();
        echo.hear(BEGAN + now as u64, &mut window);
        let speech = level(&window) > AUDIBLE;
        let source = echo.source(speech);
        last = if speech && source == Source::Near { now } else { last };
        match gate.push(if speech { 0.9 } else { 0.0 }, source) {
            Some(VadEvent::Started { at, .. }) => begun.push((at as usize / 16, (now - at as usize) / 16)),
            Some(VadEvent::Paused { utterance, .. }) => _ = gate.close(utterance),
            _ => {}
        }
    }
    begun
}

fn level(window: &[i16]) -> f32 {
    let power: f32 = floats(window.iter()).iter().map(|sample| sample * sample).sum();
    10.0 * (power / window.len() as f32).max(1e-12).log10()
}

/// What a microphone hears: the echo, delayed (ms) and attenuated (dB), a person from `at` (s) on, and a quiet room; sent
/// through Opus.
fn microphone(echo: &[f32], (delay, down): (usize, f32), person: &[f32], at: f32) -> Vec<f32> {
    let gain = 10.0_f32.powf(down / 20.0);
    let mut random = Random(9);
    let mut heard: Vec<f32> = (0..echo.len()).map(|_| random.next() * 0.001).collect();
    heard.iter_mut().skip(delay * 16).zip(echo).for_each(|(to, from)| *to += gain * from);
    heard.iter_mut().skip((at * 16_000.0) as usize).zip(person).for_each(|(to, from)| *to += from);
    through_opus(&heard)
}

#[test]
fn the_agents_own_voice_begins_no_utterance_over_any_echo_path() {
    for (seed, pitch) in [(11, 110.0), (2_222, 200.0)] {
        let agent = voice(seed, pitch, 4.0);
        let sent = through_opus(&agent);
        let paths = [
            ("plain", sent.clone()),
            ("room", in_a_room(&sent)),
            ("overdriven", in_a_room(&overdriven(&sent))),
        ];
        for (path, echo) in paths {
            for down in [-10.0, -15.0, -20.0, -25.0] {
                for delay in [80, 300] {
                    let heard = microphone(&echo, (delay, down), &[], 0.0);
                    let begun = utterances(&agent, &heard);
                    assert_eq!(begun, [], "{path}, {down} dB, {delay} ms, pitch {pitch}: (ms, late)");
                }
            }
        }
    }
}

#[test]
fn a_person_is_heard_at_once_over_an_echo_and_without_one() {
    let (agent, person) = (voice(2_222, 200.0, 6.0), voice(555, 120.0, 0.6));
    let sent = in_a_room(&through_opus(&agent));
    for down in [-10.0, -15.0, -20.0, -25.0, -90.0] {
        for at in [2.5, 3.3, 4.1] {
            let heard = microphone(&sent, (170, down), &person, at);
            let begun = utterances(&agent, &heard);
            let ms = (at * 1_000.0) as usize;
            let soon = |(from, late): &(usize, usize)| from + 64 >= ms && from + late <= ms + 250;
            assert!(begun.len() == 1 && begun.iter().all(soon), "{down} dB at {ms} ms: {begun:?}");
        }
    }
}

#[test]
fn one_short_word_over_a_loud_echo_is_heard_while_it_is_said() {
    let agent = voice(2_222, 200.0, 6.0);
    let sent = in_a_room(&through_opus(&agent));
    for (seed, pitch) in [(555, 120.0), (77, 210.0), (4_711, 160.0)] {
        let word = voice(seed, pitch, 0.3);
        for at in [2.1, 2.5, 2.9, 3.3, 3.7, 4.1] {
            // The person's voice before the response does not tell how loud its echo is.
            let heard = microphone(&sent, (240, -10.0), &word, at);
            let begun = utterances(&agent, &heard);
            let ms = (at * 1_000.0) as usize;
            let soon = |(from, late): &(usize, usize)| from + 64 >= ms && from + late <= ms + 300;
            assert!(begun.len() == 1 && begun.iter().all(soon), "pitch {pitch} at {ms} ms: {begun:?}");
        }
    }
}

#[test]
fn an_echo_that_comes_later_in_the_next_response_is_found_again() {
    let agent = voice(11, 110.0, 9.0);
    let sent = in_a_room(&through_opus(&agent));
    let mut heard = microphone(&sent, (120, -15.0), &[], 0.0);
    // The client's buffer has grown by 90 ms in a pause between two responses.
    let gap = 16_000 * 4..16_000 * 5 + 4_000;
    let mut agent = agent;
    agent[gap.clone()].fill(0.0);
    heard[gap.start + 3_200..].rotate_right(1_440);
    // What was played before the pause has been heard by then.
    heard[gap.start + 1_920..gap.end + 1_440 + 1_920].fill(0.0);
    assert_eq!(utterances(&agent, &heard), []);
}

#[test]
fn an_echo_that_comes_earlier_in_the_next_response_is_found_again() {
    let mut agent = voice(11, 110.0, 9.0);
    let sent = in_a_room(&through_opus(&agent));
    let mut heard = microphone(&sent, (300, -15.0), &[], 0.0);
    // The client's buffer has shrunk by 150 ms in a pause between two responses.
    let gap = 16_000 * 4..16_000 * 5 + 4_000;
    agent[gap.clone()].fill(0.0);
    heard[gap.start + 4_800..].rotate_left(2_400);
    heard[gap.start + 4_800..gap.end + 4_800 - 2_400].fill(0.0);
    assert_eq!(utterances(&agent, &heard), []);
}

#[test]
fn an_echo_is_still_known_after_a_second_of_the_microphone_was_lost() {
    let agent = voice(11, 110.0, 5.0);
    let heard = microphone(&in_a_room(&through_opus(&agent)), (170, -15.0), &[], 0.0);
    assert_eq!(utterances_beside_gap(&agent, &heard, &(80..111)), []);
}

#[test]
fn residual_echo_is_softened_and_the_person_over_it_is_not() {
    let (agent, person) = (voice(2_222, 200.0, 5.0), voice(555, 120.0, 0.6));
    let sent = in_a_room(&through_opus(&agent));
    let heard = microphone(&sent, (170, -10.0), &person, 3.3);
    let (played, agent) = (Played::default(), samples(&agent));
    let mut echo = Echo::new(played.clone());
    let (mut left, mut spoken) = (Vec::new(), Vec::new());
    for (number, window) in samples(&heard).chunks_exact(VAD_WINDOW).enumerate() {
        let now = (number + 1) * VAD_WINDOW;
        played
            .lock()
            .play(BEGAN + (now - VAD_WINDOW) as u64, agent.get(now - VAD_WINDOW..now).unwrap_or_default());
        let mut window = window.to_vec();
        let before = level(&window);
        echo.hear(BEGAN + now as u64, &mut window);
        let speech = level(&window) > AUDIBLE;
        let source = echo.source(speech);
        echo.soften(&mut window, source);
        let change = level(&window) - before;
        match now / 16 {
            1_500..3_250 if before > -45.0 => left.push(change),
            3_400..3_850 if before > -25.0 => spoken.push(change),
            _ => {}
        }
    }
    let mean = |of: &[f32]| of.iter().sum::<f32>() / of.len() as f32;
    assert!(left.len() > 20 && mean(&left) < -22.0, "{} windows of echo: {} dB", left.len(), mean(&left));
    assert!(spoken.len() > 5 && mean(&spoken) > -1.5, "{} of the person: {} dB", spoken.len(), mean(&spoken));
}

#[test]
fn samples_pass_unchanged_while_nothing_is_played() {
    let played = Played::default();
    let mut echo = Echo::new(played.clone());
    played.lock().play(0, &samples(&voice(11, 110.0, 0.5)));
    for (number, window) in samples(&voice(555, 120.0, 3.0)).chunks_exact(VAD_WINDOW).enumerate() {
        let mut heard = window.to_vec();
        echo.hear(8_000 + OVER + (number * VAD_WINDOW) as u64, &mut heard);
        assert_eq!(heard, window);
        assert_eq!(echo.source(true), Source::Near);
    }
}
