//! The table of routes: each address and method with what serves it and what is said of it. The router is made of it, and so is
//! `/openapi.json`; a route without a description cannot be written.
//!
//! A file for each topic; [`route`](Route) is a row of the table.

mod calls;
mod chats;
mod faces;
mod jobs;
mod pages;
mod recordings;
mod server;
mod speech;
#[cfg(test)]
mod tests;
mod voices;

use std::convert::Infallible;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::handler::Handler;
use axum::routing::{MethodFilter, MethodRouter, on};
use utoipa::openapi::HttpMethod;

use super::App;
use super::body::Uploads;
use super::openapi::{About, Described, Document};

/// The methods of our routes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Method {
    Get,
    Post,
    Patch,
    Delete,
}

impl Method {
    /// As the router has it.
    fn filter(self) -> MethodFilter {
        match self {
            Self::Get => MethodFilter::GET,
            Self::Post => MethodFilter::POST,
            Self::Patch => MethodFilter::PATCH,
            Self::Delete => MethodFilter::DELETE,
        }
    }
}

impl From<Method> for HttpMethod {
    fn from(method: Method) -> Self {
        match method {
            Method::Get => Self::Get,
            Method::Post => Self::Post,
            Method::Patch => Self::Patch,
            Method::Delete => Self::Delete,
        }
    }
}

/// An address, a method, what serves it and what is said of it.
pub(super) struct Route {
    path: &'static str,
    method: Method,
    serve: MethodRouter<App, Infallible>,
    about: About,
    is_upload: bool,
}

impl Route {
    fn new<H, T>(method: Method, path: &'static str, handler: H, about: About) -> Self
    where
        H: Handler<T, App>,
        T: 'static,
    {
        Self { path, method, serve: on(method.filter(), handler), about, is_upload: false }
    }

    /// The same for bodies that its handler bounds, and that may take as long as they keep their pace.
    fn of_uploads(self) -> Self {
        Self { is_upload: true, ..self.behind(|serve| serve.layer(DefaultBodyLimit::disable())) }
    }

    /// The same, served behind a layer.
    fn behind(self, layer: impl FnOnce(MethodRouter<App>) -> MethodRouter<App>) -> Self {
        Self { serve: layer(self.serve), ..self }
    }

    /// What is said of it.
    pub(super) fn described(&self) -> Described<'_> {
        Described { path: self.path, method: self.method.into(), about: &self.about }
    }
}

/// The whole table.
pub(super) struct Routes {
    /// All but those below `/v1`, whose refusals have another form.
    pub(super) own: Vec<Route>,
    /// Those below `/v1`.
    pub(super) openai: Vec<Route>,
}

impl Routes {
    /// All routes; one of them serves this description.
    pub(super) fn all(document: &Document) -> Self {
        let own = [
            pages::routes(),
            server::routes(document),
            calls::routes(),
            voices::routes(),
            faces::routes(),
            speech::routes(),
            recordings::routes(),
            jobs::routes(),
        ];
        let openai = [speech::openai(), recordings::openai(), chats::routes()];
        Self { own: own.into_iter().flatten().collect(), openai: openai.into_iter().flatten().collect() }
    }

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Route> {
        self.own.iter().chain(&self.openai)
    }

    /// Where uploads are sent.
    pub(super) fn uploads(&self) -> Uploads {
        Uploads::at(self.iter().filter(|route| route.is_upload).map(|route| route.path))
    }
}

/// Serves these.
pub(super) fn router(routes: Vec<Route>) -> Router<App> {
    routes.into_iter().fold(Router::new(), |router, route| router.route(route.path, route.serve))
}
