//! One synthesis for all who want the same, which is kept in memory and on disk.
#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic fails the test")]

use std::io::{Seek, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use visavis_containers::{Decoder, Format};
use visavis_core::route::{Reason, Routed};
use visavis_engine::{EngineError, Speed, Tts, TtsCapabilities, TtsPart, TtsRequest, Voice};
use visavis_scripted::{ScriptedTts, TONE_RATE, one_part, tone};
use visavis_speech::room::{Bounds, to_the_end};
use visavis_speech::script::Piece;
use visavis_speech::{Coded, Disk, Key, Opened, Origin, Room, Script, Slot, Tier, Voiced, Wanted, Whole};

/// Samples of a word of the scripted voice.
const WORD: u64 = 7_200;
const HOUR: Duration = Duration::from_secs(3600);
const LONG: &str = "This is a sentence of a long text. And this is another one, which follows it. ";

type Reader = visavis_speech::flights::Reader<Slot, Coded>;

fn room(tts: &Arc<ScriptedTts>, disk: Option<&Path>) -> Arc<Room> {
    let tier = disk.map(|folder| Arc::new(Disk::open(folder, 64 << 20, HOUR).unwrap()) as Arc<dyn Tier>);
    Room::new(tts.clone(), Bounds { memory: 16 << 20, ttl: HOUR }, tier)
}

fn wanted(text: &str, format: Format) -> Wanted {
    let pieces = vec![Piece::Say { text: text.into(), speed: Speed::USUAL }];
    let script = Script { voice: String::new(), language: "en".into(), pieces };
    let key = Key::of(&script, &Voiced::default());
    Wanted { script: Arc::new(script), key, format, waited: true }
}

fn open(room: &Arc<Room>, text: &str, format: Format) -> Opened {
    room.open(wanted(text, format), || Ok::<_, EngineError>(())).unwrap()
}

fn growing(opened: Opened) -> Reader {
    match opened {
        Opened::Growing(reader) | Opened::Shared(reader) => reader,
        Opened::Whole(_) => panic!("it is complete already"),
    }
}

async fn whole(opened: Opened) -> Result<Arc<Whole>, EngineError> {
    match opened {
        Opened::Whole(whole) => Ok(whole),
        Opened::Growing(reader) | Opened::Shared(reader) => to_the_end(reader).await,
    }
}

async fn sent(mut reader: Reader) -> Vec<u8> {
    let mut bytes = Vec::new();
    while let Some(coded) = reader.next().await {
        bytes.extend_from_slice(&coded.unwrap().bytes);
    }
    bytes
}

#[tokio::test]
async fn a_hundred_equal_requests_are_one_synthesis_and_all_get_every_sample() {
    let tts = Arc::new(ScriptedTts::default());
    let room = room(&tts, None);
    let readers: Vec<Reader> = (0..100).map(|_| growing(open(&room, "Hello there.", Format::Pcm))).collect();
    let mut tasks: Vec<_> = readers.into_iter().map(|reader| tokio::spawn(sent(reader))).collect();
    let first = tasks.remove(0).await.unwrap();
    assert_eq!(first.len() as u64, 2 * 2 * WORD);
    for task in tasks {
        assert_eq!(task.await.unwrap(), first);
    }
    assert_eq!(tts.asked().len(), 1);
    let again = whole(open(&room, "Hello there.", Format::Pcm)).await.unwrap();
    assert_eq!((again.bytes.as_ref(), again.samples), (first.as_slice(), 2 * WORD));
    assert_eq!(again.times.words.len(), 2);
    assert_eq!(tts.asked().len(), 1);
}

#[tokio::test]
async fn two_formats_at_once_are_one_synthesis() {
    let tts = Arc::new(ScriptedTts::default().every(Duration::from_millis(20)));
    let room = room(&tts, None);
    let (raw, wave) = (open(&room, "Hello.", Format::Pcm), open(&room, "Hello.", Format::Wav));
    let (raw, wave) = tokio::join!(whole(raw), whole(wave));
    let (raw, wave) = (raw.unwrap(), wave.unwrap());
    assert!(wave.bytes.ends_with(&raw.bytes) && wave.bytes.len() > raw.bytes.len());
    let length = u32::try_from(raw.bytes.len()).unwrap();
    assert_eq!(wave.bytes[40..44], length.to_le_bytes(), "what is kept tells its length");
    assert_ne!(raw.tag, wave.tag);
    assert_eq!(tts.asked().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_one_who_began_may_leave_and_when_nobody_is_left_the_work_stops() {
    let tts = Arc::new(ScriptedTts::default().every(Duration::from_secs(1)));
    let room = room(&tts, None);
    let text = LONG.repeat(40);
    let (mut first, mut second) =
        (growing(open(&room, &text, Format::Pcm)), growing(open(&room, &text, Format::Pcm)));
    first.next().await.unwrap().unwrap();
    drop(first);
    for _ in 0..4 {
        second.next().await.unwrap().unwrap();
    }
    assert_eq!(room.speaking(), 1);
    drop(second);
    tokio::time::sleep(Duration::from_secs(5)).await;
    let asked = tts.asked().len();
    assert!((4..20).contains(&asked), "{asked}");
    assert_eq!(room.speaking(), 0);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(tts.asked().len(), asked, "the engine works on");
}

#[tokio::test]
async fn speech_on_disk_is_used_by_the_next_process_in_any_format() {
    let folder = tempfile::tempdir().unwrap();
    let (tts, later) = (Arc::new(ScriptedTts::default()), Arc::new(ScriptedTts::default()));
    let first = room(&tts, Some(folder.path()));
    let raw = whole(open(&first, LONG, Format::Pcm)).await.unwrap();
    until_kept(folder.path()).await;
    let second = room(&later, Some(folder.path()));
    let mut reader = growing(open(&second, LONG, Format::Pcm));
    let piece = reader.next().await.unwrap().unwrap();
    assert_eq!(piece.origin, Origin::Disk);
    let again = to_the_end(reader).await.unwrap();
    assert_eq!((&again.bytes, &again.times, &again.tag), (&raw.bytes, &raw.times, &raw.tag));
    let wave = whole(open(&second, LONG, Format::Wav)).await.unwrap();
    assert_eq!(wave.samples, raw.samples);
    assert!(later.asked().is_empty());
}

#[tokio::test]
async fn damaged_speech_is_spoken_anew() {
    let folder = tempfile::tempdir().unwrap();
    let (tts, later) = (Arc::new(ScriptedTts::default()), Arc::new(ScriptedTts::default()));
    let raw = whole(open(&room(&tts, Some(folder.path())), "Hello.", Format::Pcm)).await.unwrap();
    let file = until_kept(folder.path()).await;
    let mut bytes = std::fs::read(&file).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    let anew = whole(open(&room(&later, Some(folder.path())), "Hello.", Format::Pcm)).await.unwrap();
    assert_eq!((anew.bytes.len(), later.asked().len()), (raw.bytes.len(), 1));
}

#[tokio::test]
async fn a_failure_reaches_all_readers_and_is_not_kept() {
    let error = EngineError::Failed("broken".into());
    let tts = Arc::new(ScriptedTts::default().failing("fails", 0, error.clone()));
    let room = room(&tts, None);
    let (one, two) = (open(&room, "This fails.", Format::Wav), open(&room, "This fails.", Format::Wav));
    let (one, two) = tokio::join!(whole(one), whole(two));
    assert_eq!((one.unwrap_err(), two.unwrap_err()), (error.clone(), error.clone()));
    let asked = tts.asked().len();
    assert_eq!(whole(open(&room, "This fails.", Format::Wav)).await.unwrap_err(), error);
    assert!(tts.asked().len() > asked, "it is tried again");
}

#[tokio::test]
async fn what_another_voice_speaks_in_place_of_the_usual_one_is_not_kept() {
    for (reason, syntheses) in [(Reason::Route, 1), (Reason::Failed, 2)] {
        let folder = tempfile::tempdir().unwrap();
        let tts = Arc::new(ScriptedTts::speaking(move |text| {
            let routed = Some(Routed { engine: "spare".into(), reason });
            vec![TtsPart { routed, ..one_part(text, TONE_RATE, tone) }]
        }));
        let room = room(&tts, Some(folder.path()));
        for _ in 0..2 {
            let whole = whole(open(&room, "Hello.", Format::Pcm)).await.unwrap();
            assert_eq!(whole.samples, WORD, "{reason:?}");
            until_silent(&room).await;
        }
        assert_eq!(tts.asked().len(), syntheses, "{reason:?}");
        let kept = std::fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(kept, 2 - syntheses, "{reason:?}");
    }
}

#[tokio::test]
async fn work_that_is_not_granted_never_begins_and_a_grant_is_held_until_its_end() {
    let tts = Arc::new(ScriptedTts::default());
    let room = room(&tts, None);
    let refused = room.open(wanted("Hello.", Format::Pcm), || Err::<(), _>("full"));
    assert_eq!(refused.err(), Some("full"));
    assert!(tts.asked().is_empty());
    let grant = Arc::new(());
    let opened = room.open(wanted("Hello.", Format::Pcm), || Ok::<_, EngineError>(grant.clone())).unwrap();
    assert_eq!(Arc::strong_count(&grant), 2);
    let joined = room.open(wanted("Hello.", Format::Pcm), || Err::<(), _>("full"));
    assert!(joined.is_ok(), "who joins needs no grant");
    drop(joined);
    whole(opened).await.unwrap();
    for _ in 0..1000 {
        if Arc::strong_count(&grant) == 1 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the grant is held after the end");
}

#[tokio::test]
async fn every_container_holds_all_that_was_spoken() {
    let tts = Arc::new(ScriptedTts::default());
    let room = room(&tts, None);
    // 16 kHz, at which files are read.
    let expected = 2 * 2 * WORD / 3;
    for (format, exact) in [
        (Format::Wav, true),
        (Format::Flac, true),
        (Format::Mp3, true),
        (Format::Opus, true),
        (Format::Aac, false),
    ] {
        let whole = whole(open(&room, "Hello there.", format)).await.unwrap();
        assert_eq!(whole.samples, 2 * WORD);
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&whole.bytes).unwrap();
        file.rewind().unwrap();
        let mut decoder = Decoder::open(file).unwrap();
        let mut read = 0;
        while let Some(samples) = decoder.read().unwrap() {
            read += samples.len() as u64;
        }
        // Resampling may round; ADTS has no place for the sound's length, and pads to whole frames.
        let slack = if exact { 2 } else { 2_500 };
        assert!(read + 2 >= expected && read <= expected + slack, "{format:?}: {read} of {expected}");
    }
    assert_eq!(tts.asked().len(), 5, "without a disk each format is spoken");
}

/// Waits until nothing is spoken or being kept any more.
async fn until_silent(room: &Room) {
    for _ in 0..1000 {
        if room.speaking() == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it is spoken for ever");
}

/// Waits until speech is on disk, and returns its file.
async fn until_kept(folder: &Path) -> std::path::PathBuf {
    for _ in 0..1000 {
        let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        if let Some(file) = files.into_iter().find(|file| file.extension().is_some_and(|end| end == "speech"))
        {
            return file;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("nothing is kept");
}

/// A voice that breaks down where it is to say "another".
struct Breaking(ScriptedTts);

#[async_trait]
impl Tts for Breaking {
    fn capabilities(&self) -> TtsCapabilities {
        self.0.capabilities()
    }

    async fn synthesize(
        &self,
        request: TtsRequest,
    ) -> Result<BoxStream<'static, Result<TtsPart, EngineError>>, EngineError> {
        assert!(!request.text.contains("another"), "it breaks down, as it should here");
        self.0.synthesize(request).await
    }

    async fn voices(&self) -> Result<Vec<Voice>, EngineError> {
        self.0.voices().await
    }
}

#[tokio::test]
async fn speech_that_breaks_down_in_the_middle_is_no_whole_and_is_not_kept() {
    let folder = tempfile::tempdir().unwrap();
    let tier: Arc<dyn Tier> = Arc::new(Disk::open(folder.path(), 64 << 20, HOUR).unwrap());
    let voice = Arc::new(Breaking(ScriptedTts::default()));
    let room = Room::new(voice, Bounds { memory: 16 << 20, ttl: HOUR }, Some(tier));
    for attempt in 0..2 {
        let heard = whole(open(&room, LONG, Format::Pcm)).await;
        assert!(matches!(heard, Err(EngineError::Failed(_))), "attempt {attempt} has a whole");
    }
    assert!(!room.holds(wanted(LONG, Format::Pcm).key), "the beginning is kept");
}
