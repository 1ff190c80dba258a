//! The installed models and the voices that requests can name: one for each speaker of a model.

use std::path::PathBuf;

use anyhow::ensure;
use visavis_proto::v1;

use crate::acoustic::{Card, Facts, Speaker};

/// Models and voices, referred to by their index.
#[derive(Debug, Default)]
pub(crate) struct Catalogue {
    cards: Vec<Card>,
    voices: Vec<Voice>,
}

/// A voice: a speaker of a model.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Voice {
    /// Index among the models.
    pub(crate) model: usize,
    /// Index among the model's speakers.
    pub(crate) speaker: usize,
}

impl Catalogue {
    /// Reads the descriptions of the models, without loading them.
    pub(crate) fn read(paths: &[PathBuf]) -> anyhow::Result<Self> {
        let mut catalogue = Self::default();
        for path in paths {
            catalogue.add(Card::read(path)?)?;
        }
        Ok(catalogue)
    }

    fn add(&mut self, card: Card) -> anyhow::Result<()> {
        let model = self.cards.len();
        for (speaker, new) in card.facts.speakers.iter().enumerate() {
            ensure!(
                self.speakers().all(|other| other.name != new.name),
                "--voice: two voices have the file name {:?}; rename one",
                new.name
            );
            self.voices.push(Voice { model, speaker });
        }
        self.cards.push(card);
        Ok(())
    }

    /// The models.
    pub(crate) fn cards(&self) -> &[Card] {
        &self.cards
    }

    /// What is known of a model.
    pub(crate) fn facts(&self, model: usize) -> &Facts {
        &self.cards[model].facts
    }

    /// A voice by its index.
    pub(crate) fn voice(&self, index: usize) -> Voice {
        self.voices[index]
    }

    /// The voices as the service reports them.
    pub(crate) fn voices(&self) -> Vec<v1::Voice> {
        let describe = |&Voice { model, speaker }: &Voice| {
            let facts = self.facts(model);
            let Speaker { name, language, locale, .. } = &facts.speakers[speaker];
            v1::Voice {
                name: name.clone(),
                language: language.clone(),
                locale: locale.clone(),
                sample_rate: facts.sample_rate,
            }
        };
        self.voices.iter().map(describe).collect()
    }

    /// The voices' languages, in alphabetical order.
    pub(crate) fn languages(&self) -> Vec<String> {
        let mut languages: Vec<String> = self.speakers().map(|speaker| speaker.language.clone()).collect();
        languages.sort();
        languages.dedup();
        languages
    }

    fn speakers(&self) -> impl Iterator<Item = &Speaker> {
        self.cards.iter().flat_map(|card| &card.facts.speakers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn card(names: &[(&str, &str)]) -> Card {
        let speaker = |&(name, language): &(&str, &str)| Speaker {
            name: name.to_owned(),
            language: language.to_owned(),
            locale: language.to_owned(),
            espeak: language.to_owned(),
        };
        Card::unloadable(names.iter().map(speaker).collect())
    }

    #[test]
    fn each_speaker_of_a_model_is_a_voice() {
        let mut catalogue = Catalogue::default();
        catalogue.add(card(&[("joe", "en")])).unwrap();
        catalogue.add(card(&[("eva", "de"), ("ann", "en")])).unwrap();
        let names: Vec<String> = catalogue.voices().into_iter().map(|voice| voice.name).collect();
        assert_eq!(names, ["joe", "eva", "ann"]);
        let Voice { model, speaker } = catalogue.voice(2);
        assert_eq!((model, speaker), (1, 1));
        assert_eq!(catalogue.languages(), ["de", "en"]);
    }

    #[test]
    fn duplicate_voice_names_are_refused() {
        let mut catalogue = Catalogue::default();
        catalogue.add(card(&[("joe", "en")])).unwrap();
        let refused = catalogue.add(card(&[("eva", "de"), ("joe", "de")])).unwrap_err().to_string();
        assert!(refused.contains("\"joe\"; rename one"), "{refused}");
    }
}
