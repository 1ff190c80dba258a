//! A job at the model: decodes it window by window, reuses what is known of it, and delivers the transcript.

use std::ops::Range;
use std::panic::AssertUnwindSafe;
use std::time::Instant;

use tonic::Status;
use visavis_proto::v1::Transcript;

use crate::audio::{self, WINDOW};
use crate::language;
use crate::queue::{Job, Queue};
use crate::recogniser::{Fault, Hints, Kept, Recogniser};
use crate::utterance::{Identified, Piece, Tail, Understood, Window};
use crate::vocabulary::Language;

/// Probability of no speech from which audio without words is noise.
const NOISE: f32 = 0.6;
/// Noise of this length is not decoded again.
const LONG_NOISE: usize = 8 * audio::RATE;
/// Except for its end, which may hold a first word.
const KEPT_OF_NOISE: usize = 2 * audio::RATE;

/// What became of an attempt at a job, unless it panicked; `None`: it yielded to others.
type Attempt = std::thread::Result<Result<Option<Transcript>, Fault>>;

/// Works on a job, which others may interrupt; `passed` is called after each of its windows.
pub(crate) fn attempt(
    recogniser: &mut Recogniser,
    queue: &Queue,
    job: &mut Job,
    passed: &dyn Fn(),
) -> Attempt {
    let started = Instant::now();
    // The model keeps no state between windows, so the next job can use it after a panic.
    let done = std::panic::catch_unwind(AssertUnwindSafe(|| decode(recogniser, queue, job, passed)));
    job.spent += started.elapsed();
    done
}

/// Ends a job after an attempt, or puts it back.
pub(crate) fn settle(queue: &Queue, mut job: Job, done: Attempt) {
    match done {
        Ok(Ok(Some(transcript))) => {
            let decode_ms = u32::try_from(job.spent.as_millis()).unwrap_or(u32::MAX);
            job.complete(Transcript { decode_ms, ..transcript });
        }
        Ok(Ok(None)) => queue.put_back(job),
        Ok(Err(Fault::Stopped)) if !job.is_obsolete() => {
            job.stops += 1;
            queue.put_back(job);
        }
        Ok(Err(Fault::Stopped)) => job.abandon(),
        Ok(Err(fault)) => {
            tracing::error!(%fault, "a decode failed");
            job.fail(Status::internal(fault.to_string()));
        }
        Err(_) => job.fail(Status::internal("the recogniser panicked; the log says where")),
    }
}

/// Decodes all windows of a job, `passed` being called after each; `None` if it yielded to others.
fn decode(
    recogniser: &mut Recogniser,
    queue: &Queue,
    job: &Job,
    passed: &dyn Fn(),
) -> Result<Option<Transcript>, Fault> {
    let order = &job.order;
    let stop = || job.is_obsolete() || queue.should_stop(job);
    let work = Work { job, stop: &stop };
    let mut understood = order.utterance.understood();
    let (mut start, mut index) = (0, 0);
    let tail = loop {
        if let Some(window) = understood.windows.get(index).filter(|window| window.end <= order.samples) {
            start = window.end;
            index += 1;
            continue;
        }
        let tail = order.utterance.copy(start..order.samples.min(start + WINDOW + 1));
        let Some(end) = audio::cut(&tail) else { break tail };
        let sound = audio::sound(&tail[..end]);
        let piece = match sound {
            Some(sound) => {
                hear(recogniser, &work, &understood, &Span { start, audio: &tail[..end], sound }, None)?
            }
            None => Piece::default(),
        };
        // Drop later windows: they were cut from more audio than this job may use.
        understood.windows.truncate(index);
        understood.windows.push(Window { end: start + end, piece });
        if queue.should_yield(job) {
            return Ok(None);
        }
        passed();
    };
    let piece = match audio::sound(&tail) {
        None => Piece::default(),
        Some(sound) => last(recogniser, &work, &mut understood, index, Span { start, audio: &tail, sound })?,
    };
    let windows = understood.windows[..index].iter().map(|window| &window.piece).chain([&piece]);
    Ok(Some(transcript(job, windows)))
}

/// A job at work.
struct Work<'a> {
    job: &'a Job,
    /// Whether it is to stop at once.
    stop: &'a dyn Fn() -> bool,
}

/// A section of an utterance.
#[derive(Debug)]
struct Span<'a> {
    /// The sample at which it begins.
    start: usize,
    audio: &'a [i16],
    /// Where the sound is within `audio`.
    sound: Range<usize>,
}

