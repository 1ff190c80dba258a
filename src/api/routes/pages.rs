//! Pages for people, and their files.

use super::Route;
use crate::api::openapi::{About, Topic};
use crate::api::page;

const HTML: &str = "text/html";

/// The routes.
pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/", page::home, page("The start page", "What runs here, and where to go on.")),
        Route::get("/call", page::call, page("The call page", "Talks to the agent.")),
        Route::get(
            "/call/network",
            page::network,
            page("The network test", "Says whether a call works from here, and what to do if not."),
        ),
        Route::get(
            "/speech",
            page::speech,
            page("The speech page", "Speaks texts, and hears recordings, with the words in time."),
        ),
        Route::get(
            "/docs",
            page::docs,
            page("This documentation", "Made in the browser of `/openapi.json`."),
        ),
        Route::get(
            "/avatar/playground",
            page::playground,
            page("The face playground", "Shows a text or a recording as a face, and every weight of it."),
        ),
        Route::get(
            "/static/{*path}",
            page::file,
            About::new(Topic::Pages, "A file of the pages")
                .more("Scripts, styles and heads. `tts.js` is a client of `/speak` for other pages.")
                .part("path", "Its place", "tts.js")
                .sends("The file", &["text/javascript", "text/css", "application/octet-stream"])
                .gives("304", "The client has it"),
        ),
        Route::get(
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
