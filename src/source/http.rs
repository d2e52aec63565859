//! The archive over HTTP: objects at one base, the bucket listing at the same or another.
//!
//! One request each, no retries. What an answer means is decided in one place, [`classify`].

use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::{StreamExt, TryStreamExt};
use lakehouse_core::listing::{Listed, ListingError, ListingPage, parse_page};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::header::{
    CONTENT_LENGTH, CONTENT_RANGE, ETAG, HeaderMap, HeaderName, IF_RANGE, LAST_MODIFIED, RANGE,
    RETRY_AFTER,
};
use reqwest::{Client, ClientBuilder, RequestBuilder, Response, StatusCode, Url};

use super::{Download, Resume, Source, SourceError, Timeouts, Validator, collect};

/// An HTTP server, or two.
#[derive(Debug)]
pub(crate) struct HttpSource {
    base: String,
    listing: String,
    client: Client,
}

impl HttpSource {
    /// Makes a source whose connections are kept and shared by all its requests.
    ///
    /// # Errors
    /// When a base is no URL, or the system's TLS cannot be set up.
    pub(crate) fn new(base: &str, listing: &str, timeouts: Timeouts) -> Result<Self, SourceError> {
        for url in [base, listing] {
            Url::parse(url).map_err(|error| {
                fatal(
                    &format!("`{url}`"),
                    format!("expected a URL such as https://host/path ({error})"),
                )
            })?;
        }
        let client = client(timeouts).build().or_else(|error| {
            // A machine without certificates can still talk to a mirror that uses no TLS.
            let plain = [base, listing].iter().all(|url| url.starts_with("http://"));
            let without = || client(timeouts).tls_certs_only([]).build().ok();
            let advice = "install your system's package of CA certificates";
            plain
                .then(without)
                .flatten()
                .ok_or_else(|| fatal(base, format!("{}; {advice}", chain(&error))))
        })?;
        Ok(Self {
            base: base.to_owned(),
            listing: listing.trim_end_matches('/').to_owned(),
            client,
        })
    }

    fn object_url(&self, key: &str) -> String {
        format!("{}/{}", self.base, utf8_percent_encode(key, PATH))
    }

    fn listing_url(&self, prefix: &str, delimiter: bool, marker: Option<&str>) -> String {
        let mut url = format!("{}/?prefix={}", self.listing, utf8_percent_encode(prefix, QUERY));
        if delimiter {
            url.push_str("&delimiter=%2F");
        }
        if let Some(marker) = marker {
            url.push_str(&format!("&marker={}", utf8_percent_encode(marker, QUERY)));
        }
        url
    }
}

#[async_trait]
impl Source for HttpSource {
    fn location(&self) -> &str {
        &self.base
    }

    async fn list(
        &self,
        prefix: &str,
        delimiter: bool,
        marker: Option<&str>,
    ) -> Result<ListingPage, SourceError> {
        let url = self.listing_url(prefix, delimiter, marker);
        let what = format!("listing of {prefix}");
        let response = send(&what, self.client.get(&url)).await?;
        let page = collect(&what, body(&what, response), LISTING_PAGE).await?;
        parse_page(&page).map_err(|error| match error {
            ListingError::CutShort | ListingError::Xml { .. } => {
                SourceError::transient(&what, error.to_string())
            }
            other => fatal(&what, format!("{other} (from {url})")),
        })
    }

    async fn get(&self, key: &str, resume: Option<&Resume>) -> Result<Download, SourceError> {
        let mut request = self.client.get(self.object_url(key));
        if let Some((resume, validator)) =
            resume.and_then(|resume| Some((resume, resume.validator.if_range()?)))
        {
            request = request
                .header(RANGE, format!("bytes={}-", resume.offset))
                .header(IF_RANGE, validator);
        }
        let response = send(key, request).await?;
        let validator = validator(response.headers());
        let (offset, size) = match (response.status(), resume) {
            (StatusCode::PARTIAL_CONTENT, Some(resume)) => {
                partial(key, &response, resume, &validator)?
            }
            (StatusCode::PARTIAL_CONTENT, None) => {
                return Err(SourceError::transient(
                    key,
                    "a part was sent though the whole was requested",
                ));
            }
            _ => (
                0,
                header(response.headers(), &CONTENT_LENGTH).and_then(|length| length.parse().ok()),
            ),
        };
        Ok(Download { offset, size, validator, body: body(key, response) })
    }

