//! An order at an ACME authority: the account, the proof that the names lead here, and the files.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use instant_acme::{
    Account, AccountCredentials, AuthorizationStatus, ChallengeType, Identifier, NewAccount, NewOrder, Order,
    OrderStatus, RetryPolicy,
};
use rcgen::{CertificateParams, CustomExtension, KeyPair};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::CertifiedKey;
use serde::{Deserialize, Serialize};

use super::super::Certificate;
use super::super::files::replace;
use crate::config;

/// How often, and for how long, the authority is asked how far an order is.
const POLL: RetryPolicy = RetryPolicy::new().backoff(1.5).timeout(Duration::from_secs(120));

/// An ACME authority, and what is ordered from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authority {
    directory: String,
    /// As an address such as `mailto:me@example.org`.
    contact: Option<String>,
    /// The root certificate of its own server, if it is not one of the system's.
    root: Option<PathBuf>,
    names: Vec<String>,
}

/// An account as it is kept.
#[derive(Serialize, Deserialize)]
struct Kept {
    /// The authority that made it.
    directory: String,
    credentials: AccountCredentials,
}

impl Authority {
    /// The authority that a configuration names; `None`: no certificate is ordered.
    #[must_use]
    pub fn of(server: &config::Server) -> Option<Self> {
        let config::Server { acme_directory, acme_contact, acme_roots, names, .. } = server;
        (!acme_directory.is_empty()).then(|| Self {
            directory: acme_directory.clone(),
            contact: (!acme_contact.is_empty()).then(|| format!("mailto:{acme_contact}")),
            root: (!acme_roots.as_os_str().is_empty()).then(|| acme_roots.clone()),
            names: names.iter().map(|name| name.to_ascii_lowercase()).collect(),
        })
    }

    /// Orders a certificate for the names, and writes it with a new key to the files.
    pub(super) async fn order(&self, certificate: &Certificate) -> anyhow::Result<()> {
        tracing::info!(names = ?self.names, authority = %self.directory, "a certificate is ordered");
        let account = self.account(&certificate.files.key).await?;
        let names: Vec<Identifier> = self.names.iter().cloned().map(Identifier::Dns).collect();
        let mut order = account.new_order(&NewOrder::new(&names)).await.context("the order is refused")?;
        prove(&mut order, certificate).await?;
        let status = order.poll_ready(&POLL).await.context("the order did not become ready")?;
        if status != OrderStatus::Ready {
            let names = self.names.join(", ");
            bail!("the authority did not find this server at port 443 of {names}: do the names lead here?");
        }
        let key = order.finalize().await.context("the order could not be finalised")?;
        let chain = order.poll_certificate(&POLL).await.context("the certificate was not issued")?;
        let files = certificate.files.clone();
        let written = tokio::task::spawn_blocking(move || files.write(&chain, &key)).await?;
        written.context("the certificate cannot be written to server.tls_cert and server.tls_key")
    }

    /// The earlier account, or a new one, which is kept beside the key.
    async fn account(&self, key: &Path) -> anyhow::Result<Account> {
        let mut path = key.as_os_str().to_owned();
        path.push(".account");
        let path = PathBuf::from(path);
        let builder = match &self.root {
            None => Account::builder(),
            Some(root) => Account::builder_with_root(root),
        };
        let builder = builder.context("server.acme_roots")?;
        if let Some(credentials) = self.kept(&path)? {
            let known = builder.from_credentials(credentials).await;
            return known.with_context(|| format!("the account of {} is refused", path.display()));
        }
        let contact: Vec<&str> = self.contact.as_deref().into_iter().collect();
        let asked =
            NewAccount { contact: &contact, terms_of_service_agreed: true, only_return_existing: false };
        let made = builder.create(&asked, self.directory.clone(), None).await;
        let (account, credentials) = made.context("no account could be created")?;
        let kept = serde_json::to_string(&Kept { directory: self.directory.clone(), credentials })?;
        replace(&path, &kept).with_context(|| format!("{} cannot be written", path.display()))?;
        Ok(account)
    }

    /// The earlier account, unless it is another authority's.
    fn kept(&self, path: &Path) -> anyhow::Result<Option<AccountCredentials>> {
        let text = match std::fs::read_to_string(path) {
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

/// Has the authority check each name, except those that it has checked recently.
async fn prove(order: &mut Order, certificate: &Certificate) -> anyhow::Result<()> {
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization?;
        if authorization.status == AuthorizationStatus::Valid {
            continue;
        }
        let mut challenge = authorization
            .challenge(ChallengeType::TlsAlpn01)
            .context("the authority offers no proof by a handshake (tls-alpn-01)")?;
        let name = challenge.identifier().to_string();
        let digest = challenge.key_authorization().digest();
        let proof = proof(&name, digest.as_ref(), &certificate.provider)?;
        certificate.prove(name, proof);
        challenge.set_ready().await.context("the proof is refused")?;
    }
    Ok(())
}

/// A certificate for the authority's check alone: it holds what the authority has told only this account.
fn proof(name: &str, digest: &[u8], provider: &CryptoProvider) -> anyhow::Result<CertifiedKey> {
    let mut params = CertificateParams::new([name.to_owned()])?;
    params.custom_extensions.push(CustomExtension::new_acme_identifier(digest));
    let key = KeyPair::generate()?;
    let cert = params.self_signed(&key)?;
    let der = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    Ok(CertifiedKey::new(vec![cert.der().clone()], provider.key_provider.load_private_key(der)?))
}
