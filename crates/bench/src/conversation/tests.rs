//! The judge on synthetic event logs.

use std::time::{Duration, Instant};

use super::heard::{Pace, repeats};
use super::judge::{Observed, judge};
use super::measure::Run;
use super::scene::{Recording, Scene, Spoken};
use super::script::Role;
use super::summary::sum_up;
use visavis_client::{Arrived, Event, ServerMessage};
use visavis_core::frame::ResponseId;

/// Builds an event log with times in milliseconds.
struct Log {
    start: Instant,
    recording: Recording,
}

impl Log {
    fn new() -> Self {
        Self { start: Instant::now(), recording: Recording::default() }
    }

    fn at(&self, ms: u64) -> Instant {
        self.start + Duration::from_millis(ms)
    }

    fn says(mut self, role: Role, from: u64, to: u64, words: &str) -> Self {
        let (from, to) = (self.at(from), self.at(to));
        self.recording.spoken.push(Spoken { role, words: words.to_owned(), from, to });
        self
    }

    fn message(mut self, ms: u64, message: ServerMessage) -> Self {
        let at = self.at(ms);
        self.recording.events.push(Arrived { at, event: Event::Message(message) });
        self
    }

    fn understood(self, ms: u64, text: &str) -> Self {
        let (text, language) = (text.to_owned(), "en".to_owned());
        self.message(ms, ServerMessage::UserTranscription { text, last: true, language })
    }

    /// A response of one segment begins to sound; `more` is generated text beyond it.
    fn answers(self, ms: u64, response: u32, text: &str, more: &str) -> Self {
        let response = ResponseId(response);
        self.message(ms - 50, ServerMessage::BotLlmStarted { response })
            .message(ms - 40, ServerMessage::BotLlmText { text: format!("{text}{more}"), response })
            .message(ms - 30, ServerMessage::BotLlmStopped { response })
            .message(ms, ServerMessage::BotStartedSpeaking { response })
            .message(ms, ServerMessage::BotOutput { text: text.to_owned(), response })
    }

    /// A voice from one time to another: a chirp, so that no two parts are alike.
    fn sound(mut self, from: u64, to: u64) -> Self {
        for frame in from / 20..to / 20 {
            let samples = (0..320_u64).map(|n| chirp((frame - from / 20) * 320 + n)).collect();
            let at = self.at(frame * 20);
            self.recording.events.push(Arrived { at, event: Event::Audio { samples, response: None } });
        }
        self
    }

    fn ends(self, ms: u64, response: u32) -> Self {
        self.message(ms, ServerMessage::BotStoppedSpeaking { response: ResponseId(response) })
    }

    fn cut(self, ms: u64, response: u32, heard: &str) -> Self {
        let response = ResponseId(response);
        self.message(ms, ServerMessage::BotInterrupted { response, heard: heard.to_owned() })
            .message(ms, ServerMessage::BotStoppedSpeaking { response })
    }

    fn judged(mut self) -> Observed {
        self.recording.events.sort_by_key(|arrived| arrived.at);
        judge(&self.recording, &Pace::default())
    }
}

fn chirp(n: u64) -> i16 {
    let seconds = n as f64 / 16_000.0;
    ((200.0 + 60.0 * seconds) * seconds * std::f64::consts::TAU).sin().mul_add(8_000.0, 0.0) as i16
}

fn near(value: Option<f64>, expected: f64) -> bool {
    value.is_some_and(|value| (value - expected).abs() <= 10.0)
}

const TEN: &str = "one two three four five six seven eight nine ten";

#[test]
fn a_plain_turn_is_measured_from_the_last_spoken_to_the_first_audible_sample() {
    let log = Log::new().says(Role::Question, 1_000, 3_000, "Why is the sky blue?");
    let seen = log.understood(3_400, "why is this sky blue").answers(3_640, 1, TEN, "").sound(3_640, 6_000);
    let seen = seen.ends(6_000, 1).judged();
    assert!(near(seen.turns[0].voice_to_voice_ms, 640.0), "{seen:?}");
    assert!(seen.turns[0].answered && !seen.turns[0].taken_early);
    assert_eq!((seen.word_errors, seen.missed), (Some((1, 5)), 0));
}

#[test]
fn a_response_inside_the_sentence_counts_as_a_cut_off_and_not_as_a_latency() {
    let log = Log::new().says(Role::Question, 1_000, 4_000, "I would like to know this");
    let seen = log.answers(2_500, 1, TEN, "").sound(2_500, 3_200).cut(3_200, 1, "one").judged();
    assert!(near(seen.turns[0].audible_early_ms, 1_500.0), "{seen:?}");
    assert_eq!(seen.turns[0].voice_to_voice_ms, None);
}

#[test]
fn a_turn_taken_early_without_sound_or_in_two_halves_is_a_cut_off_too() {
    let log = || Log::new().says(Role::Question, 1_000, 4_000, "I would like to know this");
    let whole = log().understood(4_300, "I would like to know this").judged();
    assert!(!whole.turns[0].taken_early);
    assert!(log().understood(2_900, "I would like").judged().turns[0].taken_early);
    // The recogniser was slow: both halves arrive after the end.
    let halves = log().understood(4_100, "I would like").understood(4_700, "to know this").judged();
    assert!(halves.turns[0].taken_early);
    // A response began and was cancelled before it sounded.
    let begun = ServerMessage::BotLlmStarted { response: ResponseId(1) };
    assert!(log().message(2_800, begun).judged().turns[0].taken_early);
}

