//! The dependencies, checked against `deny.toml`: licences, duplicate crates, banned crates, and sources. `cargo deny` reads
//! the same file and checks every platform and feature; this checks the current platform's. Advisories are not checked here, since
//! their database is fetched from the network: `cargo deny --workspace --locked check advisories` does that by hand.
#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic fails the test")]

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde::Deserialize;

/// The parts of `deny.toml` that are read here.
#[derive(Deserialize)]
struct Rules {
    licenses: Licenses,
    bans: Bans,
}

#[derive(Deserialize)]
struct Licenses {
    allow: Vec<String>,
    exceptions: Vec<LicenseException>,
}

#[derive(Deserialize)]
struct LicenseException {
    #[serde(rename = "crate")]
    name: String,
    allow: Vec<String>,
}

#[derive(Deserialize)]
struct Bans {
    deny: Vec<CrateRule>,
    skip: Vec<CrateRule>,
}

#[derive(Deserialize)]
struct CrateRule {
    /// A name, or `name@version`, where the version may be a prefix.
    #[serde(rename = "crate")]
    what: String,
}

impl CrateRule {
    fn matches(&self, package: &Package) -> bool {
        let (name, version) = self.what.split_once('@').unwrap_or((&self.what, ""));
        let rest = package.version.strip_prefix(version);
        name == package.name
            && rest.is_some_and(|rest| version.is_empty() || rest.is_empty() || rest.starts_with('.'))
    }
}

/// A crate in the workspace's dependency tree.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Package {
    name: String,
    version: String,
    /// Where it comes from, if not from the registry.
    source: Option<String>,
    license: String,
}

impl Package {
    /// Parses `name vVERSION (SOURCE)|LICENCE`, the format requested of `cargo tree`.
    fn read(line: &str) -> Self {
        let (package, license) = line.split_once('|').unwrap();
        let mut parts = package.splitn(3, ' ');
        let (name, version) = (parts.next().unwrap(), parts.next().unwrap());
        let source = parts.next().filter(|source| !source.contains("proc-macro"));
        Self {
            name: name.into(),
            version: version.trim_start_matches('v').into(),
            source: source.map(str::to_owned),
            license: license.trim().into(),
        }
    }
}

fn rules() -> Rules {
    toml::from_str(&std::fs::read_to_string("deny.toml").unwrap()).unwrap()
}

/// Every crate that the workspace is built and tested with on this platform.
fn packages() -> BTreeSet<Package> {
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "--workspace", "--locked", "--offline", "--edges", "normal,build,dev"])
        .args(["--prefix", "none", "--format", "{p}|{l}"])
        .output()
        .unwrap();
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let tree = String::from_utf8(tree.stdout).unwrap();
    let lines = tree.lines().filter(|line| !line.is_empty()).map(|line| line.trim_end_matches(" (*)"));
    let all: BTreeSet<Package> = lines.map(Package::read).collect();
    assert!(all.len() > 300, "{}", all.len());
    all
}

#[test]
fn every_crate_has_an_allowed_licence() {
    let Licenses { allow, exceptions } = rules().licenses;
    let mut needed = BTreeSet::new();
    for package in packages() {
        let text = package.license.replace('/', " OR ");
        let expression = spdx::Expression::parse(&text)
            .unwrap_or_else(|error| panic!("{} {}: {text:?}: {error}", package.name, package.version));
        let own = exceptions.iter().find(|exception| exception.name == package.name);
        let allowed: Vec<&String> = allow.iter().chain(own.iter().flat_map(|own| &own.allow)).collect();
        let fits = expression.evaluate(|requirement| {
            let name = requirement.to_string();
            let found = allowed.iter().find(|allowed| **allowed == &name);
            needed.extend(found.map(|found| (*found).clone()));
            found.is_some()
        });
        assert!(fits, "{} {} is under {text}: see [licenses] in deny.toml", package.name, package.version);
    }
    let idle: Vec<&String> = allow.iter().filter(|name| !needed.contains(*name)).collect();
    assert!(idle.is_empty(), "deny.toml allows licences that no crate has: {idle:?}");
}

#[test]
fn no_crate_has_two_versions_except_known_ones() {
    let Bans { skip, .. } = rules().bans;
    let mut versions: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for package in packages() {
        if !skip.iter().any(|known| known.matches(&package)) {
            versions.entry(package.name).or_default().insert(package.version);
        }
    }
    let twice: Vec<_> = versions.into_iter().filter(|(_, versions)| versions.len() > 1).collect();
    assert!(twice.is_empty(), "several versions of one crate: {twice:?}; see [bans] in deny.toml");
}

#[test]
fn no_banned_crate_is_built() {
    let Bans { deny, .. } = rules().bans;
    for package in packages() {
        let banned = deny.iter().any(|banned| banned.matches(&package));
        assert!(!banned, "{} {} is banned: see [bans] in deny.toml", package.name, package.version);
    }
}

#[test]
fn all_crates_come_from_the_registry_or_from_this_repository() {
    let root = format!("({}", std::env::current_dir().unwrap().display());
    for Package { name, version, source, .. } in packages() {
        let known = source.as_ref().is_none_or(|source| source.starts_with(&root));
        assert!(known, "{name} {version} comes from {source:?}");
    }
}
