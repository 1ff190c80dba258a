//! Stage 6, playout: 20 ms at a time at the pace of speech, silent within one frame when the answer is no longer current.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

use crate::frame::{
    CueTime, FRAME_TICKS, MediaOut, OUT_FRAME, Play, PlaybackPosition, PlayoutEvent, PlayoutItem, ResponseId,
    SpeechChunk, WordTime,
};

use super::animate::{FaceInput, FaceSender};
use super::echo::tap::Tap;

const FRAME: Duration = Duration::from_millis(20);
/// Late by more than this, playout takes up its pace anew instead of hurrying after the lost time.
const HOPELESS: Duration = Duration::from_millis(100);
/// A longer silence inside an answer is heard as a hole.
const HOLE: Duration = Duration::from_millis(60);
/// How loud an answer is while it may be interrupted.
const DUCKED: f32 = 0.2;
/// A sample is silent under this (-50 dB).
const SILENT: u16 = 100;
/// So much of a skipped pause stays before the sound: 20 ms.
const LEAD: usize = OUT_FRAME;
/// Chunks of speech that wait in playout, and of an answer that may never be heard.
const AHEAD: usize = 16;
const AHEAD_HIDDEN: usize = 2;

/// What playout keeps time by, and who follows it.
pub struct Followed {
    /// The media clock's zero.
    pub origin: Instant,
    /// Shows what sounds.
    pub face: FaceSender,
    /// Takes down what is sent, to know its echo.
    pub tap: Tap,
}

/// Plays until the pipeline ends. `current` names the only answer there is, and how it is played.
pub async fn run(
    followed: Followed,
    mut items: mpsc::Receiver<PlayoutItem>,
    mut current: watch::Receiver<Option<(ResponseId, Play)>>,
    media: mpsc::Sender<MediaOut>,
    position: watch::Sender<PlaybackPosition>,
    events: mpsc::Sender<PlayoutEvent>,
) {
    let Followed { origin, face, tap } = followed;
    let mut player = Player {
        origin,
        face,
        tap,
        queue: VecDeque::new(),
        queued: 0,
        played: 0,
        playing: None,
        ended: false,
        next: Instant::now(),
        play: Play::Full,
        gain: 1.0,
    };
    loop {
        let stands = matches!(player.play, Play::Hidden | Play::Held);
        let idle = stands || player.queue.is_empty() && !player.ended;
        let ahead = if player.play == Play::Hidden { AHEAD_HIDDEN } else { AHEAD };
        let told = tokio::select! {
            biased;
            changed = current.changed() => {
                if changed.is_err() { return }
                player.obey(*current.borrow_and_update());
                Vec::new()
            }
            () = sleep_until(player.next), if !idle => player.frame(&media, &position),
            // A few phrases ahead are enough; what is behind them waits in its stage.
            item = items.recv(), if player.queue.len() < ahead => {
                let Some(item) = item else { return };
                player.accept(item, current.borrow().map(|(response, _)| response)).into_iter().collect()
            }
        };
        for event in told {
            if events.send(event).await.is_err() {
                return;
            }
        }
    }
}

struct Chunk {
    samples: Arc<Vec<i16>>,
    at: usize,
    text: Option<String>,
    words: Vec<WordTime>,
    cues: VecDeque<CueTime>,
    /// No more of its phrase comes.
    last: bool,
    /// It is a holding phrase's: its sound does not begin the answer.
    holds: bool,
}

struct Player {
    origin: Instant,
    face: FaceSender,
    tap: Tap,
    queue: VecDeque<Chunk>,
    /// Samples of the current answer that have come.
    queued: u64,
    /// Samples of the current answer that have left.
    played: u64,
    playing: Option<(ResponseId, bool)>,
    ended: bool,
    next: Instant,
    play: Play,
    /// How loud the last sample was.
    gain: f32,
}

impl Player {
    fn obey(&mut self, current: Option<(ResponseId, Play)>) {
        let response = current.map(|(response, _)| response);
        if let Some((playing, _)) = self.playing.filter(|(playing, _)| Some(*playing) != response) {
            self.face.send(|| FaceInput::Dropped(playing));
            self.queue.clear();
            self.playing = None;
            self.ended = false;
            self.played = 0;
        }
        let play = current.map_or(Play::Full, |(_, play)| play);
        if matches!(self.play, Play::Hidden | Play::Held) && self.play != play {
            // Never before the end of the last frame: two frames of one time would share a timestamp.
            self.next = self.next.max(Instant::now());
            self.gain = if self.play == Play::Held { 0.0 } else { 1.0 };
            if self.play == Play::Held {
                self.skip_silence();
            }
        }
        if self.play != play && play == Play::Held {
            self.face.send(|| FaceInput::Held);
        }
        if self.play != play && self.queue.is_empty() {
            // What was silent meanwhile was so on purpose.
            self.next = self.next.max(Instant::now());
        }
        self.play = play;
    }

    /// A pause within the phrase that the stop fell into has been heard.
    fn skip_silence(&mut self) {
        let Some(chunk) = self.queue.front_mut().filter(|chunk| chunk.at > 0) else { return };
        let silent =
            chunk.samples[chunk.at..].iter().take_while(|sample| sample.unsigned_abs() < SILENT).count();
        let skipped = silent.saturating_sub(LEAD);
        chunk.at += skipped;
        self.played += skipped as u64;
    }

