//! What the agent says without the model, in the languages that voices speak.

/// An occasion to say something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Line {
    /// The words or the answer are late.
    OneMoment,
    /// They still are.
    StillBusy,
    /// An engine failed in the middle of an answer, which is begun again.
    Again,
    /// An engine failed, and the answer is given up.
    Failed,
    /// The words could not be made out.
    NotUnderstood,
    /// Nobody has said anything for a while.
    StillThere,
    /// The call ends.
    Goodbye,
}

/// What is said while a slow tool works.
pub(super) fn looking_up(language: &str) -> &'static str {
    match language {
        "de" => "Einen Moment, ich sehe nach.",
        "fr" => "Un instant, je regarde.",
        "es" => "Un momento, lo estoy consultando.",
        "it" => "Un momento, sto controllando.",
        _ => "One moment, I am looking that up.",
    }
}

/// What is said when the model ends the call without a word.
pub(super) fn bye(language: &str) -> &'static str {
    match language {
        "de" => "Auf Wiederhören.",
        "fr" => "Au revoir.",
        "es" => "Hasta luego.",
        "it" => "Arrivederci.",
        _ => "Goodbye.",
    }
}

/// What is worth keeping as sound in this language: the lines, the likeliest to be waited for first, and how answers
/// like to begin.
pub(super) fn prepared(language: &str) -> impl Iterator<Item = &'static str> {
    use Line::{Failed, Goodbye, NotUnderstood, OneMoment, StillBusy, StillThere};
    let openers: &[&'static str] = match language {
        "de" => &["Ja.", "Nein.", "Gerne!"],
        "fr" => &["Oui.", "Non.", "Bien sûr !"],
        "es" => &["Sí.", "No.", "¡Claro!"],
        "it" => &["Sì.", "No.", "Certo!"],
        _ => &["Yes.", "No.", "Sure!", "Sure.", "Of course!", "Okay.", "Hello!", "You're welcome!"],
    };
    let lines =
        [OneMoment, NotUnderstood, Failed, StillBusy, StillThere, Goodbye].map(|what| line(what, language));
    // Lines go through the same cut as answers: it is the sentences that are said.
    lines.into_iter().flat_map(sentences).chain(openers.iter().copied())
}

fn sentences(text: &'static str) -> impl Iterator<Item = &'static str> {
    text.split_inclusive(['.', '?', '!']).map(str::trim).filter(|text| !text.is_empty())
}

/// The line in this language (ISO 639-1), or in English.
pub(super) fn line(line: Line, language: &str) -> &'static str {
    let [one_moment, still_busy, again, failed, not_understood, still_there, goodbye] = match language {
        "de" => [
            "Einen Moment.",
            "Es dauert noch etwas.",
            "Entschuldigung, da ist etwas schiefgegangen.",
            "Entschuldigung, da ist etwas schiefgegangen. Soll ich es noch einmal versuchen?",
            "Das habe ich leider nicht verstanden. Bitte sagen Sie es noch einmal.",
            "Sind Sie noch da?",
            "Dann lege ich jetzt auf. Auf Wiederhören.",
        ],
        "fr" => [
            "Un instant.",
            "Cela prend encore un peu de temps.",
            "Désolé, il y a eu un problème.",
            "Désolé, il y a eu un problème. Voulez-vous que je réessaie ?",
            "Je n'ai pas bien compris. Pouvez-vous répéter ?",
            "Êtes-vous toujours là ?",
            "Je raccroche donc. Au revoir.",
        ],
        "es" => [
            "Un momento.",
            "Tardaré un poco más.",
            "Lo siento, algo ha fallado.",
            "Lo siento, algo ha fallado. ¿Quiere que lo intente de nuevo?",
            "No le he entendido bien. ¿Puede repetirlo?",
            "¿Sigue ahí?",
            "Entonces cuelgo. Hasta luego.",
        ],
        "it" => [
            "Un momento.",
            "Ci vuole ancora un po'.",
            "Mi dispiace, qualcosa è andato storto.",
            "Mi dispiace, qualcosa è andato storto. Vuole che riprovi?",
            "Non ho capito bene. Può ripetere?",
            "È ancora lì?",
            "Allora chiudo. Arrivederci.",
        ],
        _ => [
            "One moment.",
            "It takes a little longer.",
            "Sorry, something went wrong.",
            "Sorry, something went wrong. Shall I try again?",
            "Sorry, I did not catch that. Could you say it again?",
            "Are you still there?",
            "I will hang up now. Goodbye.",
        ],
    };
    match line {
        Line::OneMoment => one_moment,
        Line::StillBusy => still_busy,
        Line::Again => again,
        Line::Failed => failed,
        Line::NotUnderstood => not_understood,
        Line::StillThere => still_there,
        Line::Goodbye => goodbye,
    }
}

/// Whether it is known to be another language than that of most instructions and models.
pub(super) fn is_foreign(language: &str) -> bool {
    !language.is_empty() && language != "en"
}

/// The language's name in English, by ISO 639-1 or a longer code of the recogniser's.
pub(super) fn language_name(language: &str) -> Option<&'static str> {
    let known = isolang::Language::from_639_1(language).or_else(|| isolang::Language::from_639_3(language));
    known.map(|known| known.to_name())
}

/// What the model is told of the language.
pub(super) fn answer_in(language: &str) -> Option<String> {
    language_name(language).map(|name| format!("\nThe person speaks {name}. Answer in {name}."))
}
