use crate::{Config, Flag, Secret, Sources, load};
use visavis_core::route::EngineKind;

use super::BackendEngine;

fn loaded(text: &str, environment: &[(&str, &str)], flags: &[(&str, &str)]) -> Result<Config, Vec<String>> {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("v.toml");
    std::fs::write(&file, text).unwrap();
    let own = |pairs: &[(&str, &str)]| {
        pairs.iter().map(|(key, value)| ((*key).to_string(), (*value).to_string())).collect::<Vec<_>>()
    };
    let flags = own(flags).into_iter().map(|(key, value)| Flag { key, value }).collect();
    let sources = Sources { file: Some(file), environment: own(environment).into_iter().collect(), flags };
    load(&sources).map_err(|faults| faults.0)
}

const CLOUD: &str = r#"
[backends.cloud]
kind = "llm"
api = "openai"
url = "https://api.example/v1"
model = "small:3b"
headers = { X-Team = "squad-7" }
stall_seconds = 8
body = { reasoning_effort = "none" }
"#;

#[test]
fn a_backend_has_every_setting_of_its_kind_and_the_defaults_of_the_rest() {
    let environment = [("VISAVIS_BACKENDS_CLOUD_KEY", "0012345")];
    let config = loaded(CLOUD, &environment, &[("backends.cloud.max_tokens", "99")]).unwrap();
    let Some(BackendEngine::Llm(llm)) = config.backends.get("cloud") else { panic!("{:?}", config.backends) };
    assert_eq!((llm.model_name().as_str(), llm.max_tokens), ("small:3b", 99));
    assert_eq!((llm.silence_seconds, llm.stall_seconds), (30, 8));
    assert_eq!((llm.key.expose(), llm.headers["X-Team"].expose()), ("0012345", "squad-7"));
    assert_eq!(llm.body["reasoning_effort"], "none");
    assert_eq!(config.llm, Config::default().llm, "the section itself stays as it is");
}

#[test]
fn a_backend_may_stand_in_flags_alone() {
    let flags = [("backends.ear-2.kind", "stt"), ("backends.ear-2.url", "http://gpu:7001")];
    let config = loaded("", &[("VISAVIS_BACKENDS_EAR_2_THREADS", "3")], &flags).unwrap();
    let BackendEngine::Stt(stt) = &config.backends["ear-2"] else { panic!("{:?}", config.backends) };
    assert_eq!((stt.url.as_str(), stt.threads), ("http://gpu:7001", 3));
}

#[test]
fn faults_of_a_backend_name_its_own_settings_and_hold_no_secret() {
    let text = r#"
        [backends.cloud]
        kind = "llm"
        api = "openai"
        key = 778899
        threds = 1
        headers = "778899"
        [backends.voice]
        kind = "tts"
        speed = 9
        [backends.none]
        url = "http://x"
        [backends.main]
        kind = "stt"
        [backends.Big]
        kind = "stt"
    "#;
    let faults = loaded(text, &[], &[]).unwrap_err();
    for part in [
        "backends.cloud.key (",
        "backends.cloud.threds (",
        "backends.cloud.headers (",
        "backends.cloud.url: is not an http:// or https:// address; set that of the endpoint",
        "backends.cloud.model: is empty",
        "backends.voice.speed: 9 is outside 0.5 to 2",
        "backends.none.kind: set it to",
        "backends.main: main is the name of another engine",
        "backends.Big: a name has",
    ] {
        assert!(faults.iter().any(|fault| fault.contains(part)), "{part}: {faults:#?}");
    }
    assert!(faults.iter().all(|fault| !fault.contains("778899")), "{faults:#?}");
    assert_eq!(faults.len(), 9, "{faults:#?}");
}

#[test]
fn a_backends_secrets_are_not_shown() {
    let config = loaded(CLOUD, &[("VISAVIS_BACKENDS_CLOUD_KEY", "hush")], &[]).unwrap();
    let shown = format!("{config:?} {}", serde_json::to_string(&config).unwrap());
    assert!(shown.contains("(hidden)") && !shown.contains("hush") && !shown.contains("squad-7"), "{shown}");
}

#[test]
fn a_backends_configuration_has_its_settings_in_place_of_the_sections() {
    let text = format!("{CLOUD}\n[[routes]]\nkind = \"llm\"\nengines = [\"cloud\", \"main\"]\n");
    let config = loaded(&text, &[], &[]).unwrap();
    let own = config.with_backend("cloud");
    assert_eq!((own.llm.model_name().as_str(), own.llm.key.clone()), ("small:3b", Secret::default()));
    assert!(!own.routed(EngineKind::Llm) && config.routed(EngineKind::Llm));
    assert_eq!(own.stt, config.stt);
}

#[test]
fn cloned_voices_are_the_servers_unless_a_backend_has_a_folder_of_its_own() {
    let text = r#"
        [tts]
        clones_dir = "/server"
        [backends.one]
        kind = "tts"
        [backends.two]
        kind = "tts"
        clones_dir = "/own"
    "#;
    let config = loaded(text, &[], &[]).unwrap();
    let folders = ["one", "two"].map(|name| config.with_backend(name).clones_dir().display().to_string());
    assert_eq!(folders, ["/server", "/own"]);
}