    fn accept(&mut self, item: PlayoutItem, current: Option<ResponseId>) -> Option<PlayoutEvent> {
        let response = match &item {
            PlayoutItem::Speech(chunk) | PlayoutItem::Hold(chunk) => chunk.response,
            PlayoutItem::End(response) => *response,
        };
        if current != Some(response) {
            return None;
        }
        let hole = self.hole(&item);
        if self.playing.is_none() {
            self.playing = Some((response, false));
            (self.played, self.queued) = (0, 0);
        }
        self.next = self.next.max(Instant::now());
        match item {
            PlayoutItem::Speech(chunk) => self.queue_up(chunk, false),
            PlayoutItem::Hold(chunk) => self.queue_up(chunk, true),
            PlayoutItem::End(_) => self.ended = true,
        }
        hole.map(|length| PlayoutEvent::Hole(response, length))
    }

    fn queue_up(&mut self, chunk: SpeechChunk, holds: bool) {
        let SpeechChunk { response, text, samples, words, sounds, cues, last, .. } = chunk;
        let samples = Arc::new(samples);
        let (start, of_face) = (self.queued, samples.clone());
        self.queued += samples.len() as u64;
        let shown = cues.clone();
        self.face.send(move || FaceInput::Speech { response, start, samples: of_face, sounds, cues: shown });
        self.queue.push_back(Chunk { samples, at: 0, text, words, cues: cues.into(), last, holds });
    }

    /// How long the person has heard nothing in the middle of the answer that `item` goes on with.
    fn hole(&self, item: &PlayoutItem) -> Option<Duration> {
        let sounding = self.playing.is_some_and(|(_, sounding)| sounding);
        let waited = self.queue.is_empty() && sounding && self.play == Play::Full;
        let length = Instant::now().saturating_duration_since(self.next);
        let sounds = matches!(item, PlayoutItem::Speech(chunk) if !chunk.samples.is_empty());
        (waited && sounds && length > HOLE).then_some(length)
    }

    /// Sends the frame that is due.
    fn frame(
        &mut self,
        media: &mpsc::Sender<MediaOut>,
        position: &watch::Sender<PlaybackPosition>,
    ) -> Vec<PlayoutEvent> {
        let Some((response, sounding)) = self.playing else { return Vec::new() };
        let mut told = Vec::new();
        let mut samples = Vec::with_capacity(OUT_FRAME);
        let mut answers = false;
        while samples.len() < OUT_FRAME {
            let Some(chunk) = self.queue.front_mut() else { break };
            if chunk.at == 0 {
                let start = self.played + samples.len() as u64;
                told.extend(begin(response, chunk, start));
            }
            let take = (OUT_FRAME - samples.len()).min(chunk.samples.len() - chunk.at);
            samples.extend_from_slice(&chunk.samples[chunk.at..chunk.at + take]);
            answers |= take > 0 && !chunk.holds;
            chunk.at += take;
            let (sent, over) = (chunk.at as u64, chunk.at >= chunk.samples.len());
            while let Some(CueTime { cue, .. }) = chunk.cues.pop_front_if(|due| over || due.at < sent) {
                told.push(PlayoutEvent::Cue { response, cue });
            }
            if chunk.at >= chunk.samples.len() {
                self.queue.pop_front();
            }
        }
        if samples.is_empty() {
            if self.ended {
                (self.playing, self.ended) = (None, false);
                position.send_replace(PlaybackPosition { response, samples: self.played, finished: true });
                told.push(PlayoutEvent::Finished(response));
                self.face.send(|| FaceInput::Finished(response));
            }
            return told;
        }
        let sample = self.played;
        self.face.send(|| FaceInput::Sounds { response, sample, frame: self.due() });
        self.played += samples.len() as u64;
        samples.resize(OUT_FRAME, 0);
        self.fade(&mut samples);
        self.tap.sent(self.due(), &samples);
        if !sounding && answers {
            self.playing = Some((response, true));
            told.insert(0, PlayoutEvent::Started(response));
        }
        if media.try_send(MediaOut { response, timestamp: self.timestamp(), samples }).is_err() {
            metrics::counter!("visavis_media_frames_dropped_total").increment(1);
        }
        position.send_replace(PlaybackPosition { response, samples: self.played, finished: false });
        let now = Instant::now();
        self.next += FRAME;
        if now > self.next + HOPELESS {
            self.next = now;
        }
        told
    }

    /// Goes over to the loudness that is due within the frame, without a click.
    fn fade(&mut self, samples: &mut [i16]) {
        let target = if self.play == Play::Ducked { DUCKED } else { 1.0 };
        let from = std::mem::replace(&mut self.gain, target);
        if from == 1.0 && target == 1.0 {
            return;
        }
        let step = (target - from) / samples.len() as f32;
        let mut gain = from;
        for sample in samples {
            gain += step;
            *sample = (f32::from(*sample) * gain) as i16;
        }
    }

    /// The frame that is due, in whole frames of the media clock.
    fn due(&self) -> u64 {
        let frames = self.next.saturating_duration_since(self.origin).as_millis() / FRAME.as_millis();
        u64::try_from(frames).unwrap_or(u64::MAX)
    }

    fn timestamp(&self) -> u32 {
        u32::try_from(self.due() & 0xFFFF_FFFF).unwrap_or(0).wrapping_mul(FRAME_TICKS)
    }
}

fn begin(response: ResponseId, chunk: &mut Chunk, start: u64) -> Vec<PlayoutEvent> {
    let mut told = Vec::new();
    if let Some(text) = chunk.text.take() {
        let aloud = !(chunk.last && chunk.samples.is_empty());
        told.push(PlayoutEvent::Phrase { response, text, aloud });
    }
    if !chunk.words.is_empty() {
        let words = chunk.words.drain(..);
        let words =
            words.map(|word| WordTime { start: word.start + start, end: word.end + start, ..word }).collect();
        told.push(PlayoutEvent::Words { response, words });
    }
    told
}

#[cfg(test)]
mod tests;
