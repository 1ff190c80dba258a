//! One call's face over time: which moment of which response sounds when, what the face shows, and when it is sent. Pure.
//!
//! Times are seconds of the call's media clock. A response has its own time, and an [`Anchor`] maps one to the other while it
//! sounds. A pause, a hole or a late frame moves the anchor and voids the faces sent for later.

use std::collections::VecDeque;

use super::cue::DueCue;
use super::expression::{Expression, State};
use super::face::Face;
use super::lips::{Lips, Mouth};
use super::sound::Sound;
use super::wire::Batch;

/// Seconds of faces computed as one block, which is sent as two messages: every second face, and those in between.
const BLOCK: f64 = 0.2;
/// Seconds in which a stopped mouth closes.
const CLOSING: f64 = 0.08;
/// Seconds for which the face keeps moving after the last sound.
const REST: f64 = 0.4;
/// Largest deviation of sound from the expected time before the anchor moves, in seconds.
const SLIP: f64 = 0.005;
/// Ticks of the media clock in a second.
const CLOCK: f64 = 48_000.0;

/// How faces are computed and sent.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Faces in a second.
    pub fps: u8,
    /// Seconds by which a block is sent before its first face.
    pub lead: f64,
}

/// A face and its time on the media clock.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moment {
    /// Time of the face, in seconds.
    pub at: f64,
    /// The response that sounds; 0: none.
    pub response: u32,
    /// The face.
    pub face: Face,
}

/// Faces that have become due.
#[derive(Debug, Default)]
pub struct Due {
    /// Messages for the page.
    pub batches: Vec<Batch>,
    /// Every face, for renderers that take them one by one.
    pub moments: Vec<Moment>,
}

/// One call's face.
pub struct Performer {
    pace: Pace,
    expression: Expression,
    response: Option<Response>,
    stopped: Option<Stopped>,
    sending: Option<Sending>,
    epoch: u8,
    watched: bool,
}

/// A mouth that was stopped.
struct Stopped {
    mouth: Mouth,
    /// When.
    at: f64,
}

struct Response {
    id: u32,
    lips: Lips,
    anchor: Option<Anchor>,
    cues: VecDeque<DueCue>,
}

/// Maps a time of the media clock to the position of the response that sounds then.
#[derive(Debug, Clone, Copy)]
struct Anchor {
    media: f64,
    /// Seconds of the response.
    position: f64,
}

/// The blocks being sent.
struct Sending {
    /// Start of the next block.
    next: f64,
    /// The second half of the block whose first half was sent.
    half: Option<Half>,
    /// After this moment nothing moves any more.
    until: Option<f64>,
}

/// The unsent half of a block.
struct Half {
    batch: Batch,
    due: f64,
}

impl Performer {
    /// A face that looks at the person.
    #[must_use]
    pub fn new(seed: u64, pace: Pace) -> Self {
        Self {
            pace,
            expression: Expression::new(seed),
            response: None,
            stopped: None,
            sending: None,
            epoch: 0,
            watched: false,
        }
    }

    /// Sets whether faces are wanted all the time, even during silence.
    pub fn watched(&mut self, watched: bool, now: f64) {
        if watched && self.sending.is_none() {
            self.sending = Some(Sending { next: now, half: None, until: None });
        } else if self.watched && !watched && !self.shows() {
            self.sending = None;
        }
        self.watched = watched;
    }

    /// The face, for states and cues that do not belong to a response.
    pub fn expression(&mut self) -> &mut Expression {
        &mut self.expression
    }

    /// Adds speech that begins at `start` seconds of a response; `rate`: samples per second; `cues`: timed from its start.
    pub fn speech(
        &mut self,
        response: u32,
        start: f64,
        sounds: &[Sound],
        samples: &[i16],
        rate: u32,
        cues: &[DueCue],
    ) {
        if self.response.as_ref().is_none_or(|current| current.id != response) {
            self.response =
                Some(Response { id: response, lips: Lips::new(), anchor: None, cues: VecDeque::new() });
        }
        let Some(current) = &mut self.response else { return };
        current.lips.push(start, sounds, samples, rate);
        current.cues.extend(cues.iter().map(|due| DueCue { at: start + due.at, ..*due }));
    }

    /// The response's sound at `position` seconds is sent, to be heard at `media` seconds of the clock.
    pub fn sounds(&mut self, response: u32, position: f64, media: f64) {
        let Some(current) = self.response.as_mut().filter(|current| current.id == response) else {
            return;
        };
        let expected = current.anchor.map(|anchor| anchor.position + media - anchor.media);
        let goes_on =
            expected.is_some_and(|expected| (expected - position).abs() < SLIP) && self.stopped.is_none();
        current.lips.forget_before(position - 1.0);
        if goes_on && self.sending.as_ref().is_some_and(|sending| sending.until.is_none()) {
            return;
        }
        current.anchor = Some(Anchor { media, position });
        self.stopped = None;
        self.expression.state(State::Speaking, media);
        self.restart(media, None);
    }

