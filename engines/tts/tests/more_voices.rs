//! Optional voices, and speakers of a voice.
#![allow(clippy::unwrap_used)] // a helper that fails fails its test

mod common;

use std::path::Path;

use common::{Engine, model, request, shared, speak};
use tonic::transport::Channel;
use visavis_proto::v1::tts_client::TtsClient;
use visavis_proto::v1::{SynthesizeRequest, VoicesRequest};

/// Writes a voice with the description of the tests' voice.
fn put(folder: &Path, name: &str, network: &[u8], espeak: &str) -> String {
    let description = std::fs::read(model("en_US-joe-medium.onnx.json")).unwrap();
    let mut description: serde_json::Value = serde_json::from_slice(&description).unwrap();
    description["espeak"]["voice"] = espeak.into();
    std::fs::write(folder.join(format!("{name}.onnx.json")), description.to_string()).unwrap();
    let file = folder.join(format!("{name}.onnx"));
    std::fs::write(&file, network).unwrap();
    file.to_str().unwrap().to_owned()
}

async fn names(client: &mut TtsClient<Channel>) -> Vec<String> {
    let voices = client.voices(VoicesRequest {}).await.unwrap().into_inner().voices;
    voices.into_iter().map(|voice| voice.name).collect()
}

#[tokio::test]
async fn a_voice_that_cannot_be_used_is_left_out_and_the_others_speak() {
    let folder = std::env::temp_dir().join(format!("visavis-tts-more-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let whole = std::fs::read(model("en_US-joe-medium.onnx")).unwrap();
    let short = put(&folder, "short", &whole[..whole.len() / 2], "en-us");
    let strange = put(&folder, "strange", &whole, "no-such-voice");
    let good = put(&folder, "good", &whole, "en-us");
    let mut arguments = Vec::new();
    for voice in [&short, &strange, &good] {
        arguments.extend(["--more-voice", voice.as_str()]);
    }
    arguments.extend(["--more-voice", "/nowhere/at.onnx"]);
    let engine = Engine::start(&arguments);
    let mut client = engine.ready().await;
    let unknown = "strange".to_owned();
    assert!(!names(&mut client).await.contains(&unknown), "a voice unknown to espeak-ng is never offered");
    let with = |voice: &str| SynthesizeRequest { voice: voice.into(), ..request("Hello.") };
    assert!(!speak(&mut client, with("good")).await.is_empty());
    // It is loaded only now: no request without a voice needs it.
    let mut stream = client.synthesize(with("short")).await.unwrap().into_inner();
    let refused = stream.message().await.unwrap_err();
    assert!(refused.message().contains("short.onnx is not a model"), "{refused}");
    assert_eq!(names(&mut client).await, ["en_US-joe-medium", "good"]);
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test]
async fn the_voice_that_is_named_by_configuration_is_loaded_first_and_others_when_asked_for() {
    let folder = std::env::temp_dir().join(format!("visavis-tts-default-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let whole = std::fs::read(model("en_US-joe-medium.onnx")).unwrap();
    let good = put(&folder, "good", &whole, "en-us");
    // A required voice that cannot be loaded: the engine is ready because no request needs it.
    let short = put(&folder, "short", &whole[..whole.len() / 2], "en-us");
    let arguments = ["--more-voice", good.as_str(), "--default-voice", "good#0"];
    let engine = Engine::start_with(Path::new(&short), &model("libonnxruntime.so"), &arguments);
    let mut client = engine.ready().await;
    let with = |voice: &str| SynthesizeRequest { voice: voice.into(), ..request("Hello.") };
    assert!(!speak(&mut client, with("good#0")).await.is_empty());
    let mut stream = client.synthesize(with("short")).await.unwrap().into_inner();
    assert!(stream.message().await.unwrap_err().message().contains("short.onnx is not a model"));
    assert!(!speak(&mut client, with("good")).await.is_empty(), "the engine goes on");
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test]
async fn a_speaker_that_the_voice_does_not_have_is_refused_with_those_that_it_has() {
    let mut client = shared().await;
    let with = |voice: &str| SynthesizeRequest { voice: voice.into(), ..request("Hello.") };
    assert!(!speak(&mut client, with("en_US-joe-medium#0")).await.is_empty());
    let refused = client.synthesize(with("en_US-joe-medium#7")).await.unwrap_err();
    assert!(refused.message().contains("the voice has one speaker"), "{refused}");
}
