//! `visavis doctor`: what it finds on a host whose server is well, and of faults that are made on purpose.
#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic fails the test")]

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::Output;

use serde_json::Value;
use visavis_turn::{Limits, PeerPolicy, PeerRules, Settings, SharedSecret, Turn, addresses};

mod live;
mod tls_support;
use live::Live;
use tls_support::Folder;

/// What `visavis doctor --json` has found.
#[derive(Debug)]
struct Told {
    code: Option<i32>,
    report: Value,
}

impl Told {
    fn of(Output { status, stdout, stderr }: &Output) -> Self {
        let report = serde_json::from_slice(stdout).unwrap_or_else(|error| {
            panic!("{error}: {} {}", String::from_utf8_lossy(stdout), String::from_utf8_lossy(stderr))
        });
        Self { code: status.code(), report }
    }

    fn finding(&self, name: &str) -> &Value {
        let checks = self.report["checks"].as_array().unwrap();
        checks.iter().find(|check| check["name"] == name).unwrap_or_else(|| panic!("{name}: {checks:#?}"))
    }

    /// The check has failed with this message and this advice, and the program with it.
    fn assert_failed(&self, name: &str, message: &str, fix: &str) {
        let finding = self.finding(name);
        assert_eq!(finding["state"], "failed", "{finding}");
        let has = |field: &str, part: &str| finding[field].as_str().is_some_and(|text| text.contains(part));
        assert!(has("message", message), "{message}: {finding}");
        assert!(has("fix", fix), "{fix}: {finding}");
        assert_eq!((self.code, &self.report["ok"]), (Some(1), &Value::Bool(false)));
    }
}

/// Runs it in a folder without a configuration.
fn doctor(folder: &Path, arguments: &[&str], secret: Option<&str>) -> Output {
    let mut command = live::program();
    command.arg("doctor").args(arguments).current_dir(folder);
    if let Some(secret) = secret {
        command.env("VISAVIS_TURN_SECRET", secret);
    }
    command.output().unwrap()
}

