//! The store, asked without a server.

use std::path::Path;

use visavis_config::Store as Settings;
use visavis_store::{CallId, Embedded, FILE, Remote, Store};

use crate::judge::store::Stored;

/// Asks Redis, or opens the file if there is one; makes none.
pub(crate) async fn look(settings: &Settings, folder: &Path) -> Stored {
    if !settings.enabled {
        return Stored::Off;
    }
    if !settings.url.is_empty() {
        let reached = match Remote::new(settings.url.expose(), settings.cluster) {
            Ok(store) => store.sweep().await,
            Err(error) => Err(error),
        };
        return reached.map_or_else(|error| Stored::Fault(error.to_string()), |()| Stored::Reached);
    }
    let file = folder.join(FILE);
    let path = file.display().to_string();
    if !file.exists() {
        return Stored::ToBeMade(path);
    }
    // No call has this id.
    let Some(nobody) = CallId::new("doctor") else { return Stored::Opened(path) };
    match Embedded::new(folder).load(&nobody).await {
        Ok(_) => Stored::Opened(path),
        Err(error) if settings.is_asked_for => Stored::Fault(error.to_string()),
        Err(error) => Stored::Without(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_is_opened_if_there_is_one_and_none_is_made() {
        let folder = tempfile::tempdir().unwrap();
        let off = Settings { enabled: false, ..Settings::default() };
        let on = Settings { is_asked_for: true, ..Settings::default() };
        assert_eq!(look(&off, folder.path()).await, Stored::Off);
        assert!(matches!(look(&on, folder.path()).await, Stored::ToBeMade(_)));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        std::fs::write(folder.path().join(FILE), "something else entirely").unwrap();
        let found = look(&on, folder.path()).await;
        assert!(matches!(&found, Stored::Fault(fault) if fault.contains("move it away")), "{found:?}");
        let found = look(&Settings::default(), folder.path()).await;
        assert!(matches!(&found, Stored::Without(fault) if fault.contains("move it away")), "{found:?}");
    }
}
