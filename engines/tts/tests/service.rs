//! The engine as a service: refusals, cancellation, priorities, and its end.

#![allow(clippy::unwrap_used)] // a helper that fails fails its test

mod common;

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use common::{Engine, StillVoice, model, request, samples, speak, with};
use tonic::Code;
use visavis_proto::v1::health_reply::State;
use visavis_proto::v1::tts_client::TtsClient;
use visavis_proto::v1::{Priority, SynthesizeRequest, VoicesRequest};

/// Minutes of speech.
fn long() -> String {
    "Here is one more sentence of a text that goes on and on for quite a while. ".repeat(60)
}

#[tokio::test]
async fn eight_concurrent_requests_all_get_the_right_speech() {
    // With its noise a voice may speak the same words much faster or slower.
    let voice = StillVoice::new("concurrent");
    let engine = voice.engine();
    let client = engine.ready().await;
    let names = ["one", "two", "three", "four", "five", "six", "seven", "eight"];
    let calls = names.map(|name| {
        let mut client = client.clone();
        tokio::spawn(async move {
            let text = format!("This is request number {name}. It has two sentences to say.");
            let parts = speak(&mut client, request(&text)).await;
            let words: Vec<String> =
                parts.iter().flat_map(|part| part.words.iter().map(|word| word.text.clone())).collect();
            assert_eq!(words.join(" "), text.replace('.', ""));
            assert!(parts.iter().all(|part| samples(part).len() > 11025), "at least half a second each");
            // The same words take about the same time, whatever else is spoken; how much exactly is random.
            samples(&parts[1]).len()
        })
    });
    let mut lengths = Vec::new();
    for call in calls {
        lengths.push(call.await.unwrap());
    }
    let (shortest, longest) = (lengths.iter().min().unwrap(), lengths.iter().max().unwrap());
    assert!(*longest < shortest * 2, "{lengths:?}");
    // The last part of a sound may arrive before its request stops counting.
    let stats = engine.until(|stats| stats.active + stats.queued == 0).await;
    assert_eq!((stats.requests, stats.cancelled, stats.failed), (8, 0, 0));
}

#[tokio::test]
async fn dropping_the_stream_stops_the_work() {
    let engine = Engine::start(&[]);
    let mut client = engine.ready().await;
    let mut stream = client.synthesize(with(&long(), Priority::Batch)).await.unwrap().into_inner();
    let first = stream.message().await.unwrap().unwrap();
    assert!(!first.last);
    drop(stream);
    let stopped = engine.until(|stats| stats.active == 0).await;
    assert_eq!((stopped.cancelled, stopped.failed), (1, 0));
    // 60 sentences were requested.
    assert!(stopped.units < 30 * samples(&first).len() as u64, "{stopped:?}");
    speak(&mut client, request("The engine is free again.")).await;
    let after = engine.stats().await;
    assert!(after.units < stopped.units + 10 * 22050, "none of the dropped text was spoken later: {after:?}");
}

#[tokio::test]
async fn a_passed_deadline_ends_active_and_waiting_requests() {
    let engine = Engine::start(&[]);
    let client = engine.ready().await;
    let calls = [300, 200].map(|deadline_ms| {
        let mut client = client.clone();
        tokio::spawn(async move {
            let request = SynthesizeRequest { deadline_ms, ..request(&long()) };
            let mut stream = client.synthesize(request).await.unwrap().into_inner();
            loop {
                match stream.message().await {
                    Ok(part) => assert!(!part.unwrap().last),
                    Err(status) => return status.code(),
                }
            }
        })
    });
    for call in calls {
        assert_eq!(call.await.unwrap(), Code::DeadlineExceeded);
    }
    let stats = engine.until(|stats| stats.active + stats.queued == 0).await;
    assert_eq!((stats.cancelled, stats.failed), (2, 0));
}

#[tokio::test]
async fn a_live_request_overtakes_started_batch_work() {
    let engine = Engine::start(&[]);
    let mut client = engine.ready().await;
    let mut batch = client.synthesize(with(&long(), Priority::Batch)).await.unwrap().into_inner();
    batch.message().await.unwrap().unwrap();
    speak(&mut client, request("Now comes a live turn.")).await;
    // The live turn may count for a moment longer.
    let stats = engine.until(|stats| stats.active <= 1).await;
    assert_eq!(stats.active, 1, "the batch work should still be active: {stats:?}");
}

