//! The configuration of listening to recordings: uploads.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Largest `listening.largest_upload_mib`: a day of uncompressed sound in studio quality has a tenth of it.
const MOST_MIB: u32 = 1 << 20;

/// Recordings that clients send to be transcribed or aligned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listening {
    /// Mebibytes of a request's recordings together; larger ones are refused.
    pub largest_upload_mib: u32,
    /// The folder in which uploads stand until they have been heard, as files without a name; empty: `visavis/uploads` in the user's
    /// data directory.
    pub dir: PathBuf,
}

impl Default for Listening {
    fn default() -> Self {
        Self { largest_upload_mib: 512, dir: PathBuf::new() }
    }
}

/// Adds a line for each fault.
pub(super) fn check(own: &Listening, faults: &mut Vec<String>) {
    if !(1..=MOST_MIB).contains(&own.largest_upload_mib) {
        faults.push(format!(
            "listening.largest_upload_mib: {} is outside 1 to {MOST_MIB}",
            own.largest_upload_mib
        ));
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::testing::{flagged, loaded};
    use crate::{Config, Sources, load};

    #[test]
    fn an_upload_has_a_limit_of_at_least_a_mebibyte() {
        for (text, told) in [
            ("largest_upload_mib = 1", None),
            ("largest_upload_mib = 4096\ndir = \"/var/lib/visavis\"", None),
            ("largest_upload_mib = 0", Some("listening.largest_upload_mib: 0 is outside 1 to 1048576")),
        ] {
            let faults = loaded(&format!("[listening]\n{text}\n"), &[], &[]).err().unwrap_or_default();
            assert_eq!(faults.first().map(String::as_str), told, "{text}");
        }
    }

    #[test]
    fn uploads_stand_in_the_data_directory_unless_another_folder_is_named() {
        let flags = flagged(&[("listening.dir", "/var/tmp/uploads")]);
        let named = load(&Sources { flags, ..Sources::default() }).unwrap();
        assert_eq!(named.uploads_dir(), Path::new("/var/tmp/uploads"));
        assert!(Config::default().uploads_dir().ends_with("visavis/uploads"));
    }
}
