//! Checks settings of engines.

use super::Range;
use crate::{Config, LlmApi, SttApi, TtsApi};

pub(super) fn check(config: &Config, faults: &mut Vec<String>) {
    let Config { stt, llm, tts, .. } = config;
    for range in [
        Range::new("stt.threads", stt.threads, 1.0, 512.0),
        Range::new("llm.threads", llm.threads, 1.0, 512.0),
        Range::new("llm.threads_batch", llm.threads_batch, 1.0, 512.0),
        Range::new("tts.threads", tts.threads, 1.0, 512.0),
        Range::new("stt.queue", stt.queue, 1.0, 100_000.0),
        Range::new("llm.queue", llm.queue, 1.0, 100_000.0),
        Range::new("tts.queue", tts.queue, 1.0, 100_000.0),
        Range::new("llm.context", llm.context, 512.0, 1_048_576.0),
        Range::new("llm.slots", llm.slots, 1.0, 256.0),
        Range::new("llm.max_tokens", llm.max_tokens, 1.0, f64::from(llm.context) / 2.0),
        Range::new("llm.temperature", llm.temperature, 0.0, 2.0),
        Range::new("llm.top_p", llm.top_p, 0.0, 1.0),
        Range::new("tts.speed", tts.speed, 0.5, 2.0),
        Range::new("tts.cache_mb", tts.cache_mb, 0.0, 4096.0),
    ] {
        range.check(faults);
    }
    check_addresses(config, faults);
}

fn check_addresses(config: &Config, faults: &mut Vec<String>) {
    // An endpoint's address has its own checks.
    let llm = if config.llm.api == LlmApi::Engine { config.llm.url.as_str() } else { "" };
    let stt = if config.stt.api == SttApi::OpenAi { "" } else { config.stt.url.as_str() };
    let tts = if config.tts.api == TtsApi::Engine { config.tts.url.as_str() } else { "" };
    for (key, url) in [("stt.url", stt), ("llm.url", llm), ("tts.url", tts)] {
        if !(url.is_empty() || ["http://", "https://", "unix:"].iter().any(|scheme| url.starts_with(scheme)))
        {
            faults.push(format!("{key}: {url:?} does not begin with http://, https:// or unix:"));
        }
    }
}
