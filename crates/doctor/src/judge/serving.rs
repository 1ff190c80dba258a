//! What a server of ours says of itself, at `/health` and `/ready`. Pure.

use serde_json::Value;

use crate::finding::{Finding, Problem};

/// The kinds of engines, as `/ready` names them.
const KINDS: [&str; 3] = ["stt", "llm", "tts"];

/// An engine, as its server or this program sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Engine {
    /// `stt`, `llm`, `tts` or `backends.NAME`.
    pub(crate) name: String,
    pub(crate) is_ready: bool,
    /// What it waits for, or what is wrong.
    pub(crate) message: String,
    pub(crate) model: String,
}

/// A server's store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) kind: String,
    pub(crate) state: String,
    pub(crate) message: String,
}

/// A server that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Serving {
    pub(crate) version: String,
    pub(crate) calls: u64,
    pub(crate) is_ready: bool,
    pub(crate) is_stopping: bool,
    pub(crate) has_udp: bool,
    pub(crate) engines: Vec<Engine>,
    pub(crate) store: Option<Kept>,
}

impl Serving {
    /// Reads both answers; none: they are not those of a server of ours.
    pub(crate) fn read(health: &Value, ready: &Value) -> Option<Self> {
        if health["status"] != "ok" {
            return None;
        }
        let (version, calls) = (text(health, "version"), health["calls"].as_u64()?);
        let is_ready = ready["ready"].as_bool()?;
        let engine = |name: String, told: &Value| Engine {
            name,
            is_ready: told["ready"].as_bool().unwrap_or_default(),
            message: text(told, "message"),
            model: text(told, "model"),
        };
        let mut engines: Vec<Engine> =
            KINDS.iter().map(|kind| engine((*kind).to_owned(), &ready["engines"][kind])).collect();
        let backends = ready["backends"].as_array().map(Vec::as_slice).unwrap_or_default();
        // `main` is named by its kind above, and what no route names does not run.
        let further = backends.iter().filter(|told| told["name"] != "main" && !told["breaker"].is_null());
        engines.extend(further.map(|told| engine(format!("backends.{}", text(told, "name")), told)));
        let store = &ready["store"];
        let kept = || Kept {
            kind: text(store, "kind"),
            state: text(store, "state"),
            message: text(store, "message"),
        };
        Some(Self {
            version,
            calls,
            is_ready,
            is_stopping: ready["stopping"].as_bool().unwrap_or_default(),
            has_udp: ready["udp"].as_bool().unwrap_or_default(),
            engines,
            store: (!store.is_null()).then(kept),
        })
    }
}

/// Judges a server; `name`: of the check, `own`: the version of this program.
pub(crate) fn judge(name: &str, serving: &Serving, own: &str) -> Finding {
    let Serving { version, calls, is_ready, is_stopping, has_udp, engines, .. } = serving;
    let mut problems = Vec::new();
    if *is_stopping {
        problems.push(Problem::warning("it is stopping, and takes no calls", "wait for its next start"));
    } else if !is_ready {
        let waits = engines.iter().take(KINDS.len()).filter(|engine| !engine.is_ready);
        let waits: Vec<String> = waits.map(|engine| format!("{} {}", engine.name, engine.message)).collect();
        let why = if waits.is_empty() { "it does not say why".to_owned() } else { waits.join(", ") };
        problems
            .push(Problem::failed(format!("it takes no calls: {why}"), "wait if it loads; else see its log"));
    }
    if !has_udp {
        problems.push(Problem::warning(
            "it has no UDP port: calls go over the WebSocket",
            "see in its log why server.udp could not be bound",
        ));
    }
    if version != own {
        problems.push(Problem::warning(
            format!("it is version {version}, and this program {own}"),
            "restart the server if it is from before an update; else check it with the `visavis doctor` of its own version",
        ));
    }
    Finding::of(name, format!("version {version} takes calls, {calls} now"), problems)
}

fn text(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::finding::State;

    fn ready(ready: bool) -> Value {
        let engine = |ready: bool, message: &str| json!({ "ready": ready, "message": message, "model": "m" });
        json!({
            "ready": ready, "udp": true, "stopping": false,
            "store": { "kind": "file", "state": "ok", "message": "", "waiting": 0 },
            "engines": { "stt": engine(true, ""), "llm": engine(ready, "loads"), "tts": engine(true, "") },
            "backends": [
                { "kind": "llm", "name": "main", "ready": true, "message": "", "model": "m", "breaker": "closed" },
                { "kind": "llm", "name": "cloud", "ready": false, "message": "refuses", "model": "", "breaker": "open" },
                { "kind": "llm", "name": "spare", "ready": false, "message": "does not run", "model": "", "breaker": null },
            ],
        })
    }

    fn read(told: &Value) -> Serving {
        Serving::read(&json!({ "status": "ok", "version": "1.2.3", "calls": 2 }), told).unwrap()
    }

    #[test]
    fn another_program_is_not_taken_for_a_server_of_ours() {
        let health = json!({ "status": "ok", "version": "1.2.3", "calls": 2 });
        assert!(Serving::read(&health, &Value::Null).is_none());
        assert!(Serving::read(&json!({ "status": "ok" }), &ready(true)).is_none());
        assert!(Serving::read(&json!({ "status": "up", "calls": 2 }), &ready(true)).is_none());
    }

    #[test]
    fn its_engines_are_those_that_run() {
        let serving = read(&ready(false));
        let engines: Vec<_> = serving.engines.iter().map(|it| (it.name.as_str(), it.is_ready)).collect();
        assert_eq!(engines, [("stt", true), ("llm", false), ("tts", true), ("backends.cloud", false)]);
        assert_eq!(serving.store.map(|kept| kept.kind).as_deref(), Some("file"));
    }

    #[test]
    fn a_server_is_well_if_it_takes_calls_over_udp_and_is_of_this_version() {
        let well = read(&ready(true));
        for (serving, state, told) in [
            (well.clone(), State::Ok, "2 now"),
            (read(&ready(false)), State::Failed, "it takes no calls: llm loads"),
            (Serving { is_ready: false, ..well.clone() }, State::Failed, "it does not say why"),
            (Serving { is_stopping: true, is_ready: false, ..well.clone() }, State::Warning, "stopping"),
            (Serving { has_udp: false, ..well.clone() }, State::Warning, "no UDP port"),
            (Serving { version: "1.0.0".into(), ..well }, State::Warning, "version 1.0.0, and this program"),
        ] {
            let found = judge("server", &serving, "1.2.3");
            assert_eq!(found.state, state, "{found:?}");
            assert!(found.message.contains(told), "{told}: {found:?}");
        }
    }
}
