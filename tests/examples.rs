//! The programs under `examples/`, run against a real server and judged by what they print and write.
#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic fails the test")]

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use tokio::process::Command;
use visavis_bench::harness::words::words;
use visavis_client::turn::{Question, ask};
use visavis_client::{Call, CallOptions, Clip, Mode};
use visavis_core::frame::MIC_RATE;

mod live;
use live::Live;

const PATIENCE: Duration = Duration::from_secs(120);

fn in_tree(path: &str) -> PathBuf {
    std::env::current_dir().unwrap().join(path)
}

/// A Python with the package that the example needs: Debian's own has it even if another comes first in `PATH`.
fn python() -> &'static str {
    let has_it = |program: &&str| {
        let asked = std::process::Command::new(program).args(["-c", "import websockets"]).output();
        asked.is_ok_and(|output| output.status.success())
    };
    let found = ["python3", "/usr/bin/python3"].into_iter().find(has_it);
    found.expect("run ./test, or install python3-websockets first")
}

/// The example client in each language.
fn clients() -> [(&'static str, PathBuf); 2] {
    assert!(
        in_tree("examples/javascript/node_modules/ws").is_dir(),
        "run ./test, or `npm ci` in examples/javascript first"
    );
    [(python(), in_tree("examples/python/call.py")), ("node", in_tree("examples/javascript/call.js"))]
}

async fn run(program: &str, script: &Path, arguments: &[&str]) -> Output {
    let run =
        Command::new(program).arg(script).args(arguments).stdin(Stdio::null()).kill_on_drop(true).output();
    tokio::time::timeout(PATIENCE, run).await.expect("it ends").unwrap()
}

/// The text of one side's lines.
fn said(output: &str, who: &str) -> String {
    output.lines().filter_map(|line| line.strip_prefix(who)).collect::<Vec<_>>().join(" ")
}

/// The language model of the cpu profile: the tiny profile's responds at random and calls no tools.
fn with_the_default_model() -> String {
    let model = live::model("qwen2.5-coder-0.5b-instruct-iq4_nl.gguf");
    format!("llm.model={}", model.display())
}

/// The tests' recorded question at a rate that clients may send.
fn recorded_question(folder: &Path) -> String {
    let clip = Clip::from_wav(&in_tree("tests/browser/question.wav")).unwrap();
    let path = folder.join("question.wav");
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: MIC_RATE,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut file = hound::WavWriter::create(&path, spec).unwrap();
    clip.samples().iter().for_each(|&sample| file.write_sample(sample).unwrap());
    file.finalize().unwrap();
    path.display().to_string()
}

/// The words recognised in a WAV file.
async fn heard(path: &Path) -> String {
    let mut program = Command::from(live::program());
    let output = program.args(["transcribe", "--language", "en"]).arg(path).output().await.unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_client_asks_by_text_and_by_speech_and_prints_and_saves_the_response() {
    let live = Live::start(&["--set", &with_the_default_model()]).await;
    let server = format!("ws://{}", live.address);
    let folder = tempfile::tempdir().unwrap();
    let spoken = recorded_question(folder.path());
    for (program, script) in clients() {
        for question in ["What is the capital of France?", &spoken] {
            let kept = folder.path().join("heard.wav");
            _ = std::fs::remove_file(&kept);
            let output = run(program, &script, &[question, kept.to_str().unwrap(), &server]).await;
            let text = String::from_utf8_lossy(&output.stdout);
            assert!(output.status.success(), "{program}, {question}: {output:?}");
            let understood = words(&said(&text, "you: ")).join(" ");
            assert!(understood.contains("capital of france"), "{program}, {question}: {text}");
            let response = words(&said(&text, "agent: "));
            assert!(response.len() >= 3, "{program}, {question}: {text}");
            let (first, last) = Clip::from_wav(&kept).unwrap().spoken().expect("it is not silent");
            assert!(last - first > MIC_RATE as usize / 2, "{program}, {question}: {first} to {last}");
            // Besides the response it may contain the filler "One moment.".
            let sounds = words(&heard(&kept).await);
            let same = response.iter().filter(|word| sounds.contains(word)).count();
            assert!(2 * same >= response.len(), "{program}: {response:?} sounds as {sounds:?}");
        }
    }
    // Each hangs up.
    let ended = live.metric_when("visavis_calls_ended_total{reason=\"hung-up\"}", |ended| ended >= 4.0).await;
    assert_eq!(ended, 4.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_cannot_ask_says_why_without_a_stack_trace() {
    let nobody = format!("ws://127.0.0.1:{}", live::free_port());
    let recorded = in_tree("tests/browser/question.wav").display().to_string();
    let folder = tempfile::tempdir().unwrap();
    let no_sound = folder.path().join("page.wav");
    std::fs::copy(in_tree("static/call.html"), &no_sound).unwrap();
    let kept = folder.path().join("heard.wav").display().to_string();
    for (program, script) in clients() {
        for (arguments, part) in [
            (vec!["Hello.", &kept, &nobody], "no answer"),
            (vec![recorded.as_str()], "22050 hz"),
            (vec!["missing.wav"], "missing.wav"),
            (vec![no_sound.to_str().unwrap()], "page.wav is not a wav file"),
            (vec![], "question.wav"),
        ] {
            let output = run(program, &script, &arguments).await;
            assert!(!output.status.success(), "{program} {arguments:?}");
            let text = String::from_utf8_lossy(&output.stderr).to_lowercase();
            assert!(text.contains(part), "{program} {arguments:?}: {text}");
            let is_trace = text.contains("traceback") || text.contains("node:");
            assert!(!is_trace, "{program} {arguments:?}: {text}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_shortest_client_prints_a_response_in_forty_lines_and_fails_without_one() {
    let live = Live::start(&["--set", &with_the_default_model()]).await;
    let server = format!("ws://{}", live.address);
    let nobody = format!("ws://127.0.0.1:{}", live::free_port());
    for (program, call) in clients() {
        let script = call.with_file_name("hello").with_extension(call.extension().unwrap());
        let lines = std::fs::read_to_string(&script).unwrap().lines().count();
        assert!(lines <= 40, "{}: {lines} lines", script.display());
        let output = run(program, &script, &["What is the capital of France?", &server]).await;
        assert!(output.status.success(), "{program}: {output:?}");
        let response = words(&String::from_utf8_lossy(&output.stdout));
        assert!(response.len() >= 3, "{program}: {response:?}");
        let output = run(program, &script, &["Hello.", &nobody]).await;
        assert!(!output.status.success() && output.stdout.is_empty(), "{program}: {output:?}");
        assert!(String::from_utf8_lossy(&output.stderr).starts_with("no response"), "{program}: {output:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_model_calls_the_webhook_and_speaks_of_its_result() {
    let port = live::free_port();
    let folder = tempfile::tempdir().unwrap();
    let settings = std::fs::read_to_string(in_tree("examples/webhook/visavis.toml")).unwrap();
    assert!(settings.contains("127.0.0.1:8090"), "{settings}");
    let file = folder.path().join("visavis.toml");
    std::fs::write(&file, settings.replace("127.0.0.1:8090", &format!("127.0.0.1:{port}"))).unwrap();
    let mut orders = Command::new(python())
        .arg(in_tree("examples/webhook/orders.py"))
        .arg(port.to_string())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();

    let live = Live::start(&["--config", file.to_str().unwrap(), "--set", &with_the_default_model()]).await;
    let mut responses = Vec::new();
    for question in
        ["What is the state of order 42?", "Where is my order number 42?", "Look up order 42, please."]
    {
        let mut call = Call::start(&live.server, Mode::WebSocket, CallOptions::default()).await.unwrap();
        let report = ask(&mut call, &Question::Typed(question.into()), PATIENCE).await.unwrap();
        responses.push(report.response_text);
        call.hang_up().await;
    }
    orders.start_kill().unwrap();
    let asked = String::from_utf8(orders.wait_with_output().await.unwrap().stdout).unwrap();
    assert!(
        asked.lines().any(|line| line.contains("order_status") && line.contains("42")),
        "{asked}: {responses:?}"
    );
    assert!(responses.iter().any(|response| response.contains("tomorrow")), "{asked}: {responses:?}");
}
