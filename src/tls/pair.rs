//! A certificate and its key, read from the text of their files. Pure.

use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{Error, InconsistentKeys};
use thiserror::Error as Fault;
use x509_parser::time::ASN1Time;

/// A certificate with its chain and the key that fits it.
#[derive(Debug, Clone)]
pub(super) struct Pair {
    pub(super) key: Arc<CertifiedKey>,
    /// When the certificate is valid.
    pub(super) valid: Valid,
}

/// When a certificate is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Valid {
    pub(super) from: ASN1Time,
    pub(super) until: ASN1Time,
}

impl Valid {
    /// What clients will say of the certificate at this time, in seconds since 1970; `None`: nothing.
    pub(super) fn warning(&self, now: i64) -> Option<String> {
        let Self { from, until } = self;
        if now > until.timestamp() {
            return Some(format!("expired at {until}: browsers refuse it until it is renewed"));
        }
        (now < from.timestamp())
            .then(|| format!("is not valid before {from}: is this machine's clock right?"))
    }
}

/// Why two files are no certificate with its key, as the end of a sentence about one of them.
#[derive(Debug, Clone, PartialEq, Eq, Fault)]
pub(super) enum PairFault {
    #[error(
        "holds no certificate: it must be PEM (-----BEGIN CERTIFICATE-----), the server's own first, then those that \
         lead to its authority's"
    )]
    NoCertificate,
    #[error("is not PEM that can be read: {0}")]
    BadCertificatePem(&'static str),
    #[error("holds a certificate that cannot be read: {0}")]
    BadCertificate(String),
    #[error("holds no key: it must be PEM (-----BEGIN PRIVATE KEY-----, RSA PRIVATE KEY or EC PRIVATE KEY)")]
    NoKey,
    #[error(
        "is encrypted, and a server has nobody to ask for its password: `openssl pkey` writes it without one"
    )]
    EncryptedKey,
    #[error("is not PEM that can be read: {0}")]
    BadKeyPem(&'static str),
    #[error("holds a key that cannot be used: {0}; RSA, ECDSA (P-256, P-384) and Ed25519 can")]
    BadKey(String),
    #[error("does not fit the certificate of server.tls_cert: their public keys differ")]
    Unfit,
}

impl PairFault {
    /// Whether it is the key's file that has to change.
    pub(super) fn is_of_key(&self) -> bool {
        match self {
            Self::NoCertificate | Self::BadCertificatePem(_) | Self::BadCertificate(_) => false,
            Self::NoKey | Self::EncryptedKey | Self::BadKeyPem(_) | Self::BadKey(_) | Self::Unfit => true,
        }
    }
}

/// Reads a certificate with its chain and its key, both PEM; they may be the same text.
pub(super) fn read(cert: &[u8], key: &[u8], provider: &CryptoProvider) -> Result<Pair, PairFault> {
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(cert)
        .collect::<Result<_, _>>()
        .map_err(|error| PairFault::BadCertificatePem(damage(&error)))?;
    let valid = valid(chain.first().ok_or(PairFault::NoCertificate)?)?;
    let key = provider
        .key_provider
        .load_private_key(private_key(key)?)
        .map_err(|error| PairFault::BadKey(error.to_string()))?;
    let pair = CertifiedKey::new(chain, key);
    match pair.keys_match() {
        Ok(()) | Err(Error::InconsistentKeys(InconsistentKeys::Unknown)) => {}
        Err(Error::InconsistentKeys(_)) => return Err(PairFault::Unfit),
        Err(error) => return Err(PairFault::BadCertificate(error.to_string())),
    }
    Ok(Pair { key: Arc::new(pair), valid })
}

fn valid(cert: &CertificateDer<'_>) -> Result<Valid, PairFault> {
    let (_, cert) = x509_parser::parse_x509_certificate(cert)
        .map_err(|error| PairFault::BadCertificate(error.to_string()))?;
    let valid = cert.validity();
    Ok(Valid { from: valid.not_before, until: valid.not_after })
}

fn private_key(pem: &[u8]) -> Result<PrivateKeyDer<'static>, PairFault> {
    PrivateKeyDer::from_pem_slice(pem).map_err(|error| match error {
        _ if is_encrypted(pem) => PairFault::EncryptedKey,
        pem::Error::NoItemsFound => PairFault::NoKey,
        error => PairFault::BadKeyPem(damage(&error)),
    })
}

