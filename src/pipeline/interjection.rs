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
    if said.len() <= LONGEST_BACKCHANNEL && is_backchannel(&said) {
        return Interjection::Backchannel;
    }
    let heard = normal(playing);
    let known = said.iter().filter(|word| heard.contains(word)).count();
    if said.len() >= SHORTEST_ECHO && known * 10 >= said.len() * 9 && in_order(&said, &heard) {
        return Interjection::Echo;
    }
    Interjection::Interruption
}

/// Lower-case words without punctuation.
fn normal(text: &str) -> Vec<String> {
    text.split(|char: char| char.is_whitespace() || char == '-')
        .map(|word| word.chars().filter(|char| char.is_alphanumeric()).flat_map(char::to_lowercase).collect())
        .filter(|word: &String| !word.is_empty())
        .collect()
}

fn is_backchannel(words: &[String]) -> bool {
    let joined = words.join(" ");
    PHRASES.contains(&joined.as_str())
        || words.iter().all(|word| {
            SIGNS.contains(&word.as_str()) || word.chars().all(|char| matches!(char, 'm' | 'h' | 'u' | 'a'))
        })
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
            ("Yeah, okay.", Interjection::Backchannel),
            ("I see.", Interjection::Backchannel),
            ("Okay, but what about Spain?", Interjection::Interruption),
            ("Stop.", Interjection::Interruption),
            ("No.", Interjection::Interruption),
            ("the capital of France is Paris", Interjection::Echo),
            ("Is Paris on the Rhine?", Interjection::Interruption),
        ] {
            assert_eq!(judge(words, playing), expected, "{words:?}");
        }
    }
}