    /// Playout is paused at this moment and may be resumed.
    pub fn paused(&mut self, media: f64) {
        if self.stopped.is_none() && self.anchor().is_some() {
            self.stop(media);
        }
    }

    /// The response's last sample has been sent; its sound ends at `media`.
    pub fn finished(&mut self, response: u32, media: f64) {
        if self.response.as_ref().is_some_and(|current| current.id == response) {
            self.end_sending(media + REST);
        }
    }

    /// The response is cancelled: nothing of it is shown after this moment.
    pub fn dropped(&mut self, response: u32, media: f64) {
        if self.response.as_ref().is_some_and(|current| current.id == response) {
            if self.stopped.is_none() && self.anchor().is_some() {
                self.stop(media);
            }
            self.response = None;
        }
    }

    fn anchor(&self) -> Option<Anchor> {
        self.response.as_ref().and_then(|response| response.anchor)
    }

    fn stop(&mut self, media: f64) {
        self.stopped = Some(Stopped { mouth: self.mouth(media), at: media });
        self.restart(media, Some(media + CLOSING + REST));
    }

    /// Voids the faces sent for this moment or later.
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
        let block = sending.next - self.pace.lead;
        Some(sending.half.as_ref().map_or(block, |half| half.due.min(block)))
    }

    /// Returns the faces due at this moment.
    pub fn advance(&mut self, now: f64) -> Due {
        let mut due = Due::default();
        while self.wake().is_some_and(|at| at <= now) {
            let Some(sending) = &mut self.sending else { break };
            match sending.half.take() {
                Some(half) if half.due <= sending.next - self.pace.lead => due.batches.push(half.batch),
                half => {
                    due.batches.extend(half.map(|half| half.batch));
                    self.compute_block(&mut due);
                }
            }
        }
        due
    }

    /// Computes the next block: its first half is due now, the second half a little later.
    fn compute_block(&mut self, due: &mut Due) {
        let Some(mut sending) = self.sending.take() else { return };
        let count = (BLOCK * f64::from(self.pace.fps)).round() as usize;
        let faces: Vec<Moment> = (0..count)
            .map(|index| self.moment(sending.next + index as f64 / f64::from(self.pace.fps)))
            .collect();
        due.moments.extend(&faces);
        let end = sending.next + BLOCK;
        let still = sending.until.is_some_and(|until| end >= until);
        if self.shows() || sending.until.is_some() {
            let at = sending.next - self.pace.lead + BLOCK / 2.0;
            let (first, second) = self.halves(&faces, sending.next, still);
            due.batches.push(first);
            sending.half = Some(Half { batch: second, due: at });
        }
        sending.next = end;
        self.sending = if still { self.afterwards(sending, due) } else { Some(sending) };
    }

    /// The face is still: sends what is left, and continues only if the face is watched.
    fn afterwards(&mut self, mut sending: Sending, due: &mut Due) -> Option<Sending> {
        due.batches.extend(sending.half.take().map(|half| half.batch));
        if let Some(response) = self.response.as_mut().filter(|_| self.stopped.is_none()) {
            response.anchor = None;
        }
        self.watched.then_some(Sending { until: None, ..sending })
    }

    /// Whether the page needs batches: the face is moved by speech.
    fn shows(&self) -> bool {
        self.stopped.is_none() && self.anchor().is_some()
    }

    /// Every second face, and those in between. For a stopped mouth, which must not stay open, the whole block twice.
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
            && let Some(response) = &mut self.response
        {
            let reached = anchor.position + at - anchor.media;
            while let Some(due) = response.cues.pop_front_if(|due| due.at <= reached) {
                self.expression.cue(due.cue, at);
            }
        }
        let mouth = self.mouth(at);
        let response = if self.shows() { self.response.as_ref().map_or(0, |current| current.id) } else { 0 };
        Moment { at, response, face: self.expression.face(at, Some(&mouth)) }
    }

    fn mouth(&self, at: f64) -> Mouth {
        if let Some(Stopped { mouth, at: since }) = &self.stopped {
            let left = 1.0 - ((at - since) / CLOSING).clamp(0.0, 1.0) as f32;
            let mut mouth = *mouth;
            mouth.weights.0.iter_mut().for_each(|weight| *weight *= left);
            (mouth.level, mouth.stress, mouth.speaking) = (0.0, mouth.stress * left, false);
            return mouth;
        }
        match (self.anchor(), &self.response) {
            (Some(anchor), Some(response)) => response.lips.at(anchor.position + at - anchor.media),
            _ => Mouth::default(),
        }
    }
}

/// Converts a time of the media clock to a timestamp.
fn ticks(at: f64) -> u32 {
    ((at * CLOCK).round() as u64 & 0xFFFF_FFFF) as u32
}

#[cfg(test)]
mod tests;
