use super::*;
use crate::testing::{flagged, own};

fn sources(environment: &[(&str, &str)], flags: &[(&str, &str)]) -> Sources {
    Sources { file: None, environment: own(environment), flags: flagged(flags) }
}

#[test]
fn flags_override_the_environment_which_overrides_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("v.toml");
    std::fs::write(&file, "[stt]\nthreads = 3\nqueue = 3\n[server]\nmax_calls = 3\n").unwrap();
    let mut sources = sources(
        &[
            ("VISAVIS_STT_QUEUE", "4"),
            ("VISAVIS_SERVER_MAX_CALLS", "4"),
            ("VISAVIS_STT_URL", "unix:/run/stt"),
        ],
        &[("server.max_calls", "5"), ("server.listen", "127.0.0.1:9999")],
    );
    sources.file = Some(file);
    let config = load(&sources).unwrap();
    assert_eq!((config.stt.threads, config.stt.queue, config.server.max_calls), (3, 4, 5));
    assert_eq!(config.stt.url, "unix:/run/stt");
    assert_eq!(config.server.listen.port(), 9999);
}

#[test]
fn the_port_of_calls_is_open_to_whom_http_is_open_unless_it_is_set() {
    for (flags, udp) in [
        (&[][..], "127.0.0.1:8080"),
        (&[("server.listen", "127.0.0.1:443")], "127.0.0.1:8080"),
        (&[("server.listen", "0.0.0.0:443")], "0.0.0.0:8080"),
        (&[("server.listen", "[::]:443")], "[::]:8080"),
        (&[("server.listen", "10.0.0.5:443")], "10.0.0.5:8080"),
        (&[("server.udp", "0.0.0.0:8080")], "0.0.0.0:8080"),
        (&[("server.listen", "0.0.0.0:443"), ("server.udp", "127.0.0.1:9")], "127.0.0.1:9"),
    ] {
        assert_eq!(load(&sources(&[], flags)).unwrap().server.udp.to_string(), udp, "{flags:?}");
    }
    let variable = load(&sources(&[("VISAVIS_SERVER_UDP", "0.0.0.0:8080")], &[])).unwrap();
    assert_eq!(variable.server.udp.to_string(), "0.0.0.0:8080");
}

#[test]
fn all_faults_are_reported_together_each_with_its_key_and_origin() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("v.toml");
    std::fs::write(&file, "[stt]\nthreds = 3\n[tts]\nmax_calls = 1\n[vad]\nthreshold = 7\n").unwrap();
    let mut sources = sources(&[("VISAVIS_LLM_THREADS", "many")], &[("server.listen", "here")]);
    sources.file = Some(file);
    let faults = load(&sources).unwrap_err().0;
    assert_eq!(faults.len(), 5, "{faults:#?}");
    for part in [
        "stt.threds",
        "did you mean server.max_calls?",
        "VISAVIS_LLM_THREADS",
        "--listen",
        "vad.threshold: 7",
    ] {
        assert!(faults.iter().any(|fault| fault.contains(part)), "{part}: {faults:#?}");
    }
}

#[test]
fn our_own_variable_overrides_the_standard_one_of_the_collector() {
    let standard = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://otel:4317");
    assert_eq!(load(&sources(&[standard], &[])).unwrap().telemetry.otlp_endpoint, "http://otel:4317");
    let own = ("VISAVIS_TELEMETRY_OTLP_ENDPOINT", "https://own:4317");
    assert_eq!(load(&sources(&[standard, own], &[])).unwrap().telemetry.otlp_endpoint, "https://own:4317");
    let faults = load(&sources(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "otel:4317")], &[])).unwrap_err().0;
    assert!(faults[0].contains("telemetry.otlp_endpoint"), "{faults:?}");
}

#[test]
fn every_key_has_its_own_variable() {
    let known = flatten(&Figment::from(Serialized::defaults(Config::default())));
    let names: std::collections::BTreeSet<_> = known.keys().map(|key| variable(key)).collect();
    assert_eq!(names.len(), known.len());
}

#[test]
fn voices_are_added_from_the_models_directory_unless_another_folder_is_named() {
    let set = |flags: &[(&str, &str)]| load(&sources(&[], flags)).unwrap().voices_dir();
    assert_eq!(set(&[("models.dir", "/m")]), Path::new("/m/voices"));
    assert_eq!(set(&[("models.dir", "/m"), ("tts.voices_dir", "/v")]), Path::new("/v"));
}

#[test]
fn variables_that_may_hold_a_secret_are_told_from_plain_settings() {
    let secret = secret_variables();
    for name in [
        "VISAVIS_LLM_KEY",
        "VISAVIS_LLM_HEADERS",
        "VISAVIS_LLM_BODY",
        "VISAVIS_LLM_URL",
        "VISAVIS_SERVER_ADMIN_KEY",
        "VISAVIS_STORE_KEY",
        "VISAVIS_STORE_URL",
        "VISAVIS_SERVER_ICE_SERVERS",
        "VISAVIS_TOOLS_WEBHOOKS",
        "VISAVIS_TURN_SECRET",
        "OTEL_EXPORTER_OTLP_HEADERS",
    ] {
        assert!(secret.iter().any(|other| other == name), "{name}: {secret:?}");
    }
    for name in ["VISAVIS_LLM_KEY_FILE", "VISAVIS_LLM_MODEL", "VISAVIS_STT_THREADS", "VISAVIS_LOG_FILTER"] {
        assert!(!secret.iter().any(|other| other == name), "{name}: {secret:?}");
    }
}

