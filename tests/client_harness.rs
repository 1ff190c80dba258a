//! The checks of `test_pipeline` against a scripted protocol server: they pass on a correct server and fail on a faulty one.
#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic fails the test")]

use std::path::{Path, PathBuf};
use std::time::Duration;

use visavis_bench::harness::{Report, Settings, run};
use visavis_client::Server;

mod scripted;
use scripted::{Script, serve};

fn speech(folder: &Path) -> PathBuf {
    let path = folder.join("question.wav");
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 16_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(&path, spec).unwrap();
    (0..8_000).for_each(|n| writer.write_sample(((f64::from(n) * 0.3).sin() * 12_000.0) as i16).unwrap());
    writer.finalize().unwrap();
    std::fs::write(path.with_extension("txt"), "one two three four\n").unwrap();
    path
}

async fn check(script: Script) -> Report {
    let folder = tempfile::tempdir().unwrap();
    let origin = Some("http://page.example".to_owned());
    let server = Server::new(&serve(script).await).unwrap();
    let settings = Settings {
        server,
        speech: speech(folder.path()),
        origin,
        wait: Duration::from_secs(1),
        language: None,
    };
    run(&settings, |_| {}).await.unwrap()
}

#[tokio::test]
async fn every_check_passes_on_a_server_that_follows_the_protocol() {
    let script = Script {
        transcript: "One, two, three, four.".to_owned(),
        origin: "http://page.example".to_owned(),
        ..Script::default()
    };
    let report = check(script).await;
    assert!(report.passed, "{:#?}", report.checks);
    assert_eq!(report.checks.len(), 8);
}

#[tokio::test]
async fn a_wrong_transcript_and_a_closed_origin_each_fail_their_own_check() {
    let report = check(Script { transcript: "something else".to_owned(), ..Script::default() }).await;
    let failed: Vec<&str> =
        report.checks.iter().filter(|check| !check.passed).map(|check| check.name).collect();
    assert_eq!(failed, ["CORS", "spoken WebRTC turn"], "{:#?}", report.checks);
    assert!(!report.passed);
}
