//! The sentence by which a voice is chosen, in its language.

/// A sentence in this language (ISO 639-1), or in English. Each is short enough for the speech cache, so that it is synthesised once.
#[must_use]
pub fn sentence(language: &str) -> &'static str {
    match language {
        "de" => "Hallo! So klinge ich, wenn wir miteinander sprechen.",
        "es" => "¡Hola! Así suena mi voz cuando hablamos.",
        "fr" => "Bonjour ! Voici ma voix quand nous parlons.",
        "hi" => "नमस्ते! बात करते समय मेरी आवाज़ ऐसी होती है।",
        "it" => "Ciao! Questa è la mia voce quando parliamo.",
        "ja" => "こんにちは。これが私の声です。",
        "nl" => "Hallo! Zo klink ik als we met elkaar praten.",
        "pl" => "Dzień dobry! Tak brzmi mój głos, gdy rozmawiamy.",
        "pt" => "Olá! Esta é a minha voz quando conversamos.",
        "ru" => "Здравствуйте! Так звучит мой голос в разговоре.",
        "uk" => "Добрий день! Так звучить мій голос у розмові.",
        "zh" => "你好！这就是我说话的声音。",
        _ => "Hello! This is how I sound when we talk.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_language_has_a_sentence_of_its_own_and_the_rest_get_the_english_one() {
        let languages = ["en", "de", "es", "fr", "hi", "it", "ja", "nl", "pl", "pt", "ru", "uk", "zh"];
        let mut sentences: Vec<&str> = languages.iter().map(|language| sentence(language)).collect();
        // The speech cache keeps up to 60 characters.
        assert!(sentences.iter().all(|text| text.chars().count() <= 60), "{sentences:?}");
        sentences.sort_unstable();
        sentences.dedup();
        assert_eq!(sentences.len(), languages.len());
        assert_eq!(sentence("xx"), sentence("en"));
    }
}