/// Decodes the tail after `index` windows.
fn last(
    recogniser: &mut Recogniser,
    work: &Work<'_>,
    understood: &mut Understood,
    index: usize,
    mut tail: Span<'_>,
) -> Result<Piece, Fault> {
    let order = &work.job.order;
    let start = tail.start;
    let known = understood.tail.as_ref().filter(|known| known.sound.start >= start);
    if let Some(known) = known {
        if start + tail.sound.end <= known.heard_until {
            return Ok(known.piece.clone());
        }
        // Louder words must not cut off the softer ones before them.
        tail.sound.start = tail.sound.start.min(known.sound.start - start);
    }
    let kept = known.and_then(|known| {
        let said =
            recogniser.said_for(&known.piece.said, rest_of(&order.stable, &understood.windows[..index])?);
        (!said.is_empty()).then_some(Kept { said, of: &known.piece })
    });
    let place = start + tail.sound.start..start + tail.sound.end;
    let piece = hear(recogniser, work, understood, &tail, kept)?;
    if let Some(identified) = &piece.language
        && !piece.text.is_empty()
        && language::is_settled(identified.probability, seconds(&place))
    {
        understood.language.get_or_insert_with(|| identified.clone());
    }
    if is_noise(&piece) && place.len() >= LONG_NOISE {
        // Nobody speaks there: later decodes cover only what follows, and the end, where speech may have begun.
        understood.windows.truncate(index);
        understood.windows.push(Window { end: place.end - KEPT_OF_NOISE, piece: piece.clone() });
        understood.tail = None;
        return Ok(piece);
    }
    let heard_until = audio::heard_until(place.end, start + tail.audio.len());
    understood.tail = Some(Tail { sound: place, heard_until, piece: piece.clone() });
    Ok(piece)
}

/// Whether the model heard nothing but noise.
fn is_noise(piece: &Piece) -> bool {
    piece.tokens > 0 && piece.text.is_empty() && piece.no_speech >= NOISE
}

/// The stable words after those of these windows; `None` if there are none or they do not match.
fn rest_of<'a>(stable: &'a str, windows: &[Window]) -> Option<&'a str> {
    let rest = windows
        .iter()
        .try_fold(stable, |rest, window| rest.strip_prefix(window.piece.text.as_str()).map(str::trim_start));
    rest.filter(|rest| !rest.is_empty())
}

fn seconds(sound: &Range<usize>) -> f32 {
    sound.len() as f32 / audio::RATE as f32
}

/// Runs one section through the model, in the settled language if there is one.
fn hear(
    recogniser: &mut Recogniser,
    Work { job, stop }: &Work<'_>,
    understood: &Understood,
    Span { audio, sound, .. }: &Span<'_>,
    kept: Option<Kept<'_>>,
) -> Result<Piece, Fault> {
    let utterance = &job.order.utterance;
    let settled = understood.language.as_ref();
    let around = audio::around(sound, audio.len());
    let hints = Hints {
        end: sound.end - around.start,
        language: utterance.languages.given.as_ref().or(settled.map(|it| &it.language)),
        expected: &utterance.languages.expected,
        phrases: &job.order.phrases,
        seconds: seconds(sound),
        prompt: &utterance.prompt,
        translate: utterance.languages.translate,
        kept,
    };
    let audio = audio::to_float(&audio[around]);
    let piece = recogniser.hear(&audio, hints, *stop)?;
    Ok(Piece { language: piece.language.or(settled.cloned()), ..piece })
}

fn transcript<'a>(job: &Job, pieces: impl Iterator<Item = &'a Piece> + Clone) -> Transcript {
    let order = &job.order;
    let heard = pieces.clone().filter(|piece| !piece.text.is_empty());
    let text = heard.clone().map(|piece| piece.text.as_str()).collect::<Vec<_>>().join(" ");
    let identified = heard.clone().find_map(|piece| piece.language.clone());
    let languages = heard.clone().map(|piece| &piece.languages).find(|languages| !languages.is_empty());
    let given = order.utterance.languages.given.clone();
    let (language, language_probability) = match (given, identified) {
        (Some(Language { code, .. }), _) => (code, 0.0),
        (None, Some(Identified { language, probability })) => (language.code, probability),
        (None, None) => ("", 0.0),
    };
    // Silence that never reached the model is certainly not speech.
    let no_speech = |piece: &Piece| if piece.tokens == 0 { 1.0 } else { piece.no_speech };
    let tokens: usize = pieces.clone().map(|piece| piece.tokens).sum();
    let log_probability: f32 = pieces.clone().map(|piece| piece.log_probability).sum();
    Transcript {
        number: order.number,
        r#final: order.is_final,
        text,
        language: language.into(),
        language_probability,
        no_speech_probability: pieces.map(no_speech).fold(1.0, f32::min),
        average_log_probability: log_probability / tokens.max(1) as f32,
        samples: order.samples as u64,
        decode_ms: 0,
        words: Vec::new(),
        languages: languages.cloned().unwrap_or_default(),
    }
}
