//! Voices that the client chooses.

use super::*;
use crate::voice::KnownVoice;

fn run() -> Run {
    let mut run = Run::new();
    run.conversation.settings.voices = vec!["en".into(), "de".into()];
    run.conversation.settings.known_voices = world::voices();
    run
}

impl Run {
    fn chooses(&mut self, voice: Option<&str>) -> &mut Self {
        let voice = voice.map(str::to_owned);
        self.input(Input::Client(ClientCommand::SetVoice { id: Some("7".into()), voice }))
    }

    fn says_german(&mut self, utterance: u32) -> &mut Self {
        let words =
            Transcript { text: "Wie geht es dir?".into(), language: "de".into(), ..Default::default() };
        let words = Input::Trial(UtteranceId(utterance), 1, words);
        self.inputs([started(utterance), paused(utterance, 1), words]).wait(1000)
    }

    fn heard_whole(&mut self, response: u32, text: &str) -> &mut Self {
        let id = ResponseId(response);
        self.sound(response, text);
        self.inputs([Input::TextEnded(id), Input::Playout(PlayoutEvent::Finished(id))])
    }

    /// The voice of the last response that was begun.
    fn speaks_with(&self) -> &str {
        self.starts().last().map(|request| request.voice.as_str()).expect("a response is begun")
    }

    fn is_granted(&self) -> bool {
        let granted = CallEvent::Granted { id: "7".into(), request: "set-voice" };
        self.events().contains(&&granted)
    }

    fn refusal(&self) -> Option<&str> {
        self.events().into_iter().find_map(|event| match event {
            CallEvent::BadMessage { id: Some(id), message } if id == "7" => Some(message.as_str()),
            _ => None,
        })
    }

    fn notices(&self) -> Vec<&str> {
        self.notices_of("other-voice")
    }

    fn notices_of(&self, wanted: &str) -> Vec<&str> {
        let told = self.events().into_iter().filter_map(|event| match event {
            CallEvent::Notice { code, message } if *code == wanted => Some(message.as_str()),
            _ => None,
        });
        told.collect()
    }

    fn is_refused(&mut self, voice: &str, by_name: bool) -> &mut Self {
        self.input(Input::VoiceRefused { voice: voice.into(), by_name })
    }

    /// Language and voice of the segment that sounded last.
    fn told(&self) -> (String, String) {
        let spoken = self.events().into_iter().rev().find_map(|event| match event {
            CallEvent::SegmentSpoken { language, voice, .. } => Some((language.clone(), voice.clone())),
            _ => None,
        });
        spoken.expect("a segment sounds")
    }
}

#[test]
fn a_chosen_voice_speaks_its_own_language_from_the_next_response_on() {
    let mut run = run();
    run.say(1, "Hello.").sound(1, "one two");
    assert_eq!(run.speaks_with(), "");
    run.take();
    run.chooses(Some("anna"));
    assert!(run.is_granted() && run.starts().is_empty(), "the response that sounds goes on");
    run.inputs([Input::TextEnded(ResponseId(1)), Input::Playout(PlayoutEvent::Finished(ResponseId(1)))]);
    run.say(2, "And now?");
    assert_eq!(run.speaks_with(), "anna");
    run.heard_whole(2, "one two");
    run.chooses(None).say(3, "And then?");
    assert_eq!(run.speaks_with(), "");
}

#[test]
fn a_voice_of_another_language_leaves_this_one_alone_and_the_person_is_told_once() {
    let mut run = run();
    run.say(1, "Hello.").heard_whole(1, "one two");
    run.chooses(Some("eva"));
    assert_eq!(run.notices(), ["You chose eva for German; English is spoken by joe."]);
    run.say(2, "And now?");
    assert_eq!(run.speaks_with(), "");
    run.heard_whole(2, "one two");
    assert_eq!(run.notices().len(), 1);
    run.says_german(3);
    assert_eq!(
        (run.speaks_with(), run.starts().last().map(|request| request.language.as_str())),
        ("eva", Some("de"))
    );
    run.heard_whole(3, "eins zwei");
    run.chooses(Some("anna")).says_german(4);
    assert_eq!(run.speaks_with(), "eva", "an English voice does not change German");
}

#[test]
fn a_voice_chosen_before_its_language_is_known_is_told_of_when_another_is_spoken() {
    let mut run = run();
    run.conversation.settings.chosen_voices = [("de".to_owned(), "eva".to_owned())].into();
    run.say(1, "Hello.");
    assert!(run.notices().is_empty());
    run.sound(1, "one two");
    assert_eq!(run.notices().len(), 1);
}

#[test]
fn an_unknown_voice_is_looked_for_again_and_refused_with_those_that_exist() {
    let mut run = run();
    run.say(1, "Hello.").heard_whole(1, "one two").take();
    run.chooses(Some("bob"));
    assert!(run.commands.contains(&Command::ListVoices) && run.refusal().is_none());
    run.input(Input::Voices(Some(world::voices())));
    let refusal = run.refusal().expect("it does not exist").to_owned();
    assert!(
        refusal.starts_with("set-voice: d.voice: ") && refusal.contains("for \"en\" there are joe, anna"),
        "{refusal}"
    );
    run.take();
    // It was registered meanwhile.
    let bob = KnownVoice { name: "bob".into(), language: "en".into(), ..KnownVoice::default() };
    let more = world::voices().into_iter().chain([bob]).collect();
    run.chooses(Some("bob")).input(Input::Voices(Some(more)));
    assert!(run.is_granted());
    run.say(2, "And now?");
    assert_eq!(run.speaks_with(), "bob");
}

