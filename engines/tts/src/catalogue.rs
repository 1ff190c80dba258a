//! The installed models and the voices that requests can name: one for each speaker of a model, and mixes of them.

use anyhow::ensure;
use visavis_proto::v1;

use crate::acoustic::{Card, Facts, ModelFiles, Share, Speaker};
use crate::mix;

/// Models and voices; models are referred to by their index.
#[derive(Debug, Default)]
pub(crate) struct Catalogue {
    cards: Vec<Card>,
    listed: Vec<Listed>,
}

/// A voice without mixing: a speaker of a model.
#[derive(Debug, Clone, Copy)]
struct Listed {
    model: usize,
    speaker: usize,
}

/// What a request is spoken with: a speaker of a model, or a mix of several.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Voice {
    /// Index among the models.
    pub(crate) model: usize,
    /// At least one; the first speaker decides on the accent.
    pub(crate) shares: Vec<Share>,
}

impl Catalogue {
    /// Reads the descriptions of the models, without loading them.
    pub(crate) fn read(models: &[ModelFiles]) -> anyhow::Result<Self> {
        let mut catalogue = Self::default();
        for files in models {
            catalogue.add(Card::read(files)?)?;
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
            self.listed.push(Listed { model, speaker });
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

    /// A voice by its index among [`Self::speakers`].
    pub(crate) fn voice(&self, index: usize) -> Voice {
        let Listed { model, speaker } = self.listed[index];
        Voice { model, shares: vec![Share::whole(speaker)] }
    }

    /// The voice, or the mix, of this name; the error says what is wrong.
    pub(crate) fn named(&self, name: &str) -> Result<Voice, String> {
        match self.find(name) {
            Some(Listed { model, speaker }) => Ok(Voice { model, shares: vec![Share::whole(speaker)] }),
            None if mix::is_mix(name) => self.mixed(name),
            None => Err(format!("{name:?} is not installed")),
        }
    }

    fn mixed(&self, name: &str) -> Result<Voice, String> {
        let ingredients = mix::parse(name)?;
        let find = |part: &mix::Ingredient| {
            self.find(&part.name).ok_or_else(|| format!("{:?} of {name:?} is not installed", part.name))
        };
        let parts: Vec<Listed> = ingredients.iter().map(find).collect::<Result<_, _>>()?;
        let [first, ..] = parts.as_slice() else { return Err(format!("{name:?} names no voice")) };
        let facts = self.facts(first.model);
        let language = |part: &Listed| self.facts(part.model).speakers[part.speaker].language.as_str();
        if parts.iter().any(|part| part.model != first.model) || (parts.len() > 1 && !facts.mixes) {
            return Err(format!("the voices of {name:?} cannot be mixed; mix voices of one Kokoro model"));
        }
        if parts.iter().any(|part| language(part) != language(first)) {
            return Err(format!("the voices of {name:?} differ in language; mix voices of one language"));
        }
        let sum: f32 = ingredients.iter().map(|part| part.weight).sum();
        let share = |(part, ingredient): (&Listed, &mix::Ingredient)| Share {
            speaker: part.speaker,
            weight: ingredient.weight / sum,
        };
        Ok(Voice { model: first.model, shares: parts.iter().zip(&ingredients).map(share).collect() })
    }

    fn find(&self, name: &str) -> Option<Listed> {
        let index = self.speakers().position(|speaker| speaker.name == name)?;
        Some(self.listed[index])
    }

    /// The first speaker of a voice.
    pub(crate) fn speaker(&self, voice: &Voice) -> &Speaker {
        &self.facts(voice.model).speakers[voice.first()]
    }

    /// The voices as the service reports them.
    pub(crate) fn voices(&self) -> Vec<v1::Voice> {
        let describe = |&Listed { model, speaker }: &Listed| {
            let facts = self.facts(model);
            let Speaker { name, language, locale, .. } = &facts.speakers[speaker];
            v1::Voice {
                name: name.clone(),
                language: language.clone(),
                locale: locale.clone(),
                sample_rate: facts.sample_rate,
            }
        };
        self.listed.iter().map(describe).collect()
    }

    /// The voices' languages, in alphabetical order.
    pub(crate) fn languages(&self) -> Vec<String> {
        let mut languages: Vec<String> = self.speakers().map(|speaker| speaker.language.clone()).collect();
        languages.sort();
        languages.dedup();
        languages
    }

    /// The speakers of all models, in the order of the voices.
    pub(crate) fn speakers(&self) -> impl Iterator<Item = &Speaker> {
        self.cards.iter().flat_map(|card| &card.facts.speakers)
    }
}

impl Voice {
    /// The index of the speaker whose language the voice speaks.
    pub(crate) fn first(&self) -> usize {
        self.shares.first().map_or(0, |share| share.speaker)
    }
}

#[cfg(test)]
#[path = "catalogue_tests.rs"]
pub(crate) mod tests;
