//! Who speaks a text: a voice by its name, by a name that clients of OpenAI send, or the usual one.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::fault::Fault;
use crate::engine::{EngineError, Tts, Voice};
use crate::voice::{ChosenVoice, KnownVoice, find, first};

/// Longest wait for the engine's list of voices.
const LISTING: Duration = Duration::from_secs(3);
/// How long a list is used.
const FRESH: Duration = Duration::from_secs(5);
/// The same where it lacks the voice that is asked for, which may just have been added.
const FRESH_WITHOUT: Duration = Duration::from_millis(500);
/// The names of OpenAI's voices.
const OPENAI: [&str; 13] = [
    "alloy", "ash", "ballad", "cedar", "coral", "echo", "fable", "marin", "nova", "onyx", "sage", "shimmer",
    "verse",
];

/// The voices of an engine.
pub(super) struct Voices {
    tts: Arc<dyn Tts>,
    /// Configured names.
    named: BTreeMap<String, String>,
    /// The configured voice; empty: the language's first.
    usual: String,
    list: Mutex<Option<List>>,
}

/// The engine's list.
#[derive(Clone)]
struct List {
    at: Instant,
    voices: Arc<Vec<Voice>>,
    known: Arc<Vec<KnownVoice>>,
}

/// Who speaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Chosen {
    /// As the engine is asked; empty: the language's first.
    pub(super) voice: String,
    /// ISO 639-1; empty: not known.
    pub(super) language: String,
    /// This voice in the engine's list, if the engine lists its voices.
    pub(super) speaks: String,
    /// What speaks it, such as `piper`.
    pub(super) source: String,
    /// Of its files, as far as the engine tells.
    pub(super) version: String,
}

impl Voices {
    pub(super) fn new(tts: Arc<dyn Tts>, named: BTreeMap<String, String>, usual: String) -> Self {
        Self { tts, named, usual, list: Mutex::default() }
    }

    /// Chooses the voice of this name and language; both may be empty.
    ///
    /// # Errors
    /// If there is no such voice, with those that exist, or the voices are not known.
    pub(super) async fn choose(&self, asked: &str, language: &str) -> Result<Chosen, Fault> {
        match self.chosen(&self.list(FRESH).await?, asked, language) {
            Err(_) => self.chosen(&self.list(FRESH_WITHOUT).await?, asked, language),
            chosen => chosen,
        }
    }

    fn chosen(&self, list: &List, asked: &str, language: &str) -> Result<Chosen, Fault> {
        let List { voices, known, .. } = list;
        let named = self.named.get(asked).map(String::as_str);
        let is_listed = || known.iter().any(|voice| voice.name == asked);
        let is_usual = asked.is_empty() || (OPENAI.contains(&asked) && !is_listed());
        let chosen = match named {
            Some(name) => self::named(known, name, language)?,
            None if is_usual => self.usual(known, language),
            None => self::named(known, asked, language)?,
        };
        Ok(about(chosen, voices, known))
    }

    /// The configured voice if it speaks the language; otherwise the language's first.
    fn usual(&self, known: &[KnownVoice], language: &str) -> ChosenVoice {
        let usual = (!self.usual.is_empty()).then(|| find(known, &self.usual, language).ok()).flatten();
        let speaks = |voice: &ChosenVoice| {
            language.is_empty() || voice.language.is_empty() || voice.language == language
        };
        usual.filter(speaks).unwrap_or_else(|| {
            let first = known.first().map(|voice| voice.language.clone()).unwrap_or_default();
            let language = if language.is_empty() { first } else { language.to_owned() };
            ChosenVoice { name: String::new(), language }
        })
    }

    /// The list as it was a moment ago, so that a stream of requests does not ask for it each time. While the engine does not
    /// respond, or lists nothing, the last one.
    async fn list(&self, fresh: Duration) -> Result<List, EngineError> {
        let last = self.list.lock().clone();
        if let Some(list) = last.as_ref().filter(|list| list.at.elapsed() < fresh) {
            return Ok(list.clone());
        }
        let late = |_| Err(EngineError::Deadline);
        let listed = tokio::time::timeout(LISTING, self.tts.voices()).await.unwrap_or_else(late);
        let at = Instant::now();
        let list = match (listed, last) {
            // Not asked again at once, so that what is kept does not wait for an engine that hangs.
            (Err(_), Some(last)) => List { at, ..last },
            (Ok(voices), Some(last)) if voices.is_empty() => List { at, ..last },
            (Err(error), None) => return Err(error),
            (Ok(voices), _) => {
                let known = Arc::new(voices.iter().map(Voice::known).collect());
                List { at, voices: Arc::new(voices), known }
            }
        };
        *self.list.lock() = Some(list.clone());
        Ok(list)
    }
}

/// The voice of this name, for a text in this language.
fn named(known: &[KnownVoice], name: &str, language: &str) -> Result<ChosenVoice, Fault> {
    let voice = find(known, name, language).map_err(|fault| Fault::wrong("voice", &fault))?;
    if language.is_empty() || voice.language == language {
        return Ok(voice);
    }
    if voice.language.is_empty() {
        return Ok(ChosenVoice { language: language.to_owned(), ..voice });
    }
    let why = format!("the voice {name:?} speaks {:?}; leave language out", voice.language);
    Err(Fault::wrong("language", &why))
}

