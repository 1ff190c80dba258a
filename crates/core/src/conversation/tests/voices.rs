//! Languages that no voice speaks.

use super::*;

fn run() -> Run {
    let mut run = Run::new();
    run.conversation.settings.voices = vec!["de".into(), "en".into()];
    run
}

fn chinese(run: &mut Run, utterance: u32) -> ResponseRequest {
    let words = Transcript { text: "你好吗".into(), language: "zh".into(), ..Default::default() };
    let words = Input::Trial(UtteranceId(utterance), 1, words);
    run.inputs([started(utterance), paused(utterance, 1), words]).wait(1000);
    let request = run.starts().last().copied().expect("a response is begun").clone();
    run.take();
    request
}

#[test]
fn a_language_without_a_voice_gets_a_response_in_another_and_the_person_is_told_once() {
    let mut run = run();
    let first = chinese(&mut run, 1);
    assert_eq!(first.language, "en");
    let instructions = &first.messages[0].content;
    assert!(instructions.contains("Answer in English") && !instructions.contains("Answer in Chinese"));
    assert!(first.preface.is_some_and(|preface| preface.contains("English")));
    run.sound(first.id.0, "I have no voice for that language, so I answer in English. Well.");
    let told = |run: &Run| {
        run.events()
            .iter()
            .filter(|event| matches!(event, CallEvent::Notice { code: "no-voice", .. }))
            .count()
    };
    assert_eq!(told(&run), 1);
    run.input(Input::TextEnded(first.id)).input(Input::Playout(PlayoutEvent::Finished(first.id))).take();
    let second = chinese(&mut run, 2);
    assert_eq!((second.language.as_str(), second.preface), ("en", None));
    run.sound(second.id.0, "Well.");
    assert_eq!(told(&run), 0);
}

#[test]
fn a_language_gets_a_response_in_itself_if_it_has_a_voice_or_the_voices_are_unknown() {
    let mut run = run();
    run.conversation.settings.voices.push("zh".into());
    let request = chinese(&mut run, 1);
    assert_eq!((request.language.as_str(), request.preface), ("zh", None));
    let mut unknown = Run::new();
    assert_eq!(chinese(&mut unknown, 1).language, "zh");
}

#[test]
fn the_person_is_told_which_language_the_response_is_in_without_an_english_voice() {
    for (spoken, told) in [("nl", "Nederlands"), ("ru", "по-русски"), ("pl", "Polish")] {
        let mut run = run();
        run.conversation.settings.voices = vec![spoken.into()];
        let request = chinese(&mut run, 1);
        assert_eq!(request.language, spoken);
        assert!(request.preface.is_some_and(|preface| preface.contains(told)), "{spoken}");
    }
}

#[test]
fn control_characters_in_typed_words_do_not_reach_the_model() {
    let mut run = run();
    run.input(Input::Client(ClientCommand::Say("Wha\0t\u{1b}?".into())));
    let request = run.starts()[0].clone();
    assert_eq!(request.messages.last().map(|message| message.content.as_str()), Some("What?"));
}