#[test]
fn a_setting_that_is_a_secret_is_called_key_secret_or_url_by_which_its_variable_is_known() {
    let mut found = 0;
    for entry in std::fs::read_dir("src").unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|kind| kind == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let secret =
                |line: &str| line.trim().strip_prefix("pub ")?.strip_suffix(": Secret,").map(str::to_owned);
            for field in text.lines().filter_map(secret) {
                // An address too: its variable is known by the same list.
                let known = ["key", "secret", "url"].contains(&field.as_str()) || field.ends_with("_key");
                assert!(known, "{field} in {}", path.display());
                found += 1;
            }
        }
    }
    assert!(found > 0);
}

#[test]
fn cloned_voices_are_in_the_models_directory_unless_another_folder_is_named() {
    let set = |flags: &[(&str, &str)]| load(&sources(&[], flags)).unwrap().clones_dir();
    assert_eq!(set(&[("models.dir", "/m")]), Path::new("/m/clones"));
    assert_eq!(set(&[("models.dir", "/m"), ("tts.clones_dir", "/c")]), Path::new("/c"));
}

#[test]
fn https_needs_a_certificate_and_its_key() {
    let set = |flags: &[(&str, &str)]| load(&sources(&[], flags));
    for (given, missing) in [("server.tls_cert", "server.tls_key"), ("server.tls_key", "server.tls_cert")] {
        let faults = set(&[(given, "/etc/visavis/a.pem")]).unwrap_err().0;
        assert!(
            faults.len() == 1 && faults[0].starts_with(missing) && faults[0].contains(given),
            "{faults:?}"
        );
    }
    let both = set(&[("server.tls_cert", "/a.pem"), ("server.tls_key", "/b.pem")]).unwrap().server;
    assert_eq!((both.tls_cert.as_path(), both.tls_key.as_path()), (Path::new("/a.pem"), Path::new("/b.pem")));
}

#[test]
fn an_authority_is_asked_only_with_all_that_an_order_needs() {
    let set = |flags: &[(&str, &str)]| load(&sources(&[], flags)).map_err(|faults| faults.0);
    let files = [("server.tls_cert", "/a.pem"), ("server.tls_key", "/b.pem")];
    let names = ("server.names", "[\"voice.example.org\"]");
    let directory = ("server.acme_directory", "https://acme.example/directory");
    assert!(set(&[files[0], files[1], names, directory, ("server.acme_contact", "me@example.org")]).is_ok());
    for (flags, told) in [
        (vec![names, directory], "needs server.tls_cert and server.tls_key"),
        (vec![files[0], files[1], directory], "needs server.names"),
        (vec![files[0], files[1], directory, ("server.names", "[\"192.0.2.7\"]")], "is an address"),
        (vec![files[0], files[1], names, ("server.acme_directory", "acme.example")], "begin with https://"),
        (
            vec![files[0], files[1], names, directory, ("server.acme_contact", "mailto:me")],
            "not a mail address",
        ),
        (vec![("server.acme_contact", "me@example.org")], "server.acme_directory, which is empty"),
    ] {
        let faults = set(&flags).unwrap_err();
        assert!(faults.len() == 1 && faults[0].contains(told), "{told}: {faults:?}");
    }
}

#[test]
fn files_that_are_ordered_may_not_stand_where_another_one_is_written() {
    let set = |cert: &str, key: &str| {
        let names = ("server.names", "[\"voice.example.org\"]");
        let directory = ("server.acme_directory", "https://acme.example/directory");
        let flags = [("server.tls_cert", cert), ("server.tls_key", key), names, directory];
        load(&sources(&[], &flags)).map_err(|faults| faults.0)
    };
    assert!(set("/tls/cert.pem", "/tls/key.pem").is_ok());
    for (cert, key, told) in [
        ("/tls/both.pem", "/tls/both.pem", "server.tls_key: is the file of server.tls_cert too"),
        ("both.pem", "./both.pem", "server.tls_key: is the file of server.tls_cert too"),
        ("/tls/key.pem.account", "/tls/key.pem", "server.tls_cert: is the file where the account is kept"),
        ("/tls/key.pem.new", "/tls/key.pem", "server.tls_cert: is the file where a new key is written"),
        ("/tls/a", "/tls/a.new", "server.tls_key: is the file where a new certificate is written"),
    ] {
        let faults = set(cert, key).unwrap_err();
        assert!(faults.len() == 1 && faults[0].starts_with(told), "{cert}, {key}: {faults:?}");
        assert!(faults[0].contains("server.acme_directory"), "{faults:?}");
    }
    // Files that somebody else writes may be one.
    let own = [("server.tls_cert", "/tls/both.pem"), ("server.tls_key", "/tls/both.pem")];
    assert!(load(&sources(&[], &own)).is_ok());
}

#[test]
fn what_bounds_calls_by_measurement_can_be_turned_off_and_nonsense_is_named() {
    let set = |flags: &[(&str, &str)]| load(&sources(&[], flags)).map_err(|faults| faults.0);
    let default = set(&[]).unwrap().server;
    assert_eq!((default.target_ms, default.memory_reserve_mib, default.least_calls), (0, 256, 4));
    let other = set(&[("server.target_ms", "2500"), ("server.memory_reserve_mib", "0")]).unwrap().server;
    assert_eq!((other.target_ms, other.memory_reserve_mib), (2500, 0));
    for (key, value, told) in [
        ("server.target_ms", "299", "server.target_ms: 299 is outside 300 to 60000"),
        ("server.target_ms", "60001", "server.target_ms: 60001 is outside 300 to 60000"),
        (
            "server.memory_reserve_mib",
            "1048577",
            "server.memory_reserve_mib: 1048577 is outside 0 to 1048576",
        ),
        ("server.least_calls", "0", "server.least_calls: 0 is outside 1 to 100000"),
    ] {
        assert_eq!(set(&[(key, value)]).unwrap_err(), [told]);
    }
}
