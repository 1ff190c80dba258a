//! Aligns words with sound as it arrives. Pure.
//!
//! Splits the sound into 10 ms frames of speech or silence. At a pause, assigns the preceding words to the speech since the
//! previous pause, in proportion to their usual lengths. Later words are assigned by the voice's pace, with the part that
//! contains their midpoint. At the end, the remaining words share the remaining speech.

mod meter;

use std::ops::Range;

use self::meter::{FRAMES, Level, Meter};
use super::words::Word;
use crate::frame::WordTime;

/// Usual letters per second.
const USUAL: f32 = 15.0;
/// Weight of the usual pace, in letters, when averaged with the observed one.
const DOUBT: f32 = 30.0;
/// Bounds of the pace, in frames per letter.
const PACES: (f32, f32) = (2.0, 20.0);
/// Frames of silence that are a pause: shorter ones are closed lips.
const PAUSE: usize = 12;
/// Cost factor for ending at punctuation: pauses usually follow it.
const DRAW: f32 = 0.25;

/// How fast a voice speaks, estimated from its sound so far.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Pace {
    frames: f32,
    letters: f32,
}

impl Pace {
    /// The pace of a voice not heard before, at this speed.
    pub(super) fn usual(speed: f32) -> Self {
        Self { frames: DOUBT * FRAMES / USUAL / speed.clamp(0.25, 4.0), letters: DOUBT }
    }

    /// Frames per letter.
    fn frames_per_letter(self) -> f32 {
        (self.frames / self.letters).clamp(PACES.0, PACES.1)
    }

    fn hear(&mut self, frames: f32, letters: f32) {
        if letters > 0.0 && frames > 0.0 {
            // Older observations count less.
            let keep = (4.0 * DOUBT / (self.letters + letters)).min(1.0);
            (self.frames, self.letters) = ((self.frames + frames) * keep, (self.letters + letters) * keep);
        }
    }
}

/// Assigns words to times of one sound.
#[derive(Debug)]
pub(super) struct Layer {
    words: Vec<Word>,
    /// The first word without a time.
    next: usize,
    pace: Pace,
    meter: Meter,
    /// Frames of speech since the end of the last word with a time.
    speech: Vec<usize>,
    /// Frames of `speech` used by the last word; more than its length if the word continues.
    used: f32,
    /// Frames of silence since the last speech.
    silent: usize,
    /// The first word after the last pause, and the frames of speech since then.
    anchor: usize,
    since: usize,
    /// Frames so far.
    frames: usize,
    /// The end of the last word, and of the last speech, in frames.
    laid: usize,
    spoken: usize,
}

/// A word in frames of the whole sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Laid {
    word: usize,
    start: usize,
    end: usize,
}

impl Layer {
    /// A layer that has received no sound.
    pub(super) fn new(words: Vec<Word>, pace: Pace) -> Self {
        Self {
            words,
            next: 0,
            pace,
            meter: Meter::default(),
            speech: Vec::new(),
            used: 0.0,
            silent: 0,
            anchor: 0,
            since: 0,
            frames: 0,
            laid: 0,
            spoken: 0,
        }
    }

    /// The pace, estimated so far.
    pub(super) fn pace(&self) -> Pace {
        self.pace
    }

    /// Samples per second; 0 before the first sound.
    pub(super) fn rate(&self) -> u32 {
        self.meter.rate
    }

    /// Takes the next part of the sound; returns its words, in samples of it. `last`: no more sound comes.
    pub(super) fn part(&mut self, samples: &[i16], rate: u32, last: bool) -> Vec<WordTime> {
        let start = self.meter.samples;
        let mut laid = Vec::new();
        for level in self.meter.levels(samples, rate, last) {
            self.frame(level, &mut laid);
        }
        if last {
            self.finish(&mut laid);
        } else {
            self.keep_up(&mut laid);
        }
        let (length, frame) = (samples.len() as u64, self.meter.frame() as u64);
        let sample = |at: usize| (at as u64 * frame).saturating_sub(start).min(length);
        let timed = |laid: Laid| WordTime {
            text: self.words[laid.word].text.clone(),
            start: sample(laid.start),
            end: sample(laid.end),
        };
        laid.into_iter().map(timed).collect()
    }

    /// The remaining words, with zero length, because no sound came for them.
    pub(super) fn left(&mut self) -> Vec<WordTime> {
        let left = self.words[self.next..].iter();
        let words = left.map(|word| WordTime { text: word.text.clone(), start: 0, end: 0 }).collect();
        self.next = self.words.len();
        words
    }

    /// Takes a frame.
    fn frame(&mut self, level: Level, laid: &mut Vec<Laid>) {
        let at = self.frames;
        self.frames += 1;
        if level == Level::Silent {
            self.silent += 1;
            return;
        }
        let begun = !self.speech.is_empty() || self.spoken > 0;
        match self.silent {
            0 => {}
            _ if !begun => {}
            short if short < PAUSE => {
                self.speech.extend(at - short..at);
                self.since += short;
            }
            _ => self.pause(laid),
        }
        self.silent = 0;
        self.since += 1;
        self.speech.push(at);
        self.spoken = at + 1;
    }

