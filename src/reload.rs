//! SIGHUP: reads the configuration anew, and gives the routes their new numbers. What is taken, `Config::reload` decides.

use std::io::IsTerminal;
use std::sync::Arc;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::audit::{self, Deed, Outcome};
use crate::config::{Config, Reload, Route};

/// Each SIGHUP from now on.
#[derive(Debug)]
pub struct Hangups {
    signals: Signal,
    /// The server was started in a terminal.
    in_terminal: bool,
}

/// Catches SIGHUP from now on, which otherwise ends the process.
///
/// # Errors
/// If the system does not allow it.
pub fn hangups() -> std::io::Result<Hangups> {
    let in_terminal = std::io::stdin().is_terminal();
    Ok(Hangups { signals: signal(SignalKind::hangup())?, in_terminal })
}

/// Reads the configuration anew at each SIGHUP and tells the routes from then on. One with faults changes nothing. If the terminal
/// that the server was started in is gone, it stops.
pub async fn on_hangup(
    Hangups { mut signals, in_terminal }: Hangups,
    started: Arc<Config>,
    reread: impl Fn() -> anyhow::Result<Config> + Send + Sync + 'static,
    reroute: impl Fn(&[Route]) + Send,
    stop: CancellationToken,
) {
    let reread = Arc::new(reread);
    let mut routes = started.routes.clone();
    while signals.recv().await.is_some() {
        if in_terminal && !std::io::stdin().is_terminal() {
            return stop.cancel();
        }
        let reread = reread.clone();
        let read = tokio::task::spawn_blocking(move || reread()).await;
        match read.map_err(anyhow::Error::from).flatten() {
            Ok(new) => {
                let reload = started.reload(&routes, &new);
                tell(&reload);
                note(Outcome::Done);
                reroute(&reload.routes);
                routes = reload.routes;
            }
            Err(error) => {
                tracing::error!(error = %format!("{error:#}"), "the new configuration cannot be used; the routes stay as they are");
                note(Outcome::Refused("faulty"));
            }
        }
    }
}

fn note(outcome: Outcome<'_>) {
    audit::note(Deed { who: "", action: "reload-settings", what: "SIGHUP", outcome });
}

fn tell(Reload { taken, left, .. }: &Reload) {
    for line in taken {
        tracing::info!("changed by a reload: {line}");
    }
    for line in left {
        tracing::warn!("has changed and needs a restart: {line}");
    }
    tracing::info!(changed = taken.len(), left = left.len(), "the configuration was reloaded");
}
