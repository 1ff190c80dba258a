//! Which tokens the decoder may write, and the languages that it knows.

use whisper_rs::WhisperContext;

/// A language by Whisper's number and by its ISO 639-1 code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Language {
    pub(crate) id: i32,
    pub(crate) code: &'static str,
}

impl Language {
    /// The language with an ISO 639-1 code.
    pub(crate) fn by_code(code: &str) -> Option<Self> {
        let known = (0..=whisper_rs::get_lang_max_id())
            .filter_map(|id| language_code(id).map(|code| Self { id, code }));
        known.into_iter().find(|language| language.code == code)
    }
}

/// A language and its token.
#[derive(Debug)]
pub(crate) struct LanguageToken {
    pub(crate) language: Language,
    pub(crate) token: i32,
}

/// The constants of a model's vocabulary.
#[derive(Debug)]
pub(crate) struct Vocabulary {
    /// By token: whether it is not spoken text.
    pub(crate) suppressed: Vec<bool>,
    pub(crate) end: i32,
    pub(crate) start: i32,
    pub(crate) transcribe: i32,
    pub(crate) translate: i32,
    pub(crate) no_speech: i32,
    /// The timestamp 0; later ones follow it in steps of 20 ms.
    pub(crate) time_zero: i32,
    pub(crate) previous: i32,
    /// A lone space: never the first token.
    pub(crate) blank: Option<i32>,
    /// The token of each language that the model identifies; empty for an English-only model.
    pub(crate) languages: Vec<LanguageToken>,
}

impl Vocabulary {
    pub(crate) fn new(context: &WhisperContext) -> Self {
        let end = context.token_eot();
        let piece = |id: i32| context.token_to_bytes(id).unwrap_or_default();
        // All tokens after `end` are control tokens: languages, tasks, timestamps.
        let barred = |id: i32| id >= end || is_stage_direction(piece(id));
        let suppressed = (0..context.n_vocab()).map(barred).collect();
        let languages = if context.is_multilingual() {
            let with_token =
                |language: Language| LanguageToken { token: context.token_lang(language.id), language };
            known_languages(context).into_iter().map(with_token).collect()
        } else {
            Vec::new()
        };
        Self {
            suppressed,
            end,
            start: context.token_sot(),
            transcribe: context.token_transcribe(),
            translate: context.token_translate(),
            no_speech: context.token_nosp(),
            time_zero: context.token_beg(),
            previous: context.token_prev(),
            blank: (0..end).find(|&id| piece(id) == b" "),
            languages,
        }
    }

    /// Whether the token is text that may be spoken.
    pub(crate) fn is_text(&self, token: usize) -> bool {
        !self.suppressed.get(token).copied().unwrap_or(true)
    }
}

/// The languages of the model's vocabulary; the newest (Cantonese) is only in some vocabularies.
fn known_languages(context: &WhisperContext) -> Vec<Language> {
    const FIRST_WITH_100: i32 = 51_866;
    let count = if context.n_vocab() >= FIRST_WITH_100 { 100 } else { 99 };
    (0..count).filter_map(|id| language_code(id).map(|code| Language { id, code })).collect()
}

/// The ISO 639-1 code of Whisper's language number.
fn language_code(id: i32) -> Option<&'static str> {
    match whisper_rs::get_lang_str(id) {
        Some("jw") => Some("jv"), // Whisper uses a code that ISO has withdrawn
        other => other,
    }
}

/// Whether a token has brackets, notes or subtitle marks, which describe sounds instead of words. Colons, slashes and the
/// like are allowed: times, dates and addresses are spoken.
fn is_stage_direction(piece: &[u8]) -> bool {
    const MARKS: &[u8] = b"\"#()*<>[\\]^_`{|}~";
    const NOTES: [&str; 11] = ["♪", "♩", "♫", "♬", "♭", "♮", "♯", "「", "」", "『", "』"];
    let text = String::from_utf8_lossy(piece);
    let word = text.trim_start();
    piece.iter().any(|byte| MARKS.contains(byte))
        || NOTES.iter().any(|note| text.contains(note))
        // Half a note: the first two bytes, which all notes share.
        || piece.trim_ascii_start().starts_with(&[0xe2, 0x99])
        || word.starts_with("--")
        || (text.starts_with(' ') && (word == "-" || word == "'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subtitle_marks_are_suppressed_and_spoken_punctuation_is_not() {
        for mark in [" [", "(", " ♪", "♪♪", " \"", " --", " -", "「"] {
            assert!(is_stage_direction(mark.as_bytes()), "{mark}");
        }
        for spoken in [" the", ":", "-", "'s", ".", "?", " 10", "@", "/", "今日"] {
            assert!(!is_stage_direction(spoken.as_bytes()), "{spoken}");
        }
    }
}
