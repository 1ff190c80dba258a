//! Pages for people, and their files.

use super::Method::Get;
use super::Route;
use crate::api::openapi::{About, Topic};
use crate::api::page;

const HTML: &str = "text/html";

/// The routes.
pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::new(Get, "/", page::home, page("The start page", "What runs here, and where to go on.")),
        Route::new(Get, "/call", page::call, page("The call page", "Talks to the agent.")),
        Route::new(
            Get,
            "/call/network",
            page::network,
            page("The network test", "Says whether a call works from here, and what to do if not."),
        ),
        Route::new(
            Get,
            "/speech",
            page::speech,
            page("The speech page", "Speaks texts, and hears recordings, with the words in time."),
        ),
        Route::new(
            Get,
            "/docs",
            page::docs,
            page("This documentation", "Made in the browser of `/openapi.json`."),
        ),
        Route::new(
            Get,
            "/avatar/playground",
            page::playground,
            page("The face playground", "Shows a text or a recording as a face, and every weight of it."),
        ),
        Route::new(
            Get,
            "/static/{*path}",
            page::file,
            About::new(Topic::Pages, "A file of the pages")
                .more("Scripts, styles and heads. `tts.js` is a client of `/speak` for other pages.")
                .part("path", "Its place", "tts.js")
                .sends("The file", &["text/javascript", "text/css", "application/octet-stream"])
                .gives("304", "The client has it"),
        ),
        Route::new(
            Get,
            "/favicon.ico",
            page::icon,
            About::new(Topic::Pages, "The icon of the pages")
                .sends("The icon", &["image/svg+xml"])
                .gives("304", "The client has it"),
        ),
    ]
}

fn page(summary: &str, what: &str) -> About {
    About::new(Topic::Pages, summary).more(what).sends("The page", &[HTML]).gives("304", "The client has it")
}
