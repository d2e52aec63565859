//! Where archives come from: the public archive, a mirror, a directory or an object-store prefix.
//!
//! A [`Source`] makes one request and says what kind of failure it met. Trying again is the
//! business of [`retry`], choosing what to list that of [`lister`], and keeping bytes that of the
//! fetcher.

mod answers;
pub(crate) mod api;
mod doubt;
mod http;
pub mod lister;
pub mod listing;
pub mod location;
mod probe;
mod progress;
mod redirect;
pub mod retry;
mod series;
mod store;

use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use chrono::{DateTime, Datelike, Utc};
use futures::TryStreamExt;
use futures::stream::BoxStream;
use lakehouse_core::foreign::{redacted, shortened, shown};
use lakehouse_core::listing::ListingPage;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::storage::Storage;

/// Where the public archive keeps its objects.
pub const PUBLIC_ARCHIVE: &str = "https://data.binance.vision";
/// Where the public archive is listed.
pub const PUBLIC_LISTING: &str = "https://s3-ap-northeast-1.amazonaws.com/data.binance.vision";

/// A place that is laid out like the archive; keys are full keys (`data/spot/…`), not
/// percent-encoded.
#[async_trait]
pub trait Source: fmt::Debug + Send + Sync {
    /// Returns the location that users know it by, without a password.
    fn location(&self) -> &str;

    /// Returns whether what is not listed does not exist, so that no request need be made for it.
    fn lists_exactly(&self) -> bool {
        false
    }

    /// Returns whether another server lists it than the one that has its objects.
    fn is_listed_elsewhere(&self) -> bool {
        false
    }

    /// Lists up to a page of the keys that begin with `prefix` and come after `marker`, in byte
    /// order; with `delimiter`, what lies below the next slash is one prefix.
    async fn list(
        &self,
        prefix: &str,
        delimiter: bool,
        marker: Option<&str>,
    ) -> Result<ListingPage, SourceError>;

    /// Begins to read an object, from where `resume` says if its bytes are still the same.
    async fn get(&self, key: &str, resume: Option<&Resume>) -> Result<Download, SourceError>;

    /// Looks up whether an object exists, without reading it.
    async fn head(&self, key: &str) -> Result<Option<ObjectHead>, SourceError>;

    /// Reads a small object whole, or nothing if there is none.
    async fn get_small(&self, key: &str) -> Result<Option<Bytes>, SourceError> {
        match self.get(key, None).await {
            Ok(download) => collect(key, download.body, SMALL).await.map(Some),
            Err(SourceError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// What [`Source::get_small`] reads at most; a checksum file has about a hundred bytes.
const SMALL: usize = 64 * 1024;

/// Opens a source: an `http(s)://` base, a directory, or an object-store URL such as
/// `s3://bucket/prefix`.
///
/// An HTTP source is listed at `listing` if that is given, at the public archive's second host if
/// it is the public archive, and else at its own base.
///
/// # Errors
/// When the location is none of these, or a directory that is not there or not laid out like the
/// archive.
pub fn open_source(
    location: &str,
    listing: Option<&str>,
    timeouts: Timeouts,
) -> Result<Arc<dyn Source>, SourceError> {
    let http = location.starts_with("http://") || location.starts_with("https://");
    let location = match location.ends_with("://") {
        // Nothing but a scheme: it is named in the error as it was typed.
        true => location,
        false => location.trim_end_matches('/'),
    };
    if http {
        let own = if location == PUBLIC_ARCHIVE { PUBLIC_LISTING } else { location };
        return Ok(Arc::new(http::HttpSource::new(location, listing.unwrap_or(own), timeouts)?));
    }
    let unusable = |reason: String| SourceError::fatal(&redacted(location), reason);
    if listing.is_some() {
        return Err(unusable("only an http(s):// source can be listed elsewhere".to_owned()));
    }
    let storage = Storage::open(location).map_err(|error| unusable(error.to_string()))?;
    if let Some(folder) = storage.local_folder().filter(|folder| !folder.join("data").is_dir()) {
        let reason = format!(
            "`{}` has no folder `data`; expected it laid out like the archive",
            folder.display()
        );
        return Err(unusable(reason));
    }
    Ok(source_in(location, &storage))
}

/// Makes a source of storage that is laid out like the archive; `location` is what users know it
/// by.
#[must_use]
pub fn source_in(location: &str, storage: &Storage) -> Arc<dyn Source> {
    Arc::new(store::StoreSource::new(location, storage))
}

/// How long an HTTP source may keep silent; a steady download never times out.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    pub connect: Duration,
    /// Between one piece of an answer and the next.
    pub idle: Duration,
}

impl Timeouts {
    /// Returns how long an answer may take that brings a byte now and then, and no more.
    #[must_use]
    pub const fn whole_request(self) -> Duration {
        self.idle.saturating_mul(10)
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { connect: Duration::from_secs(15), idle: Duration::from_secs(30) }
    }
}

/// Years that a date in a header can have. Files and notes may have others.
const HTTP_YEARS: RangeInclusive<i32> = 1970..=9998;

/// What distinguishes one state of an object from another.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Validator {
    /// As the source writes it, with its quotes.
    pub etag: Option<String>,
    pub last_modified: Option<DateTime<Utc>>,
}

impl Validator {
    /// Returns the value of an `If-Range` header: a strong entity tag, else the date, else nothing.
    #[must_use]
    pub fn if_range(&self) -> Option<String> {
        let strong = self.etag.as_ref().filter(|etag| !etag.starts_with("W/"));
        strong.cloned().or_else(|| {
            let time = self.last_modified.filter(|time| HTTP_YEARS.contains(&time.year()))?;
            Some(httpdate::fmt_http_date(SystemTime::from(time)))
        })
    }
}

/// What a source says of an object without sending it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObjectHead {
    /// Bytes, where the source says so.
    pub size: Option<u64>,
    /// Without its quotes.
    pub etag: Option<String>,
    pub last_modified: Option<DateTime<Utc>>,
}

/// The rest of an object whose first `offset` bytes are held already.
#[derive(Clone, Debug)]
pub struct Resume {
    pub offset: u64,
    pub validator: Validator,
}

/// An object being read.
pub struct Download {
    /// Where in the object the body begins: 0, or the requested offset.
    pub offset: u64,
    /// Bytes of the whole object, if the source says so.
    pub size: Option<u64>,
    pub validator: Validator,
    pub body: BoxStream<'static, Result<Bytes, SourceError>>,
}

impl fmt::Debug for Download {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = (self.offset, self.size, &self.validator);
        f.debug_tuple("Download").field(&shown).finish()
    }
}

