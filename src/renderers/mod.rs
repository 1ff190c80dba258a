//! Sends the faces of calls over UDP to programs that draw them elsewhere. A moment is sent when it is heard, and no renderer
//! can affect the call.
//!
//! - [`live_link`], [`vmc`]: the packet formats; pure
//! - [`due`]: which moment is to be shown when; pure
//! - [`target`]: where a call's face goes, and that no two calls share a renderer; pure
//! - [`actor`]: sends the packets
//! - [`azure`], [`lines`]: the formats for clients that read a stream; pure

pub mod actor;
pub mod azure;
pub mod due;
pub mod lines;
pub mod live_link;
pub mod target;
pub mod vmc;

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::Config;
use crate::ports::Moments;
use target::{Claims, Wanted};

/// A call whose face is shown.
#[derive(Debug)]
pub struct Shown<'a> {
    /// The call's id.
    pub call: &'a str,
    /// The call's face.
    pub moments: &'a Moments,
    /// Which renderers already show a call.
    pub claims: &'a Claims,
}

/// Shows a call's face on the configured renderers, and on those that its client requested, until it ends.
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
