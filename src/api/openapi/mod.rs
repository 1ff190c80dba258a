//! `GET /openapi.json`: what each route takes and returns, made of the table of routes that the router is made of.
//!
//! - `about` (pure): what is said of one route; `shape` (pure): schemas; `topic` (pure): what routes are for
//! - this file: puts them together, once, and serves them

mod about;
pub(super) mod shape;
mod topic;

use std::sync::{Arc, OnceLock};

use axum::Extension;
use axum::body::Bytes;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{ComponentsBuilder, HttpMethod, InfoBuilder, OpenApi, OpenApiBuilder, Paths, Type};

pub(super) use about::{About, Errors, JSON};
use shape::{Shape, field, needed, object, or_null, text, text_or_null, whole};
pub(super) use topic::Topic;

/// A route, and what is said of it.
pub(super) struct Described<'a> {
    /// Its address as the router has it.
    pub(super) path: &'static str,
    /// Its method.
    pub(super) method: HttpMethod,
    /// What is said of it.
    pub(super) about: &'a About,
}

/// The description of all routes, once they are known.
#[derive(Debug, Clone, Default)]
pub struct Document(Arc<OnceLock<Bytes>>);

impl Document {
    /// Writes it; only the first time counts.
    pub(super) fn write<'a>(&self, routes: impl IntoIterator<Item = Described<'a>>) {
        let json = serde_json::to_vec(&describe(routes)).expect("the keys of its maps are strings");
        _ = self.0.set(json.into());
    }
}

/// The description as JSON.
pub async fn openapi(Extension(document): Extension<Document>) -> Response {
    let body = document.0.get().cloned().unwrap_or_default();
    ([(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-cache")], body).into_response()
}

/// The address as OpenAPI has it, which knows no rest of an address.
pub(super) fn address(path: &str) -> String {
    path.replace("{*", "{")
}

/// Describes these routes.
pub(super) fn describe<'a>(routes: impl IntoIterator<Item = Described<'a>>) -> OpenApi {
    let mut paths = Paths::new();
    for Described { path, method, about } in routes {
        let operation = about.operation(id(&method, path));
        paths.add_path_operation(address(path), vec![method], operation);
    }
    let key = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
    let components = [Errors::Problem, Errors::OpenAi, Errors::Speak]
        .into_iter()
        .fold(ComponentsBuilder::new(), |all, errors| all.schema(errors.name(), error(errors)))
        .security_scheme(about::ADMIN_KEY, key);
    let info = InfoBuilder::new()
        .title("Visavis")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "Calls with a voice and a face, and the same engines for programs. A call goes first: what programs ask for waits \
             behind it. No route but those that say so needs a key.",
        ));
    let tag =
        |topic: Topic| TagBuilder::new().name(topic.name()).description(Some(topic.description())).build();
    OpenApiBuilder::new()
        .info(info.build())
        .paths(paths)
        .components(Some(components.build()))
        .tags(Some(Topic::ALL.map(tag)))
        .build()
}

/// A name for a route that stays while the route does, such as `get-api-voices`.
fn id(method: &HttpMethod, path: &str) -> String {
    let method = match method {
        HttpMethod::Get => "get",
        HttpMethod::Put => "put",
        HttpMethod::Post => "post",
        HttpMethod::Delete => "delete",
        HttpMethod::Options => "options",
        HttpMethod::Head => "head",
        HttpMethod::Patch => "patch",
        HttpMethod::Trace => "trace",
    };
    let words = path.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    [method].into_iter().chain(words).collect::<Vec<_>>().join("-")
}

/// The form of errors.
fn error(errors: Errors) -> Shape {
    match errors {
        Errors::Problem => object([
            needed("type", text("about:blank")),
            needed("title", text("The status in words")),
            needed("status", whole("The status")),
            needed("detail", text("What is wrong, and what to do")),
            field("field", text("The field at fault")),
            field("reason", text("The reason, for programs")),
        ]),
        Errors::OpenAi => object([needed(
            "error",
            object([
                needed("message", text("What is wrong, and what to do")),
                needed("type", text("invalid_request_error, rate_limit_error or server_error")),
                needed("param", text_or_null("The field at fault")),
                needed("code", text_or_null("The reason, for programs")),
            ]),
        )]),
        Errors::Speak => object([
            needed("error", text("The reason, for programs")),
            needed("message", text("What is wrong, and what to do")),
            field("field", text("The field at fault")),
            field("fallback", or_null(Type::Boolean, "The page is to speak by itself")),
        ]),
    }
}
