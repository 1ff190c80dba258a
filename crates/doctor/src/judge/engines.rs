//! Whether engines have their programs and take requests. Pure.

use super::serving::Engine;
use crate::finding::Finding;

/// An engine that runs, or was started to see whether it does.
pub(crate) fn judge(engine: &Engine) -> Finding {
    let Engine { name, is_ready, message, model } = engine;
    let check = format!("engine-{}", name.trim_start_matches("backends."));
    if *is_ready {
        let model = if model.is_empty() { String::new() } else { format!(" with {model}") };
        return Finding::ok(check, format!("{name} takes requests{model}"));
    }
    let message = if message.is_empty() { "does not answer" } else { message.as_str() };
    let fix =
        format!("see its line in the server's log; where it runs elsewhere, {name}.url and whether it is up");
    // Another engine may serve in place of one behind routes.
    if name.starts_with("backends.") {
        Finding::warning(check, format!("{name} {message}"), fix)
    } else {
        Finding::failed(check, format!("{name} {message}"), fix)
    }
}

/// The program of an engine that the server starts.
pub(crate) fn program(kind: &str, fault: Option<&str>) -> Finding {
    let name = format!("program-{kind}");
    match fault {
        None => Finding::ok(name, format!("visavis-{kind} lies beside this program")),
        Some(fault) => Finding::failed(
            name,
            fault,
            format!(
                "put visavis-{kind} of the same build beside visavis, or set {kind}.url to one that runs elsewhere"
            ),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::State;

    #[test]
    fn an_engine_that_takes_no_requests_fails_unless_another_may_serve() {
        let engine = |name: &str, is_ready, message: &str| Engine {
            name: name.into(),
            is_ready,
            message: message.into(),
            model: "small".into(),
        };
        for (engine, state, check, told) in [
            (engine("llm", true, ""), State::Ok, "engine-llm", "llm takes requests with small"),
            (engine("llm", false, "loads"), State::Failed, "engine-llm", "llm loads"),
            (engine("tts", false, ""), State::Failed, "engine-tts", "tts does not answer"),
            (engine("backends.cloud", false, "x"), State::Warning, "engine-cloud", "backends.cloud x"),
        ] {
            let found = judge(&engine);
            assert_eq!((found.state, found.name.as_str(), found.message.as_str()), (state, check, told));
        }
        assert_eq!(program("stt", Some("is not there")).state, State::Failed);
        assert_eq!(program("stt", None).state, State::Ok);
    }
}