/// Why a request gave nothing, by what to do next.
#[derive(Clone, Debug, Error)]
pub enum SourceError {
    /// There is no such object: an answer, not a fault.
    #[error("{what}: not published")]
    NotFound { what: String },
    /// The same request may succeed later, not before `retry_after` if that is known.
    #[error("{what}: {reason}")]
    Transient { what: String, reason: String, retry_after: Option<Duration> },
    /// The source cannot be connected to, so that no other request will do better now.
    #[error("{what}: {reason}")]
    Unreachable { what: String, reason: String },
    /// The bytes held cannot be continued: read the object from its beginning.
    #[error("{what}: cannot be resumed: {reason}")]
    Changed { what: String, reason: String },
    /// The source refuses to serve this client.
    #[error("{what}: access denied: {reason}")]
    Denied { what: String, reason: String },
    /// Trying again is of no use.
    #[error("{what}: {reason}")]
    Fatal { what: String, reason: String },
}

/// Characters of a reason: what a server says, and what may help.
const REASON: usize = 700;

impl SourceError {
    pub(crate) fn transient(what: &str, reason: impl Into<String>) -> Self {
        let reason = shortened(&reason.into(), REASON);
        Self::Transient { what: shown(what), reason, retry_after: None }
    }

    pub(crate) fn fatal(what: &str, reason: impl Into<String>) -> Self {
        Self::Fatal { what: shown(what), reason: shortened(&reason.into(), REASON) }
    }

    fn changed(what: &str, reason: impl Into<String>) -> Self {
        Self::Changed { what: shown(what), reason: shortened(&reason.into(), REASON) }
    }

    fn denied(what: &str, reason: impl Into<String>) -> Self {
        Self::Denied { what: shown(what), reason: shortened(&reason.into(), REASON) }
    }

    /// Returns whether the same request may succeed later.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::Transient { .. } | Self::Unreachable { .. })
    }

    /// Returns whether nothing of the source can be connected to.
    #[must_use]
    pub const fn is_unreachable(&self) -> bool {
        matches!(self, Self::Unreachable { .. })
    }
}

/// Reads a body of at most `limit` bytes into memory.
async fn collect(
    what: &str,
    mut body: BoxStream<'static, Result<Bytes, SourceError>>,
    limit: usize,
) -> Result<Bytes, SourceError> {
    let mut whole = BytesMut::new();
    while let Some(piece) = body.try_next().await? {
        if whole.len() + piece.len() > limit {
            let reason = format!("the answer is longer than {limit} bytes");
            return Err(SourceError::fatal(what, reason));
        }
        whole.extend_from_slice(&piece);
    }
    Ok(whole.freeze())
}
