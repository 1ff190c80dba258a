//! Recordings through scripted engines: what is recognised, in which order, and what ends the work.
#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic fails the test")]

use std::fs::File;
use std::io::{BufWriter, Seek, Write};
use std::sync::Arc;
use std::time::Duration;

use hound::{SampleFormat, WavSpec, WavWriter};
use tokio::sync::mpsc;
use visavis_core::frame::{MIC_RATE, Transcript};
use visavis_engine::{EngineError, TtsCapabilities, Vad};
use visavis_listening::ListenError;
use visavis_listening::align::align;
use visavis_listening::listen::{End, Engines, Event, Order, Places, listen};
use visavis_listening::segments::{Segment, whole_text};
use visavis_scripted::{Hearing, ScriptedStt, ScriptedTts};

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);
const SECOND: usize = MIC_RATE as usize;

/// Hears speech where it is loud.
struct Loudness;

impl Vad for Loudness {
    fn probability(&mut self, window: &[i16]) -> f32 {
        let loud = window.iter().any(|sample| sample.unsigned_abs() > 1_000);
        if loud { 1.0 } else { 0.0 }
    }
}

fn engines(stt: &Arc<ScriptedStt>) -> Engines {
    let vad = Arc::new(|| Box::new(Loudness) as Box<dyn Vad>);
    // Times are estimated: this voice knows none.
    let tts = ScriptedTts::default().with_capabilities(TtsCapabilities::default());
    Engines {
        stt: stt.clone(),
        tts: Arc::new(tts),
        vad,
        places: Places::new(),
        waited: true,
        busy: Arc::new(|| false),
    }
}

fn file_of(samples: &[i16]) -> File {
    let spec =
        WavSpec { channels: 1, sample_rate: MIC_RATE, bits_per_sample: 16, sample_format: SampleFormat::Int };
    let mut file = tempfile::tempfile().unwrap();
    let mut writer = WavWriter::new(BufWriter::new(&mut file), spec).unwrap();
    samples.iter().for_each(|sample| writer.write_sample(*sample).unwrap());
    writer.finalize().unwrap();
    file.rewind().unwrap();
    file
}

/// A sound that is loud for some seconds, then silent for some, and so on.
fn recording(seconds: &[usize]) -> File {
    let mut samples = Vec::new();
    for (at, seconds) in seconds.iter().enumerate() {
        // Syllables, as the filter of made-up words wants to hear them.
        let tone = |sample: usize| match sample % 3_200 < 2_800 && at % 2 == 0 {
            true => ((sample as f64 * (0.05 + 0.04 * (sample / 3_200 % 5) as f64)).sin() * 8_000.0) as i16,
            false => 0,
        };
        samples.extend((0..seconds * SECOND).map(tone));
    }
    file_of(&samples)
}

async fn all(
    mut events: mpsc::Receiver<Result<Event, ListenError>>,
) -> Result<(Vec<Segment>, End), ListenError> {
    let mut segments = Vec::new();
    loop {
        match tokio::time::timeout(PATIENCE, events.recv()).await.unwrap().expect("it has an end") {
            Ok(Event::Segment(segment)) => segments.push(segment),
            Ok(Event::End(end)) => return Ok((segments, end)),
            Err(error) => return Err(error),
        }
    }
}

#[tokio::test]
async fn each_stretch_of_speech_is_recognised_once_at_its_place() {
    let stt =
        Arc::new(ScriptedStt::new(["These are the first words.", "And these the second ones. They go on."]));
    let events = listen(recording(&[3, 4, 5, 2]), Order::default(), engines(&stt));
    let (segments, end) = all(events).await.unwrap();
    assert_eq!(whole_text(&segments), "These are the first words. And these the second ones. They go on.");
    assert_eq!(segments.len(), 3);
    assert!(segments[0].start() < 0.6 && segments[0].end() < 4.0, "{segments:?}");
    assert!(segments[1].start() > 6.4 && segments[2].end() < 13.0, "{segments:?}");
    assert_eq!((end.language.as_str(), end.seconds), ("en", 14.0));
    let heard: usize = stt.utterances().iter().map(|utterance| utterance.audio.len()).sum();
    assert!(heard < 11 * SECOND, "silence is not recognised: {heard}");
}

