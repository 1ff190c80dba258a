//! The one thread on which espeak-ng and the voices run: it loads them, then speaks part after part, always for the
//! most urgent job.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Instant;

use anyhow::ensure;
use ort::session::RunOptions;
use tonic::Status;
use visavis_proto::state::{EngineState, Outcome};
use visavis_proto::v1::{self, HealthReply, SpeechPart};

use crate::espeak::Espeak;
use crate::job::Job;
use crate::piper::Voice;
use crate::queue::{Entry, Queue};
use crate::runtime::Runtime;
use crate::say::say;
use crate::sound::{excess_lead, gain, pcm16};
use crate::split::halves;
use crate::text::{Part, parts};
use crate::utterance::{SpokenClause, Utterance, ends};
use crate::words::words;

/// Spoken before the first request, since the first run of a network is slow; its level sets the voice's.
const WARM_UP: &str = "The quick brown fox jumps over the lazy dog, and then it rests. How are you today?";

/// Most symbols of IPA, stress marks and spaces among them, in one run of the network: about twenty seconds of speech. What
/// is longer would keep other requests waiting, and the network's memory grows with the square of it.
const LONGEST_RUN: usize = 300;

/// What the command line says of the voices.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    /// Piper's .onnx files, the first of a language before the others.
    pub(crate) voices: Vec<PathBuf>,
    /// libonnxruntime.so
    pub(crate) onnxruntime: PathBuf,
    /// Folder that holds espeak-ng-data.
    pub(crate) espeak_data: Option<PathBuf>,
    /// Threads of one synthesis.
    pub(crate) threads: usize,
}

/// Loads the voices, tells the state how that went, then works until the queue is closed.
pub(crate) fn run(
    options: &Options,
    state: &EngineState,
    queue: &Queue<Job>,
    installed: &OnceLock<Vec<v1::Voice>>,
) {
    let start = Instant::now();
    let loaded = catch_unwind(AssertUnwindSafe(|| Speaker::load(options))).unwrap_or_else(|_| {
        Err(anyhow::anyhow!("the voices cannot be loaded: the loader panicked, see the log"))
    });
    let mut speaker = match loaded {
        Ok(speaker) => speaker,
        Err(error) => {
            tracing::error!("{error:#}");
            return state.set_failed(format!("{error:#}"));
        }
    };
    tracing::info!(ms = start.elapsed().as_millis(), voices = speaker.voices.len(), "ready");
    _ = installed.set(speaker.voices.iter().map(|(voice, _)| describe(voice)).collect());
    state.set_ready(speaker.about(options));
    while let Some(entry) = queue.pop() {
        if let Some(entry) = step(&mut speaker, state, entry) {
            queue.put_back(entry);
        }
    }
}

/// Speaks the next part of a job; gives the job back when there is more to speak.
fn step(speaker: &mut Speaker, state: &EngineState, mut entry: Entry<Job>) -> Option<Entry<Job>> {
    let job = &mut entry.job;
    if job.stop.is_stopped() {
        return None;
    }
    job.ticket.start();
    let begun = Instant::now();
    let work = state.step();
    let spoken = catch_unwind(AssertUnwindSafe(|| speaker.speak_next(job)))
        .unwrap_or_else(|_| Err(anyhow::anyhow!("the synthesis panicked, see the log")));
    drop(work);
    job.next += 1;
    let last = job.next == job.parts.len();
    match spoken {
        _ if job.stop.is_stopped() => None,
        Ok(mut part) => {
            state.add_units(part.audio.len() as u64 / 2);
            part.last = last;
            part.synthesis_ms = u32::try_from(begun.elapsed().as_millis()).unwrap_or(u32::MAX);
            if !last {
                return entry.job.sender.try_send(Ok(part)).is_ok().then_some(entry);
            }
            // The counters are right before the caller knows that all is done.
            let Job { sender, ticket, .. } = entry.job;
            ticket.end(Outcome::Done);
            _ = sender.try_send(Ok(part));
            None
        }
        Err(error) => {
            tracing::error!("a part could not be spoken: {error:#}");
            let Job { sender, ticket, .. } = entry.job;
            ticket.end(Outcome::Failed);
            _ = sender.try_send(Err(Status::internal(format!("the text could not be spoken: {error:#}"))));
            None
        }
    }
}

fn describe(voice: &Voice) -> v1::Voice {
    v1::Voice {
        name: voice.name.clone(),
        language: voice.language.clone(),
        locale: voice.locale.clone(),
        sample_rate: voice.sample_rate,
    }
}

/// espeak-ng and the voices, each with the factor that brings it to the common level.
struct Speaker {
    espeak: Espeak,
    voices: Vec<(Voice, f32)>,
}

impl Speaker {
    fn load(options: &Options) -> anyhow::Result<Self> {
        let mut espeak = Espeak::start(options.espeak_data.as_deref())?;
        let runtime = Runtime::load(&options.onnxruntime, options.threads)?;
        let mut voices: Vec<(Voice, f32)> = Vec::new();
        for path in &options.voices {
            let mut voice = Voice::load(&runtime, path)?;
            ensure!(
                voices.iter().all(|(other, _)| other.name != voice.name),
                "--voice: two voices have the file name {:?}; rename one",
                voice.name
            );
            espeak.select(&voice.espeak)?;
            let [part] = &parts(WARM_UP)[..1] else { unreachable!("every text has a part") };
            let utterance = Utterance::new(&clauses(&mut espeak, WARM_UP, part), &voice.map);
            let sound = voice.speak(&utterance.ids, 1.0, &RunOptions::new()?)?;
            let gain = gain(&sound.samples);
            voices.push((voice, gain));
        }
        Ok(Self { espeak, voices })
    }

    fn about(&self, options: &Options) -> HealthReply {
        let mut languages: Vec<String> =
            self.voices.iter().map(|(voice, _)| voice.language.clone()).collect();
        languages.sort();
        languages.dedup();
        HealthReply {
            model: options
                .voices
                .first()
                .and_then(|path| path.file_name())
                .unwrap_or_default()
                .to_string_lossy()
                .into(),
            device: self.voices.first().map_or("cpu", |(voice, _)| voice.device).to_owned(),
            threads: u32::try_from(options.threads).unwrap_or(u32::MAX),
            languages,
            ..HealthReply::default()
        }
    }

    fn speak_next(&mut self, job: &mut Job) -> anyhow::Result<SpeechPart> {
        let (voice, gain) = &mut self.voices[job.voice];
        self.espeak.select(&voice.espeak)?;
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
        let utterance = Utterance::new(&clauses, &voice.map);
        let mut samples = Vec::new();
        let mut frames = None;
        if !utterance.is_silent() {
            let sound = voice.speak(&utterance.ids, job.speed, &job.stop.run)?;
            (samples, frames) = (sound.samples, sound.frames);
        }
        let (ends, measured) = ends(utterance.ids.len(), frames.as_deref(), samples.len());
        let cut = if job.next == 0 { excess_lead(&samples, *gain, voice.sample_rate) } else { 0 };
        let ends: Vec<u64> = ends.into_iter().map(|end| end.saturating_sub(cut as u64)).collect();
        let (words, phonemes) = utterance.timed(&job.text, &ends);
        Ok(SpeechPart {
            sample_rate: voice.sample_rate,
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