    async fn head(&self, key: &str) -> Result<Option<Listed>, SourceError> {
        match send(key, self.client.head(self.object_url(key))).await {
            Ok(response) => Ok(Some(listed(key, response.headers()))),
            Err(SourceError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// What may stand in a path as it is; slashes separate segments.
const PATH: &AsciiSet = &QUERY.remove(b'/');
/// What may stand in a query as it is: RFC 3986's unreserved characters.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// A page has 1,000 keys of a few hundred bytes each.
const LISTING_PAGE: usize = 16 * 1024 * 1024;
/// How much of an error document is read.
const ERROR_DOCUMENT: usize = 16 * 1024;

fn client(timeouts: Timeouts) -> ClientBuilder {
    Client::builder()
        .user_agent(concat!("lakehouse/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(timeouts.connect)
        .read_timeout(timeouts.idle)
        .pool_idle_timeout(Duration::from_secs(60))
        // One connection carries all downloads there; its fixed window would leave a fast link idle
        // at high latency.
        .http2_adaptive_window(true)
}

async fn send(what: &str, request: RequestBuilder) -> Result<Response, SourceError> {
    let response = request.send().await.map_err(|error| broken(what, &error))?;
    if response.status().is_success() {
        return Ok(response);
    }
    let (status, headers) = (response.status(), response.headers().clone());
    let document = collect(what, body(what, response), ERROR_DOCUMENT).await.unwrap_or_default();
    Err(classify(what, status, &headers, &document))
}

/// Says what an answer other than success means.
fn classify(what: &str, status: StatusCode, headers: &HeaderMap, document: &[u8]) -> SourceError {
    let mut reason = format!("the server answered {status}");
    if let Some(message) = error_document(document) {
        reason.push_str(&format!(" ({message})"));
    }
    let what = what.to_owned();
    match status.as_u16() {
        404 | 410 => SourceError::NotFound { what },
        408 | 425 | 429 | 500..=599 => {
            SourceError::Transient { what, reason, retry_after: retry_after(headers) }
        }
        412 | 416 => SourceError::Changed { what, reason },
        401 | 403 => {
            reason.push_str(
                "; the server may refuse this client or region, or hide what does not exist",
            );
            SourceError::Denied { what, reason }
        }
        451 => {
            reason.push_str("; it may not be served where you are: use a mirror with --source");
            SourceError::Denied { what, reason }
        }
        _ => SourceError::Fatal { what, reason },
    }
}

/// Returns code and message of a bucket's XML error.
fn error_document(document: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(document).ok()?;
    let element = |name: &str| {
        let (_, rest) = text.split_once(&format!("<{name}>"))?;
        rest.split_once(&format!("</{name}>")).map(|(value, _)| value.trim())
    };
    let code = element("Code")?;
    Some(element("Message").map_or_else(|| code.to_owned(), |message| format!("{code}: {message}")))
}

/// Reads seconds or a date; a date is relative to the server's own clock.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = header(headers, &RETRY_AFTER)?;
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = httpdate::parse_http_date(value).ok()?;
    let now = httpdate::parse_http_date(header(headers, &reqwest::header::DATE)?).ok()?;
    Some(until.duration_since(now).unwrap_or_default())
}

/// Checks that a part is the requested one, of the object whose beginning is held.
fn partial(
    key: &str,
    response: &Response,
    resume: &Resume,
    validator: &Validator,
) -> Result<(u64, Option<u64>), SourceError> {
    let changed = |reason: String| SourceError::Changed { what: key.to_owned(), reason };
    let range = header(response.headers(), &CONTENT_RANGE).unwrap_or_default();
    let Some((start, end, size)) = content_range(range) else {
        return Err(changed(format!("unreadable Content-Range `{range}`")));
    };
    if start != resume.offset || size.is_some_and(|size| end + 1 != size) {
        return Err(changed(format!("requested bytes from {} and got `{range}`", resume.offset)));
    }
    if resume.validator.etag.is_some()
        && validator.etag.is_some()
        && resume.validator.etag != validator.etag
    {
        return Err(changed("its entity tag changed".to_owned()));
    }
    Ok((start, size))
}

/// Reads `bytes 10-99/100` or `bytes 10-99/*`.
fn content_range(value: &str) -> Option<(u64, u64, Option<u64>)> {
    let (range, size) = value.strip_prefix("bytes ")?.split_once('/')?;
    let (start, end) = range.split_once('-')?;
    let size = if size == "*" { None } else { Some(size.parse().ok()?) };
    Some((start.parse().ok()?, end.parse().ok()?, size))
}

fn body(
    what: &str,
    response: Response,
) -> futures::stream::BoxStream<'static, Result<Bytes, SourceError>> {
    let what = what.to_owned();
    response.bytes_stream().map_err(move |error| broken(&what, &error)).boxed()
}

/// Says what a failure below HTTP means; resets, time-outs and bodies that end early may pass.
fn broken(what: &str, error: &reqwest::Error) -> SourceError {
    if error.is_builder() || error.is_redirect() {
        return fatal(what, chain(error));
    }
    let host = error.url().map_or_else(|| "the server".to_owned(), host);
    let reason = match error.is_timeout() {
        true if error.is_connect() => format!("timed out: {host} cannot be reached"),
        true => format!("timed out: {host} keeps silent"),
        false if error.is_connect() => format!("cannot connect to {host}: {}", root(error)),
        false => format!("the connection to {host} broke: {}", root(error)),
    };
    SourceError::transient(what, reason)
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
fn chain(error: &dyn std::error::Error) -> String {
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

fn listed(key: &str, headers: &HeaderMap) -> Listed {
    let size =
        header(headers, &CONTENT_LENGTH).and_then(|length| length.parse().ok()).unwrap_or_default();
    let Validator { etag, last_modified } = validator(headers);
    Listed {
        key: key.to_owned(),
        size,
        etag: etag.map(|etag| etag.trim_matches('"').to_owned()),
        last_modified,
    }
}

fn validator(headers: &HeaderMap) -> Validator {
    let time =
        header(headers, &LAST_MODIFIED).and_then(|value| httpdate::parse_http_date(value).ok());
    Validator {
        etag: header(headers, &ETAG).map(str::to_owned),
        last_modified: time.map(|time: SystemTime| DateTime::<Utc>::from(time)),
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn fatal(what: &str, reason: String) -> SourceError {
    SourceError::Fatal { what: what.to_owned(), reason }
}
