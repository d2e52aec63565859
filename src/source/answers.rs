//! What an HTTP server's answers and silences mean for whoever made the request.
//!
//! One place decides what may be tried again. Texts of servers are made fit to be shown here.

use std::time::Duration;

use lakehouse_core::foreign::shown;
use reqwest::header::{DATE, HeaderMap, HeaderName, RETRY_AFTER};
use reqwest::{StatusCode, Url};
use serde::Deserialize;

use super::SourceError;
use crate::proxy::proxy_of;

/// Says what an answer other than success means; `elsewhere` is what else can be used where a
/// server may not answer.
pub(super) fn classify(
    what: &str,
    status: StatusCode,
    headers: &HeaderMap,
    document: &[u8],
    elsewhere: &str,
) -> SourceError {
    let mut reason = format!("the server answered {status}");
    if let Some(message) = error_document(document) {
        reason.push_str(&format!(" ({message})"));
    }
    match status.as_u16() {
        404 | 410 => SourceError::NotFound { what: shown(what) },
        407 => {
            reason.push_str("; it is the proxy's answer: its URL needs a user name and password");
            SourceError::denied(what, reason)
        }
        418 => {
            reason.push_str("; the server has banned this address for a while");
            match retry_after(headers) {
                Some(wait) => {
                    let what = shown(what);
                    SourceError::Transient { what, reason, retry_after: Some(wait) }
                }
                None => SourceError::denied(what, reason),
            }
        }
        408 | 425 | 429 | 500..=599 => {
            SourceError::Transient { what: shown(what), reason, retry_after: retry_after(headers) }
        }
        412 | 416 => SourceError::changed(what, reason),
        401 | 403 => {
            reason.push_str(
                "; the server may refuse this client or region, or hide what does not exist",
            );
            SourceError::denied(what, reason)
        }
        451 => {
            reason.push_str(&format!("; it may not be served where you are: use {elsewhere}"));
            SourceError::denied(what, reason)
        }
        _ => SourceError::fatal(what, reason),
    }
}

/// An error of the exchange's API.
#[derive(Deserialize)]
struct ApiError {
    code: i64,
    msg: String,
}

/// Returns code and message of a bucket's XML error, or of an API's.
fn error_document(document: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(document).ok()?;
    if let Ok(error) = serde_json::from_str::<ApiError>(text) {
        return Some(shown(&format!("{}: {}", error.code, error.msg)));
    }
    let element = |name: &str| {
        let (_, rest) = text.split_once(&format!("<{name}>"))?;
        rest.split_once(&format!("</{name}>")).map(|(value, _)| value.trim())
    };
    let code = element("Code")?;
    let Some(message) = element("Message") else { return Some(shown(code)) };
    Some(shown(&format!("{code}: {message}")))
}

/// Reads seconds or a date; a date is relative to the server's own clock.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = header(headers, &RETRY_AFTER)?;
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = httpdate::parse_http_date(value).ok()?;
    let now = httpdate::parse_http_date(header(headers, &DATE)?).ok()?;
    Some(until.duration_since(now).unwrap_or_default())
}

/// Says what a failure below HTTP means; resets, time-outs and bodies that end early may pass.
pub(super) fn broken(what: &str, error: &reqwest::Error) -> SourceError {
    if error.is_redirect() {
        return SourceError::fatal(what, root(error));
    }
    if error.is_builder() {
        return SourceError::fatal(what, chain(error));
    }
    if error.is_connect() {
        return unreachable(what, error);
    }
    let host = error.url().map_or_else(|| "the server".to_owned(), host);
    let reason = if error.is_timeout() {
        format!("timed out: {host} keeps silent")
    } else {
        format!("the connection to {host} broke: {}", root(error))
    };
    SourceError::transient(what, reason)
}

/// Says which host did not answer: the proxy, where requests go through one.
fn unreachable(what: &str, error: &reqwest::Error) -> SourceError {
    let host = error.url().map_or_else(|| "the server".to_owned(), host);
    let cause = if error.is_timeout() { "timed out".to_owned() } else { root(error) };
    let reason = match error.url().and_then(proxy_of) {
        Some(proxy) => format!("cannot connect to {host} through {proxy}: {cause}"),
        None => format!("cannot connect to {host}: {cause}"),
    };
    SourceError::Unreachable { what: shown(what), reason: shown(&reason) }
}

/// Returns host and port, as far as the address names them.
fn host(url: &Url) -> String {
    let name = url.host_str().unwrap_or("the server");
    url.port().map_or_else(|| name.to_owned(), |port| format!("{name}:{port}"))
}

/// Returns the last cause of an error, without the system's number for it.
fn root(error: &dyn std::error::Error) -> String {
    let mut root = error;
    while let Some(cause) = root.source() {
        root = cause;
    }
    let text = root.to_string();
    text.split(" (os error ").next().unwrap_or(&text).to_owned()
}

/// Joins an error with its causes, whose addresses are left out: the archive is named already.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = String::new();
    let mut cause = Some(error);
    while let Some(error) = cause {
        let message = error.to_string();
        if !text.contains(&message) {
            text.push_str(if text.is_empty() { "" } else { ": " });
            text.push_str(&message);
        }
        cause = error.source();
    }
    text
}

/// Returns a header that is text.
pub(super) fn header<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
