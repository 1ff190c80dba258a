//! The model hub: every file of a repository at a revision has a plain address.

/// The address of a file on the hub at `base`.
pub(super) fn address(base: &str, repository: &str, revision: &str, file: &str) -> String {
    format!("{}/{repository}/resolve/{revision}/{file}", base.trim_end_matches('/'))
}
