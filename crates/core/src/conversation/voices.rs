//! Which languages the agent can speak, and what happens with the others. A voice that does not know a language only names its
//! letters, so the model responds in a language that a voice speaks, and the person is told once.

use super::Conversation;
use super::lines::language_name;

impl Conversation {
    /// The language in which the agent responds to this one: the same if the voices or the person's language are not
    /// known.
    pub(super) fn voiced(&self, language: &str) -> String {
        let (voices, chosen) = (&self.settings.voices, &self.settings.chosen_voices);
        let listed = |wanted: &str| voices.iter().any(|voice| voice == wanted);
        let speaks = |wanted: &str| listed(wanted) || chosen.contains_key(wanted) || chosen.contains_key("");
        if language.is_empty() || voices.is_empty() || speaks(language) {
            return language.to_owned();
        }
        if speaks("en") { "en".to_owned() } else { voices[0].clone() }
    }

    /// The instruction to the model for a language that no voice speaks.
    pub(super) fn unvoiced_instruction(&self, language: &str) -> Option<String> {
        let spoken = self.voiced(language);
        if spoken == language {
            return None;
        }
        let (theirs, ours) = (language_name(language)?, language_name(&spoken)?);
        Some(format!(
            "\nThe person speaks {theirs}, but your voice speaks only {ours}. Answer in {ours}, in its own letters."
        ))
    }

    /// What a response begins with if the person has not been told yet.
    pub(super) fn preface(&self, language: &str) -> Option<String> {
        let spoken = self.voiced(language);
        (spoken != language && !self.no_voice_told).then(|| no_voice(&spoken))
    }

    /// A response from the model begins to sound; if it has the preface, the person has now been told.
    pub(super) fn tell_of_voice(&mut self) {
        if let Some(preface) = self.preface(&self.language) {
            self.no_voice_told = true;
            self.notice("no-voice", &preface);
        }
        self.tell_of_other_voice();
    }
}

/// The preface, in a language that a voice speaks, or else in English. It names the language of the response.
fn no_voice(language: &str) -> String {
    let text = match language {
        "de" => "Für diese Sprache habe ich keine Stimme, darum antworte ich auf Deutsch.",
        "fr" => "Je n'ai pas de voix pour cette langue, je réponds donc en français.",
        "es" => "No tengo voz para ese idioma, así que respondo en español.",
        "it" => "Non ho una voce per questa lingua, quindi rispondo in italiano.",
        "nl" => "Voor die taal heb ik geen stem, daarom antwoord ik in het Nederlands.",
        "pt" => "Não tenho voz para esse idioma, por isso respondo em português.",
        "ru" => "Для этого языка у меня нет голоса, поэтому я отвечаю по-русски.",
        other => {
            let name = language_name(other).unwrap_or("another language");
            return format!("I have no voice for that language, so I answer in {name}.");
        }
    };
    text.to_owned()
}
