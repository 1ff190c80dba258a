//! Stage 5, the answer's voice: synthesises phrase by phrase, ahead of playout.

mod untimed;

use std::sync::Arc;

use futures_util::StreamExt;
use tokio::sync::mpsc;

use crate::audio::resample::Resampler;
use crate::engine::{EngineError, Tts, TtsPart, TtsRequest, WordTimes};
use crate::frame::{OUT_RATE, PlayoutItem, ResponseId, Sentence, Sounds, SpeechChunk, WordTime};

use super::conductor::AnswerNote;
use super::cues::Cues;
use super::floor::Floor;

/// The first sample of an answer that can be heard, and what is kept before it: 10 ms, so that no onset is cut.
const AUDIBLE: u16 = 260;
const LEAD_IN: usize = OUT_RATE as usize / 100;
/// A phrase is tried again this often when its engine dies on it.
const ATTEMPTS: u32 = 3;

/// Who speaks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VoiceChoice {
    /// Empty: the language's first.
    pub voice: String,
    /// ISO 639-1.
    pub language: String,
}

/// Where an answer's speech goes.
#[derive(Debug, Clone)]
pub struct SpeechOut {
    /// Between the answer and what is said in front of it.
    pub floor: Floor,
    /// Plays it.
    pub playout: mpsc::Sender<PlayoutItem>,
}

/// Speaks one answer's phrases until no more come.
///
/// # Errors
/// When the engine fails.
pub async fn run(
    response: ResponseId,
    choice: VoiceChoice,
    tts: Arc<dyn Tts>,
    mut sentences: mpsc::Receiver<Sentence>,
    out: SpeechOut,
    notes: mpsc::Sender<AnswerNote>,
) -> Result<(), EngineError> {
    let VoiceChoice { voice, mut language } = choice;
    let SpeechOut { floor, playout } = out;
    let mut first = true;
    while let Some(sentence) = sentences.recv().await {
        let mut speaker = Speaker { tts: tts.as_ref(), playout: &playout, floor: Some(&floor), sent: 0 };
        let mut attempt = 1;
        loop {
            let request = TtsRequest {
                text: sentence.speakable.clone(),
                voice: voice.clone(),
                language: language.clone(),
                ahead: false,
            };
            match speaker.speak(&sentence, request).await {
                Ok(()) => break,
                Err(EngineError::Invalid(message)) if !language.is_empty() => {
                    // No voice for this language: better an accent than silence.
                    _ = notes.send(AnswerNote::NoVoice(response, language.clone(), message)).await;
                    language.clear();
                }
                Err(error) if attempt == ATTEMPTS || matches!(error, EngineError::Invalid(_)) => {
                    return Err(error);
                }
                Err(_) => attempt += 1,
            }
        }
        if std::mem::take(&mut first) {
            _ = notes.send(AnswerNote::FirstAudio(response)).await;
        }
    }
    _ = playout.send(PlayoutItem::End(response)).await;
    Ok(())
}

/// Speaks a holding phrase in front of the answer, unless the answer has begun when the phrase's sound is there.
///
/// # Errors
/// When the engine fails.
pub async fn hold(
    sentence: &Sentence,
    choice: VoiceChoice,
    tts: &dyn Tts,
    out: SpeechOut,
) -> Result<(), EngineError> {
    let VoiceChoice { voice, language } = choice;
    let request = TtsRequest { text: sentence.speakable.clone(), voice, language, ahead: false };
    // Complete before it takes the floor: an engine that dies on the phrase must not hold the answer up.
    let mut parts = match tts.synthesize(request.clone()).await {
        Err(EngineError::Invalid(_)) if !request.language.is_empty() => {
            tts.synthesize(TtsRequest { language: String::new(), ..request }).await?
        }
        parts => parts?,
    };
    let (mut chunks, mut resampler) = (Vec::new(), None);
    while let Some(part) = parts.next().await {
        let mut chunk = convert(sentence, part?, None, &mut resampler);
        chunk.words.clear();
        if chunks.is_empty() {
            trim(&mut chunk);
        }
        chunks.push(chunk);
    }
    if let Some(_floor) = out.floor.hold().await {
        for chunk in chunks {
            _ = out.playout.send(PlayoutItem::Hold(chunk)).await;
        }
    }
    Ok(())
}

/// Speaks one phrase as it is asked for.
///
/// # Errors
/// When the engine fails.
pub async fn speak(
    sentence: &Sentence,
    request: TtsRequest,
    tts: &dyn Tts,
    playout: &mpsc::Sender<PlayoutItem>,
) -> Result<(), EngineError> {
    Speaker { tts, playout, floor: None, sent: 0 }.speak(sentence, request).await
}

struct Speaker<'a> {
    tts: &'a dyn Tts,
    playout: &'a mpsc::Sender<PlayoutItem>,
    /// A holding phrase may be in front.
    floor: Option<&'a Floor>,
    /// Parts of this phrase that have gone to playout: a second attempt must not repeat them.
    sent: usize,
}

