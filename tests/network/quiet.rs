//! Calls in which the person is silent for long, with a client that sends silence and with one that does not (DTX).

use visavis_core::event::{CallEvent, EndReason};

use super::call::Call;
use super::net::Profile;
use super::profiles::PERFECT;
use super::scene::{BLURRED, GRID, QUESTIONS, assert_fine, whole_call};
use super::tones::{self, SOUNDING};
use super::{BY_WIRE, on_paused_clock};

/// What is asked in a quiet call.
const ASKED: usize = 2;
/// A good network: nothing is lost.
const NEAR: Profile = Profile { name: "near", delay: 12, jitter: 25, ..PERFECT };

/// Before each question the person is silent until the microphone is at rest.
async fn quiet_call(profile: &Profile) -> Call {
    let mut call = Call::begin(profile, 1).await;
    call.next_response().await;
    call.until_quiet().await;
    for question in &QUESTIONS[..ASKED] {
        call.silence(8_000).await;
        call.say(question).await;
        call.next_response().await;
        call.until_quiet().await;
    }
    assert_eq!(call.hang_up().await, EndReason::HungUp);
    call
}

/// The questions are understood, and their words are not cut.
fn assert_questions_are_heard(call: &Call) {
    let texts = call.told_of(|event| match event {
        CallEvent::UserTranscript { text, last: true, .. } => Some(text.clone()),
        _ => None,
    });
    assert_eq!(texts, QUESTIONS[..ASKED].to_vec());
    let recorded = call.recorded.utterances();
    assert_eq!(recorded.len(), ASKED);
    for (question, samples) in QUESTIONS.iter().zip(&recorded) {
        let heard = tones::hear(samples);
        let words: Vec<_> = heard.iter().map(|heard| heard.word).collect();
        assert_eq!(words, tones::words(question));
        // The last word is heard only until the turn ends.
        let mut whole = heard.iter().rev().skip(1);
        assert!(whole.all(|word| word.frames + BLURRED >= SOUNDING), "{question}: {heard:?}");
    }
}

#[test]
fn after_long_silence_a_question_is_heard_and_answered_as_soon_whether_silence_is_sent_or_not() {
    for profile in [PERFECT, NEAR] {
        let [all, sparse] = [false, true].map(|dtx| on_paused_clock(quiet_call(&Profile { dtx, ..profile })));
        assert_questions_are_heard(&all);
        assert_questions_are_heard(&sparse);
        let (every, some) = (all.up.fates.len(), sparse.up.fates.len());
        assert!(2 * some < every, "{some} packets instead of {every}");
        for ((_, one), (_, other)) in all.responses.iter().zip(&sparse.responses).skip(1) {
            let most = *one + profile.worst() + GRID;
            assert!(*other <= most, "{}: a response after {other:?}, {one:?} otherwise", profile.name);
        }
    }
}

#[test]
fn a_call_whose_client_sends_no_silence_is_fine() {
    for profile in [PERFECT, NEAR] {
        assert_fine(&on_paused_clock(whole_call(&Profile { dtx: true, ..profile }, 1)), &BY_WIRE);
    }
}
