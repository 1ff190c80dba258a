//! What is said in a recording, and when, by forced alignment: the words are recognised, synthesised by a voice that times its
//! sounds, and the synthesised speech is aligned with the recording. If any step fails, sounds are guessed from the audio.

use std::ops::Range;
use std::sync::Arc;

use futures_util::StreamExt;
use tokio::sync::mpsc;

use super::recording::sections;
use super::{Laid, Speaker, Spoken, SpokenSender, speak};
use crate::audio::resample::Resampler;
use crate::avatar::from_audio;
use crate::avatar::sound::Sound;
use crate::avatar::source::Source;
use crate::avatar::warp::{Speech, Warp};
use crate::engine::{EngineError, Stt, SttInput, SttRequest, SttStream, Tts};
use crate::frame::{
    CueTime, LanguageWeight, MIC_RATE, OUT_RATE, ResponseId, Sounds, SpeechChunk, Transcript, WordTime,
};

/// The engines used for forced alignment.
#[derive(Clone)]
pub struct Engines {
    /// Recognises the words.
    pub stt: Arc<dyn Stt>,
    /// Times their sounds.
    pub tts: Arc<dyn Tts>,
}

/// Finds what is said in `samples` at [`OUT_RATE`], section by section. `language`: ISO 639-1; empty: identify it. On failure
/// the last item is an error. Dropping the receiver stops the work.
pub fn recite(
    samples: Vec<i16>,
    language: String,
    engines: Engines,
) -> mpsc::Receiver<Result<Spoken, EngineError>> {
    let (out, parts) = mpsc::channel(1);
    let recital = Recital { language, likely: String::new(), engines };
    tokio::spawn(async move {
        tokio::select! {
            result = recital.run(samples, &out) => if let Err(error) = result {
                _ = out.send(Err(error)).await;
            },
            () = out.closed() => {}
        }
    });
    parts
}

struct Recital {
    language: String,
    /// The language heard last.
    likely: String,
    engines: Engines,
}

impl Recital {
    async fn run(mut self, samples: Vec<i16>, out: &SpokenSender) -> Result<(), EngineError> {
        // From the whole recording: a pause is defined relative to the voice's usual loudness.
        let (guessed, parts) = blocking(move || {
            let guessed = from_audio::sounds(&samples, OUT_RATE);
            (guessed, cut(samples))
        })
        .await?;
        let mut start = 0;
        for (samples, number) in parts.into_iter().zip(0_u32..) {
            let section = start..start + samples.len();
            start = section.end;
            let spoken = self.say(number, samples, section, &guessed).await?;
            if out.send(Ok(spoken)).await.is_err() {
                break;
            }
        }
        Ok(())
    }

    async fn say(
        &mut self,
        number: u32,
        samples: Vec<i16>,
        section: Range<usize>,
        all: &[Sound],
    ) -> Result<Spoken, EngineError> {
        let (start, end) = (seconds(section.start as u64), seconds(section.end as u64));
        let here = all.iter().filter(|sound| sound.start >= start && sound.start < end);
        let guessed: Vec<Sound> =
            here.map(|sound| Sound::new(&sound.symbol, sound.start - start, sound.end - start)).collect();
        let said = if guessed.is_empty() { None } else { self.said(&samples).await? };
        Ok(match said {
            Some(Said { text, guide, warp }) => guide.over(number, samples, text, &warp),
            // A silence: there was nothing to guess.
            None if guessed.is_empty() => spoken(chunk(number, samples), guessed, Source::Alignment),
            None => spoken(chunk(number, samples), guessed, Source::Audio),
        })
    }

    /// What is said in the samples; none if the engines do not know.
    async fn said(&mut self, samples: &[i16]) -> Result<Option<Said>, EngineError> {
        let heard = match self.hear(samples).await {
            Ok(heard) => heard,
            // An unknown language is the caller's mistake.
            Err(EngineError::Invalid(message)) if !self.language.is_empty() => {
                return Err(EngineError::Invalid(message.trim_start_matches("start.").into()));
            }
            Err(error) => return Ok(unknown("recognition", &error)),
        };
        if heard.text.is_empty() {
            return Ok(None);
        }
        self.likely.clone_from(&heard.language);
        if !self.engines.tts.capabilities().times_phonemes() {
            return Ok(None);
        }
        let guide = match Guide::of(&heard.text, &heard.language, self.engines.tts.clone()).await {
            Ok(guide) => guide,
            Err(error) => return Ok(unknown("the voice", &error)),
        };
        let recording = samples.to_vec();
        let (warp, guide) = blocking(move || {
            let guide_speech = Speech { samples: &guide.samples, rate: OUT_RATE };
            (Warp::between(guide_speech, Speech { samples: &recording, rate: OUT_RATE }), guide)
        })
        .await?;
        let misfit = warp.as_ref().map(|warp| warp.misfit);
        tracing::debug!(misfit, measured = guide.measured, "a recording was aligned with its words");
        Ok(warp.filter(|warp| warp.fits() && guide.measured).map(|warp| Said {
            text: heard.text,
            guide,
            warp,
        }))
    }

