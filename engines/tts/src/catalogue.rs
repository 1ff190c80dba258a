//! The installed models and the voices that requests can name: one for each listed speaker of a model, the numbered speakers of
//! one that has many, and mixes.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::ensure;
use visavis_proto::v1;

use crate::acoustic::{Card, Facts, ModelFiles, Share, Speaker};
use crate::mix;

/// Models and voices; models are referred to by their index.
#[derive(Debug, Default)]
pub(crate) struct Catalogue {
    cards: Vec<Card>,
    listed: Vec<Listed>,
    /// This many models, the first ones, are required; without one of them the engine fails.
    required: usize,
    /// For each model, whether it turned out to be unusable; its voices are then removed.
    unusable: Vec<AtomicBool>,
}

/// A voice without mixing: a speaker of a model.
#[derive(Debug, Clone, Copy)]
struct Listed {
    model: usize,
    speaker: usize,
}

/// The voice of a request: a speaker of a model, or a mix of several.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Voice {
    /// Index among the models.
    pub(crate) model: usize,
    /// At least one; the first speaker decides on the accent.
    pub(crate) shares: Vec<Share>,
}

impl Catalogue {
    /// Reads the descriptions of the models, without loading them. Unreadable ones among `more` are left out.
    pub(crate) fn read(models: &[ModelFiles], more: &[ModelFiles]) -> anyhow::Result<Self> {
        let mut catalogue = Self::default();
        for files in models {
            catalogue.add(Card::read(files)?)?;
        }
        catalogue.required = catalogue.cards.len();
        for files in more {
            if let Err(error) = Card::read(files).and_then(|card| catalogue.add(card)) {
                tracing::warn!("{} is left out: {error:#}", files.model.display());
            }
        }
        Ok(catalogue)
    }

    fn add(&mut self, card: Card) -> anyhow::Result<()> {
        let model = self.cards.len();
        for new in &card.facts.speakers {
            ensure!(
                self.speakers().all(|other| other.name != new.name),
                "two voices are called {:?}; rename the files of one",
                new.name
            );
        }
        let speakers = 0..card.facts.speakers.len();
        self.listed.extend(speakers.map(|speaker| Listed { model, speaker }));
        self.unusable.push(AtomicBool::new(false));
        self.cards.push(card);
        Ok(())
    }

    /// Whether a model is required.
    pub(crate) fn is_required(&self, model: usize) -> bool {
        model < self.required
    }

    /// Removes the voices of a model that turned out to be unusable; `why` is logged the first time.
    pub(crate) fn leave_out(&self, model: usize, why: &str) {
        if !self.unusable[model].swap(true, Ordering::Relaxed) {
            tracing::warn!("{} is left out: {why}", self.facts(model).name);
        }
    }

    fn is_usable(&self, model: usize) -> bool {
        !self.unusable[model].load(Ordering::Relaxed)
    }

    /// The models.
    pub(crate) fn cards(&self) -> &[Card] {
        &self.cards
    }

    /// The facts about a model.
    pub(crate) fn facts(&self, model: usize) -> &Facts {
        &self.cards[model].facts
    }

    /// The first voice whose speaker fits.
    pub(crate) fn first(&self, fits: impl Fn(&Speaker) -> bool) -> Option<Voice> {
        self.usable().find(|listed| fits(self.listed_speaker(**listed))).map(|listed| listed.voice())
    }

    /// The default models, in loading order: that of the configured voice, otherwise that of the first voice of each language.
    pub(crate) fn defaults(&self, configured: Option<&Voice>) -> Vec<usize> {
        if let Some(voice) = configured {
            return vec![voice.model];
        }
        let (mut languages, mut models) = (Vec::new(), Vec::new());
        for listed in self.usable() {
            let language = self.listed_speaker(*listed).language.as_str();
            if !languages.contains(&language) {
                languages.push(language);
                models.push(listed.model);
            }
        }
        // A model may be the default of several languages.
        let mut seen = HashSet::new();
        models.retain(|model| seen.insert(*model));
        models
    }

    /// The voice, or the mix, of this name; the error says what is wrong.
    pub(crate) fn named(&self, name: &str) -> Result<Voice, String> {
        match self.find(name) {
            Ok(listed) => Ok(listed.voice()),
            Err(_) if mix::is_mix(name) => self.mixed(name),
            Err(why) => Err(format!("{name:?} {why}")),
        }
    }

    fn mixed(&self, name: &str) -> Result<Voice, String> {
        let ingredients = mix::parse(name)?;
        let find = |part: &mix::Ingredient| {
            self.find(&part.name).map_err(|why| format!("{:?} of {name:?} {why}", part.name))
        };
        let parts: Vec<Listed> = ingredients.iter().map(find).collect::<Result<_, _>>()?;
        let [first, ..] = parts.as_slice() else {
            return Err(format!("{name:?} is not the name of a voice"));
        };
        let facts = self.facts(first.model);
        let language = |part: &Listed| self.listed_speaker(*part).language.as_str();
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

    /// The voice of this name without mixing, including `voice#12` and `voice#NAME`; the error continues after the name.
    fn find(&self, name: &str) -> Result<Listed, String> {
        let listed = |name: &str| self.usable().find(|it| self.listed_speaker(**it).name == name).copied();
        if let Some(found) = listed(name) {
            return Ok(found);
        }
        let numbered = name.rsplit_once('#').and_then(|(voice, asked)| Some((listed(voice)?, asked)));
        let Some((first, asked)) = numbered else { return Err("is not installed".to_owned()) };
        let speakers = &self.facts(first.model).numbered;
        match speakers.find(asked) {
            Some(speaker) => Ok(Listed { speaker, ..first }),
            None if speakers.count() < 2 => Err("does not exist: the voice has one speaker".to_owned()),
            None => Err(format!("does not exist: the voice has speakers #0 to #{}", speakers.count() - 1)),
        }
    }

    /// The first speaker of a voice.
    pub(crate) fn speaker(&self, voice: &Voice) -> &Speaker {
        self.facts(voice.model).speaker(voice.first())
    }

    fn listed_speaker(&self, Listed { model, speaker }: Listed) -> &Speaker {
        self.facts(model).speaker(speaker)
    }

    fn usable(&self) -> impl Iterator<Item = &Listed> {
        self.listed.iter().filter(|listed| self.is_usable(listed.model))
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
                speakers: u32::try_from(facts.numbered.count()).unwrap_or(u32::MAX).max(1),
                source: facts.source.to_owned(),
                mixes: facts.mixes,
                version: self.cards[model].version.now(),
            }
        };
        self.usable().map(describe).collect()
    }

    /// The voices' languages, in alphabetical order.
    pub(crate) fn languages(&self) -> Vec<String> {
        let mut languages: Vec<String> = self.speakers().map(|speaker| speaker.language.clone()).collect();
        languages.sort();
        languages.dedup();
        languages
    }

    /// The listed speakers of all models, in the order of the voices.
    pub(crate) fn speakers(&self) -> impl Iterator<Item = &Speaker> {
        self.usable().map(|listed| self.listed_speaker(*listed))
    }
}

#[cfg(test)]
impl Catalogue {
    /// A voice by its index among [`Self::speakers`].
    pub(crate) fn voice(&self, index: usize) -> Voice {
        self.listed[index].voice()
    }
}

impl Listed {
    fn voice(self) -> Voice {
        Voice { model: self.model, shares: vec![Share::whole(self.speaker)] }
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
