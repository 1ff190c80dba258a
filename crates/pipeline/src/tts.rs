//! Stage 5, synthesis: speaks a response segment by segment, ahead of playout.
//!
//! - this file: asks the engine, and sends its speech to playout
//! - `choice`: the request to the engine; `chunk`: converts its parts to playout's chunks
//! - `written`: times of the written words; `untimed`: estimates for an engine that reports none

mod choice;
mod chunk;
mod untimed;
mod written;

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::audio::resample::Resampler;
use crate::engine::{EngineError, Tts, TtsPart, TtsRequest, VoiceRefusal, WordTimes};
use crate::frame::{OUT_RATE, PlayoutItem, ResponseId, Segment, SpeechChunk};
use crate::route::{EngineKind, Routed};

use super::conversation::Input;
use super::cues::Cues;
use super::floor::{Claim, Floor, Guard};
use super::note::ResponseNote;
pub use choice::VoiceChoice;
use chunk::{convert, first_sound, trim};
use written::{Passed, as_written};

/// Attempts at a segment before a failing engine is given up.
const ATTEMPTS: u32 = 3;
/// A failure after so much silence of the engine is a stall. Inside a response its segment is not asked for again, so that the
/// person does not wait for a second stall: the response fails, which they are told.
const STALL: Duration = Duration::from_secs(2);

/// Where a response's speech goes.
#[derive(Debug, Clone)]
pub struct SpeechOut {
    /// Keeps the response and its fillers from speaking at once.
    pub floor: Floor,
    /// The queue to playout.
    pub playout: mpsc::Sender<PlayoutItem>,
}

/// Speaks one response's segments until no more come.
///
/// # Errors
/// When the engine fails.
pub async fn run(
    response: ResponseId,
    mut choice: VoiceChoice,
    tts: Arc<dyn Tts>,
    mut segments: mpsc::Receiver<Segment>,
    out: SpeechOut,
    notes: mpsc::Sender<ResponseNote>,
) -> Result<(), EngineError> {
    let SpeechOut { floor, playout } = out;
    let (mut first, mut sounds_until, mut refused) = (true, None, false);
    while let Some(segment) = segments.recv().await {
        let speaker = Speaker::new(tts.as_ref(), &playout);
        let speaker = Speaker { floor: Some(&floor), notes: Some(&notes), ..speaker };
        let mut speaker = Speaker { sounds_until, refused, ..speaker };
        let mut attempt = 1;
        loop {
            let request = TtsRequest {
                text: segment.speakable.clone(),
                voice: choice.voice.clone(),
                language: choice.language.clone(),
                caller: choice.caller.clone(),
                ..TtsRequest::default()
            };
            let spoken = speaker.speak(&segment, request).await;
            // Behind routes another engine has already been tried, and its parts would differ from those that were sent.
            let repeatable = !speaker.routed || speaker.sent == 0;
            match spoken {
                Ok(()) => break,
                Err(EngineError::Invalid(message)) if repeatable && choice.may_widen(&message) => {
                    // Another voice or an accent is better than silence.
                    _ = notes.send(choice.widen(message)).await;
                }
                Err(error)
                    if attempt == ATTEMPTS
                        || !repeatable
                        || speaker.has_stalled(&error)
                        || matches!(error, EngineError::Invalid(_)) =>
                {
                    return Err(error);
                }
                Err(_) => attempt += 1,
            }
        }
        (sounds_until, refused) = (speaker.sounds_until, speaker.refused);
        if std::mem::take(&mut first) {
            _ = notes.send(Input::FirstAudio(response).into()).await;
        }
    }
    // A filler that was ordered before is not said after the response.
    let _floor = floor.begin().await;
    _ = playout.send(PlayoutItem::End(response)).await;
    Ok(())
}

