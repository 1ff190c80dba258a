//! What a running server takes of a configuration that was read anew: the numbers of its routes. All else needs a restart. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::routes::{ROUTES, Route};
use crate::Config;

/// What is taken of a configuration that was read anew, and what is not.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reload {
    /// The routes from now on.
    pub routes: Vec<Route>,
    /// What has changed in them, a line each.
    pub taken: Vec<String>,
    /// What needs a restart, a line each.
    pub left: Vec<String>,
}

impl Config {
    /// What a server that was started with this configuration, and whose routes are `now` these, takes of a new one: `share`,
    /// `shadow` and `first_ms` of each route that is otherwise the same and names only engines that run.
    #[must_use]
    pub fn reload(&self, now: &[Route], new: &Self) -> Reload {
        let mut reload = Reload { routes: now.to_vec(), taken: Vec::new(), left: changed(self, new) };
        if now.len() != new.routes.len() {
            let (now, new) = (now.len(), new.routes.len());
            reload.left.push(format!("{ROUTES}: there are {new} in the configuration, and {now} in use"));
            return reload;
        }
        for (index, (route, new)) in reload.routes.iter_mut().zip(&new.routes).enumerate() {
            let number = index + 1;
            match self.obstacle(route, new) {
                Some(obstacle) => reload.left.push(format!("{ROUTES}: number {number}: {obstacle}")),
                None => {
                    let numbers = numbers(route, new).into_iter();
                    reload.taken.extend(numbers.map(|line| format!("{ROUTES}: number {number}: {line}")));
                    route.clone_from(new);
                }
            }
        }
        reload
    }

    /// Why a route cannot take the place of another without a restart.
    fn obstacle(&self, old: &Route, new: &Route) -> Option<String> {
        let same = [
            ("kind", old.kind == new.kind),
            ("languages", old.languages == new.languages),
            ("voices", old.voices == new.voices),
            ("tiers", old.tiers == new.tiers),
            ("engines", old.engines == new.engines),
        ];
        if let Some((setting, _)) = same.into_iter().find(|(_, same)| !same) {
            return Some(format!("{setting} has changed"));
        }
        let runs = self.engines_of(new.kind);
        let shares = new.share.keys().map(|name| ("share", name));
        let mut named = shares.chain(new.shadow.iter().map(|name| ("shadow", name)));
        let (setting, absent) = named.find(|(_, name)| !runs.contains(name))?;
        Some(format!("{setting}: {absent:?} is not running: no route named it when the server started"))
    }
}

/// What differs in the numbers of two routes.
fn numbers(old: &Route, new: &Route) -> Vec<String> {
    let lines = [
        ("share", format!("{:?}", old.share), format!("{:?}", new.share)),
        ("shadow", format!("{:?}", old.shadow), format!("{:?}", new.shadow)),
        ("first_ms", old.first_ms.to_string(), new.first_ms.to_string()),
    ];
    let changed = lines.into_iter().filter(|(_, old, new)| old != new);
    changed.map(|(setting, old, new)| format!("{setting}: {old} becomes {new}")).collect()
}

/// The keys, but for routes, in which two configurations differ; of a backend its name.
fn changed(old: &Config, new: &Config) -> Vec<String> {
    let settings = |config: &Config| {
        let mut settings = Config { routes: Vec::new(), ..config.clone() };
        // Not a setting: it records where a setting comes from.
        settings.store.is_asked_for = false;
        settings
    };
    let (old, new) = (settings(old), settings(new));
    if old == new {
        return Vec::new();
    }
    let (before, after) = (leaves(&old), leaves(&new));
    let differs = |key: &&String| before.get(*key) != after.get(*key);
    let keys: BTreeSet<&str> =
        before.keys().chain(after.keys()).filter(differs).map(|key| named(key)).collect();
    if keys.is_empty() {
        // Secrets are not shown, and look alike.
        return vec!["a key or a header".to_owned()];
    }
    keys.into_iter().map(str::to_owned).collect()
}

/// A key as it is told: of a backend only which one.
fn named(key: &str) -> &str {
    let ends = key.match_indices('.').nth(1).filter(|_| key.starts_with("backends."));
    ends.map_or(key, |(end, _)| &key[..end])
}