fn interrupted(heard: &str) -> Observed {
    let log = Log::new().says(Role::Question, 0, 1_000, "Tell me a story");
    let log = log.answers(1_600, 1, TEN, "").sound(1_600, 3_360);
    let log = log.says(Role::Interruption, 3_100, 5_000, "Stop it").cut(3_320, 1, heard);
    log.answers(5_700, 2, TEN, "").sound(5_700, 8_000).ends(8_000, 2).judged()
}

#[test]
fn an_interruption_is_measured_to_the_last_sound_of_the_response_that_it_stopped() {
    let seen = interrupted("one two three four five");
    let one = &seen.interruptions[0];
    assert!(
        one.stopped && near(one.silent_after_ms, 260.0) && near(one.silent_after_word_ms, 40.0),
        "{seen:?}"
    );
    assert!(near(seen.turns[1].voice_to_voice_ms, 700.0) && seen.turns[0].answered, "{seen:?}");
}

#[test]
fn remembered_words_are_compared_with_those_that_had_sounded() {
    let error = |heard: &str| interrupted(heard).truncations[0].clone();
    let sounded = error("").sounded;
    assert!((4..=6).contains(&sounded), "1.7 s of about ten words in 3.2 s: {sounded}");
    let first = |count: usize| TEN.split(' ').take(count).collect::<Vec<_>>().join(" ");
    assert_eq!(error(&first(sounded)).error, 0);
    assert_eq!(error(&first(sounded - 2)).error, 2);
    assert_eq!(error(TEN).error, 10 - sounded);
    assert!(error(&format!("{} nonsense nonsense", first(sounded - 2))).error >= 2);
}

#[test]
fn a_response_that_goes_on_is_not_stopped() {
    let log = Log::new().says(Role::Question, 0, 1_000, "Tell me a story").answers(1_600, 1, TEN, "");
    let seen = log.sound(1_600, 9_000).says(Role::Interruption, 3_000, 5_000, "Stop it").judged();
    assert_eq!((seen.interruptions[0].stopped, seen.interruptions[0].silent_after_ms), (false, None));
    assert!(!seen.turns[1].answered, "the old response does not answer the interruption: {seen:?}");
}

fn beside(log: impl FnOnce(Log) -> Log) -> Observed {
    let before = Log::new().says(Role::Question, 0, 1_000, "Tell me a story").answers(1_600, 1, TEN, "");
    log(before.says(Role::Aside, 3_000, 3_400, "Mm-hm.")).judged()
}

#[test]
fn an_aside_that_changes_nothing_is_judged_so() {
    let seen = beside(|log| log.sound(1_600, 6_000).ends(6_000, 1));
    let one = &seen.asides[0];
    assert!(!one.stopped && !one.repeated && !one.words_lost && !one.answered, "{seen:?}");
    assert_eq!(one.hole_ms, 0.0);
    assert_eq!((seen.turns.len(), seen.word_errors), (1, None), "a hum has no words to recognise");
}

#[test]
fn a_response_that_is_stopped_holed_repeated_or_shortened_by_an_aside_is_reported() {
    let stopped = beside(|log| log.sound(1_600, 3_400).cut(3_400, 1, "one two"));
    assert!(stopped.asides[0].stopped);
    let holed = beside(|log| log.sound(1_600, 3_200).sound(4_100, 6_000).ends(6_000, 1));
    assert!(near(Some(holed.asides[0].hole_ms), 900.0), "{holed:?}");
    let answered =
        beside(|log| log.sound(1_600, 6_000).ends(6_000, 1).answers(6_800, 2, TEN, "").sound(6_800, 7_500));
    assert!(answered.asides[0].answered);
    let log = Log::new().says(Role::Question, 0, 1_000, "Tell me").answers(1_600, 1, TEN, " eleven twelve");
    let shortened = log.says(Role::Aside, 3_000, 3_400, "Mm-hm.").sound(1_600, 6_000).ends(6_000, 1).judged();
    assert!(shortened.asides[0].words_lost);
}

#[test]
fn repeated_sound_is_found_and_a_steady_voice_is_not_mistaken_for_it() {
    let log = Log::new().sound(0, 4_000);
    assert!(!repeats(&log.recording.events, log.at(2_000), log.at(4_000)));
    // The same second again.
    let log = Log::new().sound(0, 2_000).sound(2_000, 4_000);
    assert!(repeats(&log.recording.events, log.at(2_000), log.at(4_000)));
}

#[test]
fn a_line_that_missed_its_response_is_counted_and_not_judged() {
    let log =
        Log::new().says(Role::Question, 0, 1_000, "Why?").answers(1_600, 1, TEN, "").sound(1_600, 2_000);
    let seen = log.ends(2_000, 1).says(Role::Interruption, 4_000, 5_000, "Stop it").judged();
    assert_eq!((seen.missed, seen.interruptions.len(), seen.truncations.len()), (1, 0, 0));
}