/// What is wrong with a text. The error itself would repeat a part of it.
fn damage(error: &pem::Error) -> &'static str {
    match error {
        pem::Error::MissingSectionEnd { .. } => "a section has no END line",
        pem::Error::IllegalSectionStart { .. } => "a BEGIN line is incomplete",
        pem::Error::Base64Decode(_) => "what stands between BEGIN and END is not base64",
        _ => "it is damaged",
    }
}

/// Whether a text holds a key that needs a password, in PKCS#8's form or in OpenSSL's older one.
fn is_encrypted(pem: &[u8]) -> bool {
    let begins = |line: &[u8]| {
        line.starts_with(b"-----BEGIN ENCRYPTED PRIVATE KEY") || line.starts_with(b"Proc-Type: 4,ENCRYPTED")
    };
    pem.split(|byte| *byte == b'\n').any(begins)
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::*;

    /// Some time in 2026.
    const NOW: i64 = 1_780_000_000;

    struct Made {
        cert: String,
        key: String,
    }

    fn made(params: &CertificateParams) -> Made {
        let key = KeyPair::generate().unwrap();
        Made { cert: params.self_signed(&key).unwrap().pem(), key: key.serialize_pem() }
    }

    fn own() -> Made {
        made(&CertificateParams::new(["localhost".to_owned()]).unwrap())
    }

    fn tried(cert: &str, key: &str) -> Result<Pair, PairFault> {
        read(cert.as_bytes(), key.as_bytes(), &rustls::crypto::ring::default_provider())
    }

    #[test]
    fn a_certificate_is_taken_with_its_key_also_from_one_file() {
        let Made { cert, key } = own();
        let both = format!("{key}\n{cert}");
        for (cert, key) in [(&cert, &key), (&both, &both)] {
            let pair = tried(cert, key).unwrap();
            assert_eq!((pair.key.cert.len(), pair.valid.warning(NOW)), (1, None));
        }
    }

    #[test]
    fn what_is_wrong_is_told_of_the_file_that_has_to_change() {
        let (one, other) = (own(), own());
        let encrypted = one.key.replace("BEGIN PRIVATE", "BEGIN ENCRYPTED PRIVATE");
        let encrypted = encrypted.replace("END PRIVATE", "END ENCRYPTED PRIVATE");
        let old =
            "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAAAA\n";
        let old = format!("{old}-----END RSA PRIVATE KEY-----\n");
        let damaged = one.key.replacen("MIG", "AAA", 1);
        assert_ne!(damaged, one.key);
        for (cert, key, told, of_key) in [
            (one.cert.as_str(), other.key.as_str(), "public keys differ", true),
            ("", &one.key, "holds no certificate", false),
            (&one.key, &one.key, "holds no certificate", false),
            ("-----BEGIN CERTIFICATE-----\nAAAA\n", &one.key, "is not PEM", false),
            (
                "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
                &one.key,
                "cannot be read",
                false,
            ),
            (&one.cert, &one.cert, "holds no key", true),
            (&one.cert, &encrypted, "is encrypted", true),
            (&one.cert, &old, "is encrypted", true),
            (&one.cert, &damaged, "cannot be used", true),
            (&one.cert, "-----BEGIN PRIVATE KEY-----\nAAAA\n", "is not PEM", true),
        ] {
            let fault = tried(cert, key).unwrap_err();
            assert!(fault.to_string().contains(told), "{told}: {fault}");
            assert_eq!(fault.is_of_key(), of_key, "{fault}");
            assert!(!fault.to_string().contains(key.lines().nth(1).unwrap_or("MIG")), "{fault}");
        }
    }

    #[test]
    fn a_certificate_outside_its_time_is_warned_of() {
        for (from, until, told) in [
            (2020, 2021, Some("expired at Jan  1 00:00:00 2021")),
            (2040, 2041, Some("is not valid before Jan  1 00:00:00 2040")),
            (2020, 2041, None),
        ] {
            let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
            (params.not_before, params.not_after) = (date_time_ymd(from, 1, 1), date_time_ymd(until, 1, 1));
            let Made { cert, key } = made(&params);
            let warning = tried(&cert, &key).unwrap().valid.warning(NOW);
            let fits =
                told.map_or(warning.is_none(), |told| warning.as_ref().is_some_and(|it| it.contains(told)));
            assert!(fits, "{warning:?}");
        }
    }
}