/// All values of a configuration by their keys.
fn leaves(config: &Config) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    let mut tables = vec![(String::new(), serde_json::to_value(config).unwrap_or_default())];
    while let Some((path, value)) = tables.pop() {
        match value {
            Value::Object(table) => {
                let prefix = if path.is_empty() { path } else { format!("{path}.") };
                tables.extend(table.into_iter().map(|(key, value)| (format!("{prefix}{key}"), value)));
            }
            leaf => _ = found.insert(path, leaf),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::loaded;

    const ENGINES: &str = r#"
        [backends.new]
        kind = "llm"
        url = "http://new:7000"
        [backends.cloud]
        kind = "llm"
        url = "http://cloud:7000"
    "#;

    fn with(more: &str) -> Config {
        loaded(&format!("{ENGINES}\n{more}"), &[], &[]).unwrap()
    }

    fn route(numbers: &str) -> String {
        format!("[[routes]]\nkind = \"llm\"\nengines = [\"main\"]\n{numbers}\n")
    }

    #[test]
    fn the_numbers_of_a_route_are_taken_and_told() {
        let started = with(&route("shadow = [\"new\"]"));
        let new = with(&route("share = { new = 10 }\nfirst_ms = 900"));
        let reload = started.reload(&started.routes, &new);
        assert_eq!((&reload.routes, reload.left.as_slice()), (&new.routes, &[][..]));
        let lines = [
            "routes: number 1: share: {} becomes {\"new\": 10}",
            "routes: number 1: shadow: [\"new\"] becomes []",
            "routes: number 1: first_ms: 0 becomes 900",
        ];
        assert_eq!(reload.taken, lines);
        let again = started.reload(&reload.routes, &new);
        assert_eq!((again.routes, again.taken, again.left), (new.routes, Vec::new(), Vec::new()));
        let back = started.reload(&reload.routes, &started);
        assert_eq!(back.routes, started.routes, "what was started runs still");
    }

    #[test]
    fn what_else_has_changed_is_left_and_named() {
        let german =
            "[[routes]]\nkind = \"llm\"\nlanguages = [\"de\"]\nengines = [\"main\"]\nshare = { new = 10 }\n";
        let started = with(&format!("{german}{}", route("")));
        let dutch = german.replace("de", "nl").replace("10", "20");
        for (new, left) in [
            (format!("{dutch}{}", route("")), vec!["routes: number 1: languages has changed"]),
            (route(""), vec!["routes: there are 1 in the configuration, and 2 in use"]),
            (
                format!("{german}{}", route("shadow = [\"cloud\"]")),
                vec![
                    "routes: number 2: shadow: \"cloud\" is not running: no route named it when the server started",
                ],
            ),
            (
                format!("[vad]\nthreshold = 0.7\n[llm]\nthreads = 3\n{german}{}", route("")),
                vec!["llm.threads", "vad.threshold"],
            ),
            (
                format!("[backends.more]\nkind = \"llm\"\nurl = \"http://more:7000\"\n{german}{}", route("")),
                vec!["backends.more"],
            ),
        ] {
            let reload = started.reload(&started.routes, &with(&new));
            assert_eq!((&reload.routes, reload.taken.len()), (&started.routes, 0), "{new}");
            assert_eq!(reload.left, left, "{new}");
        }
    }

    #[test]
    fn a_setting_that_is_set_to_what_it_was_by_default_is_no_change() {
        let (none, named) = (with(""), with("[store]\nttl_hours = 24\n"));
        assert_ne!(none, named, "the store is asked for");
        assert_eq!(none.reload(&[], &named), Reload::default());
    }

    #[test]
    fn a_secret_that_has_changed_is_not_told() {
        let keyed = |digit: &str| with(&format!("[server]\nadmin_key = \"{}\"\n", digit.repeat(32)));
        let (none, one, two) = (with(""), keyed("1"), keyed("2"));
        assert_eq!(none.reload(&[], &one).left, ["server.admin_key"]);
        assert_eq!(one.reload(&[], &two).left, ["a key or a header"]);
    }
}
