//! Tarballs, through the user's own npm and its configuration.

use std::path::Path;

use super::client::Client;
use visavis_models::FetchError;

/// Downloads one package, without its dependencies.
pub(super) fn download(
    command: &[String],
    spec: &str,
    scratch: &Path,
    target: &Path,
    on_bytes: &dyn Fn(u64),
) -> Result<(), FetchError> {
    let client = Client {
        command,
        tool: "npm",
        install: "install npm (Debian and Ubuntu: apt install npm), or use --prefer hub",
    };
    client.download(
        spec,
        |out| {
            let dest = out.to_string_lossy().into_owned();
            let flags = ["--loglevel=error", "--no-update-notifier", "--fetch-retries=2"].map(str::to_owned);
            let mut args = vec!["pack".to_owned(), spec.to_owned(), "--pack-destination".to_owned(), dest];
            args.extend(flags);
            args
        },
        scratch,
        target,
        on_bytes,
    )
}
