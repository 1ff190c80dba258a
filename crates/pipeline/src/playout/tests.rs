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

    async fn fill(&self, frames: usize) {
        self.items.send(PlayoutItem::Filler(chunk(frames))).await.unwrap();
    }

    fn play(&self, play: Play) {
        self.current.send_replace(Some(Current { response: ID, play }));
    }

    fn told(&mut self) -> Vec<PlayoutEvent> {
        std::iter::from_fn(|| self.events.try_recv().ok()).collect()
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
    let told = [PlayoutEvent::Started(ID), segment, PlayoutEvent::Dry(ID)];
    assert_eq!(bench.told(), told, "the silence after the filler is no hole");
}

#[tokio::test(start_paused = true)]
async fn a_response_that_runs_dry_is_told_once_and_when_it_goes_on() {
    use PlayoutEvent::{Dry, Finished, GoesOn, Hole, Started};
    let mut bench = Bench::new();
    bench.speak(10).await;
    bench.wait(250).await;
    assert_eq!(bench.told(), [Started(ID)], "silent for 50 ms");
    bench.wait(20).await;
    assert_eq!(bench.told(), [Dry(ID)]);
    bench.fill(10).await;
    bench.wait(730).await;
    let hole = |ms| Hole(ID, Duration::from_millis(ms));
    assert_eq!(bench.told(), [hole(70)], "a filler does not end the dry spell");
    bench.speak(10).await;
    bench.wait(150).await;
    assert_eq!(bench.told(), [hole(530), GoesOn(ID)]);
    bench.items.send(PlayoutItem::End(ID)).await.unwrap();
    bench.wait(500).await;
    assert_eq!(bench.told(), [Finished(ID)]);
}

#[tokio::test(start_paused = true)]
async fn a_speculative_or_paused_response_does_not_run_dry() {
    let mut bench = Bench::new();
    bench.play(Play::Speculative);
    bench.wait(5_000).await;
    bench.speak(10).await;
    bench.wait(5_000).await;
    assert_eq!(bench.told(), []);
    bench.play(Play::Full);
    bench.wait(200).await;
    bench.play(Play::Paused);
    bench.wait(5_000).await;
    assert_eq!(bench.told(), [PlayoutEvent::Started(ID)]);
    bench.play(Play::Full);
    bench.wait(100).await;
    assert_eq!(bench.told(), [PlayoutEvent::Dry(ID)]);
}

#[tokio::test(start_paused = true)]
async fn a_filler_that_comes_behind_the_end_of_its_response_is_not_said() {
    let mut bench = Bench::new();
    bench.speak(5).await;
    bench.items.send(PlayoutItem::End(ID)).await.unwrap();
    bench.wait(500).await;
    bench.fill(5).await;
    bench.wait(500).await;
    assert_eq!(bench.told(), [PlayoutEvent::Started(ID), PlayoutEvent::Finished(ID)]);
    let ends = PlaybackPosition { response: ID, samples: OUT_FRAME as u64 * 5, finished: true };
    assert_eq!((bench.media.len(), *bench.position.borrow()), (5, ends));
}

#[tokio::test(start_paused = true)]
async fn a_filler_sounds_only_while_the_response_is_dry_and_moves_none_of_its_words() {
    let mut bench = Bench::new();
    let word = |text: &str| WordTime { text: text.into(), start: 0, end: OUT_FRAME as u64 * 10 };
    let spoken = |text: &str| SpeechChunk { words: vec![word(text)], ..chunk(10) };
    bench.fill(5).await;
    bench.items.send(PlayoutItem::Speech(spoken("one"))).await.unwrap();
    bench.fill(7).await;
    bench.wait(250).await;
    assert_eq!(bench.media.len(), 5 + 8, "the filler before the response sounds, that inside it does not");
    bench.wait(50).await;
    bench.fill(7).await;
    bench.wait(100).await;
    assert_eq!(bench.media.len(), 5 + 10, "silent for 60 ms at most");
    bench.fill(7).await;
    bench.wait(200).await;
    assert_eq!(bench.media.len(), 5 + 10 + 7, "it is dry");
    assert_eq!(bench.position.borrow().samples, OUT_FRAME as u64 * 10, "a filler is no part of the response");
    bench.items.send(PlayoutItem::Speech(spoken("two"))).await.unwrap();
    bench.fill(7).await;
    bench.items.send(PlayoutItem::End(ID)).await.unwrap();
    bench.wait(500).await;
    let frames = OUT_FRAME as u64 * 10;
    let ends = PlaybackPosition { response: ID, samples: 2 * frames, finished: true };
    assert_eq!((bench.media.len(), *bench.position.borrow()), (5 + 10 + 7 + 10, ends));
    let words = bench.told().into_iter().filter_map(|told| match told {
        PlayoutEvent::Words { words, .. } => Some(words[0].start),
        _ => None,
    });
    assert_eq!(words.collect::<Vec<_>>(), [0, frames]);
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