    /// Speech since the last word with a time, in frames.
    fn heard(&self) -> f32 {
        (self.speech.len() as f32 - self.used).max(0.0)
    }

    /// Assigns times to the words before a pause, and updates the pace.
    fn pause(&mut self, laid: &mut Vec<Laid>) {
        let said = self.before_pause(self.since as f32 / self.pace.frames_per_letter());
        if said == 0 {
            return;
        }
        let end = self.anchor + said;
        self.pace.hear(self.since as f32, self.letters(self.anchor..end));
        if end > self.next {
            // The last word has ended, however long it was expected to be.
            self.used = self.used.min(self.speech.len() as f32);
            self.spread(end - self.next, laid);
            self.used = 0.0;
        } else {
            // Words after the pause already have times: their sound is still to come.
            self.used = self.letters(end..self.next) * self.pace.frames_per_letter();
        }
        (self.anchor, self.since, self.laid) = (end, 0, self.spoken);
        self.speech.clear();
    }

    /// Number of words since the last pause that end at this one, given the letters spoken; 0 if the pause is inside a word.
    fn before_pause(&self, letters: f32) -> usize {
        let (mut least, mut best, mut sum) = (letters, 0, 0.0);
        // The last word ends only with the sound.
        let open = self.words.len().saturating_sub(self.anchor + 1);
        for (count, word) in (1..).zip(self.words[self.anchor..].iter().take(open)) {
            sum += word.length;
            let cost = (sum - letters).abs() * if word.pauses { DRAW } else { 1.0 };
            if cost < least {
                (least, best) = (cost, count);
            }
        }
        best
    }

    fn letters(&self, words: Range<usize>) -> f32 {
        self.words[words].iter().map(|word| word.length).sum()
    }

    /// Spreads the next words over all speech since the last one.
    fn spread(&mut self, count: usize, laid: &mut Vec<Laid>) {
        let (first, heard) = (self.next, self.heard());
        let letters = self.letters(first..first + count).max(f32::MIN_POSITIVE);
        let mut sum = 0.0;
        for word in first..first + count {
            let from = self.used + sum / letters * heard;
            sum += self.words[word].length;
            let to = self.used + sum / letters * heard;
            self.lay(word, from, to, laid);
        }
        self.next += count;
    }

    /// Assigns a word from one frame of speech to another.
    fn lay(&mut self, word: usize, from: f32, to: f32, laid: &mut Vec<Laid>) {
        let place = |at: f32, after: usize| match self.speech.get((at.round() as usize).saturating_sub(after))
        {
            Some(frame) => frame + after,
            None => self.spoken,
        };
        let start = place(from, 0).max(self.laid);
        let end = if to.round() < 1.0 { start } else { place(to, 1).max(start) };
        self.laid = end;
        laid.push(Laid { word, start, end });
    }

    /// Assigns times, at the voice's pace, to the words whose midpoint has arrived. The last word ends with the sound or at a
    /// pause.
    fn keep_up(&mut self, laid: &mut Vec<Laid>) {
        let pace = self.pace.frames_per_letter();
        let come = self.speech.len() as f32;
        while let Some(word) = self.words.get(self.next) {
            let length = word.length * pace;
            let last = self.next + 1 == self.words.len();
            if self.used + length / 2.0 > come || (last && self.silent < PAUSE) {
                break;
            }
            let end = if last { come } else { self.used + length };
            self.lay(self.next, self.used, end.min(come), laid);
            self.used = end;
            self.next += 1;
        }
        let whole = (self.used as usize).min(self.speech.len());
        self.speech.drain(..whole);
        self.used -= whole as f32;
    }

    /// Spreads the remaining words over the remaining sound.
    fn finish(&mut self, laid: &mut Vec<Laid>) {
        if self.spoken == 0 {
            // No frame is loud enough to be speech, so all frames count as speech.
            self.speech.extend(0..self.frames);
            (self.since, self.spoken) = (self.frames, self.frames);
        }
        let count = self.words.len() - self.next;
        if count > 0 {
            let due = self.letters(self.next..self.words.len()) * self.pace.frames_per_letter();
            if self.heard() < due / 2.0 {
                // The voice was faster than estimated: the last word's unused time goes to the remaining words.
                self.used = 0.0;
            }
            self.pace.hear(self.since as f32, self.letters(self.anchor..self.words.len()));
            self.spread(count, laid);
            if let Some(last) = laid.last_mut() {
                last.end = last.end.max(self.spoken);
            }
        }
        self.speech.clear();
        self.used = 0.0;
    }
}

#[cfg(test)]
mod tests;
