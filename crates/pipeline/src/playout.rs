//! Stage 6, playout: sends 20 ms frames in real time; silent within one frame once the response is no longer current.

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
/// Lateness beyond which playout restarts its schedule instead of catching up.
const RESTART_AFTER: Duration = Duration::from_millis(100);
/// Silence inside a response longer than this is a hole; while it lasts the response is dry.
const HOLE: Duration = Duration::from_millis(60);
/// Gain of a response while it may be interrupted.
const DUCKED: f32 = 0.2;
/// Samples below this are silent (-50 dB).
const SILENT: u16 = 100;
/// Part of a skipped pause kept before the sound: 20 ms.
const LEAD: usize = OUT_FRAME;
/// Chunks of speech that wait in playout; fewer for a speculative response.
const AHEAD: usize = 16;
const AHEAD_SPECULATIVE: usize = 2;

/// The clock that playout keeps, and what follows it.
pub struct Context {
    /// The media clock's zero.
    pub origin: Instant,
    /// The face, which follows the sound.
    pub face: FaceSender,
    /// Records what is sent, to recognise its echo.
    pub tap: Tap,
}

/// The current response, and how it is played.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Current {
    /// Its id.
    pub response: ResponseId,
    /// Whether it is heard now.
    pub play: Play,
}

/// Plays until the pipeline ends. `current`: the current response and how it is played; others are dropped.
pub async fn run(
    context: Context,
    mut items: mpsc::Receiver<PlayoutItem>,
    mut current: watch::Receiver<Option<Current>>,
    media: mpsc::Sender<MediaOut>,
    position: watch::Sender<PlaybackPosition>,
    events: mpsc::Sender<PlayoutEvent>,
) {
    let Context { origin, face, tap } = context;
    let mut player = Player {
        origin,
        face,
        tap,
        queue: VecDeque::new(),
        queued: 0,
        played: 0,
        filled: 0,
        playing: None,
        ended: false,
        finished: None,
        next: Instant::now(),
        play: Play::Full,
        gain: 1.0,
    };
    loop {
        let stands = matches!(player.play, Play::Speculative | Play::Paused);
        let idle = stands || player.queue.is_empty() && !player.ended;
        let ahead = if player.play == Play::Speculative { AHEAD_SPECULATIVE } else { AHEAD };
        let told = tokio::select! {
            biased;
            changed = current.changed() => {
                if changed.is_err() { return }
                player.obey(*current.borrow_and_update());
                Vec::new()
            }
            () = sleep_until(player.next), if !idle => player.frame(&media, &position),
            // A few chunks ahead are enough; more would only wait here instead of in their stage.
            item = items.recv(), if player.queue.len() < ahead => {
                let Some(item) = item else { return };
                player.accept(item, current.borrow().map(|current| current.response)).into_iter().collect()
            }
            () = sleep_until(player.next + HOLE), if player.runs_dry() => player.tell_dry().into_iter().collect(),
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
    /// It is the last of its segment.
    last: bool,
    /// It belongs to a filler: its sound does not begin the response.
    filler: bool,
}

/// The response in playout.
#[derive(Debug, Clone, Copy)]
struct Playing {
    response: ResponseId,
    /// Some of it has sounded, apart from fillers.
    sounding: bool,
    /// It was told to be dry, and has not sounded since.
    dry: bool,
}

struct Player {
    origin: Instant,
    face: FaceSender,
    tap: Tap,
    queue: VecDeque<Chunk>,
    /// Samples of the current response received, with its fillers.
    queued: u64,
    /// Samples of the current response sent, with its fillers.
    played: u64,
    /// Those of them that were fillers.
    filled: u64,
    playing: Option<Playing>,
    ended: bool,
    /// The last response that was played to its end.
    finished: Option<ResponseId>,
    next: Instant,
    play: Play,
    /// Gain of the last sample.
    gain: f32,
}

impl Player {
    fn obey(&mut self, current: Option<Current>) {
        let response = current.map(|current| current.response);
        if let Some(dropped) = self.playing.filter(|playing| Some(playing.response) != response) {
            self.face.send(|| FaceInput::Dropped(dropped.response));
            self.queue.clear();
            self.playing = None;
            self.ended = false;
            (self.played, self.filled) = (0, 0);
        }
        let play = current.map_or(Play::Full, |current| current.play);
        if matches!(self.play, Play::Speculative | Play::Paused) && self.play != play {
            // Never before the end of the last frame: two frames of one time would share a timestamp.
            self.next = self.next.max(Instant::now());
            self.gain = if self.play == Play::Paused { 0.0 } else { 1.0 };
            if self.play == Play::Paused {
                self.skip_silence();
            }
        }
        if self.play != play && play == Play::Paused {
            self.face.send(|| FaceInput::Paused);
        }
        if self.play != play && self.queue.is_empty() {
            // Silence until now was intended, not a hole.
            self.next = self.next.max(Instant::now());
        }
        self.play = play;
    }

    /// Skips the rest of a pause in the speech that playout was paused in: it has been heard already.
    fn skip_silence(&mut self) {
        let Some(chunk) = self.queue.front_mut().filter(|chunk| chunk.at > 0) else { return };
        let silent =
            chunk.samples[chunk.at..].iter().take_while(|sample| sample.unsigned_abs() < SILENT).count();
        let skipped = silent.saturating_sub(LEAD);
        chunk.at += skipped;
        self.played += skipped as u64;
        self.filled += if chunk.filler { skipped as u64 } else { 0 };
    }

    fn accept(&mut self, item: PlayoutItem, current: Option<ResponseId>) -> Option<PlayoutEvent> {
        let response = match &item {
            PlayoutItem::Speech(chunk) | PlayoutItem::Filler(chunk) => chunk.response,
            PlayoutItem::End(response) => *response,
        };
        if current != Some(response) {
            return None;
        }
        if matches!(item, PlayoutItem::Filler(_)) && !self.takes_filler(response) {
            // The response has spoken since the filler was ordered, or has ended.
            return None;
        }
        let hole = self.hole(&item);
        if self.playing.is_none() {
            self.playing = Some(Playing { response, sounding: false, dry: false });
            (self.played, self.filled, self.queued) = (0, 0, 0);
        }
        self.next = self.next.max(Instant::now());
        match item {
            PlayoutItem::Speech(chunk) => self.queue_up(chunk, false),
            PlayoutItem::Filler(chunk) => self.queue_up(chunk, true),
            PlayoutItem::End(_) => self.ended = true,
        }
        hole.map(|length| PlayoutEvent::Hole(response, length))
    }

    /// Whether the response is silent and goes on, so that a filler delays nothing of it.
    fn takes_filler(&self, response: ResponseId) -> bool {
        if self.ended || self.finished == Some(response) {
            return false;
        }
        let silent = self.playing.is_none_or(|playing| !playing.sounding || playing.dry);
        silent && self.queue.iter().all(|chunk| chunk.filler || chunk.samples.is_empty())
    }

    /// Whether the response has nothing left to be heard, which was not told yet. One that is paused waits for the person.
    fn runs_dry(&self) -> bool {
        let sounds = self.playing.is_some_and(|playing| playing.sounding && !playing.dry);
        let heard = matches!(self.play, Play::Full | Play::Ducked);
        sounds && heard && self.queue.is_empty() && !self.ended
    }

    fn tell_dry(&mut self) -> Option<PlayoutEvent> {
        let playing = self.playing.as_mut()?;
        playing.dry = true;
        Some(PlayoutEvent::Dry(playing.response))
    }

    fn queue_up(&mut self, chunk: SpeechChunk, filler: bool) {
        let SpeechChunk { response, text, samples, words, sounds, cues, last, .. } = chunk;
        let samples = Arc::new(samples);
        let (start, of_face) = (self.queued, samples.clone());
        self.queued += samples.len() as u64;
        let shown = cues.clone();
        self.face.send(move || FaceInput::Speech { response, start, samples: of_face, sounds, cues: shown });
        self.queue.push_back(Chunk { samples, at: 0, text, words, cues: cues.into(), last, filler });
    }

    /// Length of the hole in the response that `item` ends, if any.
    fn hole(&self, item: &PlayoutItem) -> Option<Duration> {
        let sounding = self.playing.is_some_and(|playing| playing.sounding);
        let waited = self.queue.is_empty() && sounding && self.play == Play::Full;
        let length = Instant::now().saturating_duration_since(self.next);
        let sounds = match item {
            PlayoutItem::Speech(chunk) | PlayoutItem::Filler(chunk) => !chunk.samples.is_empty(),
            PlayoutItem::End(_) => false,
        };
        (waited && sounds && length > HOLE).then_some(length)
    }

    /// Sends the frame that is due.
    fn frame(
        &mut self,
        media: &mpsc::Sender<MediaOut>,
        position: &watch::Sender<PlaybackPosition>,
    ) -> Vec<PlayoutEvent> {
        let Some(Playing { response, sounding, dry }) = self.playing else { return Vec::new() };
        let mut told = Vec::new();
        let mut samples = Vec::with_capacity(OUT_FRAME);
        let mut filled = 0;
        while samples.len() < OUT_FRAME {
            let Some(chunk) = self.queue.front_mut() else { break };
            if chunk.at == 0 {
                let start = self.played - self.filled + (samples.len() - filled) as u64;
                told.extend(begin(response, chunk, start));
            }
            let take = (OUT_FRAME - samples.len()).min(chunk.samples.len() - chunk.at);
            samples.extend_from_slice(&chunk.samples[chunk.at..chunk.at + take]);
            filled += if chunk.filler { take } else { 0 };
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
                (self.playing, self.ended, self.finished) = (None, false, Some(response));
                let samples = self.played - self.filled;
                position.send_replace(PlaybackPosition { response, samples, finished: true });
                told.push(PlayoutEvent::Finished(response));
                self.face.send(|| FaceInput::Finished(response));
            }
            return told;
        }
        let sample = self.played;
        self.face.send(|| FaceInput::Sounds { response, sample, frame: self.due() });
        self.played += samples.len() as u64;
        self.filled += filled as u64;
        let responds = samples.len() > filled;
        samples.resize(OUT_FRAME, 0);
        self.fade(&mut samples);
        self.tap.sent(self.due(), &samples);
        if responds && (!sounding || dry) {
            self.playing = Some(Playing { response, sounding: true, dry: false });
            let begins =
                if sounding { PlayoutEvent::GoesOn(response) } else { PlayoutEvent::Started(response) };
            told.insert(0, begins);
        }
        if media.try_send(MediaOut { response, timestamp: self.timestamp(), samples }).is_err() {
            metrics::counter!("visavis_media_frames_dropped_total").increment(1);
        }
        let heard = self.played - self.filled;
        position.send_replace(PlaybackPosition { response, samples: heard, finished: false });
        let now = Instant::now();
        self.next += FRAME;
        if now > self.next + RESTART_AFTER {
            self.next = now;
        }
        told
    }

    /// Fades to the due gain within the frame, without a click.
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
        told.push(PlayoutEvent::Segment { response, text, aloud });
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
