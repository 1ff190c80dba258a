//! The account at an authority: that of before, or a new one, which is kept beside the key.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::Context;
use instant_acme::{Account, AccountBuilder, AccountCredentials, NewAccount};
use serde::{Deserialize, Serialize};
use tokio::task::spawn_blocking;

use super::super::replacing::replace;

/// What an authority says of an account that it does not have (RFC 8555, 6.7).
const GONE: &str = "urn:ietf:params:acme:error:accountDoesNotExist";

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
        let path = place(self.key);
        if let Some(Unkept { account, text }) = unkept.clone() {
            if write(&path, text).await.is_ok() {
                *unkept = None;
            }
            return Ok(account);
        }
        if let Some(credentials) = self.kept(&path).await? {
            let known = builder.from_credentials(credentials).await;
            // The authority's directory is read as well.
            return known.with_context(|| format!("the account in {} cannot be used", path.display()));
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

/// Where the account is kept.
fn place(key: &Path) -> PathBuf {
    let mut path = key.as_os_str().to_owned();
    path.push(".account");
    path.into()
}

/// Why an order is refused, and what to do if that is the account. `key`: the certificate's.
pub(super) fn refused(refusal: instant_acme::Error, key: &Path) -> anyhow::Error {
    let is_gone =
        matches!(&refusal, instant_acme::Error::Api(problem) if problem.r#type.as_deref() == Some(GONE));
    let path = place(key);
    let why = if is_gone {
        format!("the authority does not know the account in {}; remove it for a new one", path.display())
    } else {
        "the order is refused".to_owned()
    };
    anyhow::Error::new(refusal).context(why)
}

/// On a thread that may wait for the disk.
async fn write(path: &Path, text: String) -> anyhow::Result<()> {
    let path = path.to_owned();
    Ok(spawn_blocking(move || replace(&path, &text)).await??)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_account_that_the_authority_has_forgotten_is_named_with_what_to_do() {
        let told = |kind: &str| {
            let problem = serde_json::from_value(json!({ "type": kind, "status": 400 })).unwrap();
            format!("{:#}", refused(instant_acme::Error::Api(problem), Path::new("/tls/key.pem")))
        };
        assert!(told(GONE).contains("the account in /tls/key.pem.account; remove it for a new one"));
        let other = told("urn:ietf:params:acme:error:rateLimited");
        assert!(other.starts_with("the order is refused") && !other.contains("key.pem"), "{other}");
    }
}
