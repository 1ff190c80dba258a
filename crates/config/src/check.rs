//! Checks for values that parse but are not valid. Engines, tools, renderers, the store, the relay and the ways to the port of calls
//! have theirs beside their shape.
//!
//! - `server`: connections, names and addresses; `tls`: its certificate
//! - `engines`: threads, queues and what engines are told
//! - `backends`: further engines, each as its kind's section
//! - `call`: listening, what the agent says, its face

pub(super) mod backends;
mod call;
mod engines;
mod server;
mod tls;

use super::Config;

/// Adds a line for each value that is out of range, with the range and the key.
pub(super) fn check(config: &Config, faults: &mut Vec<String>) {
    server::check(&config.server, faults);
    tls::check(&config.server, faults);
    server::check_collector(&config.telemetry, faults);
    engines::check(config, faults);
    call::check(config, faults);
    super::admin_key::check(&config.server.admin_key, faults);
    super::jobs::check(&config.jobs, faults);
    super::language_model::check(&config.llm, faults);
    super::listening::check(&config.listening, faults);
    super::recogniser::check(&config.stt, faults);
    super::speech::check(&config.tts, faults);
    super::speech_api::check(&config.speech_api, faults);
    super::tools::check(&config.tools, faults);
    super::renderers::check(&config.renderers, faults);
    super::store::check(&config.store, faults);
    super::turn::check(&config.turn, faults);
    super::webrtc::check(&config.webrtc, &config.server, &config.turn, faults);
}

/// A number that must be within bounds.
struct Range<'a> {
    key: &'a str,
    value: f64,
    low: f64,
    high: f64,
}

impl<'a> Range<'a> {
    fn new(key: &'a str, value: impl Into<f64>, low: f64, high: f64) -> Self {
        Self { key, value: value.into(), low, high }
    }

    /// Adds a line if the number is out of bounds.
    fn check(&self, faults: &mut Vec<String>) {
        let Self { key, value, low, high } = self;
        if !(*low..=*high).contains(value) {
            faults.push(format!("{key}: {value} is outside {low} to {high}"));
        }
    }
}
