//! Orders a certificate from an authority by ACME (RFC 8555), and the next one before it expires.
//!
//! - `order`: the order, and the proof that the names lead here (RFC 8737); `account`: the account, and where it is kept
//! - `renewal`: when (pure)

mod account;
mod order;
mod renewal;

use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::obtained::Obtained;
use super::{Certificate, now};
use account::Unkept;
use renewal::{Next, Schedule};

pub use order::Authority;

/// Longest time for an order.
const PATIENCE: Duration = Duration::from_secs(300);
/// Longest sleep in seconds: the clock may be set, and the files may be replaced by somebody.
const NAP: i64 = 3600;

/// Orders the certificate when it is due, and tries again later and later when that fails. It never ends.
///
/// What was obtained is shown at once. Where the files cannot be written, that alone is tried again: an authority gives only so many
/// certificates.
pub async fn keep(authority: &Authority, certificate: &Certificate) {
    let mut schedule = Schedule::default();
    let mut obtained = None;
    let mut unkept = None;
    loop {
        if !certificate.is_unwritten() {
            // It was written, or somebody else has written another one.
            schedule.written();
            obtained = None;
        }
        match schedule.next(certificate.valid(), now()) {
            Next::Wait(seconds) => sleep(nap(seconds)).await,
            Next::Order => match Box::pin(order(authority, certificate, &mut unkept)).await {
                Ok(new) => {
                    schedule.obtained(now());
                    obtained = Some(new);
                }
                Err(error) => {
                    let again = schedule.refused(now());
                    tracing::error!(
                        error = %format!("{error:#}"),
                        again_in_seconds = again,
                        "no certificate was ordered (server.acme_directory)"
                    );
                }
            },
            Next::Write => match &obtained {
                Some(obtained) => write(certificate, obtained, &mut schedule).await,
                None => schedule.written(),
            },
        }
    }
}

fn nap(seconds: i64) -> Duration {
    Duration::from_secs(u64::try_from(seconds.clamp(1, NAP)).unwrap_or(1))
}

/// Orders a certificate and shows it.
async fn order(
    authority: &Authority,
    certificate: &Certificate,
    unkept: &mut Option<Unkept>,
) -> anyhow::Result<Obtained> {
    let ordered = timeout(PATIENCE, Box::pin(authority.order(certificate, unkept))).await;
    certificate.forget_proofs();
    let obtained = ordered.map_err(anyhow::Error::from).flatten()?;
    let shown = certificate.show(&obtained);
    shown.map_err(|fault| anyhow::anyhow!("what the authority has given {fault}"))?;
    Ok(obtained)
}

async fn write(certificate: &Certificate, obtained: &Obtained, schedule: &mut Schedule) {
    if let Err(error) = certificate.write(obtained).await {
        let again = schedule.not_written(now());
        tracing::error!(
            %error,
            again_in_seconds = again,
            "the new certificate is served from memory, and lost when the server ends: it cannot be written to server.tls_cert and \
             server.tls_key"
        );
    }
}
