//! What a person says into an answer: nothing, a sign of listening, our own echo, or an interruption. Pure.

/// What words that came into an answer are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interjection {
    /// No words: a cough, a door.
    Nothing,
    /// A sign of listening.
    Backchannel,
    /// The answer itself, come back through the microphone.
    Echo,
    /// The person takes the turn.
    Interruption,
}

/// A sign of listening is no longer than this.
const LONGEST_BACKCHANNEL: usize = 3;
/// Fewer words may be the same by chance.
const SHORTEST_ECHO: usize = 3;

/// Judges `words` that came while `playing` was heard.
#[must_use]
pub fn judge(words: &str, playing: &str) -> Interjection {
    let said = normal(words);
    if said.is_empty() {
        return Interjection::Nothing;
    }
    if is_backchannel(words) {
        return Interjection::Backchannel;
    }
    let heard = normal(playing);
    let known = said.iter().filter(|word| heard.contains(word)).count();
    if said.len() >= SHORTEST_ECHO && known * 10 >= said.len() * 9 && in_order(&said, &heard) {
        return Interjection::Echo;
    }
    Interjection::Interruption
}

/// What a person is likely to say as a whole into an answer: for the recogniser, which has no context to go by there.
#[must_use]
pub fn likely(language: &str) -> Vec<String> {
    let (_, phrases) = LIKELY.iter().find(|(code, _)| *code == language).unwrap_or(&LIKELY[0]);
    phrases.split_inclusive(['.', '?', '!']).map(|phrase| phrase.trim().to_owned()).collect()
}

/// Whether the words are what a person is likely to say into an answer, in any language: no sound is taken for that by chance
/// as easily as for others.
#[must_use]
pub fn is_likely(words: &str) -> bool {
    let said = normal(words);
    let mut phrases = LIKELY.iter().flat_map(|(language, _)| likely(language));
    !said.is_empty() && phrases.any(|phrase| normal(&phrase) == said)
}

/// Lower-case words without punctuation.
fn normal(text: &str) -> Vec<String> {
    text.split(|char: char| char.is_whitespace() || char == '-')
        .map(plain)
        .filter(|word| !word.is_empty())
        .collect()
}

fn plain(word: &str) -> String {
    word.chars().filter(|char| char.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// A sign of listening; said over and over it stays one, and "uh-huh" is one word.
fn is_backchannel(text: &str) -> bool {
    let mut words: Vec<String> =
        text.split([' ', ',', '.', '!', '…', '\n']).map(plain).filter(|word| !word.is_empty()).collect();
    words.dedup();
    let joined = words.join(" ");
    let sign = |word: &String| SIGNS.contains(&word.as_str()) || is_hum(word);
    words.len() <= LONGEST_BACKCHANNEL && (PHRASES.contains(&joined.as_str()) || words.iter().all(sign))
}

/// "mm", "mhm", "uhhuh", "aha".
fn is_hum(word: &str) -> bool {
    word.chars().all(|char| matches!(char, 'm' | 'h' | 'u' | 'a'))
}

/// Most neighbours among the words that were said are neighbours in what was heard.
fn in_order(said: &[String], heard: &[String]) -> bool {
    let pairs = said.windows(2).filter(|pair| heard.windows(2).any(|other| other == *pair)).count();
    pairs * 10 >= (said.len() - 1) * 7
}

const SIGNS: &[&str] = &[
    "yeah", "yes", "yep", "yup", "ok", "okay", "right", "sure", "oh", "wow", "cool", "nice", "great", "good",
    "exactly", "true", "hm", "ja", "genau", "klar", "stimmt", "gut", "ach", "oui", "ouais", "daccord",
    "bien", "sí", "si", "vale", "claro", "ajá", "sì", "certo", "bene",
];
/// By language, English first, which stands for the others as well.
const LIKELY: &[(&str, &str)] = &[
    (
        "en",
        "Stop. Stop it. Wait. What? No. Yes. Yeah. Okay. Uh-huh. Uh-huh, uh-huh. Mm-hmm. Right. Sorry? Hello? Hold on. \
         Why? Go on. Thanks. Be quiet. Enough. Really? Yeah, yeah. No, no. Sure. I see.",
    ),
    (
        "de",
        "Stopp. Halt. Warte. Was? Nein. Ja. Okay. Mhm. Genau. Wie bitte? Hallo? Moment. Warum? Weiter. Danke. Genug.",
    ),
    (
        "fr",
        "Stop. Attends. Quoi ? Non. Oui. D'accord. Mhm. Pardon ? Allô ? Pourquoi ? Merci. Arrête. Ouais. Continue.",
    ),
    ("es", "Para. Espera. ¿Qué? No. Sí. Vale. Ajá. Claro. ¿Perdón? ¿Hola? ¿Por qué? Gracias. Basta. Sigue."),
    ("it", "Basta. Aspetta. Cosa? No. Sì. Va bene. Certo. Scusa? Pronto? Perché? Grazie. Ferma. Continua."),
];
const PHRASES: &[&str] =
    &["i see", "got it", "of course", "i know", "all right", "ich verstehe", "je vois", "va bene", "ya veo"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_of_listening_are_no_interruption_and_words_after_them_are() {
        let playing = "The capital of France is Paris, which lies on the Seine.";
        for (words, expected) in [
            ("", Interjection::Nothing),
            ("Mm-hm.", Interjection::Backchannel),
            ("Uh-huh.", Interjection::Backchannel),
            ("Uh-huh, uh-huh.", Interjection::Backchannel),
            ("Uh-huh. Uh-huh. Uh-huh.", Interjection::Backchannel),
            ("Yeah, yeah, yeah, yeah.", Interjection::Backchannel),
            ("Mm-hm, okay, okay, right.", Interjection::Backchannel),
            ("Yeah, okay.", Interjection::Backchannel),
            ("I see.", Interjection::Backchannel),
            ("Okay, but what about Spain?", Interjection::Interruption),
            ("Stop.", Interjection::Interruption),
            ("No.", Interjection::Interruption),
            ("No, no, no, no.", Interjection::Interruption),
            ("Okay, right, sure, great.", Interjection::Interruption),
            ("Uh-huh, uh-huh, but why?", Interjection::Interruption),
            ("the capital of France is Paris", Interjection::Echo),
            ("Is Paris on the Rhine?", Interjection::Interruption),
        ] {
            assert_eq!(judge(words, playing), expected, "{words:?}");
        }
    }

    #[test]
    fn what_is_likely_said_into_an_answer_is_one_phrase_each_and_known_for_every_language() {
        for language in ["en", "de", "fr", "es", "it", "", "mi"] {
            let phrases = likely(language);
            assert!((10..40).contains(&phrases.len()), "{language}: {phrases:?}");
            assert!(phrases.iter().all(|phrase| phrase.chars().any(char::is_alphabetic)), "{phrases:?}");
        }
        assert!(likely("en").contains(&"What?".to_owned()) && likely("fr").contains(&"Quoi ?".to_owned()));
        assert_eq!(likely("mi"), likely("en"));
        assert!(is_likely("stop it!") && is_likely("Quoi ?"));
        assert!(!is_likely("") && !is_likely("Stomper.") && !is_likely("Stop it, please."));
    }
}