    async fn hear(&self, samples: &[i16]) -> Result<Transcript, EngineError> {
        let mut audio = Vec::new();
        let mut resampler = Resampler::new(OUT_RATE, MIC_RATE);
        resampler.push(samples, &mut audio);
        resampler.flush(&mut audio);
        let likely =
            (!self.likely.is_empty()).then(|| LanguageWeight { language: self.likely.clone(), weight: 1.0 });
        let expected = likely.into_iter().collect();
        let request = SttRequest {
            language: self.language.clone(),
            expected,
            ahead: true,
            waited: true,
            ..SttRequest::default()
        };
        let SttStream { input, mut output } = self.engines.stt.open(request).await?;
        let told = async {
            for piece in audio.chunks(MIC_RATE as usize) {
                if input.send(SttInput::Audio(piece.to_vec())).await.is_err() {
                    return;
                }
            }
            _ = input
                .send(SttInput::Decode { number: 1, last: true, stable: String::new(), phrases: Vec::new() })
                .await;
        };
        let (response, ()) = tokio::join!(output.next(), told);
        let ended = || EngineError::Failed("recognition ended without a result".into());
        Ok(response.ok_or_else(ended)??.words)
    }
}

/// The sections of a recording, each in its own allocation, which is freed once it has been processed.
fn cut(mut samples: Vec<i16>) -> Vec<Vec<i16>> {
    let mut parts: Vec<Vec<i16>> = Vec::new();
    for section in sections(&samples).into_iter().rev() {
        parts.push(samples.split_off(section.start));
        samples.shrink_to_fit();
    }
    parts.reverse();
    parts
}

fn unknown<T>(who: &str, error: &EngineError) -> Option<T> {
    tracing::warn!(%error, "{who} failed on a recording; its sounds are guessed");
    None
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, EngineError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| EngineError::Failed(error.to_string()))
}

/// What is said in a section.
struct Said {
    text: String,
    guide: Guide,
    /// The alignment of the guide with the section.
    warp: Warp,
}

/// The recording's words as the voice says them, to align with.
struct Guide {
    samples: Vec<i16>,
    words: Vec<WordTime>,
    sounds: Vec<Sound>,
    cues: Vec<CueTime>,
    measured: bool,
}

impl Guide {
    async fn of(text: &str, language: &str, tts: Arc<dyn Tts>) -> Result<Self, EngineError> {
        let speaker = Speaker { language: language.into(), ..Speaker::default() };
        let mut guide = Self { samples: vec![], words: vec![], sounds: vec![], cues: vec![], measured: true };
        let mut parts = speak(text, speaker, tts);
        while let Some(part) = parts.recv().await {
            let SpeechChunk { samples, words, sounds, cues, .. } = part?.chunk;
            let offset = guide.samples.len() as u64;
            let later =
                |time: WordTime| WordTime { start: offset + time.start, end: offset + time.end, ..time };
            guide.words.extend(words.into_iter().map(later));
            guide.sounds.extend(
                sounds
                    .times
                    .into_iter()
                    .map(later)
                    .map(|time| Sound::new(&time.text, seconds(time.start), seconds(time.end))),
            );
            guide.cues.extend(cues.into_iter().map(|due| CueTime { at: offset + due.at, ..due }));
            guide.measured &= sounds.measured || samples.is_empty();
            guide.samples.extend(samples);
        }
        Ok(guide)
    }

    fn over(self, number: u32, samples: Vec<i16>, text: String, warp: &Warp) -> Spoken {
        let most = samples.len() as u64;
        let moved = |start: u64, end: u64| {
            let (from, to) = warp.span(seconds(start), seconds(end));
            let sample = |at: f64| ((at * f64::from(OUT_RATE)) as u64).min(most);
            (sample(from), sample(to))
        };
        let word = |word: WordTime| {
            let (start, end) = moved(word.start, word.end);
            WordTime { start, end, ..word }
        };
        let chunk = SpeechChunk {
            text: Some(text),
            words: self.words.into_iter().map(word).collect(),
            cues: self
                .cues
                .into_iter()
                .map(|due| CueTime { at: moved(due.at, due.at + 1).0, ..due })
                .collect(),
            ..chunk(number, samples)
        };
        spoken(chunk, warp.sounds(&self.sounds), Source::Alignment)
    }
}

fn spoken(chunk: SpeechChunk, sounds: Vec<Sound>, source: Source) -> Spoken {
    Spoken { chunk, laid: Some(Laid { sounds, source }) }
}

fn chunk(segment: u32, samples: Vec<i16>) -> SpeechChunk {
    SpeechChunk {
        response: ResponseId(1),
        segment,
        text: None,
        samples,
        words: Vec::new(),
        sounds: Sounds::default(),
        cues: Vec::new(),
        last: false,
    }
}

fn seconds(samples: u64) -> f64 {
    samples as f64 / f64::from(OUT_RATE)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use visavis_scripted::{ScriptedStt, ScriptedTts};

    use super::*;

    #[test]
    fn a_recording_is_cut_without_losing_a_sample() {
        let samples: Vec<i16> = (0..100 * OUT_RATE).map(|at| (at % 30_011) as i16).collect();
        let parts = cut(samples.clone());
        assert!(parts.len() > 3 && parts.concat() == samples);
        assert!(cut(Vec::new()).is_empty());
    }

    #[tokio::test]
    async fn recognition_stops_when_nobody_waits_for_the_recording() {
        let stt = Arc::new(ScriptedStt::default());
        let samples = (0..200 * OUT_RATE).map(|at| if at / 60 % 2 == 0 { 9000 } else { -9000 }).collect();
        let engines = Engines { stt: stt.clone(), tts: Arc::new(ScriptedTts::default()) };
        let mut parts = recite(samples, "en".into(), engines);
        parts.recv().await.unwrap().unwrap();
        drop(parts);
        while Arc::strong_count(&stt) > 1 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        // The first, one that was ready, one in progress.
        let heard = stt.utterances().len();
        assert!((1..=3).contains(&heard), "{heard} sections");
    }
}