#[test]
fn voices_that_cannot_be_listed_are_refused_and_those_of_an_engine_without_a_list_are_taken() {
    let mut run = run();
    run.conversation.settings.known_voices.clear();
    run.chooses(Some("anna")).input(Input::Voices(None));
    assert!(run.refusal().is_some_and(|refusal| refusal.contains("try again")), "{:?}", run.refusal());
    run.take();
    run.chooses(Some("alloy")).input(Input::Voices(Some(Vec::new())));
    assert!(run.is_granted());
    run.says_german(1);
    assert_eq!(run.speaks_with(), "alloy");
    run.take();
    run.chooses(Some("one")).chooses(Some("two"));
    assert!(run.refusal().is_some_and(|refusal| refusal.contains("replaced")), "{:?}", run.refusal());
}

#[test]
fn a_speculative_response_is_begun_again_with_the_chosen_voice() {
    let mut run = run();
    run.inputs([started(1), paused(1, 1), trial(1, 1, "Who am I?")]);
    run.chooses(Some("anna"));
    let voices: Vec<_> = run.starts().iter().map(|request| request.voice.as_str()).collect();
    assert_eq!(voices, ["", "anna"]);
}

#[test]
fn the_client_is_told_each_segment_s_language_and_voice() {
    let mut run = run();
    run.say(1, "Hello.").heard_whole(1, "one two");
    assert_eq!(run.told(), ("en".to_owned(), "joe".to_owned()));
    run.chooses(Some("anna")).say(2, "And now?").heard_whole(2, "one two");
    assert_eq!(run.told(), ("en".to_owned(), "anna".to_owned()));
    run.says_german(3).heard_whole(3, "eins zwei");
    assert_eq!(run.told(), ("de".to_owned(), "eva".to_owned()));
}

#[test]
fn a_greeting_in_no_known_language_is_spoken_by_the_voice_chosen_for_the_first_one() {
    let mut run = run();
    run.conversation.settings.greeting = "Hello there.".into();
    run.chooses(Some("anna")).input(Input::Client(ClientCommand::Ready));
    assert_eq!((run.speaks_with(), run.starts()[0].language.as_str()), ("anna", ""));
}

#[test]
fn chosen_voices_are_remembered_at_once_and_kept_by_a_resumed_call() {
    let mut run = run();
    run.say(1, "Hello.").sound(1, "one two").take();
    run.chooses(Some("eva")).chooses(Some("anna"));
    let remembered = run.commands.iter().rev().find_map(|command| match command {
        Command::Remember(context) => Some((**context).clone()),
        _ => None,
    });
    let context = remembered.expect("the choice is remembered");
    let chosen: Vec<_> =
        context.voices.iter().map(|(language, name)| (language.as_str(), name.as_str())).collect();
    assert_eq!(chosen, [("de", "eva"), ("en", "anna")]);
    let settings = conversation().settings;
    let mut run = Run { conversation: Conversation::resume(settings, "call".into(), &context), ..Run::new() };
    run.say(2, "And now?");
    assert_eq!(run.speaks_with(), "anna");
}

#[test]
fn a_voice_that_is_not_there_any_more_is_asked_for_once_until_it_is_chosen_anew() {
    let mut run = run();
    run.chooses(Some("anna")).say(1, "Hello.");
    assert_eq!(run.speaks_with(), "anna");
    run.is_refused("anna", true).is_refused("anna", true).heard_whole(1, "one two");
    let told = "The voice \"anna\" cannot speak now, so another one does.";
    assert_eq!(run.notices_of("voice-refused"), [told], "once");
    assert_eq!(run.told(), ("en".to_owned(), "joe".to_owned()), "the one that speaks instead is named");
    run.say(2, "And now?");
    assert_eq!(run.speaks_with(), "");
    run.heard_whole(2, "one two").take();
    run.chooses(Some("anna"));
    assert!(run.commands.contains(&Command::ListVoices) && !run.is_granted(), "it may still be gone");
    run.input(Input::Voices(Some(world::voices())));
    assert!(run.is_granted());
    run.say(3, "And then?").is_refused("anna", true);
    assert_eq!((run.speaks_with(), run.notices_of("voice-refused")), ("anna", vec![told]), "told anew");
}

#[test]
fn the_server_s_own_voice_that_is_gone_leaves_each_language_its_first_and_other_choices_as_they_are() {
    let mut run = run();
    run.conversation.settings.voice = "joe".into();
    run.chooses(Some("eva")).say(1, "Hello.");
    assert_eq!(run.speaks_with(), "joe");
    run.is_refused("joe", true).heard_whole(1, "one two").say(2, "And now?");
    assert_eq!(run.speaks_with(), "");
    run.heard_whole(2, "one two").says_german(3);
    assert_eq!(run.speaks_with(), "eva");
}

#[test]
fn a_refusal_that_names_no_voice_is_told_once_and_the_voice_is_asked_for_again() {
    let mut run = run();
    run.chooses(Some("anna")).say(1, "Hello.").is_refused("anna", false).heard_whole(1, "one two");
    run.say(2, "And now?").is_refused("anna", false);
    assert_eq!((run.speaks_with(), run.notices_of("voice-refused").len()), ("anna", 1));
}

#[test]
fn a_voice_that_is_gone_is_forgotten_by_the_call_s_context_at_once() {
    let mut run = run();
    run.chooses(Some("anna")).say(1, "Hello.").take();
    run.is_refused("anna", true);
    let remembered = run.commands.iter().rev().find_map(|command| match command {
        Command::Remember(context) => Some(context.voices.len()),
        _ => None,
    });
    assert_eq!(remembered, Some(0));
}
