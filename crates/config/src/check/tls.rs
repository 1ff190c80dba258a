//! Checks of the settings of a certificate; what its files hold is seen when the server starts.

use std::net::IpAddr;
use std::path::{Path, PathBuf, absolute};

use crate::Server;

const CERT: &str = "server.tls_cert";
const KEY: &str = "server.tls_key";
const ACME: &str = "server.acme_directory";

pub(super) fn check(server: &Server, faults: &mut Vec<String>) {
    let empty = (server.tls_cert.as_os_str().is_empty(), server.tls_key.as_os_str().is_empty());
    let half = match empty {
        (false, true) => Some((CERT, KEY)),
        (true, false) => Some((KEY, CERT)),
        (true, true) | (false, false) => None,
    };
    if let Some((set, missing)) = half {
        faults.push(format!(
            "{missing}: is empty, but {set} is not; https needs both, and without both the server speaks http"
        ));
    }
    if server.acme_directory.is_empty() {
        for (key, unused) in [
            ("server.acme_contact", !server.acme_contact.is_empty()),
            ("server.acme_roots", !server.acme_roots.as_os_str().is_empty()),
        ] {
            if unused {
                faults.push(format!("{key}: is for {ACME}, which is empty"));
            }
        }
        return;
    }
    if empty == (true, true) {
        faults.push(format!("{ACME}: needs {CERT} and {KEY}, the files to which the certificate is written"));
    }
    if empty == (false, false) {
        check_files(server, faults);
    }
    check_authority(server, faults);
}

/// No two settings may name the same file, nor one that is written beside another: `.new` holds what is about to take a file's place,
/// and `.account` the authority's account.
fn check_files(server: &Server, faults: &mut Vec<String>) {
    let place = |path: &Path, behind: &str| {
        let mut path = absolute(path).unwrap_or_else(|_| path.to_owned()).into_os_string();
        path.push(behind);
        PathBuf::from(path)
    };
    let (cert, key) = (place(&server.tls_cert, ""), place(&server.tls_key, ""));
    if cert == key {
        faults.push(format!(
            "{KEY}: is the file of {CERT} too; with {ACME} the two are written one after the other, so name another file"
        ));
        return;
    }
    for (file, setting, taken, of) in [
        (&cert, CERT, place(&server.tls_key, ".account"), "the account is kept"),
        (&cert, CERT, place(&server.tls_key, ".new"), "a new key is written first"),
        (&cert, CERT, place(&server.tls_key, ".account.new"), "the account is written first"),
        (&key, KEY, place(&server.tls_cert, ".new"), "a new certificate is written first"),
    ] {
        if *file == taken {
            faults.push(format!("{setting}: is the file where {of} ({ACME}); name another one"));
        }
    }
}

fn check_authority(server: &Server, faults: &mut Vec<String>) {
    let Server { acme_directory: directory, acme_contact: contact, names, .. } = server;
    if !directory.starts_with("https://") {
        faults.push(format!("{ACME}: {directory:?} does not begin with https://"));
    }
    if names.is_empty() {
        faults.push(format!("{ACME}: needs server.names, for which the certificate is ordered"));
    }
    for name in names.iter().filter(|name| name.trim_matches(['[', ']']).parse::<IpAddr>().is_ok()) {
        faults.push(format!("server.names: {name:?} is an address, for which {ACME} orders no certificate"));
    }
    if !contact.is_empty() && (contact.contains([':', ' ', ',']) || !contact.contains('@')) {
        faults.push(format!(
            "server.acme_contact: {contact:?} is not a mail address such as \"me@example.org\""
        ));
    }
}
