//! Checks for values that parse but are not valid.

use visavis_core::frame::is_language;

use super::{Config, LlmApi, TtsApi};

/// Adds a line for each value that is out of range, with the range and the key.
pub(super) fn check(config: &Config, faults: &mut Vec<String>) {
    let mut range = |key: &str, value: f64, low: f64, high: f64| {
        if !(low..=high).contains(&value) {
            faults.push(format!("{key}: {value} is outside {low} to {high}"));
        }
    };
    range("server.max_calls", config.server.max_calls as f64, 1.0, 100_000.0);
    range("server.max_connections", config.server.max_connections as f64, 8.0, 1_000_000.0);
    let of_address = config.server.connections_per_address as f64;
    range("server.connections_per_address", of_address, 1.0, config.server.max_connections as f64);
    range("server.calls_per_address", config.server.calls_per_address as f64, 0.0, 100_000.0);
    range("server.drain_seconds", config.server.drain_seconds as f64, 0.0, 3600.0);
    for (key, threads) in [
        ("stt.threads", config.stt.threads),
        ("llm.threads", config.llm.threads),
        ("llm.threads_batch", config.llm.threads_batch),
        ("tts.threads", config.tts.threads),
    ] {
        range(key, f64::from(threads), 1.0, 512.0);
    }
    for (key, queue) in
        [("stt.queue", config.stt.queue), ("llm.queue", config.llm.queue), ("tts.queue", config.tts.queue)]
    {
        range(key, f64::from(queue), 1.0, 100_000.0);
    }
    range("llm.context", f64::from(config.llm.context), 512.0, 1_048_576.0);
    range("llm.slots", f64::from(config.llm.slots), 1.0, 256.0);
    range("llm.max_tokens", f64::from(config.llm.max_tokens), 1.0, f64::from(config.llm.context) / 2.0);
    range("llm.temperature", f64::from(config.llm.temperature), 0.0, 2.0);
    range("llm.top_p", f64::from(config.llm.top_p), 0.0, 1.0);
    range("llm.connect_seconds", f64::from(config.llm.connect_seconds), 1.0, 60.0);
    range("llm.silence_seconds", f64::from(config.llm.silence_seconds), 1.0, 600.0);
    range("tts.speed", f64::from(config.tts.speed), 0.5, 2.0);
    range("tts.cache_mb", f64::from(config.tts.cache_mb), 0.0, 4096.0);
    range("vad.threshold", f64::from(config.vad.threshold), 0.05, 0.99);
    range("vad.start_ms", f64::from(config.vad.start_ms), 32.0, 1000.0);
    range("vad.pause_ms", f64::from(config.vad.pause_ms), 64.0, 2000.0);
    range("conversation.idle_seconds", config.conversation.idle_seconds as f64, 0.0, 86_400.0);
    range("conversation.idle_end_seconds", config.conversation.idle_end_seconds as f64, 1.0, 86_400.0);
    range("vad.max_utterance_seconds", f64::from(config.vad.max_utterance_seconds), 5.0, 540.0);
    range("avatar.lead_ms", f64::from(config.avatar.lead_ms), 100.0, 300.0);
    if ![30, 60].contains(&config.avatar.fps) {
        faults.push(format!("avatar.fps: {} is neither 30 nor 60", config.avatar.fps));
    }
    check_words(config, faults);
    super::language_model::check(&config.llm, faults);
    super::speech::check(&config.tts, faults);
    super::tools::check(&config.tools, faults);
    super::renderers::check(&config.renderers, faults);
}

fn check_words(config: &Config, faults: &mut Vec<String>) {
    let language = config.conversation.language.as_str();
    if language != "auto" && !is_language(language) {
        faults.push(format!(
            "conversation.language: {language:?} is neither \"auto\" nor two letters such as \"en\""
        ));
    }
    // An endpoint's address has checks of its own.
    let llm = if config.llm.api == LlmApi::OpenAi { "" } else { config.llm.url.as_str() };
    let tts = if config.tts.api == TtsApi::Engine { config.tts.url.as_str() } else { "" };
    let stt = config.stt.url.as_str();
    for (key, url) in [("stt.url", stt), ("llm.url", llm), ("tts.url", tts)] {
        if !(url.is_empty() || ["http://", "https://", "unix:"].iter().any(|scheme| url.starts_with(scheme)))
        {
            faults.push(format!("{key}: {url:?} does not begin with http://, https:// or unix:"));
        }
    }
    let endpoint = &config.telemetry.otlp_endpoint;
    if !endpoint.is_empty() && !["http://", "https://"].iter().any(|scheme| endpoint.starts_with(scheme)) {
        faults.push(format!("telemetry.otlp_endpoint: {endpoint:?} does not begin with http:// or https://"));
    }
    for origin in &config.server.cors_origins {
        let plain = url::Url::parse(origin).is_ok_and(|url| url.origin().ascii_serialization() == *origin);
        if origin != "*" && !plain {
            faults.push(format!("server.cors_origins: {origin:?} is neither \"*\" nor scheme://host[:port]"));
        }
    }
    for name in &config.server.names {
        let plain = url::Host::parse(name).is_ok_and(|host| host.to_string() == name.to_ascii_lowercase());
        if !plain {
            faults.push(format!(
                "server.names: {name:?} is not a name such as \"voice.example.org\", without port"
            ));
        }
    }
    for server in &config.server.ice_servers {
        for url in &server.urls {
            if !["stun:", "stuns:", "turn:", "turns:"].iter().any(|scheme| url.starts_with(scheme)) {
                faults.push(format!("server.ice_servers: {url:?} does not begin with stun: or turn:"));
            }
        }
    }
    for (key, text, most) in [
        ("conversation.instructions", &config.conversation.instructions, 8000),
        ("conversation.greeting", &config.conversation.greeting, 1000),
    ] {
        if text.len() > most {
            faults.push(format!("{key}: {} bytes; at most {most}", text.len()));
        }
    }
}
