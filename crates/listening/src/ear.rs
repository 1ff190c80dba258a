//! Recognition of one piece after the other. Live calls go first: an engine that is busy with them is asked again.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use visavis_pipeline::hallucination::{Sound, is_hallucinated};

use crate::engine::{EngineError, Stt, SttInput, SttRequest, SttStream};
use crate::frame::{LanguageWeight, MIC_RATE, Transcript};
use crate::places::Places;
use crate::sound::Busy;
use crate::turns::Whose;

/// How often a piece is tried.
const TRIES: u32 = 20;
/// The pause before the second try; each further one is twice as long, up to [`LONGEST_PAUSE`].
const PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// While calls are served, the pause after a piece is so many times as long as its recognition took: the call's language model and
/// voice need the cores that the recogniser would take.
const REST: u32 = 2;
/// The longest such pause. What takes longer has been held back by calls already.
const LONGEST_REST: Duration = Duration::from_secs(10);

/// Recognises the pieces of one recording.
pub(crate) struct Ear {
    pub(crate) stt: Arc<dyn Stt>,
    /// The places of all recordings at it.
    pub(crate) places: Arc<Places>,
    /// Whether somebody waits for the words.
    pub(crate) whose: Whose,
    /// Whether calls are served.
    pub(crate) busy: Busy,
    /// ISO 639-1; empty: identify it.
    pub(crate) language: String,
    /// Words likely to occur.
    pub(crate) prompt: String,
    /// The words are to be English.
    pub(crate) translate: bool,
    /// The language heard last: it is kept unless another is certain.
    pub(crate) likely: String,
}

impl Ear {
    /// What is said in a piece; none if nothing is, whatever the model made of it.
    pub(crate) async fn hear(&mut self, sound: &Arc<[i16]>) -> Result<Option<Transcript>, EngineError> {
        let mut pause = PAUSE;
        for _ in 1..TRIES {
            match self.once(sound).await {
                Err(error) if error.is_passing() || error == EngineError::Deadline => {
                    tracing::debug!(%error, "a piece of a recording waits for recognition");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
                heard => return self.judged(heard?, sound).await,
            }
        }
        let heard = self.once(sound).await?;
        self.judged(heard, sound).await
    }

    async fn once(&self, sound: &[i16]) -> Result<Transcript, EngineError> {
        let likely =
            (!self.likely.is_empty()).then(|| LanguageWeight { language: self.likely.clone(), weight: 1.0 });
        let request = SttRequest {
            language: self.language.clone(),
            expected: likely.into_iter().collect(),
            ahead: true,
            waited: self.whose == Whose::Waited,
            prompt: self.prompt.clone(),
            translate: self.translate,
            ..SttRequest::default()
        };
        let _place = self.places.take(self.whose).await;
        let SttStream { input, mut output } = self.stt.open(request).await?;
        let told = async {
            for second in sound.chunks(MIC_RATE as usize) {
                if input.send(SttInput::Audio(second.to_vec())).await.is_err() {
                    return;
                }
            }
            let decode =
                SttInput::Decode { number: 1, last: true, stable: String::new(), phrases: Vec::new() };
            _ = input.send(decode).await;
        };
        let (heard, ()) = tokio::join!(output.next(), told);
        let ended = || EngineError::Failed("recognition ended without a result".into());
        let words = heard.ok_or_else(ended)??.words;
        if (self.busy)() {
            let rest = Duration::from_millis(words.decode_ms.into()) * REST;
            tokio::time::sleep(rest.min(LONGEST_REST)).await;
        }
        Ok(words)
    }

    /// The transcript, unless the model made it up.
    async fn judged(
        &mut self,
        heard: Transcript,
        sound: &Arc<[i16]>,
    ) -> Result<Option<Transcript>, EngineError> {
        if heard.text.trim().is_empty() {
            return Ok(None);
        }
        let sound = sound.clone();
        let judged = tokio::task::spawn_blocking(move || {
            let mut measured = Sound::default();
            measured.hear(&sound);
            (!is_hallucinated(&heard, &measured)).then_some(heard)
        });
        let heard = judged.await.map_err(|error| EngineError::Failed(error.to_string()))?;
        if let Some(heard) = &heard
            && !heard.language.is_empty()
        {
            self.likely.clone_from(&heard.language);
        }
        Ok(heard)
    }
}

#[cfg(test)]
mod tests {
    use visavis_scripted::{Hearing, ScriptedStt};

    use super::*;

