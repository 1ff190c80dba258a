//! The voices of a server, and the choice of one for each segment. Pure.

use super::clip::Clip;
use super::listing::{Listed, Listing};
use crate::config::TtsEngine;
use crate::{EngineError, TtsRequest, Voice};

/// Most names that a message lists.
const MOST_NAMES: usize = 12;
/// The language of voices whose language is unknown.
const USUAL: &str = "en";

/// All voices that can speak.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Roster {
    speakers: Vec<Speaker>,
    /// The server's list is complete: other voices do not exist.
    complete: bool,
    /// The languages of voices whose language is unknown.
    languages: Vec<String>,
    /// Why cloned voices cannot speak; none: they can.
    uncloned: Option<String>,
    /// The section of the configuration, and the address, for messages.
    section: String,
    address: String,
}

/// A voice.
#[derive(Debug, Clone, PartialEq)]
struct Speaker {
    name: String,
    /// Its name at the server.
    id: String,
    /// Its languages; the first one is its default.
    languages: Vec<String>,
    locale: String,
    /// The clip that it is cloned from.
    clip: Option<Clip>,
}

/// The voice that speaks a segment.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Choice {
    /// The voice's name at the server; empty: the server's only voice.
    pub(super) id: String,
    /// ISO 639-1.
    pub(super) language: String,
    /// The clip that it is cloned from.
    pub(super) clip: Option<Clip>,
}

/// The origin of a roster, for messages.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) section: &'a str,
    pub(super) address: &'a str,
}

impl Roster {
    /// The configured voices, those that the server lists, and cloned ones, in this order; the first of several with the same
    /// name counts. `cloning`: why cloned voices cannot speak.
    pub(super) fn new(
        own: &TtsEngine,
        listing: &Listing,
        clips: Vec<Clip>,
        cloning: Result<(), String>,
        place: Place<'_>,
    ) -> Self {
        let languages = match (own.languages.as_slice(), listing.languages.as_slice()) {
            ([], []) => vec![USUAL.to_owned()],
            ([], listed) => listed.to_vec(),
            (own, _) => own.to_vec(),
        };
        let mut roster = Self {
            speakers: Vec::new(),
            complete: listing.complete,
            languages,
            uncloned: cloning.err(),
            section: place.section.into(),
            address: place.address.into(),
        };
        roster.configured(own);
        for listed in &listing.voices {
            roster.listed(listed);
        }
        let named = own.voice.as_str();
        let unknown = !named.is_empty() && roster.find(named).is_none();
        if unknown && !listing.complete && clips.iter().all(|clip| clip.name != named) {
            let languages = roster.languages.clone();
            roster.add(named, named, languages, "", None);
        }
        for clip in clips {
            let more = roster.languages.iter().filter(|language| **language != clip.language).cloned();
            let languages: Vec<String> = std::iter::once(clip.language.clone()).chain(more).collect();
            let name = clip.name.clone();
            roster.add(&name, &name, languages, "", Some(clip));
        }
        roster
    }

    fn configured(&mut self, own: &TtsEngine) {
        for speaker in &own.speakers {
            let id = if speaker.id.is_empty() { &speaker.name } else { &speaker.id };
            // A voice that is listed once per language.
            match self.speakers.iter_mut().find(|other| other.name == speaker.name) {
                Some(other) => other.languages.push(speaker.language.clone()),
                None => self.add(&speaker.name, id, vec![speaker.language.clone()], &speaker.locale, None),
            }
        }
    }

    fn listed(&mut self, listed: &Listed) {
        // A listed voice that the configuration gives another name.
        if self.speakers.iter().any(|speaker| speaker.id == listed.name) {
            return;
        }
        let languages = match listed.language.as_str() {
            "" => self.languages.clone(),
            language => vec![language.to_owned()],
        };
        self.add(&listed.name, &listed.name, languages, &listed.locale, None);
    }

    fn add(&mut self, name: &str, id: &str, languages: Vec<String>, locale: &str, clip: Option<Clip>) {
        if self.speakers.iter().all(|other| other.name != name) {
            let (name, id, locale) = (name.into(), id.into(), locale.into());
            self.speakers.push(Speaker { name, id, languages, locale, clip });
        }
    }

    /// The voices for the engine's list, each once per language; `source`: the adapter that speaks them.
    pub(super) fn voices(&self, source: &str) -> Vec<Voice> {
        let mut voices = Vec::new();
        for speaker in self.usable() {
            for (at, language) in speaker.languages.iter().enumerate() {
                let told = at == 0 && !speaker.locale.is_empty();
                let locale = if told { speaker.locale.clone() } else { language.clone() };
                let (name, language, source) = (speaker.name.clone(), language.clone(), source.to_owned());
                voices.push(Voice { name, language, locale, source, ..Voice::default() });
            }
        }
        voices
    }

    /// The voices, without clones that cannot speak.
    fn usable(&self) -> impl Iterator<Item = &Speaker> {
        self.speakers.iter().filter(|speaker| speaker.clip.is_none() || self.uncloned.is_none())
    }

