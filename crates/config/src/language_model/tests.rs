use super::*;
use crate::testing;

fn loaded(text: &str, environment: &[(&str, &str)]) -> Result<LlmEngine, Vec<String>> {
    testing::loaded(text, environment, &[]).map(|config| config.llm)
}

const ENDPOINT: &str = r#"
[llm]
api = "openai"
url = "https://api.example/v1"
model = "small:3b"
"#;

#[test]
fn an_endpoint_has_headers_and_fields_of_any_name() {
    let more = r#"
        silence_seconds = 45
        stall_seconds = 5
        omit = ["temperature"]
        headers = { X-Team = "calls" }
        body = { reasoning_effort = "none", chat_template_kwargs = { enable_thinking = false } }
    "#;
    let llm = loaded(&format!("{ENDPOINT}{more}"), &[]).unwrap();
    assert_eq!((llm.api, llm.model_name().as_str()), (LlmApi::OpenAi, "small:3b"));
    assert_eq!((llm.starts_own(), llm.own_file()), (false, Path::new("")), "its model is no file");
    assert_eq!((llm.silence_seconds, llm.stall_seconds), (45, 5));
    assert_eq!(llm.headers["X-Team"].expose(), "calls");
    assert_eq!(llm.body["chat_template_kwargs"]["enable_thinking"], false);
    assert_eq!(llm.endpoint("llm").secret().unwrap(), Secret::default());
}

#[test]
fn a_key_of_digits_from_the_environment_stays_text() {
    let llm = loaded(ENDPOINT, &[("VISAVIS_LLM_KEY", "0012345")]).unwrap();
    assert_eq!(llm.endpoint("llm").secret().unwrap().expose(), "0012345");
}

#[test]
fn a_key_from_a_file_has_no_white_space_around_it() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("key");
    std::fs::write(&file, "sk-1234\n").unwrap();
    let file = file.display().to_string();
    let llm = loaded(ENDPOINT, &[("VISAVIS_LLM_KEY_FILE", &file)]).unwrap();
    assert_eq!(llm.endpoint("llm").secret().unwrap().expose(), "sk-1234");
    std::fs::write(&file, "\n").unwrap();
    let faults = loaded(ENDPOINT, &[("VISAVIS_LLM_KEY_FILE", &file)]).unwrap_err();
    assert!(faults[0].starts_with("llm.key_file:") && faults[0].contains("is empty"), "{faults:?}");
}

#[test]
fn a_secret_is_neither_shown_nor_repeated_in_faults() {
    let headers = "headers = { api-key = \"hush-1\" }";
    let llm = loaded(&format!("{ENDPOINT}{headers}"), &[("VISAVIS_LLM_KEY", "hush-2")]).unwrap();
    let shown = format!("{llm:?} {}", serde_json::to_string(&llm).unwrap());
    assert!(shown.contains("(hidden)") && !shown.contains("hush"), "{shown}");
    let faults = [
        loaded(&format!("{ENDPOINT}key = 778899"), &[]).unwrap_err(),
        loaded(ENDPOINT, &[("VISAVIS_LLM_KEY", "778899\n")]).unwrap_err(),
        loaded(&format!("{ENDPOINT}headers = {{ api-key = 778899 }}"), &[]).unwrap_err(),
        loaded(&format!("{ENDPOINT}headers = \"778899\""), &[]).unwrap_err(),
        loaded(ENDPOINT, &[("VISAVIS_LLM_HEADERS", "api-key: 778899")]).unwrap_err(),
    ];
    for fault in faults.iter().flatten() {
        assert!(fault.starts_with("llm.") && !fault.contains("778899"), "{fault}");
    }
    let headers = "is not a table of texts such as { api-key = \"…\" }";
    assert!(faults[2..].iter().all(|faults| faults[0].ends_with(headers)), "{faults:?}");
    for line in ["key = hush-778899", "key = \"778899", "headers = { api-key = \"778899\""] {
        let faults = loaded(&format!("{ENDPOINT}{line}\n"), &[]).unwrap_err();
        assert!(faults[0].contains("v.toml: line 6: "), "{line}: {faults:?}");
        assert!(!faults[0].contains("778899") && !faults[0].contains('\n'), "{line}: {faults:?}");
    }
}

#[test]
fn each_fault_of_an_endpoint_names_its_setting_and_the_fix() {
    let text = r#"
        [llm]
        api = "openai"
        url = "unix:/run/llm"
        key = "a"
        key_file = "/nowhere/key"
        connect_seconds = 0
        silence_seconds = 601
        stall_seconds = 0
        omit = ["messages"]
        headers = { Authorization = "Bearer b", "two words" = "x" }
        body = { stream = false }
    "#;
    let faults = loaded(text, &[]).unwrap_err();
    for part in [
        "llm.url: is not an http:// or https:// address",
        "llm.model: is empty",
        "llm.key_file: llm.key is set too",
        "llm.key_file: /nowhere/key cannot be read",
        "llm.connect_seconds: 0 is outside 1 to 60",
        "llm.silence_seconds: 601 is outside 1 to 600",
        "llm.stall_seconds: 0 is outside 1 to 600",
        "llm.omit: \"messages\" cannot be left out",
        "llm.headers: \"Authorization\" is what llm.key sets",
        "llm.headers: \"two words\" or its value",
        "llm.body: \"stream\" is the server's own field",
    ] {
        assert!(faults.iter().any(|fault| fault.contains(part)), "{part}: {faults:#?}");
    }
    assert_eq!(faults.len(), 11, "{faults:#?}");
    for (url, part) in [
        ("http://me:secret@host/v1", "password; use llm.key"),
        ("http://host/v1/chat/completions", "leave out /chat/completions"),
    ] {
        let text = ENDPOINT.replace("https://api.example/v1", url);
        let faults = loaded(&text, &[]).unwrap_err();
        assert!(faults[0].contains(part) && !faults[0].contains("secret"), "{faults:?}");
    }
}

#[test]
fn settings_of_an_endpoint_are_refused_for_our_own_engine() {
    let text = "[llm]\nkey = \"x\"\nheaders = { a = \"b\" }\ntools = false\nprefill = true";
    let faults = loaded(text, &[]).unwrap_err();
    assert_eq!(faults.len(), 4, "{faults:?}");
    assert!(faults.iter().all(|fault| fault.contains("set llm.api = \"openai\"")), "{faults:?}");
}

#[test]
fn a_template_is_one_that_the_engine_knows() {
    let llm = loaded("[llm]\nmodel = \"/m/own.gguf\"\ntemplate = \"mistral-v3\"", &[]).unwrap();
    assert_eq!(llm.template, "mistral-v3");
    let faults = loaded("[llm]\ntemplate = \"alpaca\"", &[]).unwrap_err();
    assert!(faults[0].starts_with("llm.template: \"alpaca\" is not known"), "{faults:?}");
    assert!(faults[0].contains("chatml, llama3"), "{faults:?}");
    let faults = loaded(&format!("{ENDPOINT}template = \"chatml\""), &[]).unwrap_err();
    assert!(faults[0].starts_with("llm.template: is for our own engine"), "{faults:?}");
}
