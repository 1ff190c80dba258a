//! One call's face in time: which moment of which answer sounds when, what the face shows then, and when that is sent. Pure.
//!
//! Times are seconds of the call's media clock; an answer has seconds of its own, and an [`Anchor`] ties the two while it
//! sounds. A hold, a hole or a late frame moves the anchor, and what was sent for later is void.

use std::collections::VecDeque;

use super::cue::Cue;
use super::expression::{Expression, State};
use super::face::Face;
use super::lips::{Lips, Mouth};
use super::sound::Sound;
use super::wire::Batch;

/// Faces are computed for this stretch at once, and sent as two messages: every second face, and those between.
const STRETCH: f64 = 0.2;
/// A mouth that is stopped closes within this time.
const CLOSING: f64 = 0.08;
/// The face goes on for so long after the last sound, then it is still.
const REST: f64 = 0.4;
/// Sound that comes otherwise than expected by more than this is at another time.
const SLIP: f64 = 0.005;
/// Ticks of the media clock in a second.
const CLOCK: f64 = 48_000.0;

/// How faces are computed and sent.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Faces in a second.
    pub fps: u8,
    /// Seconds that a stretch is sent ahead of its first face.
    pub lead: f64,
}

/// A face, and when it is due on the media clock.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moment {
    /// Seconds.
    pub at: f64,
    /// The answer that sounds; 0: none.
    pub response: u32,
    /// The face.
    pub face: Face,
}

/// What has become due.
#[derive(Debug, Default)]
pub struct Due {
    /// Messages for the page.
    pub batches: Vec<Batch>,
    /// Every face, for renderers that show them one by one.
    pub moments: Vec<Moment>,
}

/// One call's face.
pub struct Performer {
    pace: Pace,
    expression: Expression,
    answer: Option<Answer>,
    /// A mouth that was stopped, and when.
    stopped: Option<(Mouth, f64)>,
    sending: Option<Sending>,
    epoch: u8,
    watched: bool,
}

struct Answer {
    response: u32,
    lips: Lips,
    anchor: Option<Anchor>,
    cues: VecDeque<(f64, Cue)>,
}

/// The moment of the answer that sounds at a moment of the media clock.
#[derive(Debug, Clone, Copy)]
struct Anchor {
    media: f64,
    answer: f64,
}

/// Stretch after stretch on their way.
struct Sending {
    /// When the next stretch begins.
    next: f64,
    /// The second half of the stretch whose first half was sent, and when it is due.
    half: Option<(Batch, f64)>,
    /// After this moment nothing moves any more.
    until: Option<f64>,
}

impl Performer {
    /// A face that looks at the person.
    #[must_use]
    pub fn new(seed: u64, pace: Pace) -> Self {
        Self {
            pace,
            expression: Expression::new(seed),
            answer: None,
            stopped: None,
            sending: None,
            epoch: 0,
            watched: false,
        }
    }

    /// Whether faces are wanted all the time, also while nothing is said.
    pub fn watched(&mut self, watched: bool, now: f64) {
        if watched && self.sending.is_none() {
            self.sending = Some(Sending { next: now, half: None, until: None });
        } else if self.watched && !watched && !self.shows() {
            self.sending = None;
        }
        self.watched = watched;
    }

    /// The face, for states and cues that are not an answer's.
    pub fn expression(&mut self) -> &mut Expression {
        &mut self.expression
    }

    /// Speech of an answer, from `start` seconds of it; `samples` at `rate` a second, `cues` in seconds of the speech.
    pub fn speech(
        &mut self,
        response: u32,
        start: f64,
        sounds: &[Sound],
        samples: &[i16],
        rate: u32,
        cues: &[(f64, Cue)],
    ) {
        if self.answer.as_ref().is_none_or(|answer| answer.response != response) {
            self.answer = Some(Answer { response, lips: Lips::new(), anchor: None, cues: VecDeque::new() });
        }
        let Some(answer) = &mut self.answer else { return };
        answer.lips.push(start, sounds, samples, rate);
        answer.cues.extend(cues.iter().map(|(at, cue)| (start + at, *cue)));
    }

    /// The answer's sound at `answer` seconds of it is sent, for `media` seconds of the clock.
    pub fn sounds(&mut self, response: u32, answer: f64, media: f64) {
        let Some(current) = self.answer.as_mut().filter(|current| current.response == response) else {
            return;
        };
        let expected = current.anchor.map(|anchor| anchor.answer + media - anchor.media);
        let goes_on =
            expected.is_some_and(|expected| (expected - answer).abs() < SLIP) && self.stopped.is_none();
        current.lips.forget_before(answer - 1.0);
        if goes_on && self.sending.as_ref().is_some_and(|sending| sending.until.is_none()) {
            return;
        }
        current.anchor = Some(Anchor { media, answer });
        self.stopped = None;
        self.expression.state(State::Speaking, media);
        self.restart(media, None);
    }

    /// The sound is held at this moment, perhaps to go on.
    pub fn held(&mut self, media: f64) {
        if self.stopped.is_none() && self.anchor().is_some() {
            self.stop(media);
        }
    }

    /// The answer's last sample has been sent, and sounds until `media`.
    pub fn finished(&mut self, response: u32, media: f64) {
        if self.answer.as_ref().is_some_and(|answer| answer.response == response) {
            self.end_sending(media + REST);
        }
    }

    /// The answer is no longer current: nothing of it is shown after this moment.
    pub fn dropped(&mut self, response: u32, media: f64) {
        if self.answer.as_ref().is_some_and(|answer| answer.response == response) {
            if self.stopped.is_none() && self.anchor().is_some() {
                self.stop(media);
            }
            self.answer = None;
        }
    }