    /// All spoken languages, without duplicates.
    pub(super) fn languages(&self) -> Vec<String> {
        let mut all: Vec<String> = self.voices("").into_iter().map(|voice| voice.language).collect();
        all.sort();
        all.dedup();
        all
    }

    /// A message about a configured voice that the server does not have.
    pub(super) fn doubt(&self, voice: &str) -> Option<String> {
        if voice.is_empty() || !self.complete || self.find(voice).is_some() {
            return None;
        }
        Some(format!(
            "does not list the voice {voice:?}; set {}.voice. It lists {}",
            self.section,
            self.available()
        ))
    }

    /// Chooses the voice.
    ///
    /// # Errors
    /// [`EngineError::Invalid`] with the available voices.
    pub(super) fn choose(&self, request: &TtsRequest) -> Result<Choice, EngineError> {
        let asked = request.voice.as_str();
        let language = primary(&request.language);
        if asked.is_empty() {
            return self.first(&request.language, &language);
        }
        let Some((speaker, id)) = self.find(asked) else {
            if self.complete {
                return Err(self.refused("voice", &format!("{asked:?} is not at {}", self.address)));
            }
            let language = self.in_language(&self.languages, &language, asked)?;
            return Ok(Choice { id: asked.into(), language, clip: None });
        };
        if let (Some(_), Some(why)) = (&speaker.clip, &self.uncloned) {
            return Err(EngineError::Invalid(format!("voice: {asked:?} is a cloned voice; {why}")));
        }
        let language = self.in_language(&speaker.languages, &language, asked)?;
        Ok(Choice { id, language, clip: speaker.clip.clone() })
    }

    /// The first voice of a language.
    fn first(&self, whole: &str, language: &str) -> Result<Choice, EngineError> {
        let same = |locale: &str| locale.replace('-', "_").eq_ignore_ascii_case(&whole.replace('-', "_"));
        let speaks = |speaker: &&Speaker| {
            language.is_empty() || speaker.languages.iter().any(|spoken| spoken == language)
        };
        // A cloned voice speaks only if it is requested by name.
        let usual = || self.speakers.iter().filter(|speaker| speaker.clip.is_none()).filter(speaks);
        let exact = usual().find(|speaker| whole.contains(['-', '_']) && same(&speaker.locale));
        if let Some(speaker) = exact.or_else(|| usual().next()) {
            let own = speaker.languages.first().cloned().unwrap_or_default();
            let language = if language.is_empty() { own } else { language.to_owned() };
            return Ok(Choice { id: speaker.id.clone(), language, clip: None });
        }
        let none = self.speakers.iter().all(|speaker| speaker.clip.is_some());
        if none && !self.complete && (language.is_empty() || self.languages.iter().any(|it| it == language)) {
            // A server with a single voice without a name.
            let language = if language.is_empty() { self.languages[0].clone() } else { language.to_owned() };
            return Ok(Choice { id: String::new(), language, clip: None });
        }
        Err(self.refused("language", &format!("no voice speaks {language:?}")))
    }

    fn in_language(&self, spoken: &[String], asked: &str, voice: &str) -> Result<String, EngineError> {
        if asked.is_empty() {
            return Ok(spoken.first().cloned().unwrap_or_default());
        }
        if spoken.iter().any(|language| language == asked) {
            return Ok(asked.to_owned());
        }
        Err(self.refused("language", &format!("the voice {voice:?} does not speak {asked:?}")))
    }

    fn named(&self, name: &str) -> Option<&Speaker> {
        self.speakers.iter().find(|speaker| speaker.name == name)
    }

    /// The voice of this name, and its name at the server. `name#12` and mixes keep what follows the first name.
    fn find(&self, asked: &str) -> Option<(&Speaker, String)> {
        if let Some(speaker) = self.named(asked) {
            return Some((speaker, speaker.id.clone()));
        }
        let (first, _) = asked.split_once(['+', '(', '#'])?;
        let speaker = self.named(first.trim())?;
        let rest = asked.strip_prefix(first).unwrap_or_default();
        Some((speaker, format!("{}{rest}", speaker.id)))
    }

    fn refused(&self, field: &str, why: &str) -> EngineError {
        let section = &self.section;
        EngineError::Invalid(format!(
            "{field}: {why}; available: {}. More are named in {section}.speakers, languages of unknown voices in \
             {section}.languages",
            self.available()
        ))
    }

    fn available(&self) -> String {
        let name = |speaker: &Speaker| match speaker.languages.as_slice() {
            [] => speaker.name.clone(),
            [one] => format!("{} ({one})", speaker.name),
            [one, ..] => format!("{} ({one} and others)", speaker.name),
        };
        let mut names: Vec<String> = self.usable().map(name).collect();
        let more = names.len().saturating_sub(MOST_NAMES);
        names.truncate(MOST_NAMES);
        if more > 0 {
            names.push(format!("and {more} more"));
        } else if names.is_empty() {
            names.push("none that is known".into());
        }
        names.join(", ")
    }
}

/// The language of a code that may have a region: "en" for "en_US".
fn primary(language: &str) -> String {
    language.split(['-', '_']).next().unwrap_or_default().to_lowercase()
}

#[cfg(test)]
mod tests;
