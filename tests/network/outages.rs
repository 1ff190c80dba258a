//! Packets that arrive late or never, in the middle of a question.

use std::time::Duration;

use visavis_core::event::{CallEvent, EndReason};

use super::call::Call;
use super::engines::response_to;
use super::net::Profile;
use super::profiles::WIFI;
use super::scene::QUESTIONS;
use super::tones;

/// Asks the first question with an outage after its third word, and another question once that is over.
async fn outage(profile: &Profile, length: Duration, lost: bool) -> Call {
    let mut call = Call::begin(profile, 5).await;
    call.next_response().await;
    call.until_quiet().await;
    call.say("what is the").await;
    call.stall(length, lost);
    call.say("capital of france").await;
    call.silence(6_000 + u64::try_from(length.as_millis()).unwrap()).await;
    call.skip_responses();
    call.say(QUESTIONS[1]).await;
    call.next_response().await;
    call.until_quiet().await;
    assert_eq!(call.hang_up().await, EndReason::HungUp);
    call
}

/// The transcript of each turn.
fn turns(call: &Call) -> Vec<String> {
    call.told_of(|event| match event {
        CallEvent::UserTranscript { text, last: true, .. } if !text.is_empty() => Some(text.clone()),
        _ => None,
    })
}

/// The last question got its whole response.
fn assert_recovered(call: &Call) {
    assert_eq!(turns(call).last().map(String::as_str), Some(QUESTIONS[1]));
    let (response, took) = *call.responses.last().unwrap();
    let heard: Vec<_> = call.player.heard(response).0.iter().map(|heard| heard.word).collect();
    assert_eq!(heard, tones::words(response_to(QUESTIONS[1])));
    assert!(took < Duration::from_millis(1_000), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn late_words_are_part_of_their_question() {
    for late in [200, 700, 900, 1_500] {
        let call = outage(&WIFI, Duration::from_millis(late), false).await;
        assert_eq!(turns(&call), &QUESTIONS[..2], "{late} ms late");
        let heard: Vec<_> =
            tones::hear(&call.recorded.utterances()[0]).iter().map(|heard| heard.word).collect();
        assert_eq!(heard, tones::words(QUESTIONS[0]), "{late} ms late");
        assert_recovered(&call);
    }
}

#[tokio::test(start_paused = true)]
async fn a_long_outage_loses_words_but_no_call_and_duplicates_nothing() {
    for (length, lost) in [(2_500, false), (4_000, false), (700, true), (1_500, true), (4_000, true)] {
        let call = outage(&WIFI, Duration::from_millis(length), lost).await;
        let turns = turns(&call);
        let first = turns[..turns.len() - 1].join(" ");
        let mut spoken = tones::words(QUESTIONS[0]).into_iter();
        for word in first.split(' ') {
            assert!(spoken.any(|said| said == word), "{word} twice or too late after {length} ms: {turns:?}");
        }
        assert!(first.starts_with("what is the"), "{turns:?}");
        assert_recovered(&call);
    }
}
