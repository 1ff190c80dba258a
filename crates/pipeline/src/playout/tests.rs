use tokio::time::sleep;

use super::*;
use crate::frame::{Sounds, SpeechChunk};

const ID: ResponseId = ResponseId(1);

fn chunk(frames: usize) -> SpeechChunk {
    SpeechChunk {
        response: ID,
        segment: 0,
        text: None,
        samples: vec![1000; frames * OUT_FRAME],
        words: Vec::new(),
        sounds: Sounds::default(),
        cues: Vec::new(),
        last: false,
    }
}

fn speech(frames: usize) -> PlayoutItem {
    PlayoutItem::Speech(chunk(frames))
}

/// A running playout, and its outputs.
struct Bench {
    items: mpsc::Sender<PlayoutItem>,
    current: watch::Sender<Option<Current>>,
    events: mpsc::Receiver<PlayoutEvent>,
    media: mpsc::Receiver<MediaOut>,
    position: watch::Receiver<PlaybackPosition>,
}

impl Bench {
    fn new() -> Self {
        let (items, from) = mpsc::channel(4);
        let (current, watched) = watch::channel(Some(Current { response: ID, play: Play::Full }));
        let (at, position) = watch::channel(PlaybackPosition::default());
        let (told, events) = mpsc::channel(64);
        let (out, media) = mpsc::channel(10_000);
        tokio::spawn(run(
            Context {
                origin: Instant::now(),
                face: FaceSender::default(),
                tap: Tap::new(Default::default()),
            },
            from,
            watched,
            out,
            at,
            told,
        ));
        Self { items, current, events, media, position }
    }

    async fn speak(&self, frames: usize) {
        self.items.send(speech(frames)).await.unwrap();
    }

    async fn wait(&self, ms: u64) {
        sleep(Duration::from_millis(ms)).await;
    }

    fn holes(&mut self) -> Vec<u128> {
        let mut holes = Vec::new();
        while let Ok(event) = self.events.try_recv() {
            if let PlayoutEvent::Hole(ID, length) = event {
                holes.push(length.as_millis());
            }
        }
        holes
    }
}

#[tokio::test(start_paused = true)]
async fn speech_that_comes_late_leaves_a_hole_of_that_length() {
    let mut bench = Bench::new();
    bench.speak(10).await;
    bench.wait(500).await;
    bench.speak(10).await;
    bench.wait(250).await;
    // 200 ms of speech from 0 on, then nothing until 500 ms; silence again from 700 to 750 ms.
    assert_eq!(bench.holes(), [300]);
    bench.speak(1).await;
    bench.wait(100).await;
    assert_eq!(bench.holes(), [0_u128; 0], "50 ms is the breath between two words");
    assert_eq!(bench.media.len(), 21);
}

#[tokio::test(start_paused = true)]
async fn silence_before_after_and_while_paused_is_no_hole() {
    let mut bench = Bench::new();
    bench.wait(1000).await;
    bench.speak(10).await;
    bench.wait(400).await;
    bench.current.send_replace(Some(Current { response: ID, play: Play::Paused }));
    bench.wait(1000).await;
    bench.current.send_replace(Some(Current { response: ID, play: Play::Full }));
    bench.wait(40).await;
    bench.speak(10).await;
    bench.wait(1000).await;
    bench.items.send(PlayoutItem::End(ID)).await.unwrap();
    bench.wait(100).await;
    assert_eq!(bench.holes(), [0_u128; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_pause_in_the_speech_is_skipped_when_paused_playout_goes_on() {
    let bench = Bench::new();
    // 200 ms of sound, 400 ms of silence, 200 ms of sound.
    let mut samples = vec![1_000; OUT_FRAME * 40];
    samples[OUT_FRAME * 10..OUT_FRAME * 30].fill(20);
    bench.items.send(PlayoutItem::Speech(SpeechChunk { samples, ..chunk(0) })).await.unwrap();
    bench.items.send(PlayoutItem::End(ID)).await.unwrap();
    bench.wait(290).await;
    bench.current.send_replace(Some(Current { response: ID, play: Play::Paused }));
    bench.wait(500).await;
    bench.current.send_replace(Some(Current { response: ID, play: Play::Full }));
    bench.wait(1000).await;
    assert_eq!(bench.media.len(), 15 + 1 + 10, "20 ms of the pause remain before the sound");
    let position = *bench.position.borrow();
    assert_eq!((position.samples, position.finished), (OUT_FRAME as u64 * 40, true));
}

#[tokio::test(start_paused = true)]
async fn a_filler_sounds_and_does_not_begin_the_response() {
    let mut bench = Bench::new();
    bench.items.send(PlayoutItem::Filler(chunk(10))).await.unwrap();
    bench.wait(400).await;
    assert_eq!(bench.media.len(), 10);
    assert!(bench.events.try_recv().is_err(), "nothing of the response has been heard");
    bench
        .items
        .send(PlayoutItem::Speech(SpeechChunk { text: Some("Yes.".into()), ..chunk(5) }))
        .await
        .unwrap();
    bench.wait(200).await;
    let segment = PlayoutEvent::Segment { response: ID, text: "Yes.".into(), aloud: true };
    assert_eq!(
        [bench.events.try_recv(), bench.events.try_recv()],
        [Ok(PlayoutEvent::Started(ID)), Ok(segment)]
    );
    assert!(bench.events.try_recv().is_err(), "the silence after the filler is no hole");
}

#[tokio::test(start_paused = true)]
async fn no_two_frames_share_a_timestamp_however_short_the_pause() {
    for paused in [1, 3, 7, 13, 19, 20, 21, 45] {
        let mut bench = Bench::new();
        bench.speak(200).await;
        for at in [3, 17, 29, 41, 57] {
            bench.wait(at).await;
            bench.current.send_replace(Some(Current { response: ID, play: Play::Paused }));
            bench.wait(paused).await;
            bench.current.send_replace(Some(Current { response: ID, play: Play::Full }));
        }
        bench.wait(200).await;
        let mut frames = Vec::new();
        while let Ok(frame) = bench.media.try_recv() {
            frames.push(frame.timestamp);
        }
        assert!(
            frames.len() > 10 && frames.windows(2).all(|pair| pair[0] < pair[1]),
            "{paused} ms: {frames:?}"
        );
    }
}
