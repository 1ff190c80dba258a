//! Word times for voices that report none: the words of a segment are aligned with its sound as it arrives, by its pauses and
//! by their usual lengths.
//!
//! - this file: the wrapper around a voice
//! - `words`: the words of a text and their usual lengths; `lay`: their alignment with the sound (both pure)

mod lay;
mod words;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use parking_lot::Mutex;

use crate::frame::WordTime;
use crate::watchdog::glance;
use crate::{EngineError, Tts, TtsCapabilities, TtsPart, TtsRequest, Voice, WordTimes};
use lay::{Layer, Pace};

/// Most voices whose pace is remembered.
const MOST_VOICES: usize = 64;

type Parts = BoxStream<'static, Result<TtsPart, EngineError>>;

/// Estimates when each of these words is said in a sound that says them and nothing else, by its pauses and their usual lengths:
/// one time for each word, in order, in samples.
#[must_use]
pub fn lay_words(words: &[&str], samples: &[i16], rate: u32) -> Vec<WordTime> {
    Layer::new(words::each(words), Pace::usual(1.0)).part(samples, rate, true)
}

/// A wrapper around a voice whose parts may have no words.
pub(super) struct Aligned {
    inner: Arc<dyn Tts>,
    /// Speed of speech; 1: as recorded.
    speed: f32,
    /// The paces of voices that have spoken, by voice and language.
    paces: Arc<Mutex<BTreeMap<String, Pace>>>,
}

impl Aligned {
    /// Adds words to the parts of `inner` that have none. `speed`: of its speech.
    pub(super) fn new(inner: Arc<dyn Tts>, speed: f32) -> Self {
        Self { inner, speed, paces: Arc::default() }
    }
}

#[async_trait]
impl Tts for Aligned {
    fn capabilities(&self) -> TtsCapabilities {
        let inner = self.inner.capabilities();
        match inner.word_times {
            WordTimes::None => TtsCapabilities { word_times: WordTimes::Estimated, ..inner },
            WordTimes::Estimated | WordTimes::Measured => inner,
        }
    }

    async fn synthesize(&self, request: TtsRequest) -> Result<Parts, EngineError> {
        let voice = format!("{} {}", request.language, request.voice);
        let words = words::of(&request.text);
        let parts = self.inner.synthesize(request).await?;
        let pace = self.paces.lock().get(&voice).copied().unwrap_or_else(|| Pace::usual(self.speed));
        let (layer, paces) = (Layer::new(words, pace), self.paces.clone());
        let aligning = Aligning { parts, next: None, layer, voice, paces, told: false, over: false };
        let aligned = stream::try_unfold(aligning, |mut aligning| async move {
            let part = aligning.part().await?;
            Ok::<_, EngineError>(part.map(|part| (part, aligning)))
        });
        Ok(aligned.boxed())
    }

    async fn prepare(&self, request: TtsRequest) {
        self.inner.prepare(request).await;
    }

    async fn voices(&self) -> Result<Vec<Voice>, EngineError> {
        self.inner.voices().await
    }
}

/// A segment whose words are aligned with its sound.
struct Aligning {
    parts: Parts,
    /// The next part, if it had arrived together with the last one.
    next: Option<Result<TtsPart, EngineError>>,
    layer: Layer,
    voice: String,
    paces: Arc<Mutex<BTreeMap<String, Pace>>>,
    /// The voice reports words itself.
    told: bool,
    /// There are no further parts.
    over: bool,
}

impl Aligning {
    async fn part(&mut self) -> Result<Option<TtsPart>, EngineError> {
        let next = match self.next.take() {
            Some(part) => Some(part?),
            None if self.over => None,
            None => self.parts.next().await.transpose()?,
        };
        let Some(mut part) = next else {
            if !self.told {
                self.remember();
            }
            self.over = true;
            return Ok(self.left());
        };
        self.told |= !part.words.is_empty();
        if self.told {
            return Ok(Some(part));
        }
        self.look_ahead();
        let last = self.over && self.next.is_none();
        part.words = self.layer.part(&part.samples, part.rate, last);
        count(part.words.len());
        Ok(Some(part))
    }

    /// Checks whether another part or the end has already arrived. The sound is not delayed for it.
    fn look_ahead(&mut self) {
        if self.over || self.next.is_some() {
            return;
        }
        match glance(&mut self.parts) {
            Some(Some(part)) => self.next = Some(part),
            Some(None) => self.over = true,
            None => {}
        }
    }

    /// Stores the pace of the voice, which has spoken the whole segment.
    fn remember(&self) {
        let mut paces = self.paces.lock();
        if paces.len() >= MOST_VOICES && !paces.contains_key(&self.voice) {
            paces.clear();
        }
        paces.insert(self.voice.clone(), self.layer.pace());
    }

    /// The words for which no sound came, if the end arrived after the last part.
    fn left(&mut self) -> Option<TtsPart> {
        if self.told {
            return None;
        }
        let words = self.layer.left();
        count(words.len());
        let rate = self.layer.rate();
        (!words.is_empty() && rate > 0).then(|| TtsPart { rate, words, ..TtsPart::default() })
    }
}

