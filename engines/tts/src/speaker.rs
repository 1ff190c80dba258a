//! Speaks the parts of a job: espeak-ng and the voices that are loaded.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use visavis_proto::v1::SpeechPart;

use crate::espeak::Espeak;
use crate::job::Job;
use crate::loader::Ready;
use crate::piper::Card;
use crate::say::say;
use crate::sound::{excess_lead, pcm16};
use crate::split::halves;
use crate::text::{Part, parts};
use crate::utterance::{SpokenClause, Utterance, ends};
use crate::words::words;

/// Most symbols of IPA, stress marks and spaces among them, in one run of the network: about twenty seconds of speech. What
/// is longer would keep other requests waiting, and the network's memory grows with the square of it.
const LONGEST_RUN: usize = 300;

/// A voice's place.
enum Place {
    /// It is not loaded yet.
    Empty,
    Filled(Box<Ready>),
    /// It cannot be loaded, and why.
    Broken(String),
}

/// espeak-ng and the voices.
pub(crate) struct Speaker {
    espeak: Espeak,
    cards: Arc<[Card]>,
    places: Vec<Place>,
}

impl Speaker {
    /// With no voice loaded.
    pub(crate) fn new(espeak_data: Option<&Path>, cards: Arc<[Card]>) -> anyhow::Result<Self> {
        let places = cards.iter().map(|_| Place::Empty).collect();
        Ok(Self { espeak: Espeak::start(espeak_data)?, cards, places })
    }

    /// A text's first part in each voice's phoneme ids.
    pub(crate) fn ids(&mut self, text: &str) -> anyhow::Result<Vec<Vec<i64>>> {
        let [part, ..] = &parts(text)[..] else { bail!("every text has a part") };
        let mut all = Vec::new();
        for card in self.cards.iter() {
            self.espeak.select(&card.espeak)?;
            all.push(Utterance::new(&clauses(&mut self.espeak, text, part), &card.map).ids);
        }
        Ok(all)
    }

    /// Gives a voice its place.
    pub(crate) fn install(&mut self, voice: usize, outcome: Result<Ready, String>) {
        self.places[voice] = match outcome {
            Ok(ready) => Place::Filled(Box::new(ready)),
            Err(why) => Place::Broken(why),
        };
    }

    /// Whether a job in this voice need not wait.
    pub(crate) fn is_settled(&self, voice: usize) -> bool {
        !matches!(self.places[voice], Place::Empty)
    }

    /// Speaks the next part of a job.
    pub(crate) fn speak_next(&mut self, job: &mut Job) -> anyhow::Result<SpeechPart> {
        let card = &self.cards[job.voice];
        let Ready { voice, gain } = match &mut self.places[job.voice] {
            Place::Filled(ready) => ready.as_mut(),
            Place::Broken(why) => bail!("{why}"),
            Place::Empty => bail!("its voice is not loaded"),
        };
        self.espeak.select(&card.espeak)?;
        let clauses = loop {
            let part = &job.parts[job.next];
            let clauses = clauses(&mut self.espeak, &job.text, part);
            if clauses.iter().map(|clause| clause.ipa.chars().count()).sum::<usize>() <= LONGEST_RUN {
                break clauses;
            }
            let Some(halves) = halves(&job.text, part) else { break clauses };
            job.parts.splice(job.next..=job.next, halves);
        };
        let part = &job.parts[job.next];
        let utterance = Utterance::new(&clauses, &card.map);
        let mut samples = Vec::new();
        let mut frames = None;
        if !utterance.is_silent() {
            let sound = voice.speak(card, &utterance.ids, job.speed, job.stop.run()?);
            let sound = sound.context("the voice's network failed")?;
            (samples, frames) = (sound.samples, sound.frames);
        }
        let (ends, measured) = ends(utterance.ids.len(), frames.as_deref(), samples.len());
        let cut = if job.next == 0 { excess_lead(&samples, *gain, card.sample_rate) } else { 0 };
        let ends: Vec<u64> = ends.into_iter().map(|end| end.saturating_sub(cut as u64)).collect();
        let (words, phonemes) = utterance.timed(&job.text, &ends);
        Ok(SpeechPart {
            sample_rate: card.sample_rate,
            audio: pcm16(&samples[cut..], *gain),
            words,
            phonemes,
            text: job.text[part.range.clone()].to_owned(),
            measured,
            ..SpeechPart::default()
        })
    }
}

/// A part's clauses in phonemes, by the espeak-ng voice that is selected.
fn clauses(espeak: &mut Espeak, text: &str, part: &Part) -> Vec<SpokenClause> {
    part.clauses
        .iter()
        .map(|clause| {
            let said = say(text, clause.range.clone(), &words(text, clause.range.clone()));
            SpokenClause {
                ipa: espeak.phonemes(&said.text),
                words: said.words.into_iter().map(|(range, word)| (range, espeak.phonemes(&word))).collect(),
                mark: clause.mark,
            }
        })
        .collect()
}
