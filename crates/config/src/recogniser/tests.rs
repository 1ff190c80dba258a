use super::*;
use crate::testing;

fn loaded(text: &str, environment: &[(&str, &str)]) -> Result<SttEngine, Vec<String>> {
    testing::loaded(text, environment, &[]).map(|config| config.stt)
}

const ENDPOINT: &str = r#"
[stt]
api = "openai"
url = "http://localhost:8000/v1"
model = "whisper-1"
"#;

#[test]
fn an_endpoint_has_a_key_headers_and_fields_and_our_own_recogniser_only_for_partials() {
    let more = r#"
        languages = ["en", "de"]
        headers = { X-Team = "calls" }
        body = { vad_filter = true, "include[]" = ["logprobs"], response_format = "json" }
    "#;
    let stt = loaded(&format!("{ENDPOINT}{more}"), &[("VISAVIS_STT_KEY", "0012345")]).unwrap();
    assert_eq!((stt.api, stt.model_name().as_str(), stt.starts_own()), (SttApi::OpenAi, "whisper-1", false));
    assert_eq!(stt.endpoint("stt").secret().unwrap().expose(), "0012345");
    assert_eq!(stt.body["include[]"][0], "logprobs");
    let shown = format!("{stt:?} {}", serde_json::to_string(&stt).unwrap());
    assert!(!shown.contains("0012345") && !shown.contains("calls"), "{shown}");
    assert!(loaded(&format!("{ENDPOINT}partials = \"own\""), &[]).unwrap().starts_own());
    assert!(SttEngine::default().starts_own());
}

#[test]
fn each_fault_of_an_endpoint_names_its_setting_and_the_fix() {
    let text = r#"
        [stt]
        api = "openai"
        url = "unix:/run/stt"
        key = "a"
        key_file = "/nowhere/key"
        connect_seconds = 0
        silence_seconds = 601
        final_ms = 50
        temperature = 2
        languages = ["english"]
        omit = ["file"]
        headers = { Authorization = "Bearer b" }
        body = { stream = true, response_format = "srt" }
    "#;
    let faults = loaded(text, &[]).unwrap_err();
    for part in [
        "stt.url: is not an http:// or https:// address",
        "such as http://localhost:8000/v1",
        "stt.model: is empty",
        "stt.key_file: stt.key is set too",
        "stt.key_file: /nowhere/key cannot be read",
        "stt.connect_seconds: 0 is outside 1 to 60",
        "stt.silence_seconds: 601 is outside 1 to 600",
        "stt.final_ms: 50 is outside 100 to 20000",
        "stt.temperature: 2 is outside 0 to 1",
        "stt.languages: \"english\" is not two letters",
        "stt.omit: \"file\" cannot be left out",
        "stt.headers: \"Authorization\" is what stt.key sets",
        "stt.body: \"stream\" is the server's own field",
        "stt.body: response_format is \"srt\"",
    ] {
        assert!(faults.iter().any(|fault| fault.contains(part)), "{part}: {faults:#?}");
    }
    assert_eq!(faults.len(), 13, "{faults:#?}");
    let text = ENDPOINT.replace("8000/v1", "8000/v1/audio/transcriptions");
    assert!(loaded(&text, &[]).unwrap_err()[0].contains("stt.url: leave out /audio/transcriptions"));
}

#[test]
fn settings_of_an_endpoint_are_refused_for_our_own_engine() {
    let faults =
        loaded("[stt]\nkey = \"x\"\npartials = \"own\"\nfinal_ms = 900\ntemperature = 0.5", &[]).unwrap_err();
    assert_eq!(faults.len(), 4, "{faults:?}");
    assert!(faults.iter().all(|fault| fault.contains("set stt.api = \"openai\"")), "{faults:?}");
}