/// The findings with these settings, of one group.
fn found(group: &str, settings: &[String]) -> Told {
    let folder = tempfile::tempdir().unwrap();
    let mut arguments = vec!["--json", "--only", group];
    arguments.extend(settings.iter().flat_map(|setting| ["--set", setting.as_str()]));
    Told::of(&doctor(folder.path(), &arguments, None))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_takes_calls_is_well_on_its_host_and_from_outside() {
    let port = live::free_port();
    let relay = format!("turn.listen=127.0.0.1:{port}");
    let live = Live::start(&["--turn", "--set", &relay]).await;
    let from = format!("http://{}", live.address);
    let settings = [
        format!("server.listen={}", live.address),
        format!("server.udp={}", live.address),
        "models.profile=tiny".to_owned(),
        "turn.enabled=true".to_owned(),
        relay,
        "store.enabled=true".to_owned(),
        format!("store.path={}", live.store.path().display()),
    ];
    let mut arguments = vec!["--json", "--from", &from, "--only", "ports,turn,models,store,engines,from"];
    arguments.extend(settings.iter().flat_map(|setting| ["--set", setting.as_str()]));
    let folder = tempfile::tempdir().unwrap();
    let told = Told::of(&doctor(folder.path(), &arguments, None));
    for name in [
        "configuration",
        "port-http",
        "port-udp",
        "port-relay-udp",
        "port-relay-tcp",
        "server",
        &format!("turn-udp:{port}"),
        &format!("turn-tcp:{port}"),
        "models",
        "store",
        "from-http",
        "clock",
        "from-websocket",
        "from-udp",
        &format!("from-turn-udp:{port}"),
        &format!("from-turn-tcp:{port}"),
        "program-stt",
        "program-llm",
        "program-tts",
        "engine-stt",
        "engine-llm",
        "engine-tts",
    ] {
        let finding = told.finding(name);
        assert_eq!(finding["state"], "ok", "{finding}");
        assert!(finding["ms"].is_u64() && finding.get("fix").is_none(), "{finding}");
    }
    assert_eq!((told.code, &told.report["ok"]), (Some(0), &Value::Bool(true)), "{told:?}");
    let held = told.finding("port-udp")["message"].as_str().unwrap();
    assert!(held.contains("our own server"), "{held}");
}

#[test]
fn a_port_that_another_program_has_is_named_with_what_to_do() {
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = other.local_addr().unwrap();
    let udp = format!("server.udp=127.0.0.1:{}", live::free_port());
    let told = found("ports", &[format!("server.listen={address}"), udp]);
    told.assert_failed("port-http", "taken by another program", "server.listen");
    assert_eq!(told.finding("port-udp")["state"], "ok");
    assert_eq!(told.finding("server")["state"], "skipped");
}

#[test]
fn a_key_that_does_not_fit_is_found_before_the_server_is_started() {
    let (folder, other) = (Folder::new(), Folder::new());
    folder.write();
    other.write();
    let listen = format!("server.listen=127.0.0.1:{}", live::free_port());
    let cert = format!("server.tls_cert={}", folder.files.cert.display());
    let key = |files: &Folder| format!("server.tls_key={}", files.files.key.display());
    let told = found("tls", &[listen.clone(), cert.clone(), key(&other)]);
    told.assert_failed("tls", "does not fit", "the key for which the certificate was ordered");
    // It fits, and nobody vouches for it.
    let arguments = [listen, cert, key(&folder)];
    let told = found("tls", &arguments);
    assert_eq!((told.code, &told.finding("tls")["state"]), (Some(0), &Value::from("warning")), "{told:?}");
    let mut strict = vec!["--json", "--strict", "--only", "tls"];
    strict.extend(arguments.iter().flat_map(|setting| ["--set", setting.as_str()]));
    let empty = tempfile::tempdir().unwrap();
    assert_eq!(Told::of(&doctor(empty.path(), &strict, None)).code, Some(1));
}

#[test]
fn models_that_are_missing_are_named_with_the_command_that_fetches_them() {
    let empty = tempfile::tempdir().unwrap();
    let listen = format!("server.listen=127.0.0.1:{}", live::free_port());
    let dir = format!("models.dir={}", empty.path().display());
    let told = found("models", &[listen, dir, "models.profile=tiny".to_owned()]);
    told.assert_failed("models", "missing: ", "visavis models fetch --profile tiny");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_with_another_secret_is_told_from_one_with_ours() {
    let local = |port| SocketAddr::from(([127, 0, 0, 1], port));
    let calls = local(live::free_port());
    let turn = Turn::start(Settings {
        udp: Some(local(0)),
        tcp: None,
        tls: None,
        relays: addresses::relays(local(0).ip(), &[], 49_152..=65_535),
        secret: SharedSecret::new("the-secret-of-the-relay").unwrap(),
        policy: PeerPolicy::new(PeerRules {
            allowed: vec![calls.to_string().parse().unwrap()],
            ..PeerRules::default()
        }),
        limits: Limits::default(),
    })
    .await
    .unwrap();
    let port = turn.ports().udp.unwrap();
    let name = format!("turn-udp:{port}");
    let asked = async |secret: &'static str| {
        let arguments = [
            "--json".to_owned(),
            "--only=turn".to_owned(),
            format!("--set=server.listen=127.0.0.1:{}", live::free_port()),
            format!("--set=server.udp={calls}"),
            format!("--set=turn.urls=[\"turn:127.0.0.1:{port}?transport=udp\"]"),
        ];
        // The relay answers meanwhile.
        let run = move || {
            let folder = tempfile::tempdir().unwrap();
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            doctor(folder.path(), &arguments, Some(secret))
        };
        Told::of(&tokio::task::spawn_blocking(run).await.unwrap())
    };
    let told = asked("the-secret-of-others").await;
    told.assert_failed(&name, "refuses the credential (401", "static-auth-secret");
    assert!(!told.report.to_string().contains("the-secret-of-others"));
    let told = asked("the-secret-of-the-relay").await;
    assert_eq!((told.code, &told.finding(&name)["state"]), (Some(0), &Value::from("ok")), "{told:?}");
    turn.stop().await;
}

#[test]
fn a_faulty_configuration_and_a_server_that_is_not_there_fail_and_wrong_arguments_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("visavis.toml"), "nonsense = 1\n").unwrap();
    let told = Told::of(&doctor(folder.path(), &["--json"], None));
    told.assert_failed("configuration", "nonsense", "visavis config");
    let away = format!("--from=http://127.0.0.1:{}", live::free_port());
    // From outside no configuration is needed.
    let told = Told::of(&doctor(folder.path(), &["--json", "--only", "from", &away], None));
    told.assert_failed("from-http", "cannot reach", "the port is open");
    for (arguments, code, part) in [
        (&["--help"][..], 0, "--from"),
        (&["--from", "voice.example.org"], 2, "http://HOST:PORT"),
        (&["--only", "everything"], 2, "possible values"),
        (&["--only", "ports,from"], 2, "--from <URL>"),
        (&["--bogus"], 2, "--bogus"),
    ] {
        let Output { status, stdout, stderr } = doctor(folder.path(), arguments, None);
        let told = String::from_utf8([stdout, stderr].concat()).unwrap();
        assert_eq!(status.code(), Some(code), "{arguments:?}: {told}");
        assert!(told.contains(part), "{arguments:?}: {told}");
    }
}
