//! Kokoro's languages, spoken by its network and heard back by the recogniser of the default profile: wrong phonemes are not
//! understood. The whole measurement is `bench voices`.

use visavis_bench::voices::{self, Options, Part};

/// Kokoro's first voice of each language in which a recogniser of this size can be relied on.
const VOICES: [(&str, &str); 5] =
    [("af_heart", "en"), ("ef_dora", "es"), ("ff_siwis", "fr"), ("if_sara", "it"), ("pf_dora", "pt")];

/// Half of the words may be wrong: "A que horas" has been heard as "Aqui, hora". With wrong phonemes hardly any is right.
const MOST: f64 = 0.5;

#[tokio::test(flavor = "multi_thread")]
async fn a_sentence_in_each_language_of_kokoro_is_heard_as_it_was_said() {
    let options = Options {
        profile: "voices".into(),
        models: None,
        voices: VOICES.map(|(voice, _)| voice.to_owned()).to_vec(),
        languages: Vec::new(),
        sentences: None,
        limit: Some(1),
        only: vec![Part::Hear],
        rounds: 2,
        seed: 1,
        keep: None,
        json: false,
    };
    let mut tell = |text: &str| eprintln!("{text}");
    let measured = Box::pin(voices::run(&options, &mut tell)).await;
    let report = measured.expect("run ./test, or `visavis models fetch --profile voices` first");
    assert_eq!(report.voices.len(), VOICES.len());
    for ((voice, language), one) in VOICES.iter().zip(&report.voices) {
        assert_eq!((one.voice.as_str(), one.language.as_str()), (*voice, *language));
        let heard = one.heard.as_ref().expect("it was asked for");
        assert!(heard.words >= 8 && heard.word_error_rate <= MOST, "{voice}: {:?}", heard.misheard);
    }
}
