//! Recordings through a real server with the real recogniser: transcripts, subtitles and known texts over them.
#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic fails the test")]

use std::io::Cursor;
use std::time::Duration;

use hound::{SampleFormat, WavSpec, WavWriter};
use serde_json::Value;
use visavis::oneshot::read_wav;

mod live;
use live::Live;

const RATE: u32 = 16_000;
const PATIENCE: Duration = Duration::from_secs(300);

/// Recorded speech, one clip directly after the other, as a WAV file.
fn recording(clips: &[&str]) -> Vec<u8> {
    let spec =
        WavSpec { channels: 1, sample_rate: RATE, bits_per_sample: 16, sample_format: SampleFormat::Int };
    let mut file = Cursor::new(Vec::new());
    let mut writer = WavWriter::new(&mut file, spec).unwrap();
    for clip in clips {
        for sample in read_wav(&live::speech(clip)).unwrap() {
            writer.write_sample(sample).unwrap();
        }
    }
    writer.finalize().unwrap();
    file.into_inner()
}

/// Sends a recording. On a machine with other work it is heard in what that leaves.
async fn sent(live: &Live, path: &str, body: Vec<u8>) -> (u16, String) {
    let request = live.server.http().post(live.server.url(path)).header("content-type", "audio/wav");
    let answer = request.body(body).timeout(PATIENCE).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

async fn transcribed(live: &Live, clips: &[&str]) -> Value {
    let (status, text) = sent(live, "transcribe?language=en", recording(clips)).await;
    assert_eq!(status, 200, "{text}");
    serde_json::from_str(&text).unwrap()
}

/// The words of a text, to compare them.
fn words(text: &str) -> Vec<String> {
    let plain = |word: &str| word.chars().filter(|c| c.is_alphanumeric()).collect::<String>().to_lowercase();
    text.split_whitespace().map(plain).filter(|word| !word.is_empty()).collect()
}

/// How many words two texts have in common, in order.
fn common(one: &[String], other: &[String]) -> usize {
    let mut above = vec![0; other.len() + 1];
    for word in one {
        let mut row = vec![0; other.len() + 1];
        for (at, heard) in other.iter().enumerate() {
            row[at + 1] = if word == heard { above[at] + 1 } else { above[at + 1].max(row[at]) };
        }
        above = row;
    }
    above[other.len()]
}

/// A minute without pauses between its clips has the words of each clip, also where it is cut.
async fn a_long_recording_has_the_words_of_its_parts(live: &Live) {
    let clips = ["jfk.wav", "two_cities.wav", "jfk.wav", "beckett.wav", "jfk.wav"];
    let mut expected = Vec::new();
    for clip in clips {
        let alone = transcribed(live, &[clip]).await;
        expected.extend(words(alone["text"].as_str().unwrap()));
    }
    let whole = transcribed(live, &clips).await;
    let heard = words(whole["text"].as_str().unwrap());
    let same = common(&expected, &heard);
    // The small recogniser hears some words otherwise with other words before them.
    let most = expected.len().max(heard.len());
    assert!(same * 100 >= most * 90, "{same} of {most}:\n{expected:?}\n{heard:?}");
    let times = |word: &str| heard.iter().filter(|heard| *heard == word).count();
    assert_eq!((times("country"), times("americans")), (6, 3), "{heard:?}");
    let starts: Vec<f64> =
        whole["words"].as_array().unwrap().iter().map(|word| word["start"].as_f64().unwrap()).collect();
    assert!(starts.windows(2).all(|pair| pair[0] <= pair[1]), "{starts:?}");
    assert!(starts[starts.len() - 1] <= whole["duration"].as_f64().unwrap());
}

/// The words of a known text are placed in the recording, and what it does not say is marked.
async fn a_known_text_is_placed(live: &Live) {
    let text = "And%20so%20my%20fellow%20Americans%20ask%20not%20what%20your%20zebra%20can%20do%20for%20you";
    let (status, told) = sent(live, &format!("align?language=en&text={text}"), recording(&["jfk.wav"])).await;
    assert_eq!(status, 200, "{told}");
    let told: Value = serde_json::from_str(&told).unwrap();
    let of = |name: &str| {
        told["words"].as_array().unwrap().iter().find(|word| word["word"] == name).unwrap().clone()
    };
    // He says "fellow" at 1.1 s and "what your country" at about 4 to 5 s of 11.
    let (fellow, zebra, ask) = (of("fellow"), of("zebra"), of("ask"));
    assert!((fellow["start"].as_f64().unwrap() - 1.1).abs() < 0.7, "{told}");
    assert!((ask["start"].as_f64().unwrap() - 3.4).abs() < 1.0, "{told}");
    assert_eq!((&zebra["matched"], &fellow["matched"]), (&Value::Bool(false), &Value::Bool(true)), "{told}");
}

async fn bad_uploads_are_refused(live: &Live) {
    let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
    for path in ["transcribe", "align?text=Hi", "v1/audio/transcriptions"] {
        let (status, told) = sent(live, path, png.clone()).await;
        assert_eq!(status, 400, "{path}: {told}");
        let (status, told) = sent(live, path, Vec::new()).await;
        assert_eq!(status, 400, "{path}: {told}");
    }
    // The recogniser of this profile knows English only.
    let (status, told) = sent(live, "v1/audio/translations", recording(&["jfk.wav"])).await;
    assert_eq!(status, 400, "{told}");
    assert!(told.contains("multilingual"), "{told}");
    let (status, told) = sent(live, "transcribe?language=de", recording(&["jfk.wav"])).await;
    assert_eq!(status, 400, "{told}");
}

async fn subtitles_are_made(live: &Live) {
    let path = "v1/audio/transcriptions?response_format=srt&language=en";
    let (status, told) = sent(live, path, recording(&["jfk.wav"])).await;
    assert_eq!(status, 200, "{told}");
    assert!(told.starts_with("1\n00:00:00,") && told.to_lowercase().contains("country"), "{told}");
    assert!(told.lines().all(|line| line.chars().count() <= 42), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn recordings_become_text_subtitles_and_times() {
    let live = Live::start(&[]).await;
    a_long_recording_has_the_words_of_its_parts(&live).await;
    a_known_text_is_placed(&live).await;
    subtitles_are_made(&live).await;
    bad_uploads_are_refused(&live).await;
}
