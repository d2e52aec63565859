//! The archive over HTTP: objects at one base, the bucket listing at the same or another.
//!
//! One request each, no retries. What an answer means is decided in [`answers`](super::answers).

use std::time::{Duration, Instant, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::StreamExt;
use futures::stream::BoxStream;
use lakehouse_core::foreign::{redacted, shown};
use lakehouse_core::listing::{LONGEST_ETAG, ListingError, ListingPage, parse_page};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::header::{
    CONTENT_LENGTH, CONTENT_RANGE, ETAG, HeaderMap, IF_RANGE, LAST_MODIFIED, RANGE,
};
use reqwest::{Client, ClientBuilder, RequestBuilder, Response, StatusCode, Url};

use super::answers::{broken, chain, classify, header};
use super::location::Credentials;
use super::redirect::redirects;
use super::{Download, ObjectHead, Resume, Source, SourceError, Timeouts, Validator, collect};

/// An HTTP server, or two.
#[derive(Debug)]
pub(crate) struct HttpSource {
    objects: Base,
    listing: Base,
    listed_elsewhere: bool,
    client: Client,
    /// How long a server may take for an answer that brings next to nothing.
    answer_limit: Duration,
    /// What else users can name, with its flag.
    elsewhere: &'static str,
}

/// The URL that requests begin with, and what opens it.
#[derive(Debug)]
struct Base {
    /// Without user name, password and final slash.
    url: String,
    credentials: Option<Credentials>,
}

impl Base {
    fn parse(location: &str) -> Result<(Self, Url), SourceError> {
        let unusable = |reason: String| SourceError::fatal(&redacted(location), reason);
        let expected = "expected a URL such as https://host/path";
        let mut url =
            Url::parse(location).map_err(|error| unusable(format!("{expected} ({error})")))?;
        if url.query().is_some() || url.fragment().is_some() {
            return Err(unusable(format!("{expected}, without `?` and `#`")));
        }
        let credentials = Credentials::take_from(&mut url);
        let base = Self { url: url.as_str().trim_end_matches('/').to_owned(), credentials };
        Ok((base, url))
    }
}

impl HttpSource {
    /// Makes a source whose connections are kept and shared by all its requests.
    ///
    /// # Errors
    /// When a base is no URL, or the system's TLS cannot be set up.
    pub(crate) fn new(base: &str, listing: &str, timeouts: Timeouts) -> Result<Self, SourceError> {
        let (objects, objects_url) = Base::parse(base)?;
        let (listing, listing_url) = Base::parse(listing)?;
        let listed_elsewhere = objects_url.origin() != listing_url.origin();
        let urls = [objects_url, listing_url];
        let client = client(timeouts, urls.clone()).build().or_else(|error| {
            // A machine without certificates can still talk to a mirror that uses no TLS.
            let plain = urls.iter().all(|url| url.scheme() == "http");
            let without = || client(timeouts, urls.clone()).tls_certs_only([]).build().ok();
            let advice = "install your system's package of CA certificates";
            let failed =
                || SourceError::fatal(&objects.url, format!("{}; {advice}", chain(&error)));
            plain.then(without).flatten().ok_or_else(failed)
        })?;
        let answer_limit = timeouts.whole_request();
        let elsewhere = "a mirror with --source";
        Ok(Self { objects, listing, listed_elsewhere, client, answer_limit, elsewhere })
    }

    /// Makes the client of an API at one base.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub(super) fn of_api(base: &str, timeouts: Timeouts) -> Result<Self, SourceError> {
        Ok(Self { elsewhere: "another host with --api", ..Self::new(base, base, timeouts)? })
    }

    /// Requests what a path with its query has, which is no more than `limit` bytes.
    pub(super) async fn fetch(
        &self,
        what: &str,
        path: &str,
        limit: usize,
    ) -> Result<(HeaderMap, Bytes), SourceError> {
        let url = format!("{}{path}", self.objects.url);
        let response = self.send(what, &self.objects, self.client.get(&url)).await?;
        let headers = response.headers().clone();
        let body = collect(what, self.body(what, response), limit).await?;
        Ok((headers, body))
    }

    fn object_url(&self, key: &str) -> String {
        format!("{}/{}", self.objects.url, utf8_percent_encode(key, PATH))
    }

    fn listing_url(&self, prefix: &str, delimiter: bool, marker: Option<&str>) -> String {
        let prefix = utf8_percent_encode(prefix, QUERY);
        let mut url = format!("{}/?prefix={prefix}", self.listing.url);
        if delimiter {
            url.push_str("&delimiter=%2F");
        }
        if let Some(marker) = marker {
            url.push_str(&format!("&marker={}", utf8_percent_encode(marker, QUERY)));
        }
        url
    }

    /// Sends a request and waits for the beginning of a successful answer.
    async fn send(
        &self,
        what: &str,
        base: &Base,
        request: RequestBuilder,
    ) -> Result<Response, SourceError> {
        let request = Credentials::sign(base.credentials.as_ref(), request);
        let Ok(answer) = tokio::time::timeout(self.answer_limit, request.send()).await else {
            return Err(SourceError::transient(what, "timed out: no answer is complete"));
        };
        let response = answer.map_err(|error| broken(what, &error))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let headers = response.headers().clone();
        let document = collect(what, self.body(what, response), ERROR_DOCUMENT).await;
        Err(classify(what, status, &headers, &document.unwrap_or_default(), self.elsewhere))
    }

    /// Returns the body of an answer, which ends in an error when it comes too slowly.
    ///
    /// The idle limit of the client starts again with each byte, so that a server that sends a byte
    /// now and then would hold a request for ever. Only the time that is spent waiting for the
    /// server counts, because a limit on bandwidth makes readers slow.
    fn body(&self, what: &str, response: Response) -> BoxStream<'static, Pieces> {
        let what = what.to_owned();
        let state = (response.bytes_stream().boxed(), self.answer_limit);
        let pieces = futures::stream::try_unfold(state, move |(mut body, answer_limit)| {
            let what = what.clone();
            async move {
                let begun = Instant::now();
                let Ok(next) = tokio::time::timeout(answer_limit, body.next()).await else {
                    return Err(SourceError::transient(&what, "the server sends too slowly"));
                };
                let Some(piece) = next else { return Ok(None) };
                let piece = piece.map_err(|error| broken(&what, &error))?;
                let earned = Duration::from_secs_f64(piece.len() as f64 / SLOWEST);
                let left = (answer_limit + earned).saturating_sub(begun.elapsed());
                Ok(Some((piece, (body, left))))
            }
        });
        pieces.boxed()
    }
}

