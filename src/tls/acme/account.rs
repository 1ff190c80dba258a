//! The account at an authority: that of before, or a new one, which is kept beside the key.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::Context;
use instant_acme::{Account, AccountBuilder, AccountCredentials, NewAccount};
use serde::{Deserialize, Serialize};
use tokio::task::spawn_blocking;

use super::super::replacing::replace;

/// An account as it is kept.
#[derive(Serialize, Deserialize)]
struct Kept {
    /// The authority that it is of.
    directory: String,
    credentials: AccountCredentials,
}

/// An account that could not be written yet, so that no further one is made.
#[derive(Clone)]
pub(super) struct Unkept {
    account: Account,
    text: String,
}

/// Whose account it is, and where it is kept.
pub(super) struct Owner<'a> {
    /// The authority's directory.
    pub(super) directory: &'a str,
    /// As an address such as `mailto:me@example.org`.
    pub(super) contact: Option<&'a str>,
    /// The certificate's key.
    pub(super) key: &'a Path,
}

impl Owner<'_> {
    /// The account of before, or a new one. `unkept`: one that was made before and is in no file.
    pub(super) async fn account(
        &self,
        builder: AccountBuilder,
        unkept: &mut Option<Unkept>,
    ) -> anyhow::Result<Account> {
        let path = self.path();
        if let Some(Unkept { account, text }) = unkept.clone() {
            if write(&path, text).await.is_ok() {
                *unkept = None;
            }
            return Ok(account);
        }
        if let Some(credentials) = self.kept(&path).await? {
            let known = builder.from_credentials(credentials).await;
            return known.with_context(|| format!("the account of {} is refused", path.display()));
        }
        let contact: Vec<&str> = self.contact.into_iter().collect();
        let asked =
            NewAccount { contact: &contact, terms_of_service_agreed: true, only_return_existing: false };
        let made = builder.create(&asked, self.directory.to_owned(), None).await;
        let (account, credentials) = made.context("no account is made")?;
        let text = serde_json::to_string(&Kept { directory: self.directory.to_owned(), credentials })?;
        if let Err(error) = write(&path, text.clone()).await {
            let path = path.display();
            tracing::error!(%error, %path, "the new account cannot be written, and is kept in memory alone");
            *unkept = Some(Unkept { account: account.clone(), text });
        }
        Ok(account)
    }

    fn path(&self) -> PathBuf {
        let mut path = self.key.as_os_str().to_owned();
        path.push(".account");
        path.into()
    }

    /// The account of before, unless it is another authority's.
    async fn kept(&self, path: &Path) -> anyhow::Result<Option<AccountCredentials>> {
        let file = path.to_owned();
        let text = match spawn_blocking(move || std::fs::read_to_string(file)).await? {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).with_context(|| format!("{} cannot be read", path.display())),
        };
        // The error itself may repeat a part of the file.
        let kept: Kept = serde_json::from_str(&text)
            .map_err(|_| anyhow::anyhow!("{} holds no account; remove it for a new one", path.display()))?;
        Ok((kept.directory == self.directory).then_some(kept.credentials))
    }
}

/// On a thread that may wait for the disk.
async fn write(path: &Path, text: String) -> anyhow::Result<()> {
    let path = path.to_owned();
    Ok(spawn_blocking(move || replace(&path, &text)).await??)
}
