//! The authorities that this system trusts.

use std::sync::Arc;

use rustls::RootCertStore;

/// The system's own, as `curl` has them.
pub(super) fn of_system() -> Arc<RootCertStore> {
    let mut roots = RootCertStore::empty();
    // A root that cannot be read is skipped.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    Arc::new(roots)
}