fn about(chosen: ChosenVoice, voices: &[Voice], known: &[KnownVoice]) -> Chosen {
    let ChosenVoice { name, language } = chosen;
    let of_language = || first(known, &language).map(|voice| voice.name.clone()).unwrap_or_default();
    let speaks = if name.is_empty() { of_language() } else { name.clone() };
    let voice = voices.iter().find(|voice| voice.leads(&speaks));
    let source = voice.map(|voice| voice.source.clone());
    let source = source.filter(|source| !source.is_empty()).unwrap_or_else(|| "visavis".into());
    let version = voice.map(|voice| voice.version.clone()).unwrap_or_default();
    Chosen { voice: name, language, speaks, source, version }
}

#[cfg(test)]
mod tests {
    use futures_util::stream::BoxStream;
    use visavis_scripted::ScriptedTts;

    use super::*;
    use crate::engine::{TtsCapabilities, TtsPart, TtsRequest};

    fn voices(usual: &str) -> Voices {
        let voice = |name: &str, language: &str| Voice {
            name: name.into(),
            language: language.into(),
            source: "piper".into(),
            ..Voice::default()
        };
        let listed = [voice("joe", "en"), voice("ann", "en"), voice("eva", "de")];
        let tts = Arc::new(ScriptedTts::default().with_voices(listed));
        Voices::new(tts, BTreeMap::from([("nova".to_owned(), "eva".to_owned())]), usual.into())
    }

    async fn chosen(usual: &str, asked: &str, language: &str) -> Result<(String, String, String), Fault> {
        let chosen = voices(usual).choose(asked, language).await?;
        assert_eq!(chosen.source, "piper");
        Ok((chosen.voice, chosen.language, chosen.speaks))
    }

    #[tokio::test]
    async fn a_name_of_openai_is_the_usual_voice_unless_it_is_configured() {
        for (usual, asked, language, expected) in [
            ("", "", "", ("", "en", "joe")),
            ("", "alloy", "de", ("", "de", "eva")),
            ("ann", "alloy", "", ("ann", "en", "ann")),
            ("ann", "", "de", ("", "de", "eva")),
            ("ann", "nova", "", ("eva", "de", "eva")),
            ("ann", "joe", "en", ("joe", "en", "joe")),
        ] {
            let (voice, language, speaks) = chosen(usual, asked, language).await.unwrap();
            assert_eq!((voice.as_str(), language.as_str(), speaks.as_str()), expected, "{usual} {asked}");
        }
    }

    /// Lists its voices as told, the last first.
    struct Listing(Mutex<Vec<Result<Vec<Voice>, EngineError>>>);

    #[async_trait::async_trait]
    impl Tts for Listing {
        fn capabilities(&self) -> TtsCapabilities {
            TtsCapabilities::default()
        }

        async fn synthesize(
            &self,
            _: TtsRequest,
        ) -> Result<BoxStream<'static, Result<TtsPart, EngineError>>, EngineError> {
            Err(EngineError::Deadline)
        }

        async fn voices(&self) -> Result<Vec<Voice>, EngineError> {
            self.0.lock().pop().unwrap_or(Err(EngineError::Deadline))
        }
    }

    fn listing(lists: Vec<Result<Vec<Voice>, EngineError>>) -> Voices {
        Voices::new(Arc::new(Listing(Mutex::new(lists))), BTreeMap::new(), String::new())
    }

    /// Makes the list as old as this.
    fn age(voices: &Voices, by: Duration) {
        if let Some(list) = voices.list.lock().as_mut() {
            list.at -= by;
        }
    }

    fn english(name: &str) -> Voice {
        Voice { name: name.into(), language: "en".into(), source: "piper".into(), ..Voice::default() }
    }

    #[tokio::test]
    async fn the_last_list_is_used_while_the_engine_lists_nothing() {
        let voices = listing(vec![Ok(Vec::new()), Err(EngineError::Deadline), Ok(vec![english("joe")])]);
        let first = voices.choose("joe", "").await.unwrap();
        for _ in 0..3 {
            age(&voices, FRESH);
            assert_eq!(voices.choose("joe", "").await.unwrap(), first);
        }
    }

    #[tokio::test]
    async fn a_voice_that_was_just_added_is_found() {
        let voices = listing(vec![Ok(vec![english("joe"), english("ann")]), Ok(vec![english("joe")])]);
        voices.choose("joe", "").await.unwrap();
        age(&voices, FRESH_WITHOUT);
        assert_eq!(voices.choose("ann", "").await.unwrap().speaks, "ann");
    }

    #[tokio::test]
    async fn the_version_of_a_voices_files_is_told() {
        let joe = Voice { version: "2".into(), ..english("joe") };
        assert_eq!(listing(vec![Ok(vec![joe])]).choose("joe", "").await.unwrap().version, "2");
    }

    #[tokio::test]
    async fn an_unknown_voice_is_refused_with_those_that_exist() {
        let Err(Fault::Wrong { field: "voice", message }) = chosen("", "bob", "").await else {
            panic!("it is not refused as a voice")
        };
        assert!(message.contains("joe (en), ann (en), eva (de)"), "{message}");
        assert!(matches!(chosen("", "eva", "en").await, Err(Fault::Wrong { field: "language", .. })));
    }
}
