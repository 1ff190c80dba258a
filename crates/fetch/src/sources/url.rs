//! Files over HTTP; a broken transfer resumes where it stopped.

use std::fs::{self, File};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use reqwest::header::{CONTENT_LENGTH, CONTENT_RANGE, ETAG, HeaderMap, IF_RANGE, LAST_MODIFIED, RANGE};
use reqwest::{Client, Response, StatusCode};

use super::keep;
use visavis_models::FetchError;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// A transfer that stalls this long is broken off and resumed.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// Most attempts in a row without any data.
const FRUITLESS_ATTEMPTS: usize = 4;

/// The unfinished part of a download.
pub(super) fn partial(target: &Path) -> PathBuf {
    with_suffix(target, ".part")
}

/// The file with the server's name for the version that the unfinished part belongs to.
pub(super) fn validator(target: &Path) -> PathBuf {
    with_suffix(target, ".version")
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Downloads `address` to `target`.
pub(super) fn download(
    address: &str,
    target: &Path,
    on_bytes: &(dyn Fn(u64) + Sync),
) -> Result<(), FetchError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|source| FetchError::Io { path: target.to_owned(), source })?;
    runtime.block_on(download_resuming(address, target, on_bytes))
}

/// The outcome of one attempt, other than an error that ends the download.
enum Attempt {
    Complete,
    Broken(String),
}

/// The size of the file at `address`; none if the server does not tell it without sending the file.
pub(super) fn size(address: &str) -> Option<u64> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
    runtime.block_on(async {
        let response = client().ok()?.head(address).send().await.ok()?;
        // Not `content_length`, which is that of the body, and this response has none.
        let length = response.headers().get(CONTENT_LENGTH).filter(|_| response.status().is_success())?;
        length.to_str().ok()?.parse().ok()
    })
}

fn client() -> reqwest::Result<Client> {
    // Fails if this process has already chosen a provider, which is fine.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().connect_timeout(CONNECT_TIMEOUT).read_timeout(IDLE_TIMEOUT).build()
}

async fn download_resuming(address: &str, target: &Path, on_bytes: &dyn Fn(u64)) -> Result<(), FetchError> {
    let client = client().map_err(|e| unreachable(address, &e))?;
    let part = partial(target);
    let pauses = ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(500))
        .with_max_times(FRUITLESS_ATTEMPTS - 1);
    let mut pause = pauses.build();
    loop {
        let before = length(&part);
        match attempt(&client, address, target, on_bytes).await? {
            Attempt::Complete => {
                keep(&part, target)?;
                // A version left behind is harmless without its part.
                let _ = fs::remove_file(validator(target));
                return Ok(());
            }
            Attempt::Broken(detail) => {
                if length(&part) > before {
                    pause = pauses.build();
                }
                let Some(pause) = pause.next() else {
                    return Err(FetchError::Network { what: address.to_owned(), detail });
                };
                tokio::time::sleep(pause).await;
            }
        }
    }
}

async fn attempt(
    client: &Client,
    address: &str,
    target: &Path,
    on_bytes: &dyn Fn(u64),
) -> Result<Attempt, FetchError> {
    let part = partial(target);
    let have = length(&part);
    let version = fs::read_to_string(validator(target)).ok();
    let mut request = client.get(address);
    if let Some(version) = version.filter(|_| have > 0) {
        request = request.header(RANGE, format!("bytes={have}-")).header(IF_RANGE, version);
    }
    let response = match request.send().await {
        Ok(response) => response,
        Err(e) => return Ok(Attempt::Broken(reason(&e))),
    };
    let (from, total) = match response.status() {
        StatusCode::OK => (0, response.content_length()),
        StatusCode::PARTIAL_CONTENT => match content_range(response.headers()) {
            Some((from, total)) if from == have => (from, total),
            _ => return start_again(target, "the server resumed at the wrong place"),
        },
        StatusCode::RANGE_NOT_SATISFIABLE => return start_again(target, "the server cannot resume"),
        status if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
            return Ok(Attempt::Broken(status.to_string()));
        }
        status => {
            return Err(FetchError::Refused { what: address.to_owned(), detail: status.to_string() });
        }
    };
    remember_version(target, response.headers())?;
    match receive(response, &part, from, on_bytes).await? {
        None if total.is_none_or(|total| length(&part) == total) => Ok(Attempt::Complete),
        None => Ok(Attempt::Broken("the transfer ended early".to_owned())),
        Some(broken) => Ok(Attempt::Broken(broken)),
    }
}

fn start_again(target: &Path, why: &str) -> Result<Attempt, FetchError> {
    let part = partial(target);
    fs::remove_file(&part).map_err(|e| FetchError::writing(&part, e))?;
    Ok(Attempt::Broken(why.to_owned()))
}

/// Writes the body after the first `from` bytes; returns the reason if it breaks off.
async fn receive(
    mut response: Response,
    part: &Path,
    from: u64,
    on_bytes: &dyn Fn(u64),
) -> Result<Option<String>, FetchError> {
    let failed = |e| FetchError::writing(part, e);
    let mut file = File::options().create(true).truncate(false).write(true).open(part).map_err(failed)?;
    file.set_len(from).map_err(failed)?;
    file.seek(SeekFrom::Start(from)).map_err(failed)?;
    let mut written = from;
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) => {
                file.write_all(&chunk).map_err(failed)?;
                written += u64::try_from(chunk.len()).unwrap_or(0);
                on_bytes(written);
            }
            Ok(None) => return Ok(None),
            Err(e) => return Ok(Some(reason(&e))),
        }
    }
}

/// Records the version, since a later attempt may resume only the same one; without a strong validator it starts again.
fn remember_version(target: &Path, headers: &HeaderMap) -> Result<(), FetchError> {
    let path = validator(target);
    let strong = headers.get(ETAG).filter(|tag| !tag.as_bytes().starts_with(b"W/"));
    let version = strong.or_else(|| headers.get(LAST_MODIFIED)).and_then(|value| value.to_str().ok());
    match version {
        Some(version) => fs::write(&path, version).map_err(|e| FetchError::writing(&path, e)),
        None => {
            let _ = fs::remove_file(&path);
            Ok(())
        }
    }
}

/// First byte and total size from `bytes 5-9/10`.
fn content_range(headers: &HeaderMap) -> Option<(u64, Option<u64>)> {
    let value = headers.get(CONTENT_RANGE)?.to_str().ok()?.strip_prefix("bytes ")?;
    let (range, total) = value.split_once('/')?;
    Some((range.split_once('-')?.0.parse().ok()?, total.parse().ok()))
}

fn length(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |meta| meta.len())
}

fn unreachable(address: &str, error: &reqwest::Error) -> FetchError {
    FetchError::Network { what: address.to_owned(), detail: reason(error) }
}

/// The innermost cause: reqwest's own text repeats the address.
fn reason(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
