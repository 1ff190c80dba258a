//! Which modules of a crate use which, as its sources say.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The names from the crate's root to a module; empty: the root itself.
type Names = Vec<String>;

/// A crate's modules with their code, without tests, comments and programs.
pub(crate) struct Modules(BTreeMap<Names, String>);

impl Modules {
    /// The modules of a crate whose sources lie below `root`.
    pub(crate) fn of(root: &Path, sources: &[(PathBuf, String)]) -> Self {
        let mut modules: BTreeMap<Names, String> = BTreeMap::new();
        for (path, text) in sources {
            let file = path.strip_prefix(root).unwrap().with_extension("");
            let mut names: Names = file.iter().map(|name| name.to_string_lossy().into_owned()).collect();
            if names[0] == "bin" {
                continue;
            }
            if ["lib", "main", "mod"].contains(&names[names.len() - 1].as_str()) {
                names.pop();
            }
            modules.entry(names).or_default().push_str(&code(text));
        }
        let tests: BTreeSet<Names> = modules
            .iter()
            .flat_map(|(names, code)| {
                test_modules(code).into_iter().map(move |test| [names.clone(), vec![test]].concat())
            })
            .collect();
        modules.retain(|names, _| !(1..=names.len()).any(|end| tests.contains(&names[..end])));
        Self(modules)
    }

    /// The circles in which neighbours in a folder use each other, a line each. A module and those below it are one.
    pub(crate) fn circles(&self) -> BTreeSet<String> {
        let targets: Vec<(&Names, Names)> = self
            .0
            .iter()
            .flat_map(|(from, code)| {
                paths(code).into_iter().map(move |path| (from, self.target(from, &path)))
            })
            .collect();
        let mut uses: BTreeMap<Names, BTreeMap<&str, BTreeSet<&str>>> = BTreeMap::new();
        for (from, to) in &targets {
            let shared = from.iter().zip(to).take_while(|(one, other)| one == other).count();
            if let (Some(user), Some(used)) = (from.get(shared), to.get(shared)) {
                uses.entry(from[..shared].to_vec()).or_default().entry(user).or_default().insert(used);
            }
        }
        uses.iter().flat_map(|(folder, uses)| in_circles(&folder.join("::"), uses)).collect()
    }

    /// The module that a path names, or whose item it names.
    fn target(&self, from: &[String], path: &[String]) -> Names {
        let up = path.iter().take_while(|name| *name == "super").count();
        let mut place = if up == 0 { Names::new() } else { from[..from.len().saturating_sub(up)].to_vec() };
        for name in &path[up.max(1)..] {
            place.push(name.clone());
            if !self.0.contains_key(&place) {
                place.pop();
                break;
            }
        }
        place
    }
}

/// A file without its comments and its own tests.
fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

/// The modules that a file declares for tests alone.
fn test_modules(code: &str) -> Vec<String> {
    let lines: Vec<&str> = code.lines().map(str::trim).collect();
    let declared = lines.windows(2).filter(|pair| pair[0] == "#[cfg(test)]").map(|pair| pair[1]);
    declared.filter_map(|line| Some(line.strip_suffix(';')?.rsplit_once("mod ")?.1.to_owned())).collect()
}

/// The paths in some code that begin with `crate` or `super`, with trees of `use` as a path for each of their leaves.
fn paths(code: &str) -> Vec<Names> {
    let mut found = Vec::new();
    let mut rest = code;
    while let Some(at) = ["crate::", "super::"].iter().filter_map(|start| rest.find(start)).min() {
        let before = rest[..at].chars().next_back();
        rest = &rest[at..];
        if before.is_none_or(|letter| !letter.is_alphanumeric() && !"_:".contains(letter)) {
            expand(rest, &[], &mut found);
        }
        rest = &rest["crate::".len()..];
    }
    found
}

/// Reads the path or the tree of paths that some code begins with; returns what follows.
fn expand<'a>(code: &'a str, before: &[String], found: &mut Vec<Names>) -> &'a str {
    let code = code.trim_start();
    if let Some(mut rest) = code.strip_prefix('{') {
        loop {
            rest = expand(rest, before, found);
            let Some(end) = rest.find([',', '}']) else { return "" };
            let closes = rest[end..].starts_with('}');
            rest = &rest[end + 1..];
            if closes {
                return rest;
            }
        }
    }
    let end = code.find(|letter: char| !letter.is_alphanumeric() && letter != '_').unwrap_or(code.len());
    let (name, rest) = code.split_at(end);
    let path = [before, &[name.to_owned()]].concat();
    if let Some(rest) = rest.strip_prefix("::") {
        return expand(rest, &path, found);
    }
    found.push(path);
    rest
}

/// A line for each set of neighbours that use each other.
fn in_circles(folder: &str, uses: &BTreeMap<&str, BTreeSet<&str>>) -> BTreeSet<String> {
    let all: BTreeMap<&str, BTreeSet<&str>> = uses.keys().map(|from| (*from, reached(from, uses))).collect();
    let mut circles = BTreeSet::new();
    for (from, further) in &all {
        let back = |to: &&str| all.get(to).is_some_and(|further| further.contains(from));
        let circle: Vec<&str> = further.iter().copied().filter(back).collect();
        if !circle.is_empty() {
            circles.insert(format!("in {folder:?}: {}", circle.join(", ")));
        }
    }
    circles
}

/// All that a module uses, and what that uses.
fn reached<'a>(from: &str, uses: &BTreeMap<&'a str, BTreeSet<&'a str>>) -> BTreeSet<&'a str> {
    let (mut found, mut open) = (BTreeSet::new(), vec![from]);
    while let Some(module) = open.pop() {
        for used in uses.get(module).into_iter().flatten() {
            if found.insert(*used) {
                open.push(used);
            }
        }
    }
    found
}
