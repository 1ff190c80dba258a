//! Name resolution of voices, without any network.

use std::sync::Arc;

use super::*;
use crate::acoustic::Numbered;

/// Speakers, each with its name, language and locale.
type Named<'a> = &'a [(&'a str, &'a str, &'a str)];

/// A catalogue of models without networks; the first does not mix its speakers, the others do.
pub(crate) fn catalogue(models: &[Named<'_>]) -> Catalogue {
    let mut catalogue = Catalogue::default();
    for (model, speakers) in models.iter().enumerate() {
        catalogue.add(card(speakers, model > 0)).unwrap();
    }
    catalogue
}

fn card(speakers: Named<'_>, mixes: bool) -> Card {
    let speaker = |&(name, language, locale): &(&str, &str, &str)| Speaker {
        name: name.to_owned(),
        language: language.to_owned(),
        locale: locale.to_owned(),
        espeak: language.to_owned(),
    };
    Card::unloadable(speakers.iter().map(speaker).collect(), mixes)
}

fn installed() -> Catalogue {
    let mixing = [("eva", "de", "de_DE"), ("ann", "en", "en_US"), ("bea", "en", "en_GB")];
    catalogue(&[&[("joe", "en", "en_US")], &mixing])
}

#[test]
fn each_speaker_of_a_model_is_a_voice() {
    let catalogue = installed();
    let names: Vec<String> = catalogue.voices().into_iter().map(|voice| voice.name).collect();
    assert_eq!(names, ["joe", "eva", "ann", "bea"]);
    assert_eq!(catalogue.voice(2), Voice { model: 1, shares: vec![Share::whole(1)] });
    assert_eq!(catalogue.named("ann"), Ok(catalogue.voice(2)));
    assert_eq!(catalogue.languages(), ["de", "en"]);
}

#[test]
fn a_mix_shares_its_weights_and_begins_with_the_voice_named_first() {
    let catalogue = installed();
    let mix = catalogue.named("bea(3)+ann").unwrap();
    let shares = vec![Share { speaker: 2, weight: 0.75 }, Share { speaker: 1, weight: 0.25 }];
    assert_eq!(mix, Voice { model: 1, shares });
    assert_eq!(catalogue.speaker(&mix).locale, "en_GB");
    assert_eq!(catalogue.named("ann(2)"), Ok(catalogue.voice(2)), "a mix of one voice is that voice");
    assert_eq!(catalogue.named("joe(2)"), Ok(catalogue.voice(0)));
}

#[test]
fn voices_of_several_models_or_languages_are_not_mixed() {
    for (mix, why) in [
        ("ann+bob", "\"bob\" of \"ann+bob\" is not installed"),
        ("joe+ann", "mix voices of one Kokoro model"),
        ("joe+joe", "mix voices of one Kokoro model"),
        ("ann+eva", "mix voices of one language"),
        ("ann(0)+bea", "weight"),
        ("bob", "\"bob\" is not installed"),
    ] {
        let refused = installed().named(mix).unwrap_err();
        assert!(refused.contains(why), "{mix}: {refused}");
    }
}

/// A voice of three speakers, after one that is required.
fn with_speakers() -> Catalogue {
    let mut many = card(&[("libri", "en", "en_GB")], false);
    let names = [("p225".to_owned(), 2_i64)].into();
    Arc::get_mut(&mut many.facts).unwrap().numbered = Numbered::new(3, names);
    let mut catalogue = catalogue(&[&[("joe", "en", "en_US")]]);
    catalogue.required = 1;
    catalogue.add(many).unwrap();
    catalogue
}

#[test]
fn the_speakers_of_a_voice_are_named_by_number_and_not_listed() {
    let catalogue = with_speakers();
    let speakers: Vec<u32> = catalogue.voices().iter().map(|voice| voice.speakers).collect();
    assert_eq!(speakers, [1, 3]);
    for (name, speaker) in [("libri", 0), ("libri#0", 0), ("libri#2", 2), ("libri#p225", 2)] {
        let voice = catalogue.named(name).unwrap();
        assert_eq!(voice, Voice { model: 1, shares: vec![Share::whole(speaker)] }, "{name}");
        assert_eq!(catalogue.speaker(&voice).locale, "en_GB");
    }
    for (name, why) in [
        ("libri#3", "\"libri#3\" does not exist: the voice has speakers #0 to #2"),
        ("libri#p226", "has speakers #0 to #2"),
        ("joe#1", "the voice has one speaker"),
        ("bob#1", "\"bob#1\" is not installed"),
        ("libri#1+libri#2", "mix voices of one Kokoro model"),
    ] {
        let refused = catalogue.named(name).unwrap_err();
        assert!(refused.contains(why), "{name}: {refused}");
    }
}

#[test]
fn the_voices_of_an_unusable_model_are_gone() {
    let catalogue = with_speakers();
    assert_eq!([0, 1].map(|model| catalogue.is_required(model)), [true, false]);
    catalogue.leave_out(1, "it is broken");
    assert_eq!(catalogue.voices().len(), 1);
    assert!(catalogue.named("libri#1").is_err());
    assert_eq!(catalogue.first(|speaker| speaker.locale == "en_GB"), None);
    assert_eq!(catalogue.first(|speaker| speaker.language == "en"), Some(catalogue.voice(0)));
}

#[test]
fn the_first_voice_of_each_language_is_a_default_unless_one_is_configured() {
    let kokoro = [("ann", "en", "en_US"), ("eva", "es", "es_ES"), ("lea", "fr", "fr_FR")];
    let more = [[("ben", "en", "en_GB")], [("jan", "de", "de_DE")], [("max", "de", "de_DE")]];
    let catalogue = catalogue(&[&[("joe", "en", "en_US")], &kokoro, &more[0], &more[1], &more[2]]);
    assert_eq!(catalogue.defaults(None), [0, 1, 3]);
    let configured = |name: &str| catalogue.defaults(Some(&catalogue.named(name).unwrap()));
    assert_eq!([configured("max"), configured("ann")], [[4], [1]]);
    catalogue.leave_out(3, "it is broken");
    assert_eq!(catalogue.defaults(None), [0, 1, 4], "the next voice of the language takes its place");
}

#[test]
fn duplicate_voice_names_are_refused() {
    let mut catalogue = catalogue(&[&[("joe", "en", "en_US")]]);
    let doubled = card(&[("eva", "de", "de_DE"), ("joe", "de", "de_DE")], true);
    let refused = catalogue.add(doubled).unwrap_err().to_string();
    assert!(refused.contains("two voices are called \"joe\"; rename the files of one"), "{refused}");
}
