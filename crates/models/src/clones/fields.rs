//! The facts about a voice that is cloned, and their limits. Pure.

use super::fault::Refused;
use crate::voices::is_name;

/// Fewest and most characters of the consent: a name and a day have some 20.
const SHORTEST_CONSENT: usize = 8;
const LONGEST_CONSENT: usize = 500;
/// Most characters of the clip's words; 20 s of speech have some 400.
const LONGEST_WORDS: usize = 2000;

/// The facts about a voice.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fields {
    /// Its name.
    pub name: String,
    /// ISO 639-1: the language of the clip.
    pub language: String,
    /// The words in the clip; empty if unknown.
    pub words: String,
    /// Who agreed, and when.
    pub consent: String,
}

impl Fields {
    /// The fields without surrounding spaces, if they are within their limits.
    ///
    /// # Errors
    /// Names the first field that is not, with its limit and what to do.
    pub fn checked(self) -> Result<Self, Refused> {
        let trimmed = |text: String| text.trim().to_owned();
        let fields = Self {
            name: trimmed(self.name),
            language: trimmed(self.language),
            words: trimmed(self.words),
            consent: trimmed(self.consent),
        };
        check_name(&fields.name)?;
        let language = fields.language.as_str();
        if language.len() != 2 || !language.bytes().all(|byte| byte.is_ascii_lowercase()) {
            return refuse("language", format!("{language:?} is not two letters such as \"en\""));
        }
        let length = fields.consent.chars().count();
        if length < SHORTEST_CONSENT {
            let fix = "say who agreed to the cloning and when, such as \"Ada Lovelace, by mail, 2 May 2025\"";
            return refuse("consent", format!("has {length} characters, at least {SHORTEST_CONSENT}: {fix}"));
        }
        for (field, text, most) in
            [("consent", &fields.consent, LONGEST_CONSENT), ("words", &fields.words, LONGEST_WORDS)]
        {
            let length = text.chars().count();
            if length > most {
                return refuse(field, format!("has {length} characters, at most {most}: shorten it"));
            }
            if text.chars().any(|c| c.is_control() && !c.is_whitespace()) {
                return refuse(field, "holds a control character: remove it".to_owned());
            }
        }
        Ok(fields)
    }
}

/// Refuses names that lead out of the folder, or that requests cannot contain.
pub(super) fn check_name(name: &str) -> Result<(), Refused> {
    if is_name(name) {
        return Ok(());
    }
    let rule = "use at most 100 letters, digits, '.', '_' and '-', and begin with a letter or digit";
    refuse("name", format!("{name:?} cannot be a voice's name: {rule}"))
}

fn refuse<T>(field: &'static str, why: String) -> Result<T, Refused> {
    Err(Refused::Field { field, why })
}