/// Speaks a filler while the response is late, unless the response has spoken by the time the filler is synthesised.
///
/// # Errors
/// When the engine fails.
pub async fn filler(
    segment: &Segment,
    mut choice: VoiceChoice,
    tts: &dyn Tts,
    claim: Claim,
    playout: mpsc::Sender<PlayoutItem>,
) -> Result<(), EngineError> {
    // Synthesised whole before it takes the floor: an engine that fails on the filler must not delay the response.
    let mut parts = loop {
        let VoiceChoice { voice, language, caller } = choice.clone();
        let text = segment.speakable.clone();
        let request = TtsRequest { text, voice, language, caller, ..TtsRequest::default() };
        match tts.synthesize(request).await {
            // The person is told with the response.
            Err(EngineError::Invalid(message)) if choice.may_widen(&message) => _ = choice.widen(message),
            parts => break parts?,
        }
    };
    let (mut chunks, mut resampler, mut quiet) = (Vec::new(), None, true);
    while let Some(part) = parts.next().await {
        let mut chunk = convert(segment, part?, None, &mut resampler);
        chunk.words.clear();
        if quiet {
            quiet = !trim(&mut chunk);
        }
        chunks.push(chunk);
    }
    if let Some(_floor) = claim.take().await {
        for chunk in chunks {
            _ = playout.send(PlayoutItem::Filler(chunk)).await;
        }
    }
    Ok(())
}

/// Speaks one segment with this request.
///
/// # Errors
/// When the engine fails.
pub async fn speak(
    segment: &Segment,
    request: TtsRequest,
    tts: &dyn Tts,
    playout: &mpsc::Sender<PlayoutItem>,
) -> Result<(), EngineError> {
    Speaker::new(tts, playout).speak(segment, request).await
}

struct Speaker<'a> {
    tts: &'a dyn Tts,
    playout: &'a mpsc::Sender<PlayoutItem>,
    /// None: no filler can come between its chunks.
    floor: Option<&'a Floor>,
    /// Parts of this segment sent to playout, which a second attempt must skip.
    sent: usize,
    /// Receives the engine that speaks, if somebody wants to know.
    notes: Option<&'a mpsc::Sender<ResponseNote>>,
    /// There are routes.
    routed: bool,
    /// It was told that the voice is not used.
    refused: bool,
    /// Since when the task has waited for the engine.
    waits_since: Instant,
    /// When the response's sound so far ends, if it is played as it arrives; none: there is none yet.
    sounds_until: Option<Instant>,
}

impl<'a> Speaker<'a> {
    fn new(tts: &'a dyn Tts, playout: &'a mpsc::Sender<PlayoutItem>) -> Self {
        let waits_since = Instant::now();
        Self {
            tts,
            playout,
            floor: None,
            sent: 0,
            notes: None,
            routed: false,
            refused: false,
            waits_since,
            sounds_until: None,
        }
    }

    /// Whether the engine stalled: nothing came within a response, and all its sound has been heard. One that is unavailable is
    /// being restarted and will be back within a second or two.
    fn has_stalled(&self, error: &EngineError) -> bool {
        let over = self.sounds_until.is_some_and(|until| until <= Instant::now());
        let restarts = matches!(error, EngineError::Unavailable(_));
        over && !restarts && self.waits_since.elapsed() >= STALL
    }

    /// Sends a chunk to playout, however long that holds it back.
    async fn send(&mut self, chunk: SpeechChunk) {
        let lasts = Duration::from_secs_f64(chunk.samples.len() as f64 / f64::from(OUT_RATE));
        _ = self.playout.send(PlayoutItem::Speech(chunk)).await;
        let now = Instant::now();
        self.waits_since = now;
        self.sounds_until = Some(self.sounds_until.map_or(now, |until| until.max(now)) + lasts);
    }

