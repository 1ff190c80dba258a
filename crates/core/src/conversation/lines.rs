//! Canned phrases, in the languages that the voices speak.

/// An occasion for a canned phrase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CannedPhrase {
    /// The transcript or the response is late.
    OneMoment,
    /// It is still late.
    StillBusy,
    /// An engine failed during a response, which is begun again.
    Again,
    /// An engine failed, and the response is given up.
    Failed,
    /// The person's words could not be recognised.
    NotUnderstood,
    /// Nobody has said anything for a while.
    StillThere,
    /// The call ends.
    Goodbye,
}

/// The canned phrases of a language, in the order of [`CannedPhrase`].
type Phrases = [&'static str; 7];

const ENGLISH: Phrases = [
    "One moment.",
    "It takes a little longer.",
    "Sorry, something went wrong.",
    "Sorry, something went wrong. Shall I try again?",
    "Sorry, I did not catch that. Could you say it again?",
    "Are you still there?",
    "I will hang up now. Goodbye.",
];
const GERMAN: Phrases = [
    "Einen Moment.",
    "Es dauert noch etwas.",
    "Entschuldigung, da ist etwas schiefgegangen.",
    "Entschuldigung, da ist etwas schiefgegangen. Soll ich es noch einmal versuchen?",
    "Das habe ich leider nicht verstanden. Bitte sagen Sie es noch einmal.",
    "Sind Sie noch da?",
    "Dann lege ich jetzt auf. Auf Wiederhören.",
];
const FRENCH: Phrases = [
    "Un instant.",
    "Cela prend encore un peu de temps.",
    "Désolé, il y a eu un problème.",
    "Désolé, il y a eu un problème. Voulez-vous que je réessaie ?",
    "Je n'ai pas bien compris. Pouvez-vous répéter ?",
    "Êtes-vous toujours là ?",
    "Je raccroche donc. Au revoir.",
];
const SPANISH: Phrases = [
    "Un momento.",
    "Tardaré un poco más.",
    "Lo siento, algo ha fallado.",
    "Lo siento, algo ha fallado. ¿Quiere que lo intente de nuevo?",
    "No le he entendido bien. ¿Puede repetirlo?",
    "¿Sigue ahí?",
    "Entonces cuelgo. Hasta luego.",
];
const ITALIAN: Phrases = [
    "Un momento.",
    "Ci vuole ancora un po'.",
    "Mi dispiace, qualcosa è andato storto.",
    "Mi dispiace, qualcosa è andato storto. Vuole che riprovi?",
    "Non ho capito bene. Può ripetere?",
    "È ancora lì?",
    "Allora chiudo. Arrivederci.",
];
const DUTCH: Phrases = [
    "Een moment.",
    "Het duurt nog even.",
    "Sorry, er ging iets mis.",
    "Sorry, er ging iets mis. Zal ik het opnieuw proberen?",
    "Dat heb ik niet verstaan. Kunt u het herhalen?",
    "Bent u er nog?",
    "Dan hang ik nu op. Tot ziens.",
];
const PORTUGUESE: Phrases = [
    "Um momento.",
    "Vai demorar mais um pouco.",
    "Desculpe, algo deu errado.",
    "Desculpe, algo deu errado. Quer que eu tente de novo?",
    "Não entendi bem. Pode repetir?",
    "Ainda está aí?",
    "Então vou desligar. Até logo.",
];
const RUSSIAN: Phrases = [
    "Минутку.",
    "Нужно ещё немного времени.",
    "Извините, что-то пошло не так.",
    "Извините, что-то пошло не так. Попробовать ещё раз?",
    "Я не расслышал. Повторите, пожалуйста.",
    "Вы ещё здесь?",
    "Тогда я кладу трубку. До свидания.",
];

/// What is said while a slow tool works.
pub(super) fn looking_up(language: &str) -> &'static str {
    match language {
        "de" => "Einen Moment, ich sehe nach.",
        "fr" => "Un instant, je regarde.",
        "es" => "Un momento, lo estoy consultando.",
        "it" => "Un momento, sto controllando.",
        "nl" => "Een moment, ik zoek het op.",
        "pt" => "Um momento, estou verificando.",
        "ru" => "Минутку, сейчас посмотрю.",
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
        "nl" => "Tot ziens.",
        "pt" => "Até logo.",
        "ru" => "До свидания.",
        _ => "Goodbye.",
    }
}

/// What is worth synthesising in advance in this language: the canned phrases, the likeliest first, and common beginnings of
/// responses.
pub(super) fn prepared(language: &str) -> impl Iterator<Item = &'static str> {
    use CannedPhrase::{Failed, Goodbye, NotUnderstood, OneMoment, StillBusy, StillThere};
    let openers: &[&'static str] = match language {
        "de" => &["Ja.", "Nein.", "Gerne!"],
        "fr" => &["Oui.", "Non.", "Bien sûr !"],
        "es" => &["Sí.", "No.", "¡Claro!"],
        "it" => &["Sì.", "No.", "Certo!"],
        "nl" => &["Ja.", "Nee.", "Graag!"],
        "pt" => &["Sim.", "Não.", "Claro!"],
        "ru" => &["Да.", "Нет.", "Конечно!"],
        _ => &["Yes.", "No.", "Sure!", "Sure.", "Of course!", "Okay.", "Hello!", "You're welcome!"],
    };
    let phrases = [OneMoment, NotUnderstood, Failed, StillBusy, StillThere, Goodbye]
        .map(|what| canned_phrase(what, language));
    // Canned phrases are cut into segments like responses, so each sentence is prepared by itself.
    phrases.into_iter().flat_map(sentences).chain(openers.iter().copied())
}

fn sentences(text: &'static str) -> impl Iterator<Item = &'static str> {
    text.split_inclusive(['.', '?', '!']).map(str::trim).filter(|text| !text.is_empty())
}

/// The phrase in this language (ISO 639-1), or in English.
pub(super) fn canned_phrase(phrase: CannedPhrase, language: &str) -> &'static str {
    let [one_moment, still_busy, again, failed, not_understood, still_there, goodbye] = match language {
        "de" => GERMAN,
        "fr" => FRENCH,
        "es" => SPANISH,
        "it" => ITALIAN,
        "nl" => DUTCH,
        "pt" => PORTUGUESE,
        "ru" => RUSSIAN,
        _ => ENGLISH,
    };
    match phrase {
        CannedPhrase::OneMoment => one_moment,
        CannedPhrase::StillBusy => still_busy,
        CannedPhrase::Again => again,
        CannedPhrase::Failed => failed,
        CannedPhrase::NotUnderstood => not_understood,
        CannedPhrase::StillThere => still_there,
        CannedPhrase::Goodbye => goodbye,
    }
}

/// Whether the language is known and not English, the language of most instructions and models.
pub(super) fn is_foreign(language: &str) -> bool {
    !language.is_empty() && language != "en"
}

/// The language's English name, from ISO 639-1 or the recogniser's longer code.
pub(super) fn language_name(language: &str) -> Option<&'static str> {
    let known = isolang::Language::from_639_1(language).or_else(|| isolang::Language::from_639_3(language));
    known.map(|known| known.to_name())
}

/// The instruction to the model to respond in the person's language.
pub(super) fn respond_in(language: &str) -> Option<String> {
    language_name(language).map(|name| format!("\nThe person speaks {name}. Answer in {name}."))
}
