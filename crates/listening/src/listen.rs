//! What is said in a recording, segment by segment as it is recognised.

use std::collections::VecDeque;
use std::fs::File;
use std::sync::Arc;

use tokio::sync::mpsc;

use crate::ListenError;
use crate::cutter::Piece;
use crate::ear::Ear;
use crate::engine::{EngineError, LONGEST_PROMPT, Stt, Tts, Vad};
use crate::frame::{MIC_RATE, Transcript};
use crate::guide::{Said, estimated, measured};
use crate::level::raised;
use crate::loops::repeats;
pub use crate::places::Places;
use crate::seam::{Joiner, Span};
use crate::segments::{Segment, Sureness, sentences};
use crate::sound::{self, Sounding};
use crate::turns::Whose;
use crate::words::{Word, split};

/// Segments that wait for their reader.
const AHEAD: usize = 4;
/// What listening takes.
#[derive(Clone)]
pub struct Engines {
    /// Recognises the words.
    pub stt: Arc<dyn Stt>,
    /// Measures their times.
    pub tts: Arc<dyn Tts>,
    /// Makes a detector of voice activity.
    pub vad: Arc<dyn Fn() -> Box<dyn Vad> + Send + Sync>,
    /// Shared by all recordings: each piece takes one for its recognition.
    pub places: Arc<Places>,
    /// Whether somebody waits for what is heard: it goes before what is a job's, piece by piece.
    pub waited: bool,
    /// Whether calls are served now: recordings are cut shorter then, and recognition rests after each piece, so that no call waits long.
    pub busy: Arc<dyn Fn() -> bool + Send + Sync>,
}

impl Engines {
    /// The same for a job, behind all that somebody waits for.
    #[must_use]
    pub fn unhurried(self) -> Self {
        Self { waited: false, ..self }
    }
}

/// How a recording is to be transcribed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Order {
    /// ISO 639-1; empty: identify it.
    pub language: String,
    /// Words likely to occur; what exceeds [`LONGEST_PROMPT`] is cut off at its beginning.
    pub prompt: String,
    /// The words are to be English, whatever is spoken.
    pub translate: bool,
    /// Measure words' times by a voice that says the same, where there is one. Otherwise they are estimated.
    pub measured: bool,
}

/// A step of listening.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The next sentence.
    Segment(Segment),
    /// The recording's end; the last event.
    End(End),
}

/// What is known at the end of a recording.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct End {
    /// Its length.
    pub seconds: f64,
    /// The language heard last, ISO 639-1; empty: there was no speech, or the recogniser does not report it.
    pub language: String,
    /// All times of words were measured.
    pub measured: bool,
}

type Sender = mpsc::Sender<Result<Event, ListenError>>;

/// Transcribes a recording, which is read from where the file stands. On failure the last item is an error. Dropping the receiver
/// stops the work.
#[must_use]
pub fn listen(file: File, order: Order, engines: Engines) -> mpsc::Receiver<Result<Event, ListenError>> {
    let (out, events) = mpsc::channel(AHEAD);
    let listener = Listener::new(order, engines);
    tokio::spawn(async move {
        tokio::select! {
            result = listener.run(file, &out) => if let Err(error) = result {
                _ = out.send(Err(error)).await;
            },
            () = out.closed() => {}
        }
    });
    events
}

struct Listener {
    ear: Ear,
    engines: Engines,
    joiner: Joiner,
    sureness: Sureness,
    /// Times are to be measured.
    measure: bool,
    /// All times so far were measured.
    measured: bool,
}

impl Listener {
    fn new(Order { language, prompt, translate, measured }: Order, engines: Engines) -> Self {
        let ear = Ear {
            stt: engines.stt.clone(),
            places: engines.places.clone(),
            whose: if engines.waited { Whose::Waited } else { Whose::Job },
            busy: engines.busy.clone(),
            likely: language.clone(),
            language,
            prompt: end_of(&prompt).to_owned(),
            translate,
        };
        // A translation is not what is said.
        let measure = measured && !translate;
        Self {
            ear,
            engines,
            joiner: Joiner::default(),
            sureness: Sureness::default(),
            measure,
            measured: measure,
        }
    }