    async fn speak(&mut self, segment: &Segment, request: TtsRequest) -> Result<(), EngineError> {
        let worded = self.tts.capabilities().word_times != WordTimes::None;
        let mut cues = Cues::of(segment, worded);
        if request.text.is_empty() {
            self.shown(segment).await;
            self.left(segment, &mut cues).await;
            return Ok(());
        }
        self.waits_since = Instant::now();
        let voice = request.voice.clone();
        let mut parts = self.tts.synthesize(request).await?;
        let mut resampler: Option<(u32, Resampler)> = None;
        let (mut number, mut passed) = (0, Passed::default());
        // Nothing has been heard of the response yet.
        let mut quiet = segment.index == 0;
        while let Some(part) = parts.next().await {
            let mut part = part?;
            self.note(segment.response, part.routed.take()).await;
            self.tell(&voice, part.refused.take()).await;
            number += 1;
            if number <= self.sent {
                let skipped = convert(segment, part, None, &mut resampler);
                quiet &= first_sound(&skipped.samples).is_none();
                cues.timed(&as_written(segment, skipped.words, &mut passed), 0);
                continue;
            }
            let text = (number == 1 && !segment.text.is_empty()).then(|| segment.text.clone());
            let mut chunk = convert(segment, part, text, &mut resampler);
            if !segment.words.is_empty() {
                chunk.words = as_written(segment, std::mem::take(&mut chunk.words), &mut passed);
            }
            if segment.text.is_empty() {
                chunk.words.clear();
            }
            if quiet {
                quiet = !trim(&mut chunk);
            }
            chunk.cues = cues.timed(&chunk.words, chunk.samples.len() as u64);
            if number == 1 && chunk.words.is_empty() && !worded {
                chunk.words = untimed::words(&segment.text);
                metrics::counter!("visavis_word_times_total", "source" => "pace")
                    .increment(chunk.words.len() as u64);
            }
            self.sent = number;
            let _floor = self.begin().await;
            self.send(chunk).await;
        }
        self.left(segment, &mut cues).await;
        Ok(())
    }

    /// Shows a segment that is not spoken, such as code, in its place.
    async fn shown(&self, segment: &Segment) {
        if !segment.text.is_empty() {
            let _floor = self.begin().await;
            let part = TtsPart { rate: OUT_RATE, ..TtsPart::default() };
            let silent = convert(segment, part, Some(segment.text.clone()), &mut None);
            _ = self.playout.send(PlayoutItem::Speech(SpeechChunk { last: true, ..silent })).await;
        }
    }

    /// Reports the engine that speaks from now on.
    async fn note(&mut self, response: ResponseId, routed: Option<Routed>) {
        let Some(routed) = routed else { return };
        self.routed = true;
        if let Some(notes) = self.notes {
            _ = notes.send(ResponseNote::Served(response, EngineKind::Tts, routed)).await;
        }
    }

    /// Reports, once a response, that another voice speaks than the one that was asked for.
    async fn tell(&mut self, voice: &str, refusal: Option<VoiceRefusal>) {
        let (Some(VoiceRefusal { reason, everywhere }), Some(notes)) = (refusal, self.notes) else { return };
        if !std::mem::replace(&mut self.refused, true) {
            _ = notes.send(choice::refused(voice.to_owned(), reason, everywhere)).await;
        }
    }

    /// Takes the floor for a chunk, which is sent while the guard is held.
    async fn begin(&self) -> Option<Guard> {
        match self.floor {
            Some(floor) => Some(floor.begin().await),
            None => None,
        }
    }

    /// Sends the cues whose word never came, after the segment.
    async fn left(&self, segment: &Segment, cues: &mut Cues<'_>) {
        let cues = cues.left();
        if !cues.is_empty() {
            let _floor = self.begin().await;
            let part = TtsPart { rate: OUT_RATE, ..TtsPart::default() };
            let silent = convert(segment, part, None, &mut None);
            _ = self.playout.send(PlayoutItem::Speech(SpeechChunk { cues, ..silent })).await;
        }
    }
}

#[cfg(test)]
mod tests;
