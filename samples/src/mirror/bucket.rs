//! What a bucket answers: pages of its listing (S3 `ListObjects`, version 1) and objects, whole or
//! from a byte on.
//!
//! Nothing here knows of sockets, so that a server that misbehaves on purpose can answer from the
//! same code.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use axum::body::Bytes;
use axum::http::header::{
    ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, ETAG, IF_RANGE, LAST_MODIFIED, RANGE,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

/// Entries of a page of the archive's listing.
pub const PAGE_SIZE: usize = 1000;

/// Objects by key, in the byte order in which they are listed.
#[derive(Clone, Debug, Default)]
pub struct Bucket {
    objects: BTreeMap<String, Object>,
}

/// The parameters of a page of the listing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    pub prefix: String,
    /// Only what comes after this.
    pub marker: Option<String>,
    /// Whether what lies below the next slash is one entry.
    pub delimiter: bool,
}

impl Bucket {
    /// Stores an object, in place of one with the same key.
    pub fn put(&mut self, key: &str, bytes: impl Into<Bytes>, modified: DateTime<Utc>) {
        self.objects.insert(key.to_owned(), Object::new(bytes.into(), modified));
    }

    /// Removes an object.
    pub fn remove(&mut self, key: &str) {
        self.objects.remove(key);
    }

    /// Gives an object another entity tag, as an upload of the same bytes in several parts would.
    pub fn set_etag(&mut self, key: &str, etag: &str) {
        if let Some(object) = self.objects.get_mut(key) {
            etag.clone_into(&mut object.etag);
        }
    }

    /// Returns an object.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Object> {
        self.objects.get(key)
    }

    /// Returns all objects, in the order of their keys.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Object)> {
        self.objects.iter().map(|(key, object)| (key.as_str(), object))
    }

    /// Returns a page of the listing as XML. `NextMarker` is only there with a delimiter, as S3 has
    /// it.
    #[must_use]
    pub fn list(&self, request: &Listing, page_size: usize) -> String {
        let mut entries = self.entries(request);
        let truncated = entries.len() > page_size;
        entries.truncate(page_size);
        let mut xml =
            String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListBucketResult>");
        element(&mut xml, "Prefix", &request.prefix);
        element(&mut xml, "IsTruncated", if truncated { "true" } else { "false" });
        if let Some((last, _)) = entries.last().filter(|_| truncated && request.delimiter) {
            element(&mut xml, "NextMarker", last);
        }
        for (name, object) in entries {
            match object {
                None => write_prefix(&mut xml, name),
                Some(object) => object.write_entry(&mut xml, name),
            }
        }
        xml + "</ListBucketResult>"
    }

    /// Returns everything that is requested: objects, and folders without one.
    fn entries(&self, request: &Listing) -> Vec<(&str, Option<&Object>)> {
        let mut entries: Vec<(&str, Option<&Object>)> = Vec::new();
        let marker = request.marker.as_deref().unwrap_or_default();
        let objects = self.objects.range(request.prefix.clone()..);
        for (key, object) in objects.take_while(|(key, _)| key.starts_with(&request.prefix)) {
            let rest = &key[request.prefix.len()..];
            let entry = match rest.find('/').filter(|_| request.delimiter) {
                Some(slash) => (&key[..=request.prefix.len() + slash], None),
                None => (key.as_str(), Some(object)),
            };
            if entry.0 > marker && entries.last().is_none_or(|(last, _)| *last != entry.0) {
                entries.push(entry);
            }
        }
        entries
    }
}

/// One object, as it is served.
#[derive(Clone, Debug)]
pub struct Object {
    bytes: Bytes,
    modified: DateTime<Utc>,
    etag: String,
}

impl Object {
    fn new(bytes: Bytes, modified: DateTime<Utc>) -> Self {
        let digest = Sha256::digest(&bytes);
        let etag = format!("\"{}\"", hex::encode(&digest[..16]));
        Self { bytes, modified, etag }
    }

    /// Returns when it was last changed.
    #[must_use]
    pub const fn modified(&self) -> DateTime<Utc> {
        self.modified
    }

    /// Answers a request for the object: all of it, or the part from `Range: bytes=N-` if
    /// `If-Range` still holds.
    #[must_use]
    pub fn answer(&self, headers: &HeaderMap) -> Response<Bytes> {
        let size = self.bytes.len();
        let start = start_asked(headers).filter(|_| self.is_still(headers));
        if start.is_some_and(|start| start >= size) {
            return refusal(StatusCode::RANGE_NOT_SATISFIABLE, "InvalidRange");
        }
        let bytes = self.bytes.slice(start.unwrap_or(0)..);
        let length = bytes.len();
        let mut response = Response::new(bytes);
        let mut set = |name: HeaderName, value: String| {
            if let Ok(value) = HeaderValue::from_str(&value) {
                response.headers_mut().insert(name, value);
            }
        };
        set(ETAG, self.etag.clone());
        set(LAST_MODIFIED, self.http_date());
        set(ACCEPT_RANGES, "bytes".to_owned());
        set(CONTENT_LENGTH, length.to_string());
        if let Some(start) = start {
            set(CONTENT_RANGE, format!("bytes {start}-{}/{size}", size - 1));
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        }
        response
    }

    fn is_still(&self, headers: &HeaderMap) -> bool {
        let Some(condition) = headers.get(IF_RANGE) else { return true };
        condition.as_bytes() == self.etag.as_bytes()
            || condition.as_bytes() == self.http_date().as_bytes()
    }

    fn http_date(&self) -> String {
        httpdate::fmt_http_date(self.modified.into())
    }

    fn write_entry(&self, xml: &mut String, key: &str) {
        xml.push_str("<Contents>");
        element(xml, "Key", key);
        element(xml, "LastModified", &self.modified.format("%Y-%m-%dT%H:%M:%S.000Z").to_string());
        element(xml, "ETag", &self.etag);
        element(xml, "Size", &self.bytes.len().to_string());
        xml.push_str("</Contents>");
    }
}

/// Answers a request for an object that is not there.
#[must_use]
pub fn missing() -> Response<Bytes> {
    refusal(StatusCode::NOT_FOUND, "NoSuchKey")
}

fn refusal(status: StatusCode, code: &str) -> Response<Bytes> {
    let mut document = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error>");
    element(&mut document, "Code", code);
    document.push_str("</Error>");
    let mut response = Response::new(Bytes::from(document));
    *response.status_mut() = status;
    response
}

fn start_asked(headers: &HeaderMap) -> Option<usize> {
    headers.get(RANGE)?.to_str().ok()?.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok()
}

fn write_prefix(xml: &mut String, folder: &str) {
    xml.push_str("<CommonPrefixes>");
    element(xml, "Prefix", folder);
    xml.push_str("</CommonPrefixes>");
}

fn element(xml: &mut String, name: &str, text: &str) {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;");
    // Writing to a string does not fail.
    let _ = write!(xml, "<{name}>{text}</{name}>");
}
