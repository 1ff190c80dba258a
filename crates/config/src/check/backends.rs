//! Checks of further engines.

use crate::Config;
use crate::backends::{MOST, PREFIX};

/// Adds a line for each fault: a backend is checked as its kind's section is, alone.
pub(crate) fn check(config: &Config, faults: &mut Vec<String>) {
    if config.backends.len() > MOST {
        faults.push(format!("backends: {}; at most {MOST}", config.backends.len()));
    }
    for (name, backend) in &config.backends {
        let mut alone = Config::default();
        backend.replace_in(&mut alone);
        let mut found = Vec::new();
        super::check(&alone, &mut found);
        let (section, own) = (format!("{}.", backend.kind().name()), format!("{PREFIX}{name}."));
        faults.extend(found.into_iter().map(|fault| fault.replace(&section, &own)));
    }
}
