//! Renderers that a client requests for its call.

use axum::http::StatusCode;
use serde::Deserialize;

use super::problem::Problem;
use crate::config::Renderers;
use crate::config::{LONGEST_SUBJECT, is_address, is_subject};
use crate::renderers::target::Wanted;

/// The client's request.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// `host:port`.
    #[serde(default)]
    pub live_link: Option<String>,
    /// `host:port`.
    #[serde(default)]
    pub vmc: Option<String>,
    /// The name of the face in the renderer.
    #[serde(default)]
    pub subject: Option<String>,
}

/// A request's names for the fields of [`Asked`].
#[derive(Debug, Clone, Copy)]
pub(super) struct FieldNames {
    pub(super) live_link: &'static str,
    pub(super) vmc: &'static str,
    pub(super) subject: &'static str,
}

/// An address that a request names, and the list that it is added to.
struct Named<'a> {
    field: &'static str,
    address: Option<String>,
    list: &'a mut Vec<String>,
}

/// Checks which requested renderers are allowed.
pub(super) fn wanted(own: &Renderers, asked: Asked, names: FieldNames) -> Result<Wanted, Problem> {
    let subject = asked.subject.unwrap_or_else(|| own.subject.clone());
    let mut wanted = Wanted { subject, ..Wanted::default() };
    let lists = [
        Named { field: names.live_link, address: asked.live_link, list: &mut wanted.live_link },
        Named { field: names.vmc, address: asked.vmc, list: &mut wanted.vmc },
    ];
    for Named { field, address, list } in lists {
        let Some(address) = address else { continue };
        if !own.from_clients {
            let detail = format!(
                "This server sends no faces to renderers that clients name (renderers.from_clients): leave out {field}."
            );
            return Err(Problem::new(StatusCode::FORBIDDEN, detail).field(field));
        }
        if !is_address(&address) {
            let detail = format!("{field} must be host:port such as \"192.168.0.7:11111\", not {address:?}");
            return Err(Problem::new(StatusCode::BAD_REQUEST, detail).field(field));
        }
        list.push(address);
    }
    if !is_subject(&wanted.subject) {
        let field = names.subject;
        let detail =
            format!("{field} must be a name of 1 to {LONGEST_SUBJECT} bytes, not {:?}", wanted.subject);
        return Err(Problem::new(StatusCode::BAD_REQUEST, detail).field(field));
    }
    Ok(wanted)
}