#[tokio::test]
async fn speech_without_a_pause_is_cut_and_joined_without_losing_or_repeating_a_word() {
    // A word for each half second of the recording, whose number is its place.
    let place = |sample: usize| format!("w{:03}x", sample / (SECOND / 2));
    let stt = Arc::new(ScriptedStt::by_ear(move |sound| {
        // The sound tells where it was cut: its amplitude grows from half second to half second.
        let at = |sample: i16| (usize::from(sample.unsigned_abs()) - 2_000) / 40;
        let (first, last) = (at(sound[0]), at(sound[sound.len() - 1]));
        let words: Vec<String> = (first..=last).map(|half| place(half * SECOND / 2)).collect();
        Transcript { text: words.join(" "), language: "en".into(), ..Transcript::default() }
    }));
    let samples: Vec<i16> = (0..60 * SECOND)
        .map(|at| {
            let level = 2_020 + 40 * i16::try_from(at / (SECOND / 2)).unwrap();
            if at % 10 < 5 { level } else { -level }
        })
        .collect();
    let (segments, _) = all(listen(file_of(&samples), Order::default(), engines(&stt))).await.unwrap();
    let expected: Vec<String> = (0..120).map(|half| format!("w{half:03}x")).collect();
    assert_eq!(whole_text(&segments), expected.join(" "));
    assert!(stt.utterances().len() >= 3);
}

#[tokio::test]
async fn soft_speech_is_heard_as_well() {
    let stt = Arc::new(ScriptedStt::new(["These are the words."]));
    let soft: Vec<i16> =
        (0..3 * SECOND).map(|at| if at % 3_200 < 2_800 && at % 40 < 20 { 60 } else { -1 }).collect();
    let (segments, _) = all(listen(file_of(&soft), Order::default(), engines(&stt))).await.unwrap();
    assert_eq!(segments.len(), 1);
    let heard = stt.utterances()[0].audio.iter().map(|sample| sample.unsigned_abs()).max();
    assert!(heard > Some(1_000), "{heard:?}");
}

#[tokio::test]
async fn a_failure_comes_after_what_was_heard_before_it() {
    let broken = EngineError::Failed("it broke".into());
    let stt =
        Arc::new(ScriptedStt::new([Hearing::from("These are the words."), Hearing::Fails(broken.clone())]));
    let mut events = listen(recording(&[2, 3, 2]), Order::default(), engines(&stt));
    assert!(matches!(events.recv().await, Some(Ok(Event::Segment(_)))));
    assert_eq!(events.recv().await, Some(Err(ListenError::Engine(broken))));
    assert_eq!(events.recv().await, None);
}

#[tokio::test]
async fn what_is_no_sound_is_told_as_such() {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(b"\x89PNG\r\n\x1a\n and no more").unwrap();
    file.rewind().unwrap();
    let stt = Arc::new(ScriptedStt::default());
    let told = all(listen(file, Order::default(), engines(&stt))).await;
    assert!(matches!(told, Err(ListenError::Unreadable(_))), "{told:?}");
    assert!(stt.utterances().is_empty());
}

#[tokio::test]
async fn recognition_stops_when_nobody_reads() {
    let stt = Arc::new(ScriptedStt::by_ear(|_| Transcript {
        text: "These are more of the words.".into(),
        language: "en".into(),
        ..Transcript::default()
    }));
    let seconds: Vec<usize> = [2, 3].repeat(40);
    let mut events = listen(recording(&seconds), Order::default(), engines(&stt));
    events.recv().await.unwrap().unwrap();
    drop(events);
    let stopped = async {
        while Arc::strong_count(&stt) > 1 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, stopped).await.expect("it stops");
    assert!(stt.utterances().len() < 20, "{}", stt.utterances().len());
}

#[tokio::test]
async fn a_known_text_is_placed_and_what_was_not_said_is_marked() {
    let stt = Arc::new(ScriptedStt::new(["The white cat sat down."]));
    let aligned =
        align(recording(&[3, 1]), "The black cat sat down.", "en".into(), engines(&stt)).await.unwrap();
    let matched: Vec<bool> = aligned.words.iter().map(|word| word.matched).collect();
    assert_eq!(matched, [true, false, true, true, true]);
    assert!(aligned.words.windows(2).all(|pair| pair[0].end <= pair[1].start), "{aligned:?}");
    assert!(aligned.words[4].end > 2.0 && (aligned.duration - 4.0).abs() < 1e-9, "{aligned:?}");
    assert_eq!(stt.utterances()[0].request.prompt, "", "recognition is not told what to hear");
}

#[tokio::test]
async fn a_job_tells_the_recogniser_that_nobody_waits_for_it() {
    let stt = Arc::new(ScriptedStt::new(["These are the words.", "And these as well."]));
    let engines = engines(&stt);
    all(listen(recording(&[2, 1]), Order::default(), engines.clone())).await.unwrap();
    all(listen(recording(&[2, 1]), Order::default(), engines.unhurried())).await.unwrap();
    let asked: Vec<bool> = stt.utterances().iter().map(|utterance| utterance.request.waited).collect();
    assert_eq!(asked, [true, false]);
    assert!(stt.utterances().iter().all(|utterance| utterance.request.ahead), "calls go before both");
}
