//! Restricts files, TCP and signals by Landlock, as far as the kernel supports each: an engine reads its models, libraries
//! and the kernel's lists of processors, and writes only what its drivers must.

use std::path::PathBuf;

use anyhow::{Context, ensure};
use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetStatus,
    Scope, make_bitflags, path_beneath_rules,
};

use super::drivers::Places;
use super::{Needs, Surroundings};

/// The newest rules that this program knows; an older kernel enforces those that it supports.
const RULES: ABI = ABI::V6;

/// Libraries, files that they load by name, and what the loader, the thread library and the clock read.
const SYSTEM: [&str; 20] = [
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/usr/local/lib",
    "/nix/store",
    "/usr/share/espeak-ng-data",
    "/usr/share/zoneinfo",
    "/etc/ld.so.cache",
    "/etc/ld.so.preload",
    "/etc/localtime",
    "/dev/null",
    "/dev/urandom",
    "/proc/self",
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/proc/sys/vm",
    "/sys/devices/system",
    "/sys/fs/cgroup",
    "/sys/kernel/mm/transparent_hugepage",
];

const READ: BitFlags<AccessFs> = make_bitflags!(AccessFs::{ReadFile | ReadDir});
/// Access to a device node.
const DEVICE: BitFlags<AccessFs> = make_bitflags!(AccessFs::{ReadFile | ReadDir | WriteFile | IoctlDev});
/// Access to a cache folder.
const KEEP: BitFlags<AccessFs> = make_bitflags!(AccessFs::{
    ReadFile | ReadDir | WriteFile | Truncate | MakeReg | MakeDir | RemoveFile | RemoveDir | Refer
});
/// Access to a folder of programs.
const RUN: BitFlags<AccessFs> = make_bitflags!(AccessFs::{ReadFile | ReadDir | Execute});

/// Restricts the calling thread and those that it starts.
pub(super) fn confine(needs: &Needs, surroundings: &Surroundings) -> anyhow::Result<()> {
    let places = Places::of(needs.drivers, surroundings);
    let own = std::env::current_exe().ok();
    let read = SYSTEM.iter().map(PathBuf::from).chain(named(surroundings)).chain(own);
    let read: Vec<PathBuf> = read.chain(needs.read.iter().cloned()).chain(places.read).collect();
    let restricted = Ruleset::default()
        .handle_access(AccessFs::from_all(RULES))?
        .handle_access(AccessNet::from_all(RULES))?
        .scope(Scope::from_all(RULES))?
        .create()?
        // Missing paths are skipped.
        .add_rules(path_beneath_rules(read, READ))?
        .add_rules(path_beneath_rules(["/dev/null"], DEVICE))?
        .add_rules(path_beneath_rules(places.devices, DEVICE))?
        .add_rules(path_beneath_rules(places.write, KEEP))?
        .add_rules(path_beneath_rules(places.programs, RUN))?
        .restrict_self()
        .context("Landlock")?;
    ensure!(restricted.ruleset != RulesetStatus::NotEnforced, "this kernel has no Landlock");
    Ok(())
}

/// Folders that the operator has configured for the loader and espeak-ng.
fn named(surroundings: &Surroundings) -> impl Iterator<Item = PathBuf> {
    let Surroundings { library_path, espeak_data_path, .. } = surroundings;
    let named = library_path.iter().chain(espeak_data_path);
    named.flat_map(std::env::split_paths).filter(|path| path.is_absolute())
}
