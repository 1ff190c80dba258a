//! Faces for sound that arrives in chunks, at a steady rate. Pure.

use std::collections::VecDeque;

use super::{Laid, Spoken};
use crate::avatar::cue::{Cue, DueCue, Mood};
use crate::avatar::expression::{Expression, State};
use crate::avatar::face::Face;
use crate::avatar::lips::{Lips, Mouth};
use crate::avatar::shapes::Shape;
use crate::avatar::sound::Sound;
use crate::avatar::source::{self, Source};
use crate::frame::{CueTime, OUT_RATE, WordTime};

/// Seconds of sound that must be known beyond a face: lips move towards the next sound.
const LOOK_AHEAD: f64 = 0.5;
/// Seconds in which the face comes to rest after the last sound.
const REST: f64 = 0.4;
/// Seconds of sound kept behind the newest face.
const KEPT: f64 = 1.0;
/// Fixed, so that the same text gives the same faces.
const SEED: u64 = 1;

/// A word or a speech sound, in seconds.
#[derive(Debug, Clone, PartialEq)]
pub struct Timed {
    /// The word or sound.
    pub text: String,
    /// Start.
    pub start: f64,
    /// End.
    pub end: f64,
}

/// A section of sound and what is said in it.
#[derive(Debug, Clone, PartialEq)]
pub struct Section {
    /// Seconds from the beginning.
    pub start: f64,
    /// The audio at [`OUT_RATE`].
    pub samples: Vec<i16>,
    /// The written words.
    pub words: Vec<Timed>,
    /// The speech sounds, in espeak-ng's IPA.
    pub sounds: Vec<Timed>,
    /// Where their times come from.
    pub source: Source,
}

/// Makes the faces of one text or recording.
pub struct Animator {
    fps: u32,
    lips: Lips,
    /// None: only the mouth moves.
    expression: Option<Expression>,
    cues: VecDeque<DueCue>,
    samples: u64,
    frames: u64,
}

impl Animator {
    /// An animator without speech. With a `mood`, brows, eyes and head move too; without one, only the mouth.
    #[must_use]
    pub fn new(fps: u32, mood: Option<Mood>) -> Self {
        let expression = mood.map(|mood| {
            let mut expression = Expression::new(SEED);
            expression.state(State::Speaking, 0.0);
            expression.cue(Cue::Mood(mood), 0.0);
            expression
        });
        Self { fps, lips: Lips::new(), expression, cues: VecDeque::new(), samples: 0, frames: 0 }
    }

    /// Takes the next section of sound.
    pub fn push(&mut self, Spoken { chunk, laid }: Spoken) -> Section {
        let start = seconds(self.samples);
        let due = |cue: &CueTime| DueCue { at: start + seconds(cue.at), cue: cue.cue };
        self.cues.extend(chunk.cues.iter().map(due));
        let told: Vec<Sound> = chunk.sounds.times.iter().map(sound).collect();
        let (sounds, source) = match laid {
            Some(Laid { sounds, source }) => (sounds.into(), source),
            None => source::choose(&told, chunk.sounds.measured, &[], &chunk.samples, OUT_RATE),
        };
        self.lips.push(start, &sounds, &chunk.samples, OUT_RATE);
        self.samples += chunk.samples.len() as u64;
        let timed = |text: &str, from: f64, to: f64| Timed {
            text: text.into(),
            start: start + from,
            end: start + to,
        };
        // Sounds guessed from audio give the mouth's movement, not what was said.
        let heard = if source == Source::Audio { &[] } else { sounds.as_ref() };
        Section {
            start,
            words: chunk
                .words
                .iter()
                .map(|word| timed(&word.text, seconds(word.start), seconds(word.end)))
                .collect(),
            sounds: heard.iter().map(|sound| timed(&sound.symbol, sound.start, sound.end)).collect(),
            samples: chunk.samples,
            source,
        }
    }

    /// The next faces for which enough sound is known.
    pub fn faces(&mut self) -> Vec<Face> {
        self.until(self.seconds() - LOOK_AHEAD)
    }

    /// The remaining faces; no more sound comes.
    pub fn finish(&mut self) -> Vec<Face> {
        self.until(self.seconds() + REST)
    }

    /// Length of the sound so far.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        seconds(self.samples)
    }

    fn until(&mut self, end: f64) -> Vec<Face> {
        let mut faces = Vec::new();
        loop {
            let at = self.frames as f64 / f64::from(self.fps);
            if at >= end {
                break;
            }
            faces.push(self.face(at));
            self.frames += 1;
        }
        self.lips.forget_before(self.frames as f64 / f64::from(self.fps) - KEPT);
        faces
    }

    fn face(&mut self, at: f64) -> Face {
        let mouth = self.lips.at(at);
        let Some(expression) = &mut self.expression else { return alone(&mouth) };
        while let Some(due) = self.cues.pop_front_if(|due| due.at <= at) {
            expression.cue(due.cue, at);
        }
        expression.face(at, Some(&mouth))
    }
}

/// A face that shows only the mouth.
fn alone(mouth: &Mouth) -> Face {
    let mut face = Face { weights: mouth.weights, level: mouth.level, ..Face::default() };
    face.weights[Shape::MouthClose] = face.weights[Shape::MouthClose].min(face.weights[Shape::JawOpen]);
    face
}

fn sound(time: &WordTime) -> Sound {
    Sound { symbol: time.text.clone(), start: seconds(time.start), end: seconds(time.end) }
}

fn seconds(samples: u64) -> f64 {
    samples as f64 / f64::from(OUT_RATE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{ResponseId, Sounds, SpeechChunk};

    /// A second of a loud tone.
    fn second() -> Spoken {
        let samples: Vec<i16> = (0..OUT_RATE).map(|at| if at / 60 % 2 == 0 { 9000 } else { -9000 }).collect();
        let word = |text: &str| WordTime { text: text.into(), start: 2400, end: 12_000 };
        let chunk = SpeechChunk {
            response: ResponseId(1),
            segment: 0,
            text: None,
            samples,
            words: vec![word("Papa")],
            sounds: Sounds { times: vec![word("a")], measured: true },
            cues: Vec::new(),
            last: false,
        };
        chunk.into()
    }

    #[test]
    fn each_frame_is_made_once_whether_the_sound_comes_whole_or_in_chunks() {
        let run = |parts: usize| {
            let mut animator = Animator::new(60, Some(Mood::Happy));
            let mut faces = Vec::new();
            for _ in 0..3 {
                animator.push(second());
                if parts > 1 {
                    faces.extend(animator.faces());
                }
            }
            faces.extend(animator.finish());
            faces
        };
        let (whole, parts) = (run(1), run(3));
        assert_eq!(whole.len(), (60.0 * (3.0 + REST)) as usize);
        assert_eq!(whole, parts);
    }

    #[test]
    fn words_and_sounds_are_timed_from_the_beginning() {
        let mut animator = Animator::new(30, None);
        animator.push(second());
        let second = animator.push(second());
        let word = &second.words[0];
        assert_eq!((second.start, word.start, word.end, second.source), (1.0, 1.1, 1.5, Source::Durations));
        assert_eq!((second.sounds[0].text.as_str(), second.sounds[0].start), ("a", 1.1));
    }

    #[test]
    fn without_sound_the_face_is_at_rest() {
        let faces = Animator::new(30, None).finish();
        assert_eq!(faces.len(), 12);
        assert!(faces.iter().all(|face| *face == Face::default()));
    }
}
