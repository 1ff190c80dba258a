//! Which engine serves a request, and why: the vocabulary of routes.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize, Serializer};

/// What an engine does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EngineKind {
    /// Recognition.
    Stt,
    /// The language model.
    Llm,
    /// Speech.
    Tts,
}

impl EngineKind {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::Stt, Self::Llm, Self::Tts];

    /// The name in settings, metrics and messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Stt => "stt",
            Self::Llm => "llm",
            Self::Tts => "tts",
        }
    }
}

/// Why an engine serves a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// The engine is the first of the route.
    Route,
    /// The user is in the engine's share.
    Share,
    /// The conversation used this engine before, so its prompt is cached there.
    Kept,
    /// A preceding engine was not ready or was too busy.
    Unhealthy,
    /// The breaker of a preceding engine was open.
    BreakerOpen,
    /// A preceding engine had returned nothing by the deadline.
    Late,
    /// A preceding engine failed.
    Failed,
    /// A preceding engine refused the request, for example because it has no voice for the language.
    Refused,
    /// No engine was fit, so this one is asked anyway and waited for.
    LastResort,
}

impl Reason {
    /// The name in metrics and messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Route => "route",
            Self::Share => "share",
            Self::Kept => "kept",
            Self::Unhealthy => "unhealthy",
            Self::BreakerOpen => "breaker-open",
            Self::Late => "late",
            Self::Failed => "failed",
            Self::Refused => "refused",
            Self::LastResort => "last-resort",
        }
    }

    /// Whether the request was routed as planned, without a fault on the way.
    #[must_use]
    pub fn is_planned(self) -> bool {
        matches!(self, Self::Route | Self::Share | Self::Kept)
    }
}

/// The engine that serves a request, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Routed {
    /// Its name: `main`, or that of its `[backends.NAME]`.
    #[serde(serialize_with = "text")]
    pub engine: Arc<str>,
    /// Why it was chosen.
    pub reason: Reason,
}

/// Serde's implementation for `Arc<str>` needs a feature that nothing else here uses.
fn text<S: Serializer>(text: &Arc<str>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(text)
}

impl fmt::Display for Routed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.engine, self.reason.name())
    }
}

/// The engines that served a response; `None` for a kind without routes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Served {
    /// The recogniser of the person's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stt: Option<Routed>,
    /// The language model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub llm: Option<Routed>,
    /// The voice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tts: Option<Routed>,
}

impl Served {
    /// Whether no engine is named.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.stt.is_none() && self.llm.is_none() && self.tts.is_none()
    }

    /// Takes a report. A report of a fault is kept, even if the response's next segment is routed as planned again.
    pub fn note(&mut self, kind: EngineKind, routed: Routed) {
        let place = match kind {
            EngineKind::Stt => &mut self.stt,
            EngineKind::Llm => &mut self.llm,
            EngineKind::Tts => &mut self.tts,
        };
        if place.as_ref().is_none_or(|before| before.reason.is_planned() || !routed.reason.is_planned()) {
            *place = Some(routed);
        }
    }

    /// The engines that are named, with their kinds.
    pub fn iter(&self) -> impl Iterator<Item = (EngineKind, &Routed)> {
        [(EngineKind::Stt, &self.stt), (EngineKind::Llm, &self.llm), (EngineKind::Tts, &self.tts)]
            .into_iter()
            .filter_map(|(kind, routed)| Some((kind, routed.as_ref()?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_report_of_a_fault_stays_until_another_fault() {
        let mut served = Served::default();
        let of = |engine: &str, reason| Routed { engine: engine.into(), reason };
        for (engine, reason, kept) in [
            ("main", Reason::Route, "main (route)"),
            ("cloud", Reason::Late, "cloud (late)"),
            ("main", Reason::Route, "cloud (late)"),
            ("third", Reason::Failed, "third (failed)"),
        ] {
            served.note(EngineKind::Tts, of(engine, reason));
            assert_eq!(served.tts.as_ref().map(ToString::to_string).as_deref(), Some(kept));
        }
        assert_eq!(served.iter().map(|(kind, _)| kind.name()).collect::<Vec<_>>(), ["tts"]);
    }

    #[test]
    fn names_are_those_of_the_wire() {
        for reason in [Reason::BreakerOpen, Reason::LastResort, Reason::Route, Reason::Kept] {
            assert_eq!(serde_json::to_value(reason).unwrap(), reason.name());
        }
        for kind in EngineKind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
        }
        let served = Served {
            llm: Some(Routed { engine: "main".into(), reason: Reason::Route }),
            ..Served::default()
        };
        let expected = serde_json::json!({ "llm": { "engine": "main", "reason": "route" } });
        assert_eq!(serde_json::to_value(&served).unwrap(), expected);
    }
}
