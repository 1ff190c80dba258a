//! What the person in a call does: speaks, is silent, waits for responses, and goes through tunnels.

use std::time::Duration;

use visavis_core::event::CallEvent;
use visavis_core::frame::{FRAME_TICKS, OUT_FRAME, OUT_RATE};

use super::call::{Call, Rtp, Spoken};
use super::tones;

/// Numbers that wrap around in the first seconds.
const FIRST_SEQUENCE: u16 = 65_500;
const FIRST_TIMESTAMP: u32 = u32::MAX - 100 * FRAME_TICKS;
/// Limit of every wait.
const PATIENCE: Duration = Duration::from_secs(30);
/// The person's pause after a response.
const BREATH: Duration = Duration::from_millis(300);

impl Call {
    /// The microphone hears a frame.
    async fn frame(&mut self, samples: &[i16]) {
        self.clock += self.period;
        self.run_until(self.began + self.clock).await;
        let timestamp = FIRST_TIMESTAMP.wrapping_add(self.microphone.frames.wrapping_mul(FRAME_TICKS));
        let Some(payload) = self.microphone.packet(samples) else { return };
        let sequence = FIRST_SEQUENCE.wrapping_add(self.up.fates.len() as u16);
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

    /// Is silent until a new response is heard.
    pub async fn next_response(&mut self) {
        let asked = self.spoken.last().map_or(Duration::ZERO, |last| last.to);
        let last = self.responses.last().map(|(last, _)| *last);
        let give_up = self.clock + PATIENCE;
        loop {
            self.silence(20).await;
            if let Some(response) = self.player.newest(self.now()).filter(|newest| Some(*newest) > last) {
                let (first, _) = self.player.span(response).unwrap();
                return self.responses.push((response, first - asked.min(first)));
            }
            assert!(self.clock < give_up, "no response at {:?}: {:#?}", self.clock, self.events);
        }
    }

    /// Makes what has been heard so far not count as the next response.
    pub fn skip_responses(&mut self) {
        let newest = self.player.newest(self.now()).unwrap();
        self.responses.push((newest, Duration::ZERO));
    }

    /// Is silent until the last response has been heard to its end.
    pub async fn until_quiet(&mut self) {
        let (awaited, _) = *self.responses.last().unwrap();
        let give_up = self.clock + PATIENCE;
        let is_end =
            |event: &CallEvent| matches!(event, CallEvent::Turn { response, .. } if *response == awaited);
        loop {
            self.silence(20).await;
            let now = self.now();
            let told = self.events.iter().any(|(_, known, event)| *known <= now && is_end(event));
            let (_, last) = self.player.span(awaited).unwrap();
            if told && last + BREATH <= now {
                return;
            }
            assert!(self.clock < give_up, "no end at {:?}: {:#?}", self.clock, self.events);
        }
    }

    /// The profile's stall in the middle of a question happens now.
    pub fn handover(&mut self) {
        self.stall(Duration::from_millis(self.profile.handover), false);
    }

    /// The profile's outage in the middle of a response happens now.
    pub fn tunnel(&mut self) {
        self.stall(Duration::from_millis(self.profile.tunnel), true);
    }

    pub fn stall(&mut self, length: Duration, lost: bool) {
        self.up.stall(self.clock, length, lost);
        self.down.stall(self.clock, length, lost);
    }
}