    fn ear(stt: &Arc<ScriptedStt>) -> Ear {
        Ear {
            stt: stt.clone(),
            places: Places::new(),
            whose: Whose::Waited,
            busy: Arc::new(|| false),
            language: String::new(),
            prompt: "Ada".into(),
            translate: false,
            likely: String::new(),
        }
    }

    /// Two seconds that are as loud and changing as speech.
    fn sound() -> Arc<[i16]> {
        let tone = |at: u32| {
            let (syllable, step) = (at / 3_200, at % 3_200);
            let pitch = 0.05 + 0.04 * f64::from(syllable % 5);
            if step < 2_400 { ((f64::from(at) * pitch).sin() * 8_000.0) as i16 } else { 0 }
        };
        (0..32_000).map(tone).collect::<Vec<i16>>().into()
    }

    #[tokio::test(start_paused = true)]
    async fn a_busy_engine_is_asked_again_and_a_broken_one_is_not() {
        let busy = || Hearing::Fails(EngineError::Busy("calls".into()));
        let stt = Arc::new(ScriptedStt::new([busy(), busy(), "These are the words.".into()]));
        let heard = ear(&stt).hear(&sound()).await.unwrap().unwrap();
        assert_eq!((heard.text.as_str(), stt.utterances().len()), ("These are the words.", 3));
        let broken = EngineError::Failed("it broke".into());
        let stt = Arc::new(ScriptedStt::new([Hearing::Fails(broken.clone())]));
        assert_eq!(ear(&stt).hear(&sound()).await, Err(broken));
    }

    #[tokio::test(start_paused = true)]
    async fn a_piece_waits_for_a_place_at_the_recogniser_and_gives_it_back() {
        let stt = Arc::new(ScriptedStt::new(["These are the words."]));
        let mut ear = ear(&stt);
        let places = ear.places.clone();
        let taken = [places.take(Whose::Waited).await, places.take(Whose::Waited).await];
        let sound = sound();
        let mut hearing = std::pin::pin!(ear.hear(&sound));
        let early = tokio::time::timeout(Duration::from_secs(600), hearing.as_mut()).await;
        assert!(early.is_err() && stt.utterances().is_empty(), "{early:?}");
        drop(taken);
        assert!(hearing.await.unwrap().is_some());
        let again = async { [places.take(Whose::Waited).await, places.take(Whose::Waited).await] };
        assert!(tokio::time::timeout(Duration::from_secs(600), again).await.is_ok(), "all are given back");
    }

    #[tokio::test(start_paused = true)]
    async fn recognition_rests_after_a_piece_while_calls_are_served() {
        for (busy, decode_ms, least, most) in
            [(true, 3_000, 6, 10), (true, 60_000, 10, 14), (false, 3_000, 0, 3)]
        {
            let stt = Arc::new(ScriptedStt::by_ear(move |_| Transcript {
                text: "These are the words.".into(),
                decode_ms,
                ..Transcript::default()
            }));
            let mut ear = Ear { busy: Arc::new(move || busy), ..ear(&stt) };
            let began = tokio::time::Instant::now();
            assert!(ear.hear(&sound()).await.unwrap().is_some());
            let took = began.elapsed().as_secs();
            assert!((least..most).contains(&took), "{busy}, {decode_ms} ms: {took} s");
        }
    }

    #[tokio::test]
    async fn calls_go_first_and_the_language_is_kept() {
        let stt = Arc::new(ScriptedStt::new(["These are the words.", "And these as well."]));
        let mut ear = ear(&stt);
        for _ in 0..2 {
            assert!(ear.hear(&sound()).await.unwrap().is_some());
        }
        let asked = stt.utterances();
        assert!(asked.iter().all(|utterance| utterance.request.ahead && utterance.request.prompt == "Ada"));
        assert!(asked[0].request.expected.is_empty());
        assert_eq!(asked[1].request.expected[0].language, "en");
        assert!(asked.iter().all(|utterance| utterance.audio.len() == 32_000), "all of the sound");
    }

    #[tokio::test]
    async fn words_made_up_from_silence_are_no_words() {
        let stt = Arc::new(ScriptedStt::new(["Thanks for watching!", ""]));
        let mut ear = ear(&stt);
        let silence: Arc<[i16]> = vec![0; 32_000].into();
        assert_eq!(ear.hear(&silence).await, Ok(None));
        assert_eq!(ear.hear(&sound()).await, Ok(None));
        assert_eq!(ear.likely, "", "what was not said chooses no language");
    }
}
