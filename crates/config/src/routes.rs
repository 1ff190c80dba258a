//! Routes: which engines serve which requests, in which order, and for which share of the users.

use std::collections::{BTreeMap, BTreeSet};

use figment::value::Value;
use serde::{Deserialize, Serialize};
use visavis_core::frame::is_language;
use visavis_core::route::EngineKind;

use super::backends::MAIN;
use super::{Config, plain};

/// The key of all routes.
pub(super) const ROUTES: &str = "routes";
/// Most routes.
const MOST: usize = 64;
/// Bounds of `first_ms`, unless it is 0.
const SHORTEST_FIRST_MS: u32 = 50;
const LONGEST_FIRST_MS: u32 = 60_000;

/// Which engines serve the requests that it matches. The first route that matches applies; if none matches, `main` serves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// The kind of the engines.
    pub kind: EngineKind,
    /// Languages that it applies to, ISO 639-1; empty: any.
    #[serde(default)]
    pub languages: Vec<String>,
    /// Voices that it applies to, also as the first of a mix or with a speaker's number; empty: any. For `tts`.
    #[serde(default)]
    pub voices: Vec<String>,
    /// Tiers of callers that it applies to; empty: any.
    #[serde(default)]
    pub tiers: Vec<String>,
    /// Names of engines in the order in which they are tried.
    #[serde(default)]
    pub engines: Vec<String>,
    /// Milliseconds within which an engine must give the first sound, token or transcript; then the next one is asked as well.
    /// 0: 700 for voices, 1000 for language models, 1500 for recognisers.
    #[serde(default)]
    pub first_ms: u32,
    /// Engines that get copies of requests. Their output is measured and discarded.
    #[serde(default)]
    pub shadow: Vec<String>,
    /// Percent of the users for whom this engine is the first, by its name; for others it comes after the engines without a
    /// share.
    #[serde(default)]
    pub share: BTreeMap<String, u32>,
}

impl Route {
    /// Whether it matches every request of its kind.
    #[must_use]
    pub fn matches_all(&self) -> bool {
        self.languages.is_empty() && self.voices.is_empty() && self.tiers.is_empty()
    }

    /// The names of all engines that it may use, shadows included, without duplicates.
    fn names(&self) -> impl Iterator<Item = &String> {
        let mut seen = BTreeSet::new();
        self.engines
            .iter()
            .chain(self.share.keys())
            .chain(&self.shadow)
            .filter(move |name| seen.insert(*name))
    }
}

impl Config {
    /// Whether requests to engines of this kind are routed at all.
    #[must_use]
    pub fn routed(&self, kind: EngineKind) -> bool {
        self.routes_of(kind).next().is_some()
    }

    /// The routes of this kind, in order.
    pub fn routes_of(&self, kind: EngineKind) -> impl Iterator<Item = &Route> {
        self.routes.iter().filter(move |route| route.kind == kind)
    }

    /// The names of the engines of this kind that may be used, in the order in which routes name them. `main` is included if a
    /// route names it or some request may match no route.
    #[must_use]
    pub fn engines_of(&self, kind: EngineKind) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for name in self.routes_of(kind).flat_map(Route::names) {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        let all_match = self.routes_of(kind).any(Route::matches_all);
        if !all_match && !names.iter().any(|name| name == MAIN) {
            names.push(MAIN.to_owned());
        }
        names
    }

    /// Whether the engine of `[stt]`, `[llm]` or `[tts]` itself may be used.
    #[must_use]
    pub fn uses_main(&self, kind: EngineKind) -> bool {
        self.engines_of(kind).iter().any(|name| name == MAIN)
    }

    /// The backends that may be used.
    #[must_use]
    pub fn used_backends(&self) -> BTreeMap<String, EngineKind> {
        let of_kind = |kind| self.engines_of(kind).into_iter().map(move |name| (name, kind));
        EngineKind::ALL.into_iter().flat_map(of_kind).filter(|(name, _)| name != MAIN).collect()
    }

    /// The configuration of one backend: its settings replace those of its kind's section, and there are no routes. The folder
    /// of cloned voices is the server's, unless the backend names one.
    #[must_use]
    pub fn with_backend(&self, name: &str) -> Self {
        let mut own = Self { backends: BTreeMap::new(), routes: Vec::new(), ..self.clone() };
        if let Some(backend) = self.backends.get(name) {
            backend.replace_in(&mut own);
        }
        if own.tts.clones_dir.as_os_str().is_empty() {
            // A cloned voice is available in every engine that clones.
            own.tts.clones_dir.clone_from(&self.tts.clones_dir);
        }
        own
    }
}