#[test]
fn transcripts_and_responses_in_silence_are_counted() {
    let seen =
        Log::new().understood(2_000, "Thank you.").answers(3_000, 1, TEN, "").sound(3_000, 4_000).judged();
    assert_eq!(seen.out_of_nothing, 2);
    assert_eq!(Log::new().judged(), Observed::default());
    let run = |scenario, observed| Run {
        scenario,
        mid_sentence: false,
        beside: false,
        repetition: 0,
        speaker: "af_heart",
        cpu_seconds: None,
        fault: None,
        observed,
    };
    let measures = sum_up(&[run("silence", Observed::default()), run("television-alone", seen)]);
    let passed = |name: &str| measures.iter().find(|one| one.name.contains(name)).unwrap().passed;
    assert_eq!((passed("in silence"), passed("to a television")), (Some(true), Some(false)));
}

#[test]
fn a_noise_before_a_question_is_no_turn_and_one_made_of_it_is_unasked() {
    let asked = || {
        let log = Log::new().says(Role::Noise, 0, 1_800, "").says(Role::Question, 3_300, 5_000, "Who?");
        log.understood(5_300, "Who?").answers(5_600, 1, TEN, "").sound(5_600, 8_000).ends(8_000, 1)
    };
    let right = asked().judged();
    assert_eq!((right.turns.len(), right.missed, right.noises, right.unasked), (1, 0, 1, 0), "{right:?}");
    assert!(right.turns[0].answered && near(right.turns[0].voice_to_voice_ms, 600.0));
    let wrong = asked().understood(2_300, "I love you guys.").judged();
    assert_eq!(wrong.unasked, 1);
    let run = |observed| Run {
        scenario: "laughter",
        mid_sentence: false,
        beside: false,
        repetition: 0,
        speaker: "af_heart",
        cpu_seconds: None,
        fault: None,
        observed,
    };
    let passed = |runs: &[Run]| {
        let measures = sum_up(runs);
        measures.iter().find(|one| one.name.contains("laughter")).unwrap().passed
    };
    assert_eq!(passed(&[run(right.clone())]), Some(true));
    assert_eq!(passed(&[run(right), run(wrong)]), Some(false));
}

#[test]
fn two_quick_questions_may_get_one_response() {
    let log =
        Log::new().says(Role::Question, 0, 1_000, "Who?").says(Role::Question, 1_500, 2_500, "And where?");
    let seen = log.answers(3_000, 1, TEN, "").sound(3_000, 5_000).ends(5_000, 1).judged();
    assert!(seen.turns.iter().all(|turn| turn.answered), "{seen:?}");
    assert_eq!(seen.turns[0].voice_to_voice_ms, None);
    assert!(near(seen.turns[1].voice_to_voice_ms, 500.0));
}

#[test]
fn the_pace_is_learnt_from_whole_responses_and_predicts_the_last_word() {
    let log = Log::new().answers(1_000, 1, TEN, "").sound(1_000, 9_000).ends(9_000, 1);
    let mut pace = Pace::default();
    (0..20).for_each(|_| pace.learn(&Scene::read(&log.recording.events)));
    let takes = pace.duration(TEN).as_secs_f64();
    assert!((7.0..9.0).contains(&takes), "{takes} s");
    let scene = Scene::read(&Log::new().answers(1_000, 1, TEN, "").recording.events);
    let at = pace.last_word(&scene.responses[0]).unwrap();
    let after = at.duration_since(scene.responses[0].segments[0].at).as_secs_f64();
    assert!(after < takes && after > takes * 0.9, "{after} of {takes} s");
    let more = Scene::read(&Log::new().answers(1_000, 1, TEN, " and more").recording.events);
    assert_eq!(pace.last_word(&more.responses[0]), None, "another segment is to come");
}

#[test]
fn a_measure_fails_by_its_target_and_has_no_verdict_if_nothing_was_measured() {
    let run = |scenario: &'static str, mid_sentence: bool, observed: Observed| Run {
        scenario,
        mid_sentence,
        beside: false,
        repetition: 0,
        speaker: "af_heart",
        cpu_seconds: None,
        fault: None,
        observed,
    };
    let plain =
        Log::new().says(Role::Question, 0, 1_000, "Why?").answers(1_700, 1, TEN, "").sound(1_700, 3_000);
    let cut = Log::new()
        .says(Role::Question, 0, 3_000, "Why, then?")
        .answers(1_700, 1, TEN, "")
        .sound(1_700, 2_000);
    let measures = sum_up(&[run("plain", false, plain.judged()), run("pause-700", true, cut.judged())]);
    let passed = |name: &str| measures.iter().find(|one| one.name.starts_with(name)).unwrap().passed;
    assert_eq!(passed("voice to voice"), Some(true));
    assert_eq!(passed("sentences cut off"), Some(false));
    assert_eq!(passed("interruptions that stopped"), None);
    assert_eq!(passed("CPU-seconds"), None);
}
