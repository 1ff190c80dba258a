//! Orders a certificate from an authority by ACME (RFC 8555), and the next one before it expires.
//!
//! - `order`: the account, the order, the proof that the names lead here (RFC 8737), the files
//! - `renewal`: when (pure)

mod order;
mod renewal;

use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::{Certificate, now};

pub use order::Authority;

/// Longest time for an order.
const PATIENCE: Duration = Duration::from_secs(300);
/// Longest sleep in seconds: the clock may be set, and the files may be replaced by somebody.
const NAP: i64 = 3600;

/// Orders the certificate when it is due, and tries again later and later when that fails. It never ends.
pub async fn keep(authority: &Authority, certificate: &Certificate) {
    let (mut failures, mut not_before) = (0_u32, i64::MIN);
    loop {
        let wait = renewal::due(certificate.valid()).max(not_before).saturating_sub(now());
        if let Ok(seconds @ 1..) = u64::try_from(wait.min(NAP)) {
            sleep(Duration::from_secs(seconds)).await;
            continue;
        }
        let ordered = timeout(PATIENCE, Box::pin(authority.order(certificate))).await;
        certificate.forget_proofs();
        match ordered.map_err(anyhow::Error::from).flatten() {
            Ok(()) => {
                failures = 0;
                certificate.renew(true).await;
            }
            Err(error) => {
                failures = failures.saturating_add(1);
                let again = renewal::pause(failures);
                tracing::error!(
                    error = %format!("{error:#}"),
                    again_in_seconds = again,
                    "no certificate was ordered (server.acme_directory)"
                );
            }
        }
        not_before = now().saturating_add(renewal::pause(failures));
    }
}
