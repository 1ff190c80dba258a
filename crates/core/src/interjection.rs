//! Classifies what a person says during a response: nothing, a backchannel, our own echo, or an interruption. Pure.

/// What words that came during a response are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interjection {
    /// No words: a cough, a door.
    Nothing,
    /// A sign of listening, such as "mm-hm".
    Backchannel,
    /// The response itself, picked up by the microphone.
    Echo,
    /// The person takes the turn.
    Interruption,
}

/// Most words of a backchannel.
const LONGEST_BACKCHANNEL: usize = 3;
/// Fewest words of an echo: fewer may match by chance.
const SHORTEST_ECHO: usize = 3;

/// Classifies `words` that came while `playing` was heard.
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

/// Whole utterances that are likely during a response: hints for the recogniser, which has no other context there.
#[must_use]
pub fn likely(language: &str) -> Vec<String> {
    let (_, phrases) = LIKELY.iter().find(|(code, _)| *code == language).unwrap_or(&LIKELY[0]);
    phrases.split_inclusive(['.', '?', '!']).map(|phrase| phrase.trim().to_owned()).collect()
}

/// Whether the words are a likely utterance during a response, in any language: noise is misheard as one of these less often
/// than as other words.
#[must_use]
pub fn is_likely(words: &str) -> bool {
    let said = normal(words);
    let mut phrases = LIKELY.iter().flat_map(|(language, _)| likely(language));
    !said.is_empty() && phrases.any(|phrase| normal(&phrase) == said)
}

/// Whether both are the same words; false without any.
#[must_use]
pub fn is_same(words: &str, said: &str) -> bool {
    let words = normal(words);
    !words.is_empty() && words == normal(said)
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

/// Whether it is a backchannel: a repeated one still is, and "uh-huh" is one word.
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

/// Whether most adjacent pairs of the words said are also adjacent in what was heard.
fn in_order(said: &[String], heard: &[String]) -> bool {
    let pairs = said.windows(2).filter(|pair| heard.windows(2).any(|other| other == *pair)).count();
    pairs * 10 >= (said.len() - 1) * 7
}

const SIGNS: &[&str] = &[
    "yeah", "yes", "yep", "yup", "ok", "okay", "right", "sure", "oh", "wow", "cool", "nice", "great", "good",
    "exactly", "true", "hm", "ja", "genau", "klar", "stimmt", "gut", "ach", "oui", "ouais", "daccord",
    "bien", "sí", "si", "vale", "claro", "ajá", "sì", "certo", "bene",
];
/// By language; English comes first, and is used for those not listed.
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
    fn backchannels_do_not_interrupt_and_words_after_them_do() {
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
    fn likely_utterances_are_single_phrases_and_exist_for_every_language() {
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