    fn anchor(&self) -> Option<Anchor> {
        self.answer.as_ref().and_then(|answer| answer.anchor)
    }

    fn stop(&mut self, media: f64) {
        self.stopped = Some((self.mouth(media), media));
        self.restart(media, Some(media + CLOSING + REST));
    }

    /// What was sent for this moment or later is void.
    fn restart(&mut self, media: f64, until: Option<f64>) {
        self.epoch = self.epoch.wrapping_add(1);
        self.sending = Some(Sending { next: media, half: None, until });
    }

    fn end_sending(&mut self, at: f64) {
        if let Some(sending) = &mut self.sending {
            sending.until.get_or_insert(at);
        }
    }

    /// When [`Self::advance`] has something to do.
    #[must_use]
    pub fn wake(&self) -> Option<f64> {
        let sending = self.sending.as_ref()?;
        let stretch = sending.next - self.pace.lead;
        Some(sending.half.as_ref().map_or(stretch, |(_, due)| due.min(stretch)))
    }

    /// What is due at this moment.
    pub fn advance(&mut self, now: f64) -> Due {
        let mut due = Due::default();
        while self.wake().is_some_and(|at| at <= now) {
            let Some(sending) = &mut self.sending else { break };
            match sending.half.take() {
                Some((half, at)) if at <= sending.next - self.pace.lead => due.batches.push(half),
                half => {
                    due.batches.extend(half.map(|(half, _)| half));
                    self.stretch(&mut due);
                }
            }
        }
        due
    }

    /// Computes the next stretch: its first half is due, the second one a little later.
    fn stretch(&mut self, due: &mut Due) {
        let Some(mut sending) = self.sending.take() else { return };
        let count = (STRETCH * f64::from(self.pace.fps)).round() as usize;
        let faces: Vec<Moment> = (0..count)
            .map(|index| self.moment(sending.next + index as f64 / f64::from(self.pace.fps)))
            .collect();
        due.moments.extend(&faces);
        let end = sending.next + STRETCH;
        let still = sending.until.is_some_and(|until| end >= until);
        if self.shows() || sending.until.is_some() {
            let at = sending.next - self.pace.lead + STRETCH / 2.0;
            let (first, second) = self.halves(&faces, sending.next, still);
            due.batches.push(first);
            sending.half = Some((second, at));
        }
        sending.next = end;
        self.sending = if still { self.afterwards(sending, due) } else { Some(sending) };
    }

    /// The face is still: what is left is said, and only life goes on, where it is wanted.
    fn afterwards(&mut self, mut sending: Sending, due: &mut Due) -> Option<Sending> {
        due.batches.extend(sending.half.take().map(|(half, _)| half));
        if let Some(answer) = self.answer.as_mut().filter(|_| self.stopped.is_none()) {
            answer.anchor = None;
        }
        self.watched.then_some(Sending { until: None, ..sending })
    }

    /// Whether the page is to be told: the face moves by speech.
    fn shows(&self) -> bool {
        self.stopped.is_none() && self.anchor().is_some()
    }

    /// Every second face, and those between. A mouth that is stopped is told of twice, as a whole: it must not stay open.
    fn halves(&self, faces: &[Moment], start: f64, last: bool) -> (Batch, Batch) {
        let fps = self.pace.fps;
        if self.stopped.is_some() {
            let whole = self.batch(faces.iter(), start, fps, last);
            return (whole.clone(), whole);
        }
        let first = self.batch(faces.iter().step_by(2), start, fps / 2, false);
        let between = start + 1.0 / f64::from(fps);
        (first, self.batch(faces.iter().skip(1).step_by(2), between, fps / 2, last))
    }

    fn batch<'a>(
        &self,
        moments: impl Iterator<Item = &'a Moment> + Clone,
        start: f64,
        fps: u8,
        last: bool,
    ) -> Batch {
        Batch {
            response: moments.clone().next().map_or(0, |moment| moment.response),
            timestamp: ticks(start),
            fps: fps.max(1),
            epoch: self.epoch,
            last,
            faces: moments.map(|moment| moment.face).collect(),
        }
    }

    fn moment(&mut self, at: f64) -> Moment {
        if let (Some(anchor), None) = (self.anchor(), &self.stopped)
            && let Some(answer) = &mut self.answer
        {
            let reached = anchor.answer + at - anchor.media;
            while let Some((_, cue)) = answer.cues.pop_front_if(|(when, _)| *when <= reached) {
                self.expression.cue(cue, at);
            }
        }
        let mouth = self.mouth(at);
        let response =
            if self.shows() { self.answer.as_ref().map_or(0, |answer| answer.response) } else { 0 };
        Moment { at, response, face: self.expression.face(at, Some(&mouth)) }
    }

    fn mouth(&self, at: f64) -> Mouth {
        if let Some((mouth, since)) = &self.stopped {
            let left = 1.0 - ((at - since) / CLOSING).clamp(0.0, 1.0) as f32;
            let mut mouth = *mouth;
            mouth.weights.0.iter_mut().for_each(|weight| *weight *= left);
            (mouth.level, mouth.stress, mouth.speaking) = (0.0, mouth.stress * left, false);
            return mouth;
        }
        match (self.anchor(), &self.answer) {
            (Some(anchor), Some(answer)) => answer.lips.at(anchor.answer + at - anchor.media),
            _ => Mouth::default(),
        }
    }
}

/// A moment of the media clock as a timestamp.
fn ticks(at: f64) -> u32 {
    ((at * CLOCK).round() as u64 & 0xFFFF_FFFF) as u32
}

#[cfg(test)]
mod tests;
