//! An order at an ACME authority, and the proof that the names lead here.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail};
use instant_acme::{
    Account, AuthorizationStatus, ChallengeType, Identifier, NewOrder, Order, OrderStatus, RetryPolicy,
};
use rcgen::{CertificateParams, CustomExtension, KeyPair};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::CertifiedKey;

use super::super::Certificate;
use super::super::obtained::Obtained;
use super::account::{Owner, Unkept, refused};
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

    /// Orders a certificate for the names, with a new key. `unkept`: an account that is in no file.
    pub(super) async fn order(
        &self,
        certificate: &Certificate,
        unkept: &mut Option<Unkept>,
    ) -> anyhow::Result<Obtained> {
        tracing::info!(names = ?self.names, authority = %self.directory, "a certificate is ordered");
        let account = self.account(certificate, unkept).await?;
        let names: Vec<Identifier> = self.names.iter().cloned().map(Identifier::Dns).collect();
        let ordered = account.new_order(&NewOrder::new(&names)).await;
        let mut order = ordered.map_err(|refusal| refused(refusal, &certificate.files.key))?;
        prove(&mut order, certificate).await?;
        let status = order.poll_ready(&POLL).await.context("the order did not become ready")?;
        if status != OrderStatus::Ready {
            let names = self.names.join(", ");
            bail!("the authority did not find this server at port 443 of {names}: do the names lead here?");
        }
        let key = order.finalize().await.context("the order could not be finalised")?;
        let chain = order.poll_certificate(&POLL).await.context("the certificate was not issued")?;
        Ok(Obtained { chain, key })
    }

    async fn account(
        &self,
        certificate: &Certificate,
        unkept: &mut Option<Unkept>,
    ) -> anyhow::Result<Account> {
        let builder = match &self.root {
            None => Account::builder(),
            Some(root) => Account::builder_with_root(root),
        };
        let (directory, contact) = (self.directory.as_str(), self.contact.as_deref());
        let owner = Owner { directory, contact, key: &certificate.files.key };
        owner.account(builder.context("server.acme_roots")?, unkept).await
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
