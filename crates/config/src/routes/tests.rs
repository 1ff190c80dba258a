use crate::{Config, testing};
use visavis_core::route::EngineKind;

fn loaded(routes: &str) -> Result<Config, Vec<String>> {
    let mut text = String::new();
    for (name, kind) in [("cloud", "llm"), ("new", "llm"), ("ear", "stt"), ("mouth", "tts")] {
        text += &format!("[backends.{name}]\nkind = \"{kind}\"\nurl = \"http://{name}:7000\"\n");
    }
    testing::loaded(&(text + routes), &[], &[])
}

#[test]
fn engines_are_used_only_if_a_route_may_reach_them() {
    let config = loaded(
        r#"
        [[routes]]
        kind = "llm"
        languages = ["de"]
        engines = ["cloud", "main"]
        shadow = ["new"]
        [[routes]]
        kind = "tts"
        engines = ["mouth"]
        "#,
    )
    .unwrap();
    assert_eq!(config.engines_of(EngineKind::Llm), ["cloud", "main", "new"]);
    assert_eq!(
        config.engines_of(EngineKind::Tts),
        ["mouth"],
        "every request matches, so that main has no use"
    );
    assert_eq!(config.engines_of(EngineKind::Stt), ["main"], "nothing is routed");
    let uses = EngineKind::ALL.map(|kind| config.uses_main(kind));
    assert_eq!((uses, config.routed(EngineKind::Stt)), ([true, true, false], false));
    let used: Vec<_> = config.used_backends().into_keys().collect();
    assert_eq!(used, ["cloud", "mouth", "new"], "ear is named by no route");
}

#[test]
fn a_request_that_no_route_matches_goes_to_main_so_that_it_is_used() {
    let config = loaded("[[routes]]\nkind = \"tts\"\nlanguages = [\"de\"]\nengines = [\"mouth\"]\n").unwrap();
    assert_eq!(config.engines_of(EngineKind::Tts), ["mouth", "main"]);
}

#[test]
fn a_share_is_a_number_under_its_engines_name() {
    let config =
        loaded("[[routes]]\nkind = \"llm\"\nengines = [\"cloud\", \"main\"]\nshare = { cloud = 25 }\n")
            .unwrap();
    assert_eq!(config.routes[0].share["cloud"], 25);
}

#[test]
fn each_fault_of_a_route_names_its_number_and_setting() {
    for (route, part) in [
        ("kind = \"llm\"", "number 1: engines: is empty"),
        ("kind = \"llm\"\nengines = [\"clod\"]", "engines: there is no \"clod\"; there are main, cloud, new"),
        ("kind = \"llm\"\nengines = [\"ear\"]", "backends.ear has kind = \"stt\", and this route \"llm\""),
        ("kind = \"llm\"\nengines = [\"main\", \"main\"]", "engines: \"main\" is there twice"),
        (
            "kind = \"llm\"\nengines = [\"main\"]\nlanguages = [\"eng\"]",
            "languages: \"eng\" is not two letters",
        ),
        ("kind = \"llm\"\nengines = [\"main\"]\nvoices = [\"joe\"]", "voices: requests to llm name no voice"),
        ("kind = \"llm\"\nengines = [\"main\"]\nfirst_ms = 3", "first_ms: 3 is outside 50 to 60000"),
        ("kind = \"llm\"\nengines = [\"main\"]\nshare = { cloud = 101 }", "share: \"cloud\" has 101"),
        (
            "kind = \"llm\"\nengines = [\"main\"]\nshare = { cloud = 60, new = 41 }",
            "share: 101 percent in all",
        ),
        (
            "kind = \"llm\"\nengines = [\"cloud\"]\nshare = { cloud = 60 }",
            "share: 40 percent of the users have no",
        ),
        ("kind = \"llm\"\nengines = [\"main\"]\nshadow = [\"main\"]", "shadow: \"main\" serves this route"),
        ("kind = \"llm\"\nengines = [\"main\"]\nlangs = [\"de\"]", "number 1: unknown field"),
        ("kind = \"voice\"\nengines = [\"main\"]", "number 1: unknown variant"),
        ("engines = [\"main\"]", "number 1: missing field"),
    ] {
        let faults = loaded(&format!("[[routes]]\n{route}\n")).unwrap_err();
        assert!(
            faults.iter().any(|fault| fault.starts_with("routes") && fault.contains(part)),
            "{part}: {faults:#?}"
        );
    }
    let all = "[[routes]]\nkind = \"stt\"\nengines = [\"ear\"]\n";
    let faults = loaded(&format!("{all}{all}")).unwrap_err();
    assert!(faults[0].contains("number 2: is never reached: number 1 matches every request"), "{faults:?}");
}
