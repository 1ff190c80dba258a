//! Speaks the parts of a job with espeak-ng and the loaded models.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use visavis_proto::v1::SpeechPart;

use crate::acoustic::{Durations, Input, Share, Sound};
use crate::catalogue::Catalogue;
use crate::espeak::Espeak;
use crate::job::Job;
use crate::loader::Ready;
use crate::request::fitting;
use crate::runtime::run_options;
use crate::say::say;
use crate::sound::{excess_lead, pcm16};
use crate::split::halves;
use crate::text::{Part, parts};
use crate::utterance::{SpokenClause, SpokenWord, Utterance};
use crate::words::words;

/// A run of more symbols may need much more memory than those of a call's usual segments.
const LARGE: usize = 120;
/// Most symbols of a run that leaves the cores to calls: one operation of a longer one, which nothing interrupts, could take more than 50 ms.
const LONGEST_BESIDE_CALLS: usize = 150;

/// The state of a model.
enum Slot {
    /// Not loaded yet, or dropped.
    Empty,
    Loaded(Box<Ready>),
    /// Could not be loaded, for this reason.
    Failed(String),
}

/// espeak-ng and the models.
pub(crate) struct Synthesizer {
    espeak: Espeak,
    catalogue: Arc<Catalogue>,
    slots: Vec<Slot>,
    /// Whether the last run was large.
    large: bool,
}

impl Synthesizer {
    /// A synthesizer without any loaded model.
    pub(crate) fn new(espeak_data: Option<&Path>, catalogue: Arc<Catalogue>) -> anyhow::Result<Self> {
        let slots = catalogue.cards().iter().map(|_| Slot::Empty).collect();
        Ok(Self { espeak: Espeak::start(espeak_data)?, catalogue, slots, large: false })
    }

    /// The symbols of a text's first part, for the first speaker of each model, or why espeak-ng cannot make them for an
    /// optional model.
    pub(crate) fn symbols(&mut self, text: &str) -> anyhow::Result<Vec<Result<Vec<char>, String>>> {
        let [part, ..] = &parts(text)[..] else { bail!("every text has a part") };
        let mut all = Vec::new();
        for (model, card) in self.catalogue.cards().iter().enumerate() {
            let [first, ..] = &card.facts.speakers[..] else { bail!("every model has a speaker") };
            match self.espeak.select(&first.espeak) {
                Err(error) if self.catalogue.is_required(model) => return Err(error.into()),
                Err(error) => all.push(Err(error.to_string())),
                Ok(()) => {
                    let clauses = clauses(&mut self.espeak, text, part);
                    all.push(Ok(Utterance::new(&clauses, &card.facts.symbols).into_symbols()));
                }
            }
        }
        Ok(all)
    }

    /// Takes a model that was loaded, or the reason why it could not be.
    pub(crate) fn install(&mut self, model: usize, outcome: Result<Ready, String>) {
        self.slots[model] = match outcome {
            Ok(ready) => Slot::Loaded(Box::new(ready)),
            Err(why) => Slot::Failed(why),
        };
    }

    /// Removes a loaded model; jobs for it wait until it is installed again.
    pub(crate) fn unload(&mut self, model: usize) -> Option<Ready> {
        let slot = &mut self.slots[model];
        match std::mem::replace(slot, Slot::Empty) {
            Slot::Loaded(ready) => Some(*ready),
            other => {
                *slot = other;
                None
            }
        }
    }

    /// Whether the last part, spoken or not, may have needed much memory.
    pub(crate) fn was_large(&self) -> bool {
        self.large
    }

    /// Gives back the memory that a model's large runs needed, by a run of one symbol: a run cannot give back the block of
    /// memory that contains its own output.
    pub(crate) fn trim(&mut self, model: usize) -> anyhow::Result<()> {
        let Slot::Loaded(ready) = &mut self.slots[model] else { return Ok(()) };
        let facts = ready.model.facts().clone();
        let Some(sound) = facts.symbols.iter().copied().filter(|c| c.is_alphabetic()).min() else {
            return Ok(());
        };
        let input = Input { symbols: &[sound], shares: &[Share::whole(0)], speed: 1.0 };
        ready.model.speak(&input, &run_options(true)?)?;
        Ok(())
    }

    /// Whether jobs for this model need not wait any longer.
    pub(crate) fn is_settled(&self, model: usize) -> bool {
        !matches!(self.slots[model], Slot::Empty)
    }

    /// Speaks the next part of a job.
    pub(crate) fn speak_next(&mut self, job: &mut Job) -> anyhow::Result<SpeechPart> {
        let Ready { model, levels } = match &mut self.slots[job.voice.model] {
            Slot::Loaded(ready) => ready.as_mut(),
            Slot::Failed(why) => bail!("{why}"),
            Slot::Empty => bail!("its voice is not loaded"),
        };
        let facts = model.facts().clone();
        self.espeak.select(&facts.speaker(job.voice.first()).espeak)?;
        // A run ends early between two of its operations only.
        let most =
            if job.gentle { facts.longest_input.min(LONGEST_BESIDE_CALLS) } else { facts.longest_input };
        let longest = fitting(most, job.speed);
        let clauses = next_clauses(&mut self.espeak, job, longest);
        let part = &job.parts[job.next];
        let utterance = Utterance::new(&clauses, &facts.symbols);
        let symbols = utterance.symbols();
        self.large = symbols.len() > fitting(LARGE, job.speed);
        let sound = if utterance.is_silent() {
            Sound { samples: Vec::new(), durations: Durations::silent(symbols.len()) }
        } else {
            let input = Input { symbols, shares: &job.voice.shares, speed: job.speed };
            let spoken = model.speak(&input, job.stop.run()?);
            spoken.context("the voice's network failed")?
        };
        let gain = levels.of(&job.voice.shares, &sound.samples);
        let cut = if job.next == 0 { excess_lead(&sound.samples, gain, facts.sample_rate) } else { 0 };
        let (words, phonemes) = utterance.timed(&job.text, &sound.durations.borders(cut as u64));
        Ok(SpeechPart {
            sample_rate: facts.sample_rate,
            audio: pcm16(&sound.samples[cut..], gain),
            words,
            phonemes,
            text: job.text[part.range.clone()].to_owned(),
            measured: sound.durations.measured,
            ..SpeechPart::default()
        })
    }
}

/// The clauses of a job's next part, which is halved until its IPA fits one run.
fn next_clauses(espeak: &mut Espeak, job: &mut Job, longest: usize) -> Vec<SpokenClause> {
    loop {
        let part = &job.parts[job.next];
        let clauses = clauses(espeak, &job.text, part);
        if clauses.iter().map(|clause| clause.ipa.chars().count()).sum::<usize>() <= longest {
            break clauses;
        }
        let Some(halves) = halves(&job.text, part) else { break clauses };
        job.parts.splice(job.next..=job.next, halves);
    }
}

/// A part's clauses in phonemes, spoken by the selected espeak-ng voice.
fn clauses(espeak: &mut Espeak, text: &str, part: &Part) -> Vec<SpokenClause> {
    part.clauses
        .iter()
        .map(|clause| {
            let said = say(text, clause.range.clone(), &words(text, clause.range.clone()));
            let ipa = espeak.phonemes(&said.text);
            let alone = said.words.into_iter();
            let words = alone
                .map(|word| SpokenWord { range: word.range, ipa: espeak.phonemes(&word.read) })
                .collect();
            SpokenClause { ipa, words, mark: clause.mark }
        })
        .collect()
}
