//! Calls over WebSocket.

use axum::Extension;
use axum::extract::rejection::QueryRejection;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;

use super::App;
use super::caller::Caller;
use super::guard::check_origin;
use super::offer::language;
use super::problem::Problem;
use super::renderers;
use super::resume::{self, Access};
use super::voice::chosen;
use crate::ports::{TransportPorts, call_ports};
use crate::session::Wishes;
use crate::transport::protocol::{Carrier, Dialect, RATES};
use crate::transport::websocket;

/// Largest message that is read at all; one over the protocol's own limit gets an error before the call ends.
const LARGEST_MESSAGE: usize = 256 * 1024;
/// Most bytes buffered for a client that does not read; more end its call.
const WAITING: usize = 256 * 1024;
/// Bytes collected before they are written.
const COLLECTED: usize = 16 * 1024;

/// The query of `GET /ws`; no log may show its token.
#[derive(Deserialize)]
pub struct Parameters {
    #[serde(default)]
    rate: Option<u32>,
    #[serde(default)]
    language: Option<String>,
    #[serde(default)]
    voice: Option<String>,
    /// `1`: send faces.
    #[serde(default)]
    avatar: Option<u8>,
    #[serde(default)]
    live_link: Option<String>,
    #[serde(default)]
    vmc: Option<String>,
    #[serde(default)]
    subject: Option<String>,
    /// The token with which a call goes on.
    #[serde(default)]
    resume: Option<String>,
    /// That call.
    #[serde(default)]
    call: Option<String>,
}

impl Parameters {
    /// The sound's samples per second.
    fn rate(&self) -> Result<u32, Problem> {
        let rate = self.rate.unwrap_or(16_000);
        if RATES.contains(&rate) {
            return Ok(rate);
        }
        let detail = format!("rate must be one of {RATES:?}, not {rate}");
        Err(Problem::new(StatusCode::BAD_REQUEST, detail).field("rate"))
    }

    /// Which call to go on with.
    fn asked(&mut self) -> Option<resume::Asked> {
        let (token, call) = (self.resume.take(), self.call.take());
        let asked = token.is_some() || call.is_some();
        asked.then(|| resume::Asked { call: call.unwrap_or_default(), token: token.unwrap_or_default() })
    }

    /// Whether to send faces.
    fn face(&self) -> Result<bool, Problem> {
        match self.avatar {
            None | Some(0) => Ok(false),
            Some(1) => Ok(true),
            Some(other) => {
                let detail = format!("avatar must be 0 or 1, not {other}");
                Err(Problem::new(StatusCode::BAD_REQUEST, detail).field("avatar"))
            }
        }
    }
}

/// Begins a call, or goes on with one by its token.
///
/// # Errors
/// As problem details, before the upgrade.
pub async fn socket(
    State(app): State<App>,
    Extension(dialect): Extension<Dialect>,
    Caller(principal): Caller,
    headers: HeaderMap,
    query: Result<Query<Parameters>, QueryRejection>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    check_origin(&app, &headers)?;
    let Query(mut query) = query.map_err(|error| Problem::new(StatusCode::BAD_REQUEST, error.body_text()))?;
    let (rate, face) = (query.rate()?, query.face()?);
    let language = language(query.language.as_deref())?;
    let resumed = query.asked();
    let asked = renderers::Asked { live_link: query.live_link, vmc: query.vmc, subject: query.subject };
    let names = renderers::FieldNames { live_link: "live_link", vmc: "vmc", subject: "subject" };
    let renderers = renderers::wanted(&app.config.renderers, asked, names)?;
    let (user, owner) = (principal.user(), principal.owner());
    let names = resume::FieldNames { call: "call", token: "resume" };
    let access = Access::of(&app, principal, resumed, names)?;
    let voice = chosen(&app, query.voice.as_deref(), language.as_deref()).await?;
    // Check this last: a browser hides a refused upgrade, so its page asks again without one to learn what is wrong.
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade,
        Err(error) => {
            access.check(&app).await?;
            return Err(Problem::new(StatusCode::UPGRADE_REQUIRED, error.body_text()));
        }
    };
    let upgrade = upgrade
        .max_message_size(LARGEST_MESSAGE)
        .max_frame_size(LARGEST_MESSAGE)
        .write_buffer_size(COLLECTED)
        .max_write_buffer_size(WAITING);
    let comes_back = access.is_resumed();
    // Only a token that can be answered is used up.
    let call = Box::pin(access.take(&app)).await?;
    Ok(upgrade.on_upgrade(move |socket| async move {
        let (ports, pipeline) = call_ports();
        let ports = TransportPorts { comes_back, ..ports };
        let token = app.calls.transport_token();
        let wishes = Wishes { language, voice, renderers, user, owner };
        app.calls.start(call, pipeline, None, wishes, token.clone());
        app.calls
            .tasks()
            .track_future(Box::pin(websocket::run(
                socket,
                ports,
                dialect.open(Carrier::Socket { rate }),
                face,
                token.clone(),
            )))
            .await;
        token.cancel();
    }))
}