type Pieces = Result<Bytes, SourceError>;

#[async_trait]
impl Source for HttpSource {
    fn location(&self) -> &str {
        &self.objects.url
    }

    fn is_listed_elsewhere(&self) -> bool {
        self.listed_elsewhere
    }

    async fn list(
        &self,
        prefix: &str,
        delimiter: bool,
        marker: Option<&str>,
    ) -> Result<ListingPage, SourceError> {
        let url = self.listing_url(prefix, delimiter, marker);
        let what = format!("listing of {prefix}");
        let response = self.send(&what, &self.listing, self.client.get(&url)).await?;
        let page = collect(&what, self.body(&what, response), LISTING_PAGE).await?;
        // A page of megabytes takes long enough to hold up all that runs on this thread.
        let parsed = tokio::task::spawn_blocking(move || parse_page(&page)).await;
        let parsed = parsed.map_err(|error| SourceError::fatal(&what, error.to_string()))?;
        parsed.map_err(|error| match error {
            ListingError::CutShort | ListingError::Xml { .. } => {
                SourceError::transient(&what, error.to_string())
            }
            other => SourceError::fatal(&what, format!("{other} (from {url})")),
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
        let response = self.send(key, &self.objects, request).await?;
        let validator = validator(response.headers());
        let (offset, size) = match (response.status(), resume) {
            (StatusCode::PARTIAL_CONTENT, Some(resume)) => {
                partial(key, &response, resume, &validator)?
            }
            (StatusCode::PARTIAL_CONTENT, None) => {
                let reason = "a part was sent though the whole was requested";
                return Err(SourceError::transient(key, reason));
            }
            _ => (0, content_length(response.headers())),
        };
        Ok(Download { offset, size, validator, body: self.body(key, response) })
    }

    async fn head(&self, key: &str) -> Result<Option<ObjectHead>, SourceError> {
        let request = self.client.head(self.object_url(key));
        match self.send(key, &self.objects, request).await {
            Ok(response) => Ok(Some(object_head(response.headers()))),
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
/// Bytes per second below which an answer is given up in the end.
const SLOWEST: f64 = 1024.0;

fn client(timeouts: Timeouts, named: [Url; 2]) -> ClientBuilder {
    Client::builder()
        .user_agent(concat!("lakehouse/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(timeouts.connect)
        .read_timeout(timeouts.idle)
        .pool_idle_timeout(Duration::from_secs(60))
        .redirect(redirects(named))
        // One connection carries all downloads there; its fixed window would leave a fast link idle
        // at high latency.
        .http2_adaptive_window(true)
}

/// Checks that a part is the requested one, of the object whose beginning is held.
fn partial(
    key: &str,
    response: &Response,
    resume: &Resume,
    validator: &Validator,
) -> Result<(u64, Option<u64>), SourceError> {
    let changed = |reason: String| SourceError::changed(key, reason);
    let range = header(response.headers(), &CONTENT_RANGE).unwrap_or_default();
    let Some((start, end, size)) = content_range(range) else {
        return Err(changed(format!("unreadable Content-Range `{}`", shown(range))));
    };
    if start != resume.offset || size.is_some_and(|size| end.checked_add(1) != Some(size)) {
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

fn content_length(headers: &HeaderMap) -> Option<u64> {
    header(headers, &CONTENT_LENGTH)?.parse().ok()
}

fn object_head(headers: &HeaderMap) -> ObjectHead {
    let Validator { etag, last_modified } = validator(headers);
    ObjectHead {
        size: content_length(headers),
        etag: etag.map(|etag| etag.trim_matches('"').to_owned()),
        last_modified,
    }
}

fn validator(headers: &HeaderMap) -> Validator {
    let time =
        header(headers, &LAST_MODIFIED).and_then(|value| httpdate::parse_http_date(value).ok());
    let etag = header(headers, &ETAG).filter(|etag| etag.len() <= LONGEST_ETAG);
    Validator {
        etag: etag.map(str::to_owned),
        last_modified: time.map(|time: SystemTime| DateTime::<Utc>::from(time)),
    }
}
