//! OpenAI's own clients in Python and JavaScript, unchanged, against a real server: the programs under `tests/openai_clients/`.
#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic fails the test")]

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::process::Command;
use visavis_config::default_models_dir;

mod live;
use live::Live;

/// Longest time for all checks of a program.
const PATIENCE: Duration = Duration::from_secs(300);

fn in_tree(path: &str) -> PathBuf {
    std::env::current_dir().unwrap().join(path)
}

/// The folder with the Python package, which `./test` installs.
fn package() -> PathBuf {
    let folder = default_models_dir().parent().unwrap().join("peers/openai");
    assert!(folder.join("openai").is_dir(), "run ./test rust first: {} is missing", folder.display());
    folder
}

/// Runs a program of the tests in both languages; each prints what it has checked.
async fn run(name: &str, arguments: &[&str], checks: usize) {
    assert!(
        in_tree("tests/openai_clients/node_modules/openai").is_dir(),
        "run ./test, or `npm ci` in tests/openai_clients first"
    );
    for (program, suffix) in [("python3", "py"), ("node", "js")] {
        let script = in_tree(&format!("tests/openai_clients/{name}.{suffix}"));
        let mut command = Command::new(program);
        command.arg(&script).args(arguments).env("PYTHONPATH", package()).env("PYTHONDONTWRITEBYTECODE", "1");
        // The server is here, whatever else is reached through a proxy.
        command.env("NO_PROXY", "127.0.0.1").env("no_proxy", "127.0.0.1");
        let run = command.stdin(Stdio::null()).kill_on_drop(true).output();
        let output = tokio::time::timeout(PATIENCE, run).await.expect("it ends").unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{program}: {said}{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(said.lines().filter(|line| line.starts_with("ok ")).count(), checks, "{program}: {said}");
    }
}

/// A server with the language model and the recogniser of the cpu profile: the tiny profile's model responds at random.
async fn server() -> Live {
    let of_cpu = |setting: &str, name: &str| format!("{setting}={}", live::model(name).display());
    let llm = of_cpu("llm.model", "qwen2.5-coder-0.5b-instruct-iq4_nl.gguf");
    // That of the tiny profile knows English only, and so translates nothing.
    let stt = of_cpu("stt.model", "whisper-base.bin");
    Live::start(&["--set", &llm, "--set", &stt]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn both_clients_chat_whole_and_streamed_with_tools_and_schemas_and_list_models() {
    let live = server().await;
    run("chat", &[&format!("http://{}/v1", live.address)], 7).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn both_clients_have_texts_spoken_and_sounds_transcribed_and_translated() {
    let live = server().await;
    let voices = live.server.http().get(live.server.url("api/voices")).send().await.unwrap();
    let voices: Value = voices.json().await.unwrap();
    let voice = voices["voices"][0]["name"].as_str().unwrap();
    let question = in_tree("tests/browser/question.wav").display().to_string();
    run("sound", &[&format!("http://{}/v1", live.address), voice, &question], 3).await;
}