#[tokio::test]
async fn a_short_text_is_spoken_between_the_parts_of_a_long_one() {
    let engine = Engine::start(&[]);
    let mut client = engine.ready().await;
    for text in [long(), "你好今天天气很好".repeat(30)] {
        let mut long = client.synthesize(request(&text)).await.unwrap().into_inner();
        long.message().await.unwrap().unwrap();
        speak(&mut client, request("Now comes another call.")).await;
        // The short text may count for a moment longer.
        let stats = engine.until(|stats| stats.active <= 1).await;
        assert_eq!(stats.active, 1, "the long text should still be active: {stats:?}");
        drop(long);
        engine.until(|stats| stats.active == 0).await;
    }
}

#[tokio::test]
async fn texts_that_once_broke_the_engine_are_spoken_in_bounded_parts() {
    let engine = Engine::start(&[]);
    let mut client = engine.ready().await;
    let forty_five_seconds = 45 * 22050 * 2;
    for text in [
        "'s".repeat(119),
        "a.b.".repeat(100),
        "ж".repeat(120),
        "สวัสดีครับ".repeat(5),
        "今日はいい天気ですね".repeat(4),
        "你好今天天气很好".repeat(30),
        "11111111111111111111 ".repeat(3),
    ] {
        let parts = speak(&mut client, request(&text)).await;
        assert!(parts.iter().any(|part| !part.audio.is_empty()), "{text}: nothing to hear");
        for part in &parts {
            assert!(part.audio.len() < forty_five_seconds, "{text}: {} bytes", part.audio.len());
        }
    }
    // What they took is given back a little later.
    let given_back = async {
        while resident(engine.child.id()) >= 600 << 20 {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    let in_time = tokio::time::timeout(Duration::from_secs(60), given_back).await;
    assert!(in_time.is_ok(), "{} MB are still resident", resident(engine.child.id()) >> 20);
}

/// The resident memory of a process, in bytes.
fn resident(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

#[tokio::test]
async fn a_full_queue_refuses_at_once() {
    let engine = Engine::start(&["--queue=1"]);
    let mut client = engine.ready().await;
    // Two requests take turns; a third one waits.
    let working = client.synthesize(request(&long())).await.unwrap();
    engine.until(|stats| stats.active == 1).await;
    let beside = client.synthesize(request(&long())).await.unwrap();
    engine.until(|stats| stats.active == 2).await;
    let waiting = client.synthesize(request(&long())).await.unwrap();
    assert_eq!(client.synthesize(request("Hello.")).await.unwrap_err().code(), Code::ResourceExhausted);
    // A caller that leaves frees its queue slot even if the worker never saw the request.
    drop(waiting);
    engine.until(|stats| stats.queued == 0 && stats.active == 2).await;
    drop((working, beside));
}

#[tokio::test]
async fn the_error_for_an_invalid_request_names_the_field_and_the_voices() {
    let engine = Engine::start(&[]);
    let mut client = engine.ready().await;
    let voices = client.voices(VoicesRequest {}).await.unwrap().into_inner().voices;
    let voice = voices.first().unwrap();
    assert_eq!(
        (voice.name.as_str(), voice.language.as_str(), voice.locale.as_str()),
        ("en_US-joe-medium", "en", "en_US")
    );
    for (request, field) in [
        (SynthesizeRequest { voice: "nobody".to_owned(), ..request("Hello.") }, "voice: "),
        (SynthesizeRequest { language: "fr".to_owned(), ..request("Hello.") }, "language: "),
    ] {
        let status = client.synthesize(request).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument);
        assert!(
            status.message().starts_with(field) && status.message().contains("en_US-joe-medium"),
            "{status}"
        );
    }
    let status = client.synthesize(request(&"a".repeat(5001))).await.unwrap_err();
    assert!(status.code() == Code::InvalidArgument && status.message().contains("5000"), "{status}");
}

#[tokio::test]
async fn missing_and_broken_files_fail_with_a_message_and_the_process_keeps_running() {
    let (voice, runtime) = (model("en_US-joe-medium.onnx"), model("libonnxruntime.so"));
    let folder = std::env::temp_dir().join(format!("visavis-tts-broken-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let broken = folder.join("broken.onnx");
    std::fs::File::create(&broken).unwrap().write_all(b"no model").unwrap();
    std::fs::copy(model("en_US-joe-medium.onnx.json"), folder.join("broken.onnx.json")).unwrap();
    let nowhere = Path::new("/nowhere/at.all");
    for (voice, runtime, said) in [
        (nowhere, runtime.as_path(), "/nowhere/at.all.json"),
        (broken.as_path(), &runtime, "not a model that ONNX Runtime can load"),
        (voice.as_path(), nowhere, "cannot find ONNX Runtime at /nowhere/at.all"),
        (voice.as_path(), broken.as_path(), "cannot load ONNX Runtime"),
    ] {
        let engine = Engine::start_with(voice, runtime, &[]);
        let health = engine.loaded().await;
        assert_eq!(health.state(), State::Failed);
        assert!(
            health.message.contains(said) && health.message.contains("visavis models fetch"),
            "{}",
            health.message
        );
        let mut client = TtsClient::new(engine.channel().await);
        assert_eq!(client.synthesize(request("Hello.")).await.unwrap_err().code(), Code::FailedPrecondition);
        assert_eq!(client.voices(VoicesRequest {}).await.unwrap_err().code(), Code::FailedPrecondition);
    }
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test]
async fn all_voices_are_listed_at_once_and_a_request_waits_for_its_voice() {
    let folder = std::env::temp_dir().join(format!("visavis-tts-voices-{}", std::process::id()));
    // A run that was killed leaves its folder, and numbers of processes come again.
    _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    let second = folder.join("second.onnx");
    for (from, to) in
        [("en_US-joe-medium.onnx", "second.onnx"), ("en_US-joe-medium.onnx.json", "second.onnx.json")]
    {
        // A symbolic link, which a confined engine must be able to follow.
        std::os::unix::fs::symlink(model(from), folder.join(to)).unwrap();
    }
    let engine = Engine::start(&["--voice", second.to_str().unwrap()]);
    let mut client = TtsClient::new(engine.channel().await);
    let voices = client.voices(VoicesRequest {}).await.unwrap().into_inner().voices;
    let names: Vec<&str> = voices.iter().map(|voice| voice.name.as_str()).collect();
    assert_eq!(names, ["en_US-joe-medium", "second"]);
    let asked = SynthesizeRequest { voice: "second".to_owned(), ..request("I am the second voice.") };
    for request in [asked, request("And I am the first.")] {
        let parts = speak(&mut client, request).await;
        assert!(samples(&parts[0]).len() > 11025);
    }
    let stats = engine.stats().await;
    assert_eq!((stats.requests, stats.failed, stats.queued), (2, 0, 0));
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test]
async fn all_threads_are_confined_unless_disabled() {
    /// The number of a thread's seccomp filters; a container may have set some.
    fn filters(status: &Path) -> Option<u32> {
        // A thread may end while the list is read.
        let status = std::fs::read_to_string(status).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("Seccomp_filters:"));
        Some(line.unwrap().trim().parse().unwrap())
    }
    let ours = filters(Path::new("/proc/self/status")).unwrap();
    for (arguments, added) in [(&[][..], 2), (&["--unconfined"], 0)] {
        let engine = Engine::start(arguments);
        speak(&mut engine.ready().await, request("Hello.")).await;
        let threads = std::fs::read_dir(format!("/proc/{}/task", engine.child.id())).unwrap();
        let counts: Vec<u32> =
            threads.filter_map(|thread| filters(&thread.unwrap().path().join("status"))).collect();
        assert!(counts.len() > 3 && counts.iter().all(|&count| count == ours + added), "{counts:?}");
    }
}

#[tokio::test]
async fn the_engine_exits_when_its_standard_input_closes_even_while_speaking() {
    let mut engine = Engine::start(&[]);
    let mut client = engine.ready().await;
    let stream = client.synthesize(request(&long())).await.unwrap();
    engine.until(|stats| stats.active == 1).await;
    drop(engine.child.stdin.take());
    let ended = tokio::task::spawn_blocking(move || engine.child.wait().map(|status| (status, engine)));
    let (status, _engine) = ended.await.unwrap().unwrap();
    assert_eq!(status.code(), Some(0));
    drop(stream);
}
