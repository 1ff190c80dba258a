//! A brief run: the seeds, then mutations of them, the same ones each time.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::folder;
use super::mutation::{Random, changed};

/// Inputs besides the seeds.
const ROUNDS: u64 = 4_000;
/// No new input is tried after this time.
const BUDGET: Duration = Duration::from_secs(3);
/// An input that takes longer is a fault. libFuzzer's limit is shorter: tests share the processor with others.
const SLOW: Duration = Duration::from_secs(10);

/// One target's run.
pub(super) struct Brief {
    pub(super) corpus: PathBuf,
    pub(super) findings: PathBuf,
}

impl Brief {
    /// With the target's seeds in this repository.
    pub(super) fn of(target: &str) -> Self {
        Self { corpus: folder("corpus", target), findings: folder("findings", target) }
    }

    pub(super) fn run(&self, check: fn(&[u8])) {
        let seeds = seeds(&self.corpus);
        assert!(!seeds.is_empty(), "{} holds no seeds: add an example or two", self.corpus.display());
        let began = Instant::now();
        for (path, seed) in &seeds {
            self.check(check, seed, &path.display().to_string());
        }
        for round in 0..ROUNDS {
            if began.elapsed() > BUDGET {
                break;
            }
            let mut random = Random::new(round);
            let (path, seed) = &seeds[random.below(seeds.len())];
            let other = &seeds[random.below(seeds.len())].1;
            let input = changed(seed, other, &mut random);
            self.check(check, &input, &format!("round {round} of {}", path.display()));
        }
    }

    /// Tries one input, and keeps it if it finds a fault.
    fn check(&self, check: fn(&[u8]), input: &[u8], name: &str) {
        let began = Instant::now();
        let checked = catch_unwind(AssertUnwindSafe(|| check(input)));
        let took = began.elapsed();
        if let Err(panic) = checked {
            self.keep("panic", input, name);
            resume_unwind(panic);
        }
        if took > SLOW {
            self.keep("slow", input, name);
            panic!("{name}: {took:?} for {} bytes; at most {SLOW:?}", input.len());
        }
    }

    fn keep(&self, kind: &str, input: &[u8], name: &str) {
        let hash = input.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        });
        let path = self.findings.join(format!("{kind}-{hash:016x}"));
        let kept = std::fs::create_dir_all(&self.findings).and_then(|()| std::fs::write(&path, input));
        eprintln!("fuzz: {name} finds a fault; the input: {} ({kept:?})", path.display());
    }
}

/// The files of a folder, in order.
fn seeds(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(|path| path.is_file()).collect();
    paths.sort();
    paths.into_iter().filter_map(|path| std::fs::read(&path).ok().map(|seed| (path, seed))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn brief(folder: &tempfile::TempDir) -> Brief {
        let brief = Brief { corpus: folder.path().join("corpus"), findings: folder.path().join("findings") };
        std::fs::create_dir(&brief.corpus).unwrap();
        brief
    }

    #[test]
    fn an_input_that_panics_is_kept_and_reported() {
        let folder = tempfile::tempdir().unwrap();
        let brief = brief(&folder);
        std::fs::write(brief.corpus.join("a"), b"length 17").unwrap();
        // Not a seed, but close to one.
        let fails = catch_unwind(|| brief.run(|input| assert!(!input.contains(&b'-'), "a sign")));
        assert!(fails.is_err());
        let kept = seeds(&brief.findings);
        assert!(kept.len() == 1 && kept[0].1.contains(&b'-'), "{kept:?}");
        brief.run(|input| assert!(input.len() <= crate::LONGEST));
    }

    #[test]
    fn a_target_without_seeds_panics() {
        let folder = tempfile::tempdir().unwrap();
        let brief = brief(&folder);
        assert!(catch_unwind(|| brief.run(|_| {})).is_err());
    }
}
