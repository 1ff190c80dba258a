//! The configuration of jobs: texts and recordings that are worked on behind everything else.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Jobs: how much they may have, and how long it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Jobs {
    /// The folder of jobs, which one server uses; empty: `visavis/jobs` in the user's data directory.
    pub dir: PathBuf,
    /// Mebibytes of all jobs on the disk, results included, half of which one may have; 0: no jobs are taken.
    pub disk_mb: u32,
    /// Mebibytes of a request with texts.
    pub largest_body_mib: u32,
    /// Texts that are spoken at once.
    pub at_once: u32,
    /// Days that a job is kept after its end.
    pub keep_days: u32,
    /// Hours that a link to results is valid.
    pub link_hours: u32,
    /// Seconds that `/generate_batch` waits for results before it responds with the job alone.
    pub wait_seconds: u32,
    /// Most jobs of one address that are not over; 0: no limit.
    pub per_address: u32,
}

impl Default for Jobs {
    fn default() -> Self {
        Self {
            dir: PathBuf::new(),
            disk_mb: 4096,
            largest_body_mib: 16,
            at_once: 2,
            keep_days: 7,
            link_hours: 24,
            wait_seconds: 30,
            per_address: 32,
        }
    }
}

/// Adds a line for each fault.
pub(super) fn check(own: &Jobs, faults: &mut Vec<String>) {
    for (key, value, low, high) in [
        ("disk_mb", own.disk_mb, 0, 16_777_216),
        ("largest_body_mib", own.largest_body_mib, 1, 256),
        ("at_once", own.at_once, 1, 16),
        ("keep_days", own.keep_days, 1, 365),
        ("link_hours", own.link_hours, 1, 8760),
        ("wait_seconds", own.wait_seconds, 0, 600),
        ("per_address", own.per_address, 0, 10_000),
    ] {
        if !(low..=high).contains(&value) {
            faults.push(format!("jobs.{key}: {value} is outside {low} to {high}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::Config;
    use crate::testing::loaded;

    #[test]
    fn a_value_that_is_out_of_range_is_a_fault_that_names_its_key_and_the_range() {
        for (text, told) in [
            ("disk_mb = 0\nat_once = 16", None),
            ("at_once = 0", Some("jobs.at_once: 0 is outside 1 to 16")),
            ("largest_body_mib = 257", Some("jobs.largest_body_mib: 257 is outside 1 to 256")),
            ("keep_days = 0", Some("jobs.keep_days: 0 is outside 1 to 365")),
            ("per_address = 0", None),
            ("per_address = 10001", Some("jobs.per_address: 10001 is outside 0 to 10000")),
        ] {
            let faults = loaded(&format!("[jobs]\n{text}\n"), &[], &[]).err().unwrap_or_default();
            assert_eq!(faults.first().map(String::as_str), told, "{text}");
        }
    }

    #[test]
    fn jobs_stand_in_the_data_directory_unless_another_folder_is_named() {
        let mut config = Config::default();
        assert!(config.jobs_dir().ends_with("visavis/jobs"));
        config.jobs.dir = "/srv/jobs".into();
        assert_eq!(config.jobs_dir(), Path::new("/srv/jobs"));
    }
}
