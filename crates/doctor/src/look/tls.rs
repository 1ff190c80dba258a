//! What the files of a certificate and its key hold.

use std::fs::File;
use std::io::Read;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::{CertificateError, Error};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;

use super::roots;
use crate::judge::tls::{Certificate, Fault};

/// Largest file; a chain of ten certificates takes some 20 KiB.
const LARGEST: u64 = 1 << 20;
/// The permission of everyone to read.
const OTHERS_READ: u32 = 0o004;

pub(crate) fn read(cert: &Path, key: &Path) -> Result<Certificate, Fault> {
    if !cert.exists() && !key.exists() {
        return Err(Fault::Neither);
    }
    let pem = bytes(cert).map_err(Fault::Cert)?;
    let secret = bytes(key).map_err(Fault::Key)?;
    let mode = std::fs::metadata(key).map(|about| about.permissions().mode()).unwrap_or_default();
    let chain = chain(&pem).map_err(|what| Fault::Cert(format!("{} {what}", cert.display())))?;
    let private = PrivateKeyDer::from_pem_slice(&secret).map_err(|_| {
        // The error itself may repeat a part of the key.
        let what = "holds no key that can be read: it must be PEM, without a password";
        Fault::Key(format!("{} {what}", key.display()))
    })?;
    let provider = rustls::crypto::ring::default_provider();
    match CertifiedKey::from_der(chain.clone(), private, &provider) {
        Ok(_) => {}
        Err(Error::InconsistentKeys(_)) => return Err(Fault::Unfit),
        Err(error) => return Err(Fault::Key(format!("{} cannot be used: {error}", key.display()))),
    }
    let unreadable = |error: String| Fault::Cert(format!("{} cannot be read: {error}", cert.display()));
    let (_, parsed) =
        x509_parser::parse_x509_certificate(&chain[0]).map_err(|error| unreadable(error.to_string()))?;
    let (names, validity) = (names(&parsed), parsed.validity());
    Ok(Certificate {
        from: validity.not_before.timestamp(),
        until: validity.not_after.timestamp(),
        until_text: validity.not_after.to_string(),
        distrust: distrust(&chain, &names),
        is_key_open: mode & OTHERS_READ != 0,
        names,
    })
}

/// A file's bytes, or what is wrong with it.
fn bytes(path: &Path) -> Result<Vec<u8>, String> {
    let unreadable = |error: std::io::Error| format!("{} cannot be read: {error}", path.display());
    // A pipe would be waited for.
    if !std::fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err(format!("{} is not a file", path.display()));
    }
    let mut found = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(LARGEST + 1).read_to_end(&mut found).map_err(unreadable)?;
    if found.len() as u64 > LARGEST {
        return Err(format!("{} is larger than {} KiB: it is another file", path.display(), LARGEST >> 10));
    }
    Ok(found)
}

fn chain(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, &'static str> {
    let chain: Result<Vec<CertificateDer<'static>>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let chain = chain.map_err(|_| "is not PEM that can be read")?;
    if chain.is_empty() { Err("holds no certificate: it must be PEM") } else { Ok(chain) }
}

fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(alternatives)) = certificate.subject_alternative_name() else { return Vec::new() };
    let name = |general: &GeneralName<'_>| match general {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => <[u8; 4]>::try_from(*bytes)
            .map(|v4| Ipv4Addr::from(v4).to_string())
            .or_else(|_| <[u8; 16]>::try_from(*bytes).map(|v6| Ipv6Addr::from(v6).to_string()))
            .ok(),
        _ => None,
    };
    alternatives.value.general_names.iter().filter_map(name).collect()
}

/// Why this system's authorities do not vouch for a chain; its time and its names are judged by themselves.
fn distrust(chain: &[CertificateDer<'static>], names: &[String]) -> Option<String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = match WebPkiServerVerifier::builder_with_provider(roots::of_system(), provider).build() {
        Ok(verifier) => verifier,
        Err(error) => return Some(format!("it has none: {error}")),
    };
    let name = names.first()?.replacen('*', "any", 1);
    let name = ServerName::try_from(name).ok()?;
    let (own, others) = chain.split_first()?;
    match verifier.verify_server_cert(own, others, &name, &[], UnixTime::now()) {
        Ok(_) => None,
        Err(Error::InvalidCertificate(error)) if is_of_time(&error) => None,
        Err(Error::InvalidCertificate(CertificateError::UnknownIssuer)) => {
            Some("its issuer is not known: it is self-signed, or its chain is not complete".to_owned())
        }
        Err(error) => Some(error.to_string()),
    }
}

fn is_of_time(error: &CertificateError) -> bool {
    matches!(
        error,
        CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. }
    )
}

#[cfg(test)]
mod tests {
    use std::fs::{Permissions, set_permissions, write};

    use super::*;

    #[test]
    fn a_certificate_is_read_with_its_names_and_a_fault_with_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let (cert, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
        assert_eq!(read(&cert, &key), Err(Fault::Neither));
        let made =
            rcgen::generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
        write(&cert, made.cert.pem()).unwrap();
        let told = |fault: Result<Certificate, Fault>| format!("{:?}", fault.unwrap_err());
        assert!(told(read(&cert, &key)).starts_with("Key(") && told(read(&cert, &key)).contains("key.pem"));
        write(&key, made.signing_key.serialize_pem()).unwrap();
        set_permissions(&key, Permissions::from_mode(0o644)).unwrap();
        let certificate = read(&cert, &key).unwrap();
        assert_eq!(certificate.names, ["localhost", "127.0.0.1"]);
        assert!(certificate.is_key_open && certificate.from < certificate.until);
        assert!(certificate.distrust.is_some(), "nobody vouches for it: {certificate:?}");
        let other = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        write(&key, other.signing_key.serialize_pem()).unwrap();
        assert_eq!(read(&cert, &key), Err(Fault::Unfit));
        write(&key, "no key").unwrap();
        assert!(told(read(&cert, &key)).starts_with("Key("));
        write(&cert, "no certificate").unwrap();
        assert!(told(read(&cert, &key)).starts_with("Cert("));
    }
}
