//! Whether the folders that the server writes have room, and may be written. Pure.

use std::path::PathBuf;

use visavis_models::human;

use crate::finding::{Finding, Problem, State};

const MB: u64 = 1_000_000;

/// What a folder is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Models,
    Store,
    /// Of a store that is not configured, but on by default: the server runs without it.
    StoreByDefault,
    Recordings,
}

/// How much room a folder needs to be no trouble.
struct Room {
    name: &'static str,
    key: &'static str,
    least: u64,
    ample: u64,
    is_written: bool,
    is_needed: bool,
}

impl Purpose {
    fn room(self) -> Room {
        let (name, key, least, ample, is_written) = match self {
            // Only fetching models writes there, and it says how much room it needs.
            Self::Models => ("disk-models", "models.dir", 0, 100 * MB, false),
            Self::Store | Self::StoreByDefault => ("disk-store", "store.path", 20 * MB, 500 * MB, true),
            Self::Recordings => ("disk-recordings", "recording.dir", 50 * MB, 1000 * MB, true),
        };
        let is_needed = self != Self::StoreByDefault;
        Room { name, key, least, ample, is_written, is_needed }
    }

    pub(crate) fn name(self) -> &'static str {
        self.room().name
    }
}

/// What is known of a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Folder {
    pub(crate) path: PathBuf,
    /// It, or the nearest folder above it that is there.
    pub(crate) found: PathBuf,
    /// Bytes that this user may fill.
    pub(crate) free: u64,
    pub(crate) may_write: bool,
}

pub(crate) fn judge(purpose: Purpose, folder: &Result<Folder, String>) -> Finding {
    let Room { name, key, least, ample, is_written, is_needed } = purpose.room();
    let Folder { path, found, free, may_write } = match folder {
        Ok(folder) => folder,
        Err(fault) => {
            let fix = format!("see that the folder of {key} is there and may be read");
            let message = format!("{key}: {fault}");
            return match is_needed {
                true => Finding::failed(name, message, fix),
                false => Finding::warning(name, message, fix),
            };
        }
    };
    let (path, found, room) = (path.display(), found.display(), human(*free));
    let mut problems = Vec::new();
    if *free < least {
        problems.push(Problem::failed(
            format!("{path} ({key}) has {room} left"),
            format!("free some space, or name a folder on another disk in {key}"),
        ));
    } else if *free < ample {
        problems.push(Problem::warning(
            format!("{path} ({key}) has {room} left"),
            format!("free some space, or name a folder on another disk in {key}"),
        ));
    }
    if is_written && !may_write {
        problems.push(Problem::failed(
            format!("{found} ({key}) may not be written by this user"),
            format!("give the server's user the right to, and run this as that user; or name another folder in {key}"),
        ));
    }
    if !is_needed {
        problems.iter_mut().for_each(|problem| problem.state = State::Warning);
    }
    Finding::of(name, format!("{path} has {room} free"), problems)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_needs_room_and_if_it_is_written_the_right_to() {
        let folder =
            |free, may_write| Ok(Folder { path: "/v/calls".into(), found: "/v".into(), free, may_write });
        for (purpose, folder, state, told) in [
            (Purpose::Recordings, folder(5000 * MB, true), State::Ok, "5.0 GB free"),
            (Purpose::Recordings, folder(400 * MB, true), State::Warning, "400 MB left"),
            (Purpose::Recordings, folder(40 * MB, true), State::Failed, "40 MB left"),
            (Purpose::Store, folder(40 * MB, true), State::Warning, "store.path"),
            (Purpose::Store, folder(5000 * MB, false), State::Failed, "/v (store.path) may not be written"),
            (Purpose::StoreByDefault, folder(5000 * MB, true), State::Ok, "5.0 GB free"),
            (Purpose::StoreByDefault, folder(5000 * MB, false), State::Warning, "/v (store.path) may not"),
            (Purpose::StoreByDefault, Err("no such disk".into()), State::Warning, "no such disk"),
            (Purpose::Models, folder(0, false), State::Warning, "models.dir"),
            (Purpose::Models, Err("no such disk".into()), State::Failed, "no such disk"),
        ] {
            let found = judge(purpose, &folder);
            assert_eq!(found.state, state, "{found:?}");
            assert!(found.message.contains(told), "{told}: {found:?}");
        }
    }
}
