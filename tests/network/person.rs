//! What the person of a call does: speaks, is silent, waits for answers, and goes through tunnels.

use std::time::Duration;

use visavis_core::event::CallEvent;
use visavis_core::frame::{FRAME_TICKS, OUT_FRAME, OUT_RATE};

use super::call::{Call, Rtp, Spoken, encode};
use super::tones;

/// Numbers that wrap around in the first seconds.
const FIRST_SEQUENCE: u16 = 65_500;
const FIRST_TIMESTAMP: u32 = u32::MAX - 100 * FRAME_TICKS;
/// Nobody waits for anything longer than this.
const PATIENCE: Duration = Duration::from_secs(30);
/// Behind an answer the person takes a breath.
const BREATH: Duration = Duration::from_millis(300);

impl Call {
    /// The microphone hears a frame.
    async fn frame(&mut self, samples: &[i16]) {
        self.clock += self.period;
        self.run_until(self.began + self.clock).await;
        let count = self.up.fates.len() as u32;
        let payload = encode(&mut self.microphone, samples);
        let sequence = FIRST_SEQUENCE.wrapping_add(count as u16);
        let timestamp = FIRST_TIMESTAMP.wrapping_add(count.wrapping_mul(FRAME_TICKS));
        self.up.send(self.clock, Rtp { sequence, timestamp, payload });
    }

    pub async fn silence(&mut self, ms: u64) {
        for _ in 0..ms / 20 {
            self.frame(&[0; OUT_FRAME]).await;
        }
    }

    pub async fn say(&mut self, text: &str) {
        for word in tones::words(text) {
            let (from, first) = (self.clock, self.up.fates.len());
            for frame in tones::word(word, OUT_RATE).chunks(OUT_FRAME) {
                self.frame(frame).await;
            }
            let to = from + self.period * tones::SOUNDING as u32;
            self.spoken.push(Spoken { word, from, to, packets: first..first + tones::FRAMES });
        }
    }

    /// Is silent until it hears an answer that it has not heard before.
    pub async fn next_answer(&mut self) {
        let asked = self.spoken.last().map_or(Duration::ZERO, |last| last.to);
        let last = self.answers.last().map(|(last, _)| *last);
        let give_up = self.clock + PATIENCE;
        loop {
            self.silence(20).await;
            if let Some(answer) = self.player.newest(self.now()).filter(|newest| Some(*newest) > last) {
                let (first, _) = self.player.span(answer).unwrap();
                return self.answers.push((answer, first - asked.min(first)));
            }
            assert!(self.clock < give_up, "no answer at {:?}: {:#?}", self.clock, self.events);
        }
    }

    /// What has been heard so far is not the next answer.
    pub fn pass_over_answers(&mut self) {
        let newest = self.player.newest(self.now()).unwrap();
        self.answers.push((newest, Duration::ZERO));
    }

    /// Is silent until the last answer has been heard to its end.
    pub async fn until_quiet(&mut self) {
        let (answer, _) = *self.answers.last().unwrap();
        let give_up = self.clock + PATIENCE;
        let is_end =
            |event: &CallEvent| matches!(event, CallEvent::Turn { response, .. } if *response == answer);
        loop {
            self.silence(20).await;
            let now = self.now();
            let told = self.events.iter().any(|(_, known, event)| *known <= now && is_end(event));
            let (_, last) = self.player.span(answer).unwrap();
            if told && last + BREATH <= now {
                return;
            }
            assert!(self.clock < give_up, "no end at {:?}: {:#?}", self.clock, self.events);
        }
    }

    /// What the profile says of the middle of a question happens now.
    pub fn handover(&mut self) {
        self.stall(Duration::from_millis(self.profile.handover), false);
    }

    /// What the profile says of the middle of an answer happens now.
    pub fn tunnel(&mut self) {
        self.stall(Duration::from_millis(self.profile.tunnel), true);
    }

    pub fn stall(&mut self, length: Duration, lost: bool) {
        self.up.stall(self.clock, length, lost);
        self.down.stall(self.clock, length, lost);
    }
}
