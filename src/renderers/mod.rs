//! Faces of calls for programs that draw them elsewhere, over UDP: a moment goes out when it is heard, and nothing that a
//! renderer does or does not do reaches the call.
//!
//! - [`live_link`], [`vmc`]: what the packets say; pure
//! - [`due`]: which moment is to be shown when; pure
//! - [`target`]: where a call's face goes, and that no two calls share a renderer; pure
//! - [`actor`]: sends it
//! - [`azure`], [`lines`]: the same for clients that read a stream; pure

pub mod actor;
pub mod azure;
pub mod due;
pub mod lines;
pub mod live_link;
pub mod target;
pub mod vmc;

use std::time::Duration;

use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::Config;
use crate::ends::FaceMoment;
use target::{Claims, Wanted};

/// A call whose face is shown.
#[derive(Debug)]
pub struct Shown<'a> {
    /// Its id.
    pub call: &'a str,
    /// Its face.
    pub moments: &'a broadcast::Sender<FaceMoment>,
    /// Which renderers show a call already.
    pub claims: &'a Claims,
}

/// Shows a call's face on the renderers of the configuration, and on those that its client wants, until it ends.
pub fn attach(
    config: &Config,
    wanted: &Wanted,
    shown: &Shown<'_>,
    tasks: &TaskTracker,
    token: &CancellationToken,
) {
    let Shown { call, moments, claims } = *shown;
    if !config.avatar.enabled {
        return;
    }
    let own = &config.renderers;
    let configured =
        Wanted { live_link: own.live_link.clone(), vmc: own.vmc.clone(), subject: own.subject.clone() };
    let delay = Duration::from_millis(own.delay_ms.into());
    for target in configured.targets(call).into_iter().chain(wanted.targets(call)) {
        let renderer = target.protocol.name();
        let Some(claim) = claims.take(target) else {
            metrics::counter!("visavis_renderer_errors_total", "renderer" => renderer).increment(1);
            tracing::warn!(%call, renderer, "the renderer shows another call; with {{call}} in renderers.subject it can show both");
            continue;
        };
        let renderer = actor::Renderer::new(call.to_string(), claim, u32::from(config.avatar.fps));
        tasks.spawn(actor::run(renderer, delay, moments.subscribe(), token.clone()));
    }
}
