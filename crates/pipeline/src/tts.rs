//! Stage 5, synthesis: speaks a response segment by segment, ahead of playout.

mod untimed;

use std::sync::Arc;

use futures_util::StreamExt;
use tokio::sync::mpsc;

use crate::audio::resample::Resampler;
use crate::engine::{Caller, EngineError, Tts, TtsPart, TtsRequest, WordTimes};
use crate::frame::{OUT_RATE, PlayoutItem, ResponseId, Segment, Sounds, SpeechChunk, WordTime};
use crate::route::{EngineKind, Routed};

use super::conductor::ResponseNote;
use super::conversation::Input;
use super::cues::Cues;
use super::floor::Floor;

/// Level of the first audible sample, and the lead-in kept before it: 10 ms, so that no onset is cut.
const AUDIBLE: u16 = 260;
const LEAD_IN: usize = OUT_RATE as usize / 100;
/// Attempts at a segment before a failing engine is given up.
const ATTEMPTS: u32 = 3;

/// The voice and language to speak with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VoiceChoice {
    /// Empty: the language's first.
    pub voice: String,
    /// ISO 639-1.
    pub language: String,
    /// Who is spoken to, for routes.
    pub caller: Caller,
}

impl VoiceChoice {
    /// Whether less can be asked of the engine after this refusal.
    fn may_widen(&self, refusal: &str) -> bool {
        let asks_for_more = !self.voice.is_empty() || !self.language.is_empty();
        asks_for_more && !refusal.starts_with("text:")
    }

    /// Leaves out what the engine has refused, by its own words; returns what is to be told. Our engine's words begin with the
    /// field that is at fault; without that a voice is at fault before a language.
    fn widen(&mut self, refusal: String) -> ResponseNote {
        let language_is_known = !self.language.is_empty();
        if self.voice.is_empty() || (language_is_known && refusal.starts_with("language:")) {
            return ResponseNote::NoVoice { language: std::mem::take(&mut self.language), reason: refusal };
        }
        ResponseNote::VoiceRefused { voice: std::mem::take(&mut self.voice), reason: refusal }
    }
}

/// Where a response's speech goes.
#[derive(Debug, Clone)]
pub struct SpeechOut {
    /// Orders the response after its filler.
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
    let mut first = true;
    while let Some(segment) = segments.recv().await {
        let mut speaker =
            Speaker { floor: Some(&floor), notes: Some(&notes), ..Speaker::new(tts.as_ref(), &playout) };
        let mut attempt = 1;
        loop {
            let request = TtsRequest {
                text: segment.speakable.clone(),
                voice: choice.voice.clone(),
                language: choice.language.clone(),
                ahead: false,
                caller: choice.caller.clone(),
            };
            let spoken = speaker.speak(&segment, request).await;
            // Behind routes another engine has tried already, and its parts are others than those that were sent.
            let repeatable = !speaker.routed || speaker.sent == 0;
            match spoken {
                Ok(()) => break,
                Err(EngineError::Invalid(message)) if repeatable && choice.may_widen(&message) => {
                    // Better another voice, or an accent, than silence.
                    _ = notes.send(choice.widen(message)).await;
                }
                Err(error)
                    if attempt == ATTEMPTS || !repeatable || matches!(error, EngineError::Invalid(_)) =>
                {
                    return Err(error);
                }
                Err(_) => attempt += 1,
            }
        }
        if std::mem::take(&mut first) {
            _ = notes.send(Input::FirstAudio(response).into()).await;
        }
    }
    _ = playout.send(PlayoutItem::End(response)).await;
    Ok(())
}

