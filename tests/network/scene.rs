//! A typical call, and what people would notice of its network.

use std::time::Duration;

use visavis_core::event::{CallEvent, EndReason};
use visavis_core::frame::{FRAME_TICKS, MEDIA_CLOCK};

use super::call::{Call, FRAME, Spoken};
use super::engines::{GREETING, response_to};
use super::net::Profile;
use super::player::CONCEALED;
use super::tones::{self, FRAMES, Heard, SOUNDING};

/// The person's questions; the aside is not one.
pub const QUESTIONS: [&str; 4] =
    ["what is the capital of france", "say the whole alphabet", "once more please", "stop what about spain"];
const ASIDE: &str = "mm-hm";
/// The response that the aside falls into, and the one that is interrupted.
const ASIDE_INTO: usize = 2;
const INTERRUPTED: usize = 3;

/// The longest wait for a missing packet: `audio::jitter`.
pub const JITTER_BOUND: Duration = Duration::from_millis(120);
/// How far apart the packets, ticks and windows of two calls may lie: 20 + 20 + 32 ms.
pub const GRID: Duration = Duration::from_millis(72);
/// A voice stops a response after 200 ms, and playout is silent within one frame.
const STOPS: Duration = Duration::from_millis(220);
/// Lost frames from which on a word may go unheard, and frames that may be blurred at its edges.
const UNHEARD: usize = 8;
pub const BLURRED: usize = 2;

/// Greeting, a question with a pause in it, a long response with an aside, another interrupted by a question.
pub async fn whole_call(profile: &Profile, seed: u64) -> Call {
    let mut call = Call::begin(profile, seed).await;
    call.next_response().await;
    call.until_quiet().await;
    call.say("what is").await;
    call.handover();
    call.say("the").await;
    call.silence(900).await;
    call.say("capital of france").await;
    call.next_response().await;
    call.until_quiet().await;
    call.say(QUESTIONS[1]).await;
    call.next_response().await;
    call.silence(2_000).await;
    call.say(ASIDE).await;
    call.silence(1_500).await;
    call.tunnel();
    call.until_quiet().await;
    call.say(QUESTIONS[2]).await;
    call.next_response().await;
    call.silence(2_500).await;
    call.say(QUESTIONS[3]).await;
    call.next_response().await;
    call.until_quiet().await;
    assert_eq!(call.hang_up().await, EndReason::HungUp);
    call
}

/// Nothing of the network is noticed but its delay and its losses. `by_wire`: how long each response takes over
/// a perfect one.
pub fn assert_fine(call: &Call, by_wire: &[Duration]) {
    assert_each_question_is_heard_once(call);
    assert_recognition_hears_what_was_said(call);
    assert_the_person_hears_the_responses(call);
    assert_responses_are_paced(call);
    assert_no_response_is_later_than_the_network(call, by_wire);
    assert_the_interrupted_response_stops(call);
}

fn assert_each_question_is_heard_once(call: &Call) {
    let words = |event: &CallEvent| match event {
        CallEvent::UserTranscript { text, last: true, .. } => Some(text.clone()),
        _ => None,
    };
    // The aside's captions are taken back.
    let (questions, noises): (Vec<_>, Vec<_>) =
        call.told_of(words).into_iter().partition(|text| !text.is_empty());
    let said: Vec<_> = call.spoken.iter().map(|spoken| said(call, spoken)).collect();
    assert_eq!((questions, noises.len()), (QUESTIONS.map(str::to_owned).to_vec(), 1), "{said:?}");
    let voices = call.told_of(|event| matches!(event, CallEvent::UserStartedSpeaking).then_some(()));
    assert_eq!(voices.len(), QUESTIONS.len() + 1, "each is one utterance, and a gap makes none");
    assert_eq!(call.responses.len(), QUESTIONS.len() + 1);
    let failed = call.told_of(|event| matches!(event, CallEvent::ResponseFailed { .. }).then_some(()));
    assert_eq!(failed.len(), 0);
}

/// Every word in order, once, and as long as it was spoken, except for losses.
fn assert_recognition_hears_what_was_said(call: &Call) {
    let mut spoken = call.spoken.iter();
    let texts = [QUESTIONS[0], QUESTIONS[1], ASIDE, QUESTIONS[2], QUESTIONS[3]];
    let recorded = call.recorded.utterances();
    assert_eq!(recorded.len(), texts.len());
    for (text, samples) in texts.iter().zip(recorded.iter()) {
        let words = spoken.by_ref().take(tones::words(text).len());
        let words: Vec<_> = words.map(|spoken| said(call, spoken)).collect();
        let heard = tones::hear(samples);
        let rest = compare(text, &words, &heard);
        assert_eq!(rest, 0, "{text}: {words:?} heard as {heard:?}");
    }
}

fn said(call: &Call, spoken: &Spoken) -> Said {
    let Spoken { word, packets, .. } = spoken;
    Said::new(word, packets.start, |from, to| call.lost(from..to))
}

/// A word that was sent, and how many packets were lost of it, right before it, and right after it.
#[derive(Debug, Clone, Copy)]
pub struct Said {
    word: &'static str,
    before: usize,
    lost: usize,
    behind: usize,
}

impl Said {
    /// A word that begins with packet `from`; `lost` counts the losses in a range.
    pub fn new(word: &'static str, from: usize, lost: impl Fn(usize, usize) -> usize) -> Self {
        let (to, before) = (from + FRAMES, from.saturating_sub(CONCEALED));
        Self { word, before: lost(before, from), lost: lost(from, to), behind: lost(to, to + CONCEALED) }
    }

