//! One sentence, spoken and recognised, as in a call but without its pipeline.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use futures_util::StreamExt;
use serde::Serialize;

use visavis_core::avatar::sound::Sound;
use visavis_core::frame::{MIC_RATE, WordTime};
use visavis_engine::{Stt, SttInput, SttRequest, SttStream, Tts, TtsRequest, Voice};
use visavis_media::audio::resample::Resampler;
use visavis_text::speakable::{locale, speakable};

/// Samples sent to recognition at a time: 4 s.
const PIECE: usize = 64_000;

/// A word of the spoken text and its time in seconds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Word {
    pub(super) word: String,
    pub(super) start: f64,
    pub(super) end: f64,
}

/// A text as spoken by the engine.
#[derive(Debug, Clone, Default)]
pub(super) struct Spoken {
    /// The text that the engine was given.
    pub(super) text: String,
    pub(super) rate: u32,
    pub(super) samples: Vec<i16>,
    pub(super) words: Vec<Word>,
    pub(super) sounds: Vec<Sound>,
    /// The times of the sounds are the voice's own.
    pub(super) measured: bool,
    /// Until the first sound came.
    pub(super) first: Duration,
    /// Until the last sound came.
    pub(super) whole: Duration,
}

impl Spoken {
    /// Its length.
    pub(super) fn seconds(&self) -> f64 {
        self.samples.len() as f64 / f64::from(self.rate.max(1))
    }

    /// Its samples at the recogniser's rate.
    pub(super) fn for_recognition(&self) -> Vec<i16> {
        let mut out = Vec::new();
        let mut resampler = Resampler::new(self.rate, MIC_RATE);
        resampler.push(&self.samples, &mut out);
        resampler.flush(&mut out);
        out
    }
}

/// Speaks a text in one request, normalised as in a call.
///
/// # Errors
/// When the engine fails or there is no sound.
pub(super) async fn speak(tts: &dyn Tts, voice: &Voice, text: &str) -> anyhow::Result<Spoken> {
    let text = speakable(text, &locale(&voice.language, &voice.name)).text;
    let request = TtsRequest {
        text: text.clone(),
        voice: voice.name.clone(),
        language: voice.language.clone(),
        ..Default::default()
    };
    let begun = Instant::now();
    let mut parts = tts.synthesize(request).await?;
    let mut spoken = Spoken { text, measured: true, ..Spoken::default() };
    while let Some(part) = parts.next().await {
        let part = part?;
        spoken.whole = begun.elapsed();
        if spoken.samples.is_empty() {
            spoken.first = spoken.whole;
        }
        let (before, rate) = (spoken.samples.len() as f64, f64::from(part.rate.max(1)));
        let second = |sample: u64| (before + sample as f64) / rate;
        let word = |time: &WordTime| Word {
            word: time.text.clone(),
            start: second(time.start),
            end: second(time.end),
        };
        spoken.words.extend(part.words.iter().map(word));
        let sound = |time: &WordTime| Sound::new(&time.text, second(time.start), second(time.end));
        spoken.sounds.extend(part.sounds.iter().map(sound));
        spoken.measured &= part.measured;
        spoken.rate = part.rate;
        spoken.samples.extend(part.samples);
    }
    ensure!(!spoken.samples.is_empty(), "{} made no sound for {:?}", voice.name, spoken.text);
    Ok(spoken)
}

/// What the recogniser hears in `samples`, which have its rate.
///
/// # Errors
/// When the engine fails.
pub(crate) async fn recognise(stt: &dyn Stt, samples: &[i16], language: &str) -> anyhow::Result<String> {
    let request = SttRequest { language: language.into(), ..SttRequest::default() };
    let SttStream { input, mut output } = stt.open(request).await?;
    let feed = async {
        for piece in samples.chunks(PIECE) {
            input.send(SttInput::Audio(piece.to_vec())).await?;
        }
        let decode = SttInput::Decode { number: 1, last: true, stable: String::new(), phrases: Vec::new() };
        input.send(decode).await
    };
    // Audio is sent only while the transcripts are read, and an engine that refuses says why there.
    let decoded = tokio::select! {
        biased;
        decoded = output.next() => decoded,
        never = async { _ = feed.await; std::future::pending().await } => never,
    };
    Ok(decoded.context("the recogniser ended without a transcript")??.words.text)
}