fn count(words: usize) {
    metrics::counter!("visavis_word_times_total", "source" => "alignment").increment(words as u64);
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;
    use tokio_stream::wrappers::ReceiverStream;

    use super::*;

    const RATE: u32 = 16_000;

    /// A voice whose parts come from the test.
    struct Sent(Mutex<Option<mpsc::Receiver<Result<TtsPart, EngineError>>>>);

    #[async_trait]
    impl Tts for Sent {
        fn capabilities(&self) -> TtsCapabilities {
            TtsCapabilities::default()
        }

        async fn synthesize(&self, _request: TtsRequest) -> Result<Parts, EngineError> {
            let parts = self.0.lock().take().expect("it is asked once");
            Ok(ReceiverStream::new(parts).boxed())
        }
    }

    fn speech(milliseconds: usize) -> TtsPart {
        let samples =
            (0..milliseconds * RATE as usize / 1000).map(|at| if at % 80 < 40 { 8000 } else { -8000 });
        TtsPart { rate: RATE, samples: samples.collect(), ..TtsPart::default() }
    }

    async fn aligned() -> (mpsc::Sender<Result<TtsPart, EngineError>>, Parts) {
        let (sender, parts) = mpsc::channel(8);
        let voice = Aligned::new(Arc::new(Sent(Mutex::new(Some(parts)))), 1.0);
        assert_eq!(voice.capabilities().word_times, WordTimes::Estimated);
        let request = TtsRequest { text: "One two three.".into(), ..TtsRequest::default() };
        (sender, voice.synthesize(request).await.unwrap())
    }

    #[tokio::test]
    async fn a_part_is_passed_on_before_the_next_one_has_come_and_the_last_word_ends_with_the_sound() {
        let (sender, mut parts) = aligned().await;
        sender.send(Ok(speech(400))).await.unwrap();
        let first = parts.next().await.unwrap().unwrap();
        assert_eq!(first.samples.len(), 6400);
        sender.send(Ok(speech(600))).await.unwrap();
        drop(sender);
        let second = parts.next().await.unwrap().unwrap();
        assert!(!first.measured && !second.measured);
        let words: Vec<&str> =
            first.words.iter().chain(&second.words).map(|word| word.text.as_str()).collect();
        assert_eq!(words, ["One", "two", "three"]);
        assert_eq!(second.words.last().unwrap().end, 9600);
        assert!(parts.next().await.is_none());
    }

    #[tokio::test]
    async fn words_come_after_the_sound_where_its_end_comes_late() {
        let (sender, mut parts) = aligned().await;
        sender.send(Ok(speech(100))).await.unwrap();
        let first = parts.next().await.unwrap().unwrap();
        drop(sender);
        let rest = parts.next().await.unwrap().unwrap();
        assert_eq!((first.words.len() + rest.words.len(), rest.samples.len()), (3, 0));
        assert!(parts.next().await.is_none());
    }

    #[tokio::test]
    async fn an_error_comes_after_the_sound_before_it() {
        let (sender, mut parts) = aligned().await;
        sender.send(Ok(speech(100))).await.unwrap();
        sender.send(Err(EngineError::Failed("it broke off".into()))).await.unwrap();
        assert_eq!(parts.next().await.unwrap().unwrap().samples.len(), 1600);
        assert!(parts.next().await.unwrap().is_err());
        assert!(parts.next().await.is_none());
    }

    #[test]
    fn each_word_of_a_sound_gets_a_time_in_order_and_punctuation_none_of_its_own() {
        let sound = [vec![0; 8_000], speech(600).samples, vec![0; 8_000], speech(600).samples].concat();
        let laid = lay_words(&["One,", "two,", "—", "three."], &sound, RATE);
        let told: Vec<&str> = laid.iter().map(|word| word.text.as_str()).collect();
        assert_eq!(told, ["One,", "two,", "—", "three."]);
        assert!(laid.windows(2).all(|pair| pair[0].end <= pair[1].start), "{laid:?}");
        assert!(laid[0].start >= 7_840 && laid[3].end <= sound.len() as u64, "{laid:?}");
        assert!(lay_words(&[], &sound, RATE).is_empty());
        assert_eq!(lay_words(&["One"], &[], RATE).len(), 1);
    }

    #[tokio::test]
    async fn words_that_the_voice_tells_are_kept() {
        let (sender, mut parts) = aligned().await;
        let told = WordTime { text: "One".into(), start: 1, end: 2 };
        sender.send(Ok(TtsPart { words: vec![told.clone()], ..speech(100) })).await.unwrap();
        sender.send(Ok(speech(100))).await.unwrap();
        drop(sender);
        assert_eq!(parts.next().await.unwrap().unwrap().words, [told]);
        assert_eq!(parts.next().await.unwrap().unwrap().words, []);
        assert!(parts.next().await.is_none());
    }
}