    /// Nothing was lost of it, or right before it.
    pub fn is_whole(&self) -> bool {
        self.before + self.lost == 0
    }
}

/// Asserts that these words are heard in order, each once, and whole where nothing was lost; returns how many were not
/// heard at the end.
pub fn compare(what: &str, words: &[Said], heard: &[Heard]) -> usize {
    let mut rest = heard.iter().peekable();
    let mut last = 0;
    for (at, said) in words.iter().enumerate() {
        let Said { word, lost, behind, .. } = said;
        let Some(Heard { frames, .. }) = rest.next_if(|heard| heard.word == *word) else {
            let end = rest.peek().is_none();
            assert!(end || *lost >= UNHEARD, "{what}: no {word} in {heard:?} of {words:?}");
            continue;
        };
        // Opus needs some frames to recover, and concealment prolongs the end of a word.
        let least = if said.is_whole() && rest.peek().is_some() { SOUNDING - BLURRED } else { 1 };
        let most = SOUNDING + lost + behind + BLURRED;
        assert!((least..=most).contains(frames), "{what}: {frames} frames of {word}: {heard:?} of {words:?}");
        last = at + 1;
    }
    assert_eq!(rest.next(), None, "{what}: {heard:?} of {words:?}");
    words.len() - last
}

fn assert_the_person_hears_the_responses(call: &Call) {
    for (number, (response, _)) in call.responses.iter().enumerate() {
        let text = number.checked_sub(1).map_or(GREETING, |asked| response_to(QUESTIONS[asked]));
        let frames: Vec<usize> =
            (0..call.left.len()).filter(|index| call.left[*index].response == *response).collect();
        let lost = |from: usize, to: usize| {
            let frames = &frames[from.min(frames.len())..to.min(frames.len())];
            frames.iter().filter(|index| call.lost_of(**index)).count()
        };
        let word = |(at, word)| Said::new(word, FRAMES * at, lost);
        let begun = frames.len().div_ceil(FRAMES);
        let words: Vec<_> = tones::words(text).into_iter().take(begun).enumerate().map(word).collect();
        let (heard, missing) = call.player.heard(*response);
        assert!(missing <= lost(0, frames.len()), "{text}: {missing} holes");
        let unheard = compare(text, &words, &heard);
        if number == INTERRUPTED {
            assert!((7..20).contains(&words.len()), "{words:?}");
        } else {
            assert_eq!(words.len(), tones::words(text).len(), "{text}");
        }
        assert!(unheard <= 1 && (unheard == 0 || number == INTERRUPTED), "{text}: {heard:?}");
    }
}

fn assert_responses_are_paced(call: &Call) {
    let mut stops = [0; QUESTIONS.len() + 1];
    for pair in call.left.windows(2).filter(|pair| pair[0].response == pair[1].response) {
        let (passed, ticks) = (pair[1].at - pair[0].at, pair[1].timestamp - pair[0].timestamp);
        if passed == FRAME && ticks == FRAME_TICKS {
            continue;
        }
        let clock = Duration::from_secs(ticks.into()) / MEDIA_CLOCK;
        assert!(clock.abs_diff(passed) <= FRAME, "{passed:?} and {clock:?} between {pair:?}");
        let number = call.responses.iter().position(|(response, _)| *response == pair[0].response);
        stops[number.unwrap_or_else(|| panic!("nobody waited for {pair:?}"))] += 1;
    }
    // An aside that arrives all at once is over before it could pause anything.
    assert!(stops[ASIDE_INTO] <= 1, "the aside pauses its response {stops:?} times");
    stops[ASIDE_INTO] = 0;
    assert_eq!(stops, [0; QUESTIONS.len() + 1], "a response pauses although nobody makes a sound");
}

fn assert_no_response_is_later_than_the_network(call: &Call, by_wire: &[Duration]) {
    let mut last = 0;
    for (number, ((_, took), least)) in call.responses.iter().zip(by_wire).enumerate().skip(1) {
        last += tones::words(QUESTIONS[number - 1]).len();
        let word = &call.spoken[last - 1 + usize::from(number > ASIDE_INTO)];
        // Concealment prolongs the end of a word by what was lost after it.
        let lost = call.lost(word.packets.start..word.packets.end + FRAMES);
        let most = *least + call.worst() * 2 + JITTER_BOUND + GRID + FRAME * lost as u32;
        assert!(
            *took <= most,
            "response {number} after {took:?}: {least:?} by wire, {lost} lost, {most:?} allowed"
        );
    }
}

fn assert_the_interrupted_response_stops(call: &Call) {
    let voice = call.spoken.iter().find(|spoken| spoken.word == "stop").unwrap();
    let (response, _) = call.responses[INTERRUPTED];
    let stopped = call.left.iter().rfind(|left| left.response == response).unwrap().at;
    let lost = call.lost(voice.packets.start..voice.packets.start + SOUNDING);
    let heard = call.worst() + JITTER_BOUND + GRID + FRAME * lost as u32;
    let took = stopped - voice.from;
    assert!(took <= heard + STOPS, "it stops after {took:?}, {lost} lost");
    let (_, last) = call.player.span(response).unwrap();
    assert!(
        last <= stopped + call.worst() + FRAME * 2,
        "and sounds until {last:?}, {stopped:?} at the server"
    );
    let interrupted = call.told_of(|event| match event {
        CallEvent::Interrupted { response, .. } => Some(*response),
        _ => None,
    });
    assert_eq!(interrupted, [response], "the aside does not interrupt");
}