/// Speaks a filler before the response, unless the response has begun by the time the filler is synthesised.
///
/// # Errors
/// When the engine fails.
pub async fn filler(
    segment: &Segment,
    mut choice: VoiceChoice,
    tts: &dyn Tts,
    out: SpeechOut,
) -> Result<(), EngineError> {
    // Synthesised whole before it takes the floor: an engine that fails on the filler must not delay the response.
    let mut parts = loop {
        let VoiceChoice { voice, language, caller } = choice.clone();
        let request = TtsRequest { text: segment.speakable.clone(), voice, language, ahead: false, caller };
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
    if let Some(_floor) = out.floor.take().await {
        for chunk in chunks {
            _ = out.playout.send(PlayoutItem::Filler(chunk)).await;
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
    /// None: no filler can precede the segment.
    floor: Option<&'a Floor>,
    /// Parts of this segment sent to playout, which a second attempt must not repeat.
    sent: usize,
    /// Where it is told which engine speaks, if somebody wants to know.
    notes: Option<&'a mpsc::Sender<ResponseNote>>,
    /// There are routes.
    routed: bool,
}

impl<'a> Speaker<'a> {
    fn new(tts: &'a dyn Tts, playout: &'a mpsc::Sender<PlayoutItem>) -> Self {
        Self { tts, playout, floor: None, sent: 0, notes: None, routed: false }
    }

    async fn speak(&mut self, segment: &Segment, request: TtsRequest) -> Result<(), EngineError> {
        let worded = self.tts.capabilities().word_times != WordTimes::None;
        let mut cues = Cues::of(segment, worded);
        if request.text.is_empty() {
            self.shown(segment).await;
            self.left(segment, &mut cues).await;
            return Ok(());
        }
        let mut parts = self.tts.synthesize(request).await?;
        let mut resampler: Option<(u32, Resampler)> = None;
        let (mut number, mut passed) = (0, Passed::default());
        // Nothing was heard of the response yet.
        let mut quiet = segment.index == 0;
        while let Some(part) = parts.next().await {
            let mut part = part?;
            self.note(segment.response, part.routed.take()).await;
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
            self.begin().await;
            _ = self.playout.send(PlayoutItem::Speech(chunk)).await;
        }
        self.left(segment, &mut cues).await;
        Ok(())
    }

    /// Shows a segment that is not spoken, such as code, in its place.
    async fn shown(&self, segment: &Segment) {
        if !segment.text.is_empty() {
            self.begin().await;
            let part = TtsPart { rate: OUT_RATE, ..TtsPart::default() };
            let silent = convert(segment, part, Some(segment.text.clone()), &mut None);
            _ = self.playout.send(PlayoutItem::Speech(SpeechChunk { last: true, ..silent })).await;
        }
    }

    /// Tells which engine speaks from now on.
    async fn note(&mut self, response: ResponseId, routed: Option<Routed>) {
        let Some(routed) = routed else { return };
        self.routed = true;
        if let Some(notes) = self.notes {
            _ = notes.send(ResponseNote::Served(response, EngineKind::Tts, routed)).await;
        }
    }

    async fn begin(&self) {
        if let Some(floor) = self.floor {
            floor.begin().await;
        }
    }

    /// Sends the cues that no word has come for, after the segment.
    async fn left(&self, segment: &Segment, cues: &mut Cues<'_>) {
        let cues = cues.left();
        if !cues.is_empty() {
            self.begin().await;
            let part = TtsPart { rate: OUT_RATE, ..TtsPart::default() };
            let silent = convert(segment, part, None, &mut None);
            _ = self.playout.send(PlayoutItem::Speech(SpeechChunk { cues, ..silent })).await;
        }
    }
}

/// How much of a segment's spoken text has been passed by its parts so far.
#[derive(Debug, Default)]
struct Passed {
    /// In bytes.
    at: usize,
    /// The written word that the last spoken one stands for.
    written: Option<usize>,
}

/// Converts times of a part's spoken words to those of the written ones: "12.50" is three spoken words. A written word is told
/// once, with the part in which it begins.
fn as_written(segment: &Segment, spoken: Vec<WordTime>, passed: &mut Passed) -> Vec<WordTime> {
    let mut times: Vec<WordTime> = Vec::with_capacity(spoken.len());
    for word in spoken {
        let Some(from) = pass(segment, &word.text, &mut passed.at) else { continue };
        let index = segment.words.partition_point(|written| written.spoken.end <= from);
        let Some(written) = segment.words.get(index) else { continue };
        match times.last_mut() {
            Some(open) if passed.written == Some(index) => open.end = word.end,
            None if passed.written == Some(index) => {}
            _ => times.push(WordTime { text: written.word.clone(), ..word }),
        }
        passed.written = Some(index);
    }
    times
}

/// Start of the next such word in the spoken text; advances `at` to its end.
fn pass(segment: &Segment, word: &str, at: &mut usize) -> Option<usize> {
    let from = *at + segment.speakable.get(*at..)?.find(word)?;
    *at = from + word.len();
    Some(from)
}

fn first_sound(samples: &[i16]) -> Option<usize> {
    samples.iter().position(|sample| sample.unsigned_abs() > AUDIBLE)
}

/// Cuts the silence before the first sound, such as a breath, which would only delay the response; returns whether there is a
/// sound. Engines that stream send silence as parts of its own.
fn trim(chunk: &mut SpeechChunk) -> bool {
    let first = first_sound(&chunk.samples);
    let cut = first.unwrap_or(chunk.samples.len()).saturating_sub(LEAD_IN);
    chunk.samples.drain(..cut);
    for word in chunk.words.iter_mut().chain(&mut chunk.sounds.times) {
        word.start = word.start.saturating_sub(cut as u64);
        word.end = word.end.saturating_sub(cut as u64);
    }
    first.is_some()
}

/// Converts a part of the synthesis to a chunk at playout's rate.
fn convert(
    segment: &Segment,
    part: TtsPart,
    text: Option<String>,
    resampler: &mut Option<(u32, Resampler)>,
) -> SpeechChunk {
    let scale = |at: u64| at * u64::from(OUT_RATE) / u64::from(part.rate.max(1));
    let scaled = |time: WordTime| WordTime { start: scale(time.start), end: scale(time.end), ..time };
    let times = |times: Vec<WordTime>| times.into_iter().map(scaled).collect();
    let words = times(part.words);
    let sounds = Sounds { times: times(part.sounds), measured: part.measured };
    let samples = if part.rate == OUT_RATE {
        part.samples
    } else {
        if resampler.as_ref().is_none_or(|(rate, _)| *rate != part.rate) {
            *resampler = Some((part.rate, Resampler::new(part.rate, OUT_RATE)));
        }
        let mut out = Vec::new();
        if let Some((_, resampler)) = resampler {
            resampler.push(&part.samples, &mut out);
            resampler.flush(&mut out);
        }
        out
    };
    SpeechChunk {
        response: segment.response,
        segment: segment.index,
        text,
        samples,
        words,
        sounds,
        cues: Vec::new(),
        last: false,
    }
}

#[cfg(test)]
mod tests {
    use visavis_scripted::ScriptedTts;

    use super::*;
    use crate::engine::TtsCapabilities;

    #[test]
    fn silence_before_the_first_word_is_cut_and_word_times_are_shifted() {
        let mut samples = vec![3; 2400];
        samples.extend([4000; 100]);
        let words = vec![WordTime { text: "Hi".into(), start: 2400, end: 2500 }];
        let mut chunk = SpeechChunk {
            response: ResponseId(1),
            segment: 0,
            text: None,
            samples,
            words,
            sounds: Sounds::default(),
            cues: Vec::new(),
            last: false,
        };
        assert!(trim(&mut chunk));
        assert_eq!((chunk.samples.len(), chunk.samples[LEAD_IN]), (LEAD_IN + 100, 4000));
        assert_eq!((chunk.words[0].start, chunk.words[0].end), (LEAD_IN as u64, LEAD_IN as u64 + 100));
    }

    #[test]
    fn spoken_words_are_reported_as_the_written_words_they_stand_for() {
        let spoken = crate::speakable::speakable("Call 555-0199 🎉 now.", "en");
        let segment = Segment {
            response: ResponseId(1),
            index: 0,
            text: String::new(),
            speakable: spoken.text,
            words: spoken.words,
            cues: Vec::new(),
        };
        let words = ["Call", "5", "5", "5", "0", "1", "9", "9", "now"];
        let times = words.iter().zip(0..).map(|(word, at)| WordTime {
            text: (*word).into(),
            start: at * 10,
            end: at * 10 + 10,
        });
        let times: Vec<_> = times.collect();
        // In two parts, as engines send them, the second of which may begin within a written word.
        for (cut, end) in [(8, 80), (4, 40)] {
            let mut passed = Passed::default();
            let mut told = as_written(&segment, times[..cut].to_vec(), &mut passed);
            told.extend(as_written(&segment, times[cut..].to_vec(), &mut passed));
            let told: Vec<_> = told.iter().map(|word| (word.text.as_str(), word.start, word.end)).collect();
            assert_eq!(told, [("Call", 0, 10), ("555-0199", 10, end), ("now.", 80, 90)]);
        }
    }

    /// Speaks every word as a chunk of its own, at once, without times.
    fn word_by_word() -> ScriptedTts {
        let part = |_: &str| TtsPart { rate: OUT_RATE, samples: vec![9000; 480], ..TtsPart::default() };
        ScriptedTts::speaking(move |text| text.split(' ').map(part).collect())
            .with_capabilities(TtsCapabilities::default())
    }

    fn segment(index: u32, text: &str) -> Segment {
        let silent = Segment::silent(ResponseId(1), index);
        Segment { text: text.into(), speakable: text.into(), ..silent }
    }

    /// Items that reach playout from a response and a filler of five words; `late`: the response begins first.
    async fn played(late: bool) -> Vec<PlayoutItem> {
        let tts: Arc<dyn Tts> = Arc::new(word_by_word());
        let voice = VoiceChoice::default();
        let (written, segments) = mpsc::channel(2);
        for index in 0..2 {
            written.send(segment(index, "And so it was.")).await.unwrap();
        }
        drop(written);
        let (notes, _noted) = mpsc::channel(2);
        let (playout, mut items) = mpsc::channel(1);
        let out = SpeechOut { floor: Floor::default(), playout };
        let segment = segment(0, "Let me think a moment.");
        let said = filler(&segment, voice.clone(), tts.as_ref(), out.clone());
        let said = async {
            if late {
                tokio::task::yield_now().await;
            }
            said.await
        };
        let answered = run(ResponseId(1), voice, tts.clone(), segments, out, notes);
        let played = async {
            let mut all = Vec::new();
            while let Some(item) = items.recv().await {
                all.push(item);
            }
            all
        };
        let (said, answered, played) = tokio::join!(said, answered, played);
        said.and(answered).unwrap();
        played
    }

    #[tokio::test]
    async fn a_voice_without_word_times_gets_words_at_the_pace_of_speech_with_its_first_chunk() {
        let (playout, mut items) = mpsc::channel(8);
        let segment = segment(1, "And so it was.");
        let request = TtsRequest { text: segment.speakable.clone(), ..TtsRequest::default() };
        speak(&segment, request, &word_by_word(), &playout).await.unwrap();
        drop(playout);
        let mut words = Vec::new();
        while let Some(PlayoutItem::Speech(chunk)) = items.recv().await {
            words.push(chunk.words.into_iter().map(|word| (word.text, word.start)).collect::<Vec<_>>());
        }
        let second = u64::from(OUT_RATE);
        let told = [("And", 0), ("so", 4), ("it", 7), ("was.", 10)];
        let told = told.map(|(word, passed)| (word.to_string(), passed * second / 15));
        assert_eq!(words, [told.to_vec(), vec![], vec![], vec![]]);
    }

    #[tokio::test]
    async fn silence_that_comes_in_parts_of_its_own_does_not_delay_the_response() {
        let part = |level: i16| TtsPart { rate: OUT_RATE, samples: vec![level; 2400], ..TtsPart::default() };
        let tts = ScriptedTts::speaking(move |_| [3, 3, 4000, 3].map(part).into());
        for (index, lengths) in [(0, [LEAD_IN, LEAD_IN, 2400, 2400]), (1, [2400; 4])] {
            let (playout, mut items) = mpsc::channel(8);
            let segment = segment(index, "And so it was.");
            let request = TtsRequest { text: segment.speakable.clone(), ..TtsRequest::default() };
            speak(&segment, request, &tts, &playout).await.unwrap();
            drop(playout);
            let mut found = Vec::new();
            while let Some(PlayoutItem::Speech(chunk)) = items.recv().await {
                found.push(chunk.samples.len());
            }
            assert_eq!(found, lengths);
        }
    }

    #[test]
    fn what_the_engine_refuses_is_left_out_and_told_until_nothing_is_left() {
        let caller = Caller { user: "ann".into(), ..Caller::default() };
        let german = || VoiceChoice { voice: "eva".into(), language: "de".into(), caller: caller.clone() };
        for (refusal, voice, language) in [
            ("voice: \"eva\" is not installed", "", "de"),
            ("no such voice", "", "de"),
            ("language: the voice \"eva\" does not speak \"de\"", "eva", ""),
        ] {
            let mut choice = german();
            assert!(choice.may_widen(refusal));
            let told = choice.widen(refusal.into());
            assert_eq!((choice.voice.as_str(), choice.language.as_str()), (voice, language), "{refusal}");
            assert_eq!(matches!(told, ResponseNote::VoiceRefused { .. }), voice.is_empty(), "{refusal}");
        }
        let mut choice = VoiceChoice { voice: String::new(), ..german() };
        assert!(
            matches!(choice.widen("anything".into()), ResponseNote::NoVoice { language, .. } if language == "de")
        );
        assert!(!choice.may_widen("anything") && !german().may_widen("text: 9000 characters"));
    }

    #[tokio::test]
    async fn a_filler_is_said_whole_before_the_response_or_not_at_all() {
        for (late, words) in [(false, 5), (true, 0)] {
            let items = played(late).await;
            let is_filler = |item: &&PlayoutItem| matches!(item, PlayoutItem::Filler(_));
            assert_eq!(items.iter().take_while(is_filler).count(), words, "late: {late}");
            assert_eq!(items.iter().filter(is_filler).count(), words, "late: {late}");
            assert_eq!(items.len(), words + 8 + 1, "late: {late}");
        }
    }
}
