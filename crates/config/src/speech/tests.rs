use super::*;
use crate::testing;

fn loaded(text: &str, environment: &[(&str, &str)]) -> Result<TtsEngine, Vec<String>> {
    testing::loaded(text, environment, &[]).map(|config| config.tts)
}

#[test]
fn a_server_has_speakers_fields_and_headers_of_any_name() {
    let text = r#"
        [tts]
        api = "openai"
        url = "http://localhost:8880/v1"
        model = "tts-1"
        format = "pcm"
        cloning = "inline"
        headers = { X-Team = "calls" }
        body = { stream = true, options = { depth = 2 } }
        fields = { language = "lang", speed = "" }
        languages = ["en", "de"]
        [[tts.speakers]]
        name = "anna"
        language = "de"
        id = "de-7"
        [[tts.speakers]]
        name = "ben"
        language = "en"
        locale = "en_GB"
    "#;
    let tts = loaded(text, &[("VISAVIS_TTS_KEY", "0012345")]).unwrap();
    assert_eq!((tts.api, tts.format, tts.cloning), (TtsApi::OpenAi, TtsFormat::Pcm, TtsCloning::Inline));
    let named: Vec<_> = tts.speakers.iter().map(|it| (it.name.as_str(), it.id.as_str())).collect();
    assert_eq!(named, [("anna", "de-7"), ("ben", "")]);
    assert_eq!((tts.fields["language"].as_str(), tts.fields["speed"].as_str()), ("lang", ""));
    assert_eq!((&tts.body["options"]["depth"], tts.headers["X-Team"].expose()), (&Value::from(2), "calls"));
    let endpoint = tts.endpoint("backends.night");
    assert_eq!((endpoint.section.as_str(), endpoint.key.expose()), ("backends.night", "0012345"));
}

#[test]
fn every_api_is_selected_by_the_name_that_it_reports() {
    for (api, more) in [
        (TtsApi::OpenAi, ""),
        (TtsApi::Xtts, ""),
        (TtsApi::Piper, ""),
        (TtsApi::Cloudflare, "model = \"@cf/deepgram/aura-1\""),
        (TtsApi::RunPod, ""),
    ] {
        let text = format!("[tts]\napi = {:?}\nurl = \"http://host\"\n{more}\n", api.name());
        assert_eq!(loaded(&text, &[]).unwrap().api, api);
    }
    assert!(loaded("", &[]).unwrap().starts_own());
}

#[test]
fn each_fault_of_a_server_names_its_setting_and_the_fix() {
    let text = r#"
        [tts]
        api = "piper"
        url = "http://localhost:5000/synthesize"
        voices = ["/v/joe.onnx"]
        format = "pcm"
        rate = 100
        stall_seconds = 601
        cloning = "upload"
        languages = ["english"]
        fields = { volume = "gain", text = "" }
        [[tts.speakers]]
        name = "a"
        language = "de_DE"
        [[tts.speakers]]
        name = "a"
        language = "de_DE"
    "#;
    let faults = loaded(text, &[]).unwrap_err();
    for part in [
        "tts.url: leave out /synthesize",
        "tts.voices: is for our own engine",
        "tts.format: piper sends WAV",
        "tts.rate: 100 is outside 8000 to 48000",
        "tts.stall_seconds: 601 is outside 1 to 600",
        "tts.cloning: is not for tts.api = \"piper\"",
        "tts.languages: \"english\" is not two letters",
        "tts.fields: is for openai and runpod",
        "tts.fields: \"volume\" cannot be renamed",
        "tts.fields: text is empty",
        "tts.speakers: the language \"de_DE\" of \"a\"",
        "tts.speakers: \"a\" is listed twice",
    ] {
        assert!(faults.iter().any(|fault| fault.contains(part)), "{part}: {faults:#?}");
    }
    let cloud = "[tts]\napi = \"cloudflare\"\nurl = \"https://api.example\"\nspeed = 1.2\n";
    let faults = loaded(cloud, &[]).unwrap_err();
    assert!(faults.iter().any(|fault| fault.starts_with("tts.model: is empty")), "{faults:#?}");
    assert!(
        faults.iter().any(|fault| fault.starts_with("tts.speed: cloudflare has one speed")),
        "{faults:#?}"
    );
}

#[test]
fn settings_of_a_server_are_refused_for_our_own_engine_and_its_key_is_not_shown() {
    let text = "[tts]\nkey = \"hush-1\"\nlanguages = [\"de\"]\ncloning = \"inline\"\n";
    let faults = loaded(text, &[]).unwrap_err();
    assert_eq!(faults.len(), 3, "{faults:#?}");
    assert!(faults.iter().all(|fault| fault.contains("set tts.api to \"openai\"")), "{faults:#?}");
    assert!(faults.iter().all(|fault| !fault.contains("hush")), "{faults:#?}");
    let headers = "[tts]\napi = \"piper\"\nurl = \"http://h\"\nheaders = \"hush-2\"\n";
    let faults = loaded(headers, &[]).unwrap_err();
    assert!(faults[0].starts_with("tts.headers") && !faults[0].contains("hush"), "{faults:#?}");
}