impl Speaker<'_> {
    async fn speak(&mut self, sentence: &Sentence, request: TtsRequest) -> Result<(), EngineError> {
        let mut cues = Cues::of(sentence);
        if request.text.is_empty() {
            self.shown(sentence).await;
            self.left(sentence, &mut cues).await;
            return Ok(());
        }
        let mut parts = self.tts.synthesize(request).await?;
        let mut resampler: Option<(u32, Resampler)> = None;
        let (mut number, mut at) = (0, 0);
        while let Some(part) = parts.next().await {
            let part = part?;
            number += 1;
            if number <= self.sent {
                let passed = convert(sentence, part, None, &mut resampler).words;
                cues.timed(&as_written(sentence, passed, &mut at), 0);
                continue;
            }
            let text = (number == 1 && !sentence.text.is_empty()).then(|| sentence.text.clone());
            let mut chunk = convert(sentence, part, text, &mut resampler);
            if !sentence.words.is_empty() {
                chunk.words = as_written(sentence, std::mem::take(&mut chunk.words), &mut at);
            }
            if sentence.text.is_empty() {
                chunk.words.clear();
            }
            if number == 1 && sentence.index == 0 {
                trim(&mut chunk);
            }
            chunk.cues = cues.timed(&chunk.words, chunk.samples.len() as u64);
            if number == 1 && self.tts.capabilities().word_times == WordTimes::None {
                chunk.words = untimed::words(&sentence.text);
            }
            self.sent = number;
            self.begin().await;
            _ = self.playout.send(PlayoutItem::Speech(chunk)).await;
        }
        self.left(sentence, &mut cues).await;
        Ok(())
    }

    /// A phrase that is not spoken, such as code, is shown where it stands.
    async fn shown(&self, sentence: &Sentence) {
        if !sentence.text.is_empty() {
            self.begin().await;
            let part = TtsPart { rate: OUT_RATE, ..TtsPart::default() };
            let silent = convert(sentence, part, Some(sentence.text.clone()), &mut None);
            _ = self.playout.send(PlayoutItem::Speech(SpeechChunk { last: true, ..silent })).await;
        }
    }

    async fn begin(&self) {
        if let Some(floor) = self.floor {
            floor.begin().await;
        }
    }

    /// What no word came for is shown after the phrase.
    async fn left(&self, sentence: &Sentence, cues: &mut Cues<'_>) {
        let cues = cues.left();
        if !cues.is_empty() {
            self.begin().await;
            let part = TtsPart { rate: OUT_RATE, ..TtsPart::default() };
            let silent = convert(sentence, part, None, &mut None);
            _ = self.playout.send(PlayoutItem::Speech(SpeechChunk { cues, ..silent })).await;
        }
    }
}

/// The times of the written words, from those of the spoken ones: "12.50" is three of them. `at`: bytes of the spoken
/// text that have been passed.
fn as_written(sentence: &Sentence, spoken: Vec<WordTime>, at: &mut usize) -> Vec<WordTime> {
    let mut times: Vec<WordTime> = Vec::with_capacity(spoken.len());
    let mut last = None;
    for word in spoken {
        let Some(from) = pass(sentence, &word.text, at) else { continue };
        let index = sentence.words.partition_point(|written| written.spoken.end <= from);
        let Some(written) = sentence.words.get(index) else { continue };
        match times.last_mut() {
            Some(open) if last == Some(index) => open.end = word.end,
            _ => times.push(WordTime { text: written.word.clone(), ..word }),
        }
        last = Some(index);
    }
    times
}

/// Where the next such word of the spoken text begins; the text is passed up to its end.
fn pass(sentence: &Sentence, word: &str, at: &mut usize) -> Option<usize> {
    let from = *at + sentence.speakable.get(*at..)?.find(word)?;
    *at = from + word.len();
    Some(from)
}

/// A voice breathes in before it speaks; the person waits.
fn trim(chunk: &mut SpeechChunk) {
    let Some(first) = chunk.samples.iter().position(|sample| sample.unsigned_abs() > AUDIBLE) else { return };
    let cut = first.saturating_sub(LEAD_IN);
    chunk.samples.drain(..cut);
    for word in chunk.words.iter_mut().chain(&mut chunk.sounds.times) {
        word.start = word.start.saturating_sub(cut as u64);
        word.end = word.end.saturating_sub(cut as u64);
    }
}

