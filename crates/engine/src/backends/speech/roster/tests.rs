use super::*;
use crate::config::TtsSpeaker;

const PLACE: Place<'static> = Place { section: "tts", address: "http://host/v1" };

fn speaker(name: &str, language: &str, id: &str) -> TtsSpeaker {
    TtsSpeaker { name: name.into(), language: language.into(), locale: String::new(), id: id.into() }
}

fn clip(name: &str, language: &str) -> Clip {
    Clip { name: name.into(), language: language.into(), file: "/c.wav".into(), words: "Hello.".into() }
}

fn listing(names: &[(&str, &str)]) -> Listing {
    Listing::of(names.iter().map(|(name, code)| Listed::new(name, code)))
}

fn own(speakers: &[TtsSpeaker]) -> TtsEngine {
    TtsEngine { speakers: speakers.to_vec(), ..TtsEngine::default() }
}

fn roster(own: &TtsEngine, listing: &Listing, clips: Vec<Clip>) -> Roster {
    Roster::new(own, listing, clips, Ok(()), PLACE)
}

fn chosen(roster: &Roster, voice: &str, language: &str) -> Result<(String, String), String> {
    let request = TtsRequest { voice: voice.into(), language: language.into(), ..TtsRequest::default() };
    match roster.choose(&request) {
        Ok(choice) => Ok((choice.id, choice.language)),
        Err(EngineError::Invalid(message)) => Err(message),
        Err(error) => panic!("{error:?}"),
    }
}

fn picked(id: &str, language: &str) -> Result<(String, String), String> {
    Ok((id.into(), language.into()))
}

#[test]
fn configured_voices_come_before_those_that_the_server_lists_and_clones_speak_where_they_are_named() {
    let own = own(&[speaker("Anna", "de", "de-7"), speaker("Anna", "en", "de-7")]);
    let listed = listing(&[("de-7", "de"), ("joe", "en_US"), ("eve", "en_GB"), ("poly", "")]);
    let roster = roster(&own, &listed, vec![clip("mine", "fr"), clip("joe", "it")]);
    let names: Vec<_> =
        roster.voices("xtts").into_iter().map(|it| (it.name, it.language, it.locale)).collect();
    let expected = [
        ("Anna", "de", "de"),
        ("Anna", "en", "en"),
        ("joe", "en", "en_US"),
        ("eve", "en", "en_GB"),
        ("poly", "en", "en"),
        ("mine", "fr", "fr"),
        ("mine", "en", "en"),
    ];
    assert_eq!(names, expected.map(|(a, b, c)| (a.to_owned(), b.to_owned(), c.to_owned())));
    for (voice, language, expected) in [
        ("", "", picked("de-7", "de")),
        ("", "en", picked("de-7", "en")),
        ("", "en-GB", picked("eve", "en")),
        ("joe", "", picked("joe", "en")),
        ("joe(2)+eve", "en", picked("joe(2)+eve", "en")),
        ("Anna#3", "de", picked("de-7#3", "de")),
        ("mine", "", picked("mine", "fr")),
        ("mine", "en", picked("mine", "en")),
    ] {
        assert_eq!(chosen(&roster, voice, language), expected, "{voice:?} {language:?}");
    }
    // Without a requested name, no clone is chosen.
    assert!(chosen(&roster, "", "fr").is_err());
    let request = TtsRequest { voice: "mine".into(), ..TtsRequest::default() };
    assert_eq!(roster.choose(&request).unwrap().clip, Some(clip("mine", "fr")));
}

#[test]
fn a_voice_or_a_language_that_is_not_there_is_refused_with_those_that_are() {
    let roster = roster(&own(&[]), &listing(&[("joe", "en"), ("eva", "de")]), Vec::new());
    for (voice, language, part) in [
        ("bob", "", "voice: \"bob\" is not at http://host/v1"),
        ("bob+joe", "", "voice: \"bob+joe\" is not"),
        ("", "fr", "language: no voice speaks \"fr\""),
        ("eva", "en", "language: the voice \"eva\" does not speak \"en\""),
    ] {
        let message = chosen(&roster, voice, language).unwrap_err();
        assert!(message.starts_with(part), "{message}");
        assert!(message.contains("available: joe (en), eva (de)."), "{message}");
        assert!(message.contains("tts.speakers"), "{message}");
    }
    assert!(roster.doubt("bob").unwrap().contains("set tts.voice. It lists joe"));
    assert_eq!((roster.doubt("eva"), roster.doubt("")), (None, None));
    let many: Vec<_> = (0..40).map(|number| Listed::new(&format!("v{number}"), "en")).collect();
    let roster = self::roster(&own(&[]), &Listing::of(many), Vec::new());
    assert!(chosen(&roster, "bob", "").unwrap_err().contains("v11 (en), and 28 more"));
}

#[test]
fn a_server_without_a_list_is_asked_for_what_is_named() {
    let mut own = own(&[]);
    own.voice = "alloy".into();
    own.languages = vec!["en".into(), "de".into()];
    let roster = roster(&own, &Listing::default(), Vec::new());
    assert_eq!(chosen(&roster, "", "de"), picked("alloy", "de"));
    assert_eq!(chosen(&roster, "nova", ""), picked("nova", "en"));
    assert!(chosen(&roster, "nova", "fr").is_err());
    assert_eq!(roster.languages(), ["de", "en"]);

    let nameless = self::roster(&TtsEngine::default(), &Listing::default(), Vec::new());
    assert_eq!(chosen(&nameless, "", "en"), picked("", "en"));
    assert_eq!(chosen(&nameless, "", ""), picked("", "en"));
    assert!(chosen(&nameless, "", "de").unwrap_err().contains("none that is known"));
}

#[test]
fn a_clone_is_refused_where_the_server_has_no_cloning() {
    let listed = listing(&[("joe", "en")]);
    let why = Err("Piper does not clone".to_owned());
    let roster = Roster::new(&own(&[]), &listed, vec![clip("mine", "en")], why, PLACE);
    let message = chosen(&roster, "mine", "en").unwrap_err();
    assert!(message.contains("\"mine\" is a cloned voice; Piper does not clone"), "{message}");
    assert_eq!(roster.voices("xtts").len(), 1);
}
