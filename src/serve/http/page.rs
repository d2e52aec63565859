//! The page: one document for all views, whose script reads what a view needs from `/api/`.
//!
//! It is the report's page grown a server: the same style, nothing from elsewhere, and a policy
//! that names its one style and its one script by their sums.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use sha2::{Digest, Sha256};

use super::Shared;
use crate::report_html::document::states;
use crate::report_html::template::{COMMON_SCRIPT, Parts, STYLE, fill_parts};

const MARKUP: &str = include_str!("page.html");
const PAGE_STYLE: &str = include_str!("page.css");

/// What follows the script that the report has too.
const SCRIPT: [&str; 7] = [
    include_str!("ask.js"),
    include_str!("tables.js"),
    include_str!("overview.js"),
    include_str!("coverage.js"),
    include_str!("candles.js"),
    include_str!("sql.js"),
    include_str!("main.js"),
];

/// The views, each with a path that can be shared.
const PATHS: [&str; 5] = ["/", "/candles", "/coverage", "/sql", "/tables"];

/// A page that is made once.
#[derive(Debug)]
struct Document {
    html: String,
    tag: HeaderValue,
}

/// Makes the routes of the views.
pub(super) fn router(location: &str) -> Router<Shared> {
    let document = Arc::new(Document::new(location));
    let mut router = Router::new();
    for path in PATHS {
        let document = Arc::clone(&document);
        router = router.route(
            path,
            get(async move |State(_): State<Shared>, headers: HeaderMap| document.answer(&headers)),
        );
    }
    router
}

impl Document {
    fn new(location: &str) -> Self {
        let data = serde_json::json!({
            "program": env!("CARGO_PKG_VERSION"), "lake": location, "states": states(),
        });
        let allowed = "; connect-src 'self'; base-uri 'none'; form-action 'self'";
        let style = [&STYLE[..], &[PAGE_STYLE]].concat();
        let script = [&COMMON_SCRIPT[..], &SCRIPT].concat();
        let name = "lakehouse";
        let parts = Parts { name, markup: MARKUP, style: &style, script: &script, allowed };
        let html = fill_parts(parts, location, &data.to_string());
        let tag = format!("\"{}\"", hex::encode(&Sha256::digest(&html)[..16]));
        let tag = HeaderValue::from_str(&tag).unwrap_or(HeaderValue::from_static("\"\""));
        Self { html, tag }
    }

    fn answer(&self, headers: &HeaderMap) -> Response {
        let kept = [
            (header::ETAG, self.tag.clone()),
            (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        ];
        if headers.get(header::IF_NONE_MATCH) == Some(&self.tag) {
            return (StatusCode::NOT_MODIFIED, kept).into_response();
        }
        let kind = [(header::CONTENT_TYPE, "text/html; charset=utf-8")];
        (kept, kind, self.html.clone()).into_response()
    }
}
