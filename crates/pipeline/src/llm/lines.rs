//! Canned phrases said in the model's place, by language.

/// Said once per response with code, which is shown and not read aloud.
pub(super) fn code_on_screen(language: &str) -> &'static str {
    match language {
        "de" => "Der Code steht auf dem Bildschirm.",
        "fr" => "Le code est à l'écran.",
        "es" => "El código está en la pantalla.",
        "it" => "Il codice è sullo schermo.",
        _ => "The code is on the screen.",
    }
}

/// Said when the model has written nothing speakable.
pub(super) fn no_response(language: &str) -> &'static str {
    match language {
        "de" => "Darauf habe ich keine Antwort. Bitte fragen Sie anders.",
        "fr" => "Je n'ai pas de réponse à cela. Pouvez-vous le dire autrement ?",
        "es" => "No tengo respuesta para eso. Dígalo de otra manera, por favor.",
        "it" => "Non ho una risposta. Può chiederlo in un altro modo?",
        _ => "I have no answer to that. Please put it another way.",
    }
}