/// Why routes cannot be parsed, one line each.
pub(super) fn unreadable(value: &Value, origin: &str) -> Vec<String> {
    let Some(routes) = value.as_array() else {
        return vec![format!("{ROUTES} ({origin}): is not a list; write each route under [[routes]]")];
    };
    let read = routes.iter().zip(1..).filter_map(|(route, number): (&Value, u32)| {
        let error = route.deserialize::<Route>().err()?;
        Some(format!("{ROUTES} ({origin}): number {number}: {}", plain(&error)))
    });
    read.collect()
}

/// Adds a line for each fault.
pub(super) fn check(config: &Config, faults: &mut Vec<String>) {
    if config.routes.len() > MOST {
        faults.push(format!("{ROUTES}: {}; at most {MOST}", config.routes.len()));
    }
    for (index, route) in config.routes.iter().enumerate() {
        let mut fault = |text: String| faults.push(format!("{ROUTES}: number {}: {text}", index + 1));
        check_conditions(route, &mut fault);
        check_names(config, route, &mut fault);
        check_share(route, &mut fault);
        if route.first_ms != 0 && !(SHORTEST_FIRST_MS..=LONGEST_FIRST_MS).contains(&route.first_ms) {
            let given = route.first_ms;
            fault(format!(
                "first_ms: {given} is outside {SHORTEST_FIRST_MS} to {LONGEST_FIRST_MS}; 0: as usual"
            ));
        }
        let before =
            config.routes[..index].iter().position(|other| other.kind == route.kind && other.matches_all());
        if let Some(before) = before {
            let all = before + 1;
            fault(format!("is never reached: number {all} matches every request; put it before that one"));
        }
    }
}

fn check_conditions(route: &Route, fault: &mut impl FnMut(String)) {
    for language in route.languages.iter().filter(|language| !is_language(language)) {
        fault(format!("languages: {language:?} is not two letters such as \"en\""));
    }
    if !route.voices.is_empty() && route.kind != EngineKind::Tts {
        fault(format!("voices: requests to {} name no voice; remove it", route.kind.name()));
    }
    for (setting, list) in
        [("languages", &route.languages), ("voices", &route.voices), ("tiers", &route.tiers)]
    {
        if list.iter().any(String::is_empty) {
            fault(format!("{setting}: one is empty; remove it"));
        }
        if let Some(twice) = twice(list) {
            fault(format!("{setting}: {twice:?} is there twice; remove one"));
        }
    }
}

fn check_names(config: &Config, route: &Route, fault: &mut impl FnMut(String)) {
    if route.engines.is_empty() {
        fault("engines: is empty; name engines in the order to try, such as [\"cloud\", \"main\"]".into());
    }
    let share: Vec<String> = route.share.keys().cloned().collect();
    for (setting, list) in [("engines", &route.engines), ("share", &share), ("shadow", &route.shadow)] {
        for name in list {
            match config.backends.get(name).map(super::BackendEngine::kind) {
                _ if name == MAIN => {}
                Some(kind) if kind == route.kind => {}
                Some(kind) => {
                    let (own, wanted) = (kind.name(), route.kind.name());
                    fault(format!(
                        "{setting}: backends.{name} has kind = {own:?}, and this route {wanted:?}"
                    ));
                }
                None => {
                    fault(format!("{setting}: there is no {name:?}; there are {}", known(config, route.kind)))
                }
            }
        }
        if let Some(twice) = twice(list) {
            fault(format!("{setting}: {twice:?} is there twice; remove one"));
        }
    }
    for name in
        route.shadow.iter().filter(|name| route.engines.contains(name) || route.share.contains_key(*name))
    {
        fault(format!("shadow: {name:?} serves this route as well; remove it from one of them"));
    }
}

fn check_share(route: &Route, fault: &mut impl FnMut(String)) {
    for (name, percent) in route.share.iter().filter(|(_, percent)| **percent > 100) {
        fault(format!("share: {name:?} has {percent}, which is outside 0 to 100"));
    }
    let sum: u64 = route.share.values().map(|percent| u64::from(*percent)).sum();
    if sum > 100 {
        fault(format!("share: {sum} percent in all; at most 100"));
    } else if sum < 100
        && !route.engines.is_empty()
        && route.engines.iter().all(|name| route.share.contains_key(name))
    {
        let rest = 100 - sum;
        fault(format!(
            "share: {rest} percent of the users have no engine; name one in engines that has no share"
        ));
    }
}

/// The first duplicate entry.
fn twice(list: &[String]) -> Option<&String> {
    list.iter().enumerate().find_map(|(index, entry)| list[..index].contains(entry).then_some(entry))
}

/// The names that a route of this kind may use.
fn known(config: &Config, kind: EngineKind) -> String {
    let own =
        config.backends.iter().filter(|(_, backend)| backend.kind() == kind).map(|(name, _)| name.as_str());
    std::iter::once(MAIN).chain(own).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
