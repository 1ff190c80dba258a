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
use axum::handler::Handler;
use axum::routing::{MethodRouter, delete, get, patch, post};
use utoipa::openapi::HttpMethod;

use super::App;
use super::openapi::{About, Described, Document};

/// An address, a method, what serves it and what is said of it.
pub(super) struct Route {
    path: &'static str,
    method: HttpMethod,
    serve: MethodRouter<App, Infallible>,
    about: About,
}

impl Route {
    fn get<H, T>(path: &'static str, handler: H, about: About) -> Self
    where
        H: Handler<T, App>,
        T: 'static,
    {
        Self { path, method: HttpMethod::Get, serve: get(handler), about }
    }

    fn post<H, T>(path: &'static str, handler: H, about: About) -> Self
    where
        H: Handler<T, App>,
        T: 'static,
    {
        Self { path, method: HttpMethod::Post, serve: post(handler), about }
    }

    fn patch<H, T>(path: &'static str, handler: H, about: About) -> Self
    where
        H: Handler<T, App>,
        T: 'static,
    {
        Self { path, method: HttpMethod::Patch, serve: patch(handler), about }
    }

    fn delete<H, T>(path: &'static str, handler: H, about: About) -> Self
    where
        H: Handler<T, App>,
        T: 'static,
    {
        Self { path, method: HttpMethod::Delete, serve: delete(handler), about }
    }

    /// The same, served behind a layer.
    fn behind(self, layer: impl FnOnce(MethodRouter<App>) -> MethodRouter<App>) -> Self {
        Self { serve: layer(self.serve), ..self }
    }

    /// What is said of it.
    pub(super) fn described(&self) -> Described<'_> {
        Described { path: self.path, method: self.method.clone(), about: &self.about }
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
}

/// Serves these.
pub(super) fn router(routes: Vec<Route>) -> Router<App> {
    routes.into_iter().fold(Router::new(), |router, route| router.route(route.path, route.serve))
}