/// A part of speech at the rate of playout.
fn convert(
    sentence: &Sentence,
    part: TtsPart,
    text: Option<String>,
    resampler: &mut Option<(u32, Resampler)>,
) -> SpeechChunk {
    let scale = |at: u64| at * u64::from(OUT_RATE) / u64::from(part.rate.max(1));
    let times = |times: Vec<(String, u64, u64)>| {
        let times = times.into_iter();
        times.map(|(text, start, end)| WordTime { text, start: scale(start), end: scale(end) }).collect()
    };
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
        response: sentence.response,
        sentence: sentence.index,
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
    use async_trait::async_trait;
    use futures_util::stream::{self, BoxStream};

    use super::*;
    use crate::engine::TtsCapabilities;

    #[test]
    fn silence_before_the_first_word_is_cut_and_the_words_move_with_it() {
        let mut samples = vec![3; 2400];
        samples.extend([4000; 100]);
        let words = vec![WordTime { text: "Hi".into(), start: 2400, end: 2500 }];
        let mut chunk = SpeechChunk {
            response: ResponseId(1),
            sentence: 0,
            text: None,
            samples,
            words,
            sounds: Sounds::default(),
            cues: Vec::new(),
            last: false,
        };
        trim(&mut chunk);
        assert_eq!((chunk.samples.len(), chunk.samples[LEAD_IN]), (LEAD_IN + 100, 4000));
        assert_eq!((chunk.words[0].start, chunk.words[0].end), (LEAD_IN as u64, LEAD_IN as u64 + 100));
    }

    #[test]
    fn spoken_words_are_told_as_the_written_ones_that_they_say() {
        let spoken = crate::speakable::speakable("Call 555-0199 🎉 now.", "en");
        let sentence = Sentence {
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
        let mut at = 0;
        // In two parts, as engines send them.
        let mut told = as_written(&sentence, times[..8].to_vec(), &mut at);
        told.extend(as_written(&sentence, times[8..].to_vec(), &mut at));
        let told: Vec<_> = told.iter().map(|word| (word.text.as_str(), word.start, word.end)).collect();
        assert_eq!(told, [("Call", 0, 10), ("555-0199", 10, 80), ("now.", 80, 90)]);
    }

    /// Speaks every word as a part of its own, at once.
    struct WordByWord;

    #[async_trait]
    impl Tts for WordByWord {
        fn capabilities(&self) -> TtsCapabilities {
            TtsCapabilities::default()
        }

        async fn synthesize(
            &self,
            request: TtsRequest,
        ) -> Result<BoxStream<'static, Result<TtsPart, EngineError>>, EngineError> {
            let part = |_| Ok(TtsPart { rate: OUT_RATE, samples: vec![9000; 480], ..TtsPart::default() });
            let parts: Vec<Result<TtsPart, EngineError>> = request.text.split(' ').map(part).collect();
            Ok(stream::iter(parts).boxed())
        }
    }

    fn sentence(index: u32, text: &str) -> Sentence {
        let silent = Sentence::silent(ResponseId(1), index);
        Sentence { text: text.into(), speakable: text.into(), ..silent }
    }

    /// What comes to playout of an answer and of a holding phrase of five words; `late`: the answer has the first word.
    async fn played(late: bool) -> Vec<PlayoutItem> {
        let tts: Arc<dyn Tts> = Arc::new(WordByWord);
        let voice = VoiceChoice::default();
        let (written, sentences) = mpsc::channel(2);
        for index in 0..2 {
            written.send(sentence(index, "And so it was.")).await.unwrap();
        }
        drop(written);
        let (notes, _noted) = mpsc::channel(2);
        let (playout, mut items) = mpsc::channel(1);
        let out = SpeechOut { floor: Floor::default(), playout };
        let phrase = sentence(0, "Let me think a moment.");
        let held = hold(&phrase, voice.clone(), tts.as_ref(), out.clone());
        let held = async {
            if late {
                tokio::task::yield_now().await;
            }
            held.await
        };
        let answered = run(ResponseId(1), voice, tts.clone(), sentences, out, notes);
        let played = async {
            let mut all = Vec::new();
            while let Some(item) = items.recv().await {
                all.push(item);
            }
            all
        };
        let (held, answered, played) = tokio::join!(held, answered, played);
        held.and(answered).unwrap();
        played
    }

    #[tokio::test]
    async fn the_words_of_a_voice_that_tells_no_times_come_with_its_first_part_at_the_pace_of_speech() {
        let (playout, mut items) = mpsc::channel(8);
        let phrase = sentence(1, "And so it was.");
        let request = TtsRequest { text: phrase.speakable.clone(), ..TtsRequest::default() };
        speak(&phrase, request, &WordByWord, &playout).await.unwrap();
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
    async fn a_holding_phrase_is_whole_before_the_answer_or_not_said() {
        for (late, words) in [(false, 5), (true, 0)] {
            let items = played(late).await;
            let is_hold = |item: &&PlayoutItem| matches!(item, PlayoutItem::Hold(_));
            assert_eq!(items.iter().take_while(is_hold).count(), words, "late: {late}");
            assert_eq!(items.iter().filter(is_hold).count(), words, "late: {late}");
            assert_eq!(items.len(), words + 8 + 1, "late: {late}");
        }
    }
}
