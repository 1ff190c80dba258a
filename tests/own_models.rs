//! People's own model files in a real server: an unusable one gets a message that says what to set.
#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic fails the test")]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

mod live;
use live::Live;

/// Far longer than models of these sizes need.
const PATIENCE: Duration = Duration::from_secs(120);
/// The model of the `tiny` profile.
const CHAT: &str = "smollm2-135m-instruct-q4_1.gguf";

/// A GGUF file of a model that turns text into vectors, with one tensor of 64 bytes.
fn embedding() -> Vec<u8> {
    let text = |text: &str| [&(text.len() as u64).to_le_bytes()[..], text.as_bytes()].concat();
    let header = [&b"GGUF"[..], &3_u32.to_le_bytes(), &1_u64.to_le_bytes(), &1_u64.to_le_bytes()].concat();
    let value = [text("general.architecture"), 8_u32.to_le_bytes().to_vec(), text("bert")].concat();
    let shape = [&1_u32.to_le_bytes()[..], &16_u64.to_le_bytes(), &[0; 4], &[0; 8]].concat();
    let mut file = [header, value, text("token_embd.weight"), shape].concat();
    // The tensors begin at a multiple of 32.
    file.resize(file.len().next_multiple_of(32) + 64, 0);
    file
}

/// The model with another chat template, which is shorter than its own.
fn with_template(mut file: Vec<u8>, template: &str) -> Vec<u8> {
    let key = b"tokenizer.chat_template";
    let found = file.windows(key.len()).position(|bytes| bytes == key);
    // The value's type and its length follow the key.
    let at = found.expect("it has a template") + key.len() + 4;
    let length = u64::from_le_bytes(file[at..at + 8].try_into().unwrap());
    let value = &mut file[at + 8..at + 8 + usize::try_from(length).unwrap()];
    value.fill(b' ');
    value[..template.len()].copy_from_slice(template.as_bytes());
    file
}

/// Waits until a server reports this about its language model; it serves health meanwhile.
async fn says_of_the_model(live: &Live, parts: &[&str]) {
    let began = Instant::now();
    let mut told = Value::Null;
    while began.elapsed() < PATIENCE {
        if let Ok(answer) = live.server.http().get(live.server.url("ready")).send().await {
            assert_eq!(answer.status().as_u16(), 503, "it is not ready");
            told = answer.json::<Value>().await.unwrap()["engines"]["llm"].clone();
            let message = told["message"].as_str().unwrap_or_default();
            if parts.iter().all(|part| message.contains(part)) {
                return;
            }
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{parts:?}: {told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_cannot_be_used_is_named_with_what_to_set_and_a_template_that_is_set_helps() {
    let folder = tempfile::tempdir().unwrap();
    let chat = fs::read(live::model(CHAT)).unwrap();
    let cut = chat[..100_000].to_vec();
    let raises = with_template(chat, "{{ raise_exception('Only two roles are supported!') }}");
    for (name, file, parts) in [
        ("vectors.gguf", embedding(), &["an embedding model", "name a chat model with llm.model"][..]),
        ("cut.gguf", cut, &["is damaged: it is cut short", "fetch it or copy it again"][..]),
        ("raises.gguf", raises, &["chat template", "is of no known kind", "set llm.template"][..]),
    ] {
        let path = folder.path().join(name);
        fs::write(&path, file).unwrap();
        let live = Live::begin(&["--set", &format!("llm.model={}", path.display())]);
        says_of_the_model(&live, &[parts, &[name]].concat()).await;
    }
    let model = format!("llm.model={}", folder.path().join("raises.gguf").display());
    Live::start(&["--set", &model, "--set", "llm.template=chatml"]).await;
}

#[test]
fn with_a_fetched_model_that_is_cut_short_or_damaged_in_its_middle_no_server_starts() {
    let (folder, model) = (tempfile::tempdir().unwrap(), live::model(CHAT));
    for entry in fs::read_dir(model.parent().unwrap()).unwrap().map(Result::unwrap) {
        // Not the hidden file of checksums, which the server writes.
        if !entry.file_name().as_encoded_bytes().starts_with(b".") {
            symlink(entry.path(), folder.path().join(entry.file_name())).unwrap();
        }
    }
    let whole = fs::read(&model).unwrap();
    let cut = whole[..100_000].to_vec();
    let mut damaged = whole;
    let middle = damaged.len() / 2;
    damaged[middle..middle + 16].iter_mut().for_each(|byte| *byte ^= 0x55);
    let path = folder.path().join(CHAT);
    for (file, fault) in [(cut, "its size differs"), (damaged, "has the wrong checksum")] {
        // Replaced, and not written to: the link's target stays whole.
        fs::remove_file(&path).unwrap();
        fs::write(&path, file).unwrap();
        let said = startup_error(folder.path());
        for part in [CHAT, fault, "visavis models fetch --profile tiny"] {
            assert!(said.contains(part), "{part}: {said}");
        }
    }
}

/// The message of a server that does not start with these models.
fn startup_error(models: &Path) -> String {
    // A server that did not look at its models would end here, and say so.
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = taken.local_addr().unwrap().to_string();
    let models = models.display().to_string();
    let words =
        ["serve", "--profile", "tiny", "--listen", &listen, "--udp", &listen, "--models-dir", &models];
    let output = live::program().args(words).output().unwrap();
    assert!(!output.status.success());
    String::from_utf8_lossy(&output.stderr).into_owned()
}
