//! Reads one segment's sound from its server.

use std::collections::VecDeque;
use std::sync::Arc;

use futures_util::StreamExt;

use super::api::{Answer, Piece, broke_off, unread};
use super::sound::cut::Cutter;
use super::sound::end::{End, cut};
use super::sound::{Coding, Decoder, is_wav};
use crate::audio::wav::{LONGEST, RATES};
use crate::backends::http::Http;
use crate::frame::OUT_RATE;
use crate::{EngineError, TtsPart};

/// Seconds of sound allowed for the shortest segment, plus one per character: even the slowest speech, of spelled letters,
/// takes less.
const SHORTEST: usize = 30;

/// A segment's sound that is being read. Dropping it closes the connection, unless everything was read.
pub(super) struct Reading {
    http: Arc<Http>,
    answer: Answer,
    /// The expected format of the current sound.
    coding: Coding,
    decoder: Decoder,
    cutter: Cutter,
    /// Parts to return next.
    ready: VecDeque<TtsPart>,
    /// Letters and digits of the text: with any there must be sound.
    letters: usize,
    /// Most seconds of sound for the text.
    longest: usize,
    /// The stream has ended; only `ready` is left.
    over: bool,
}

impl Reading {
    /// The sound of this text.
    pub(super) fn new(http: Arc<Http>, answer: Answer, text: &str) -> Self {
        let (coding, decoder) = (answer.coding, Decoder::new(answer.coding));
        let (cutter, ready) = (Cutter::default(), VecDeque::new());
        let letters = text.chars().filter(|char| char.is_alphanumeric()).count();
        let longest = (SHORTEST + text.chars().count()).min(LONGEST as usize);
        Self { http, answer, coding, decoder, cutter, ready, letters, longest, over: false }
    }

    /// Reads up to the first part, so that a fault before it counts as a refusal of the request.
    ///
    /// # Errors
    /// What is wrong.
    pub(super) async fn begin(mut self) -> Result<Self, EngineError> {
        while self.ready.is_empty() && !self.over {
            self.read().await?;
        }
        Ok(self)
    }

    /// The next part; none: the end.
    ///
    /// # Errors
    /// What is wrong.
    pub(super) async fn part(&mut self) -> Result<Option<TtsPart>, EngineError> {
        while self.ready.is_empty() && !self.over {
            self.read().await?;
        }
        Ok(self.ready.pop_front())
    }

    /// Reads the next piece, or the end.
    async fn read(&mut self) -> Result<(), EngineError> {
        let mut samples = Vec::new();
        match self.answer.pieces.next().await {
            Some(piece) => {
                let piece = piece?;
                if self.answer.separate {
                    self.next_sound(&piece)?;
                }
                self.decoder.push(&piece.bytes, &mut samples).map_err(|why| self.unread(&why))?;
                self.take(&samples);
                if !self.answer.whole {
                    while let Some(part) = self.cutter.part() {
                        self.ready.push_back(of(part));
                    }
                }
            }
            None => {
                let end = self.end_of_sound()?;
                // The last part of a sound that was cut is not passed on: a second attempt has longer ones.
                self.check_end(end)?;
                self.ready.extend(self.cutter.rest().map(of));
                self.over = true;
                if self.letters > 0 && self.cutter.samples() == 0 {
                    return Err(self.silent());
                }
            }
        }
        let seconds = self.cutter.samples() / OUT_RATE as usize;
        if seconds > self.longest {
            let (at, longest) = (self.http.address(), self.longest);
            return Err(EngineError::Failed(format!(
                "{at} sends more than {longest} seconds of sound for one segment. Look at its log"
            )));
        }
        Ok(())
    }

    /// Begins a new sound at a piece with a header or another rate. Other pieces continue the current one, wherever it was
    /// split.
    fn next_sound(&mut self, piece: &Piece) -> Result<(), EngineError> {
        let coding = match (self.coding, piece.rate) {
            (Coding::Pcm(_), Some(rate)) if RATES.contains(&rate) => Coding::Pcm(rate),
            (coding, _) => coding,
        };
        if coding != self.coding || is_wav(&piece.bytes) {
            self.end_of_sound()?;
            (self.coding, self.decoder) = (coding, Decoder::new(coding));
        }
        Ok(())
    }

    /// Ends a sound; another one may follow. Returns what it tells about its end.
    fn end_of_sound(&mut self) -> Result<End, EngineError> {
        let mut samples = Vec::new();
        self.decoder.finish(&mut samples).map_err(|why| self.unread(&why))?;
        self.take(&samples);
        let end = self.decoder.end();
        self.decoder = Decoder::new(self.coding);
        Ok(end)
    }

    /// Looks whether a sound was cut that only the end of its connection ended.
    fn check_end(&self, end: End) -> Result<(), EngineError> {
        let samples = self.cutter.samples();
        // Without any sound the error says what may be missing.
        if !self.answer.closing || samples == 0 {
            return Ok(());
        }
        let seconds = samples as f64 / f64::from(OUT_RATE);
        match cut(end, seconds, self.letters) {
            Some(why) => Err(broke_off(&self.http, &format!("the connection was closed {why}"))),
            None => Ok(()),
        }
    }

    fn take(&mut self, samples: &[i16]) {
        if let Some(rate) = self.decoder.rate().filter(|_| !samples.is_empty()) {
            self.cutter.push(samples, rate);
        }
    }

    fn unread(&self, why: &str) -> EngineError {
        if why.starts_with("broke off") {
            let at = self.http.address();
            return EngineError::Failed(format!(
                "{at} {why}. Its log, or that of a proxy before it, says why"
            ));
        }
        unread(&self.http, why)
    }

    fn silent(&self) -> EngineError {
        let (at, section) = (self.http.address(), self.http.section());
        EngineError::Failed(format!(
            "{at} sends no sound for a text with words. Look at its log; it may lack the voice or the \
             language, which {section}.voice and {section}.speakers set"
        ))
    }
}

/// A part of the sound. The server reports no words.
fn of(samples: Vec<i16>) -> TtsPart {
    TtsPart { rate: OUT_RATE, samples, ..TtsPart::default() }
}