    async fn run(mut self, file: File, out: &Sender) -> Result<(), ListenError> {
        let mut pieces = sound::pieces(file, (self.engines.vad)(), self.engines.busy.clone());
        while let Some(item) = pieces.recv().await {
            let piece = match item? {
                Sounding::Piece(piece) => piece,
                Sounding::End { samples } => {
                    let segments = self.last();
                    if tell(segments, out).await {
                        _ = out.send(Ok(Event::End(self.end(samples)))).await;
                    }
                    return Ok(());
                }
            };
            let mut parts = VecDeque::from(if (self.engines.busy)() { piece.shorter() } else { vec![piece] });
            while let Some(part) = parts.pop_front() {
                let sound: Arc<[i16]> = raised(part.samples.clone()).into();
                let heard = self.ear.hear(&sound).await?;
                if heard.as_ref().is_some_and(|heard| repeats(&heard.text)) {
                    let shorter = part.clone().shorter();
                    if shorter.len() > 1 {
                        // It repeats itself over long sound alone.
                        shorter.into_iter().rev().for_each(|part| parts.push_front(part));
                        continue;
                    }
                }
                let segments = self.next(span_of(&part), heard, sound).await;
                if !tell(segments, out).await {
                    return Ok(());
                }
            }
        }
        Err(EngineError::Failed("the recording's reader ended without a result".into()).into())
    }

    /// The segments that a piece completes.
    async fn next(&mut self, span: Span, heard: Option<Transcript>, sound: Arc<[i16]>) -> Vec<Segment> {
        let words = match heard {
            Some(heard) => {
                self.sureness = Sureness {
                    average_log_probability: heard.average_log_probability,
                    no_speech_probability: heard.no_speech_probability,
                };
                self.timed(&heard, &sound, span.start).await
            }
            None => Vec::new(),
        };
        let settled = self.joiner.push(words, span);
        self.segments(settled)
    }

    /// The segments that waited for a further piece.
    fn last(&mut self) -> Vec<Segment> {
        let words = self.joiner.finish();
        self.segments(words)
    }

    fn segments(&self, words: Vec<Word>) -> Vec<Segment> {
        let segment = |words| Segment { words, language: self.ear.likely.clone(), sureness: self.sureness };
        sentences(words).into_iter().map(segment).collect()
    }

    fn end(&self, samples: u64) -> End {
        End { seconds: seconds(samples), language: self.ear.likely.clone(), measured: self.measured }
    }

    /// The words of a piece that begins at `start`, in seconds.
    async fn timed(&mut self, heard: &Transcript, sound: &Arc<[i16]>, start: f64) -> Vec<Word> {
        let words = split(&heard.text);
        if words.is_empty() {
            return words;
        }
        let known = match self.measure {
            true => {
                let Engines { tts, waited, .. } = &self.engines;
                let said = Said { language: &self.ear.likely, waited: *waited };
                measured(&words, said, sound.clone(), tts.clone()).await
            }
            false => None,
        };
        self.measured &= known.is_some();
        let words = known.unwrap_or_else(|| estimated(words, sound));
        let moved = |word: Word| Word { start: start + word.start, end: start + word.end, ..word };
        words.into_iter().map(moved).collect()
    }
}

/// Sends segments; returns whether anybody waits for more.
async fn tell(segments: Vec<Segment>, out: &Sender) -> bool {
    for segment in segments {
        if out.send(Ok(Event::Segment(segment))).await.is_err() {
            return false;
        }
    }
    true
}

fn span_of(piece: &Piece) -> Span {
    let (start, length) = (seconds(piece.start), seconds(piece.samples.len() as u64));
    Span {
        start,
        end: start + length,
        shared: seconds(piece.shared as u64),
        shares: seconds(piece.shares as u64),
    }
}

fn seconds(samples: u64) -> f64 {
    samples as f64 / f64::from(MIC_RATE)
}

/// As much of a prompt's end as a recogniser takes.
fn end_of(prompt: &str) -> &str {
    let prompt = prompt.trim();
    let from = prompt.len().saturating_sub(LONGEST_PROMPT);
    &prompt[prompt.ceil_char_boundary(from)..]
}
