//! What an S3 bucket does: objects with entity tags, conditions, ranges, uploads in parts, pages of
//! listings.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;

use axum::body::Bytes;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header};
use chrono::{DateTime, Utc};

use super::{Answer, Asked, BUCKET};

/// The objects of a bucket, and uploads that are not complete yet.
pub(super) struct Objects {
    pub(super) page_size: usize,
    objects: BTreeMap<String, Object>,
    uploads: HashMap<String, BTreeMap<u32, Bytes>>,
    /// Counts writes, for entity tags and names of uploads.
    writes: u64,
}

struct Object {
    bytes: Bytes,
    etag: String,
    modified: DateTime<Utc>,
}

impl Default for Objects {
    fn default() -> Self {
        Self { page_size: 1000, objects: BTreeMap::new(), uploads: HashMap::new(), writes: 0 }
    }
}

impl Objects {
    pub(super) fn keys(&self, prefix: &str) -> Vec<String> {
        self.objects.keys().filter(|key| key.starts_with(prefix)).cloned().collect()
    }

    pub(super) fn content(&self, key: &str) -> Vec<u8> {
        self.objects[key].bytes.to_vec()
    }

    /// Does what a request asks for.
    pub(super) fn answer(&mut self, head: &Parts, requested: &Asked, body: Bytes) -> Answer {
        let upload = requested.parameter("uploadId");
        match (head.method.clone(), requested.key.as_str()) {
            (Method::GET, "") => self.list(requested),
            (Method::POST, "") => self.delete_all(&body),
            (Method::GET | Method::HEAD, key) => self.get(key, &head.headers),
            (Method::PUT, key) => match (upload, head.headers.get("x-amz-copy-source")) {
                (Some(upload), _) => self.put_part(upload, requested, body),
                (None, Some(source)) => self.copy(source, key),
                (None, None) => self.put(key, body, &head.headers),
            },
            (Method::POST, key) => match upload {
                Some(upload) => self.complete(upload, key, &head.headers),
                None => self.begin(key),
            },
            (Method::DELETE, key) => {
                match upload {
                    Some(upload) => drop(self.uploads.remove(upload)),
                    None => drop(self.objects.remove(key)),
                }
                empty(StatusCode::NO_CONTENT)
            }
            (method, key) => panic!("no S3 client sends {method} {key}"),
        }
    }

    fn get(&self, key: &str, headers: &HeaderMap) -> Answer {
        let Some(object) = self.objects.get(key) else { return refusal(404, "NoSuchKey") };
        if let Some(status) = object.unmet(headers) {
            return empty(status);
        }
        let size = object.bytes.len();
        let Some((start, end)) = range(headers, size) else { return refusal(416, "InvalidRange") };
        let mut answer = Response::new(object.bytes.slice(start..end));
        set(&mut answer, header::ETAG, &object.etag);
        set(&mut answer, header::LAST_MODIFIED, &httpdate::fmt_http_date(object.modified.into()));
        set(&mut answer, header::CONTENT_LENGTH, &(end - start).to_string());
        if headers.contains_key(header::RANGE) {
            *answer.status_mut() = StatusCode::PARTIAL_CONTENT;
            set(&mut answer, header::CONTENT_RANGE, &format!("bytes {start}-{}/{size}", end - 1));
        }
        answer
    }

    fn put(&mut self, key: &str, bytes: Bytes, headers: &HeaderMap) -> Answer {
        let held = self.objects.get(key);
        if headers.get(header::IF_NONE_MATCH).is_some_and(|condition| condition == "*")
            && held.is_some()
        {
            return refusal(412, "PreconditionFailed");
        }
        match (headers.get(header::IF_MATCH), held) {
            (Some(_), None) => return refusal(404, "NoSuchKey"),
            (Some(etag), Some(held)) if etag.as_bytes() != held.etag.as_bytes() => {
                return refusal(412, "PreconditionFailed");
            }
            _ => {}
        }
        let etag = self.store(key, bytes);
        let mut answer = empty(StatusCode::OK);
        set(&mut answer, header::ETAG, &etag);
        answer
    }

    pub(super) fn store(&mut self, key: &str, bytes: Bytes) -> String {
        self.writes += 1;
        let etag = format!("\"{:032x}\"", self.writes);
        self.objects.insert(key.to_owned(), Object { bytes, etag: etag.clone(), modified: now() });
        etag
    }

    fn copy(&mut self, source: &HeaderValue, key: &str) -> Answer {
        let source = percent_encoding::percent_decode(source.as_bytes()).decode_utf8().unwrap();
        let source =
            source.trim_start_matches('/').strip_prefix(BUCKET).unwrap().trim_start_matches('/');
        let Some(bytes) = self.objects.get(source).map(|object| object.bytes.clone()) else {
            return refusal(404, "NoSuchKey");
        };
        let etag = self.store(key, bytes);
        document(&format!("<CopyObjectResult><ETag>{}</ETag></CopyObjectResult>", escaped(&etag)))
    }

    fn begin(&mut self, key: &str) -> Answer {
        self.writes += 1;
        let upload = format!("upload-{}", self.writes);
        self.uploads.insert(upload.clone(), BTreeMap::new());
        let (key, upload) = (escaped(key), escaped(&upload));
        document(&format!(
            "<InitiateMultipartUploadResult><Key>{key}</Key><UploadId>{upload}</UploadId>\
             </InitiateMultipartUploadResult>"
        ))
    }

    fn put_part(&mut self, upload: &str, requested: &Asked, bytes: Bytes) -> Answer {
        let Some(parts) = self.uploads.get_mut(upload) else { return refusal(404, "NoSuchUpload") };
        let number = requested.parameter("partNumber").unwrap().parse().unwrap();
        parts.insert(number, bytes);
        let mut answer = empty(StatusCode::OK);
        set(&mut answer, header::ETAG, &format!("\"{upload}-{number}\""));
        answer
    }

    fn complete(&mut self, upload: &str, key: &str, headers: &HeaderMap) -> Answer {
        if headers.contains_key(header::IF_NONE_MATCH) && self.objects.contains_key(key) {
            return refusal(412, "PreconditionFailed");
        }
        let Some(parts) = self.uploads.remove(upload) else { return refusal(404, "NoSuchUpload") };
        let bytes: Vec<u8> = parts.into_values().flatten().collect();
        let etag = escaped(&self.store(key, bytes.into()));
        document(&format!(
            "<CompleteMultipartUploadResult><ETag>{etag}</ETag></CompleteMultipartUploadResult>"
        ))
    }

    fn delete_all(&mut self, body: &[u8]) -> Answer {
        let body = std::str::from_utf8(body).unwrap();
        let keys =
            body.split("<Key>").skip(1).map(|rest| unescaped(rest.split("</Key>").next().unwrap()));
        let mut deleted = String::from("<DeleteResult>");
        for key in keys {
            self.objects.remove(&key);
            write!(deleted, "<Deleted><Key>{}</Key></Deleted>", escaped(&key)).unwrap();
        }
        document(&(deleted + "</DeleteResult>"))
    }

    /// Answers a page of `ListObjectsV2`; the token that continues it is the last entry of the
    /// page.
    fn list(&self, requested: &Asked) -> Answer {
        let prefix = requested.parameter("prefix").unwrap_or_default();
        let after = requested
            .parameter("continuation-token")
            .or(requested.parameter("start-after"))
            .unwrap_or_default();
        let mut entries: Vec<(String, Option<&Object>)> = Vec::new();
        for (key, object) in
            self.objects.range(prefix.to_owned()..).take_while(|(key, _)| key.starts_with(prefix))
        {
            let folder = requested
                .parameter("delimiter")
                .and_then(|delimiter| key[prefix.len()..].split_once(delimiter));
            let entry = match folder {
                Some((folder, _)) => (format!("{prefix}{folder}/"), None),
                None => (key.clone(), Some(object)),
            };
            if *entry.0 > *after && entries.last().is_none_or(|(last, _)| *last != entry.0) {
                entries.push(entry);
            }
        }
        let asked_for =
            requested.parameter("max-keys").map_or(self.page_size, |keys| keys.parse().unwrap());
        let truncated = entries.len() > asked_for.min(self.page_size);
        entries.truncate(asked_for.min(self.page_size));
        let mut xml = format!("<ListBucketResult><IsTruncated>{truncated}</IsTruncated>");
        if let Some((last, _)) = entries.last().filter(|_| truncated) {
            write!(xml, "<NextContinuationToken>{}</NextContinuationToken>", escaped(last))
                .unwrap();
        }
        entries.iter().for_each(|(name, object)| write_entry(&mut xml, name, *object));
        document(&(xml + "</ListBucketResult>"))
    }
}

impl Object {
    /// Returns the status of an answer to a request whose conditions do not hold.
    fn unmet(&self, headers: &HeaderMap) -> Option<StatusCode> {
        let same = |name: HeaderName| Some(headers.get(name)?.as_bytes() == self.etag.as_bytes());
        if same(header::IF_MATCH) == Some(false) {
            return Some(StatusCode::PRECONDITION_FAILED);
        }
        (same(header::IF_NONE_MATCH) == Some(true)).then_some(StatusCode::NOT_MODIFIED)
    }
}

/// Returns the bytes requested, as far as there are any; nothing if there are none.
fn range(headers: &HeaderMap, size: usize) -> Option<(usize, usize)> {
    let Some(range) = headers.get(header::RANGE) else { return Some((0, size)) };
    let (first, last) =
        range.to_str().unwrap().strip_prefix("bytes=").unwrap().split_once('-').unwrap();
    let number = |text: &str| text.parse::<usize>().ok();
    let (start, end) = match (number(first), number(last)) {
        (Some(first), last) => (first, last.map_or(size, |last| last + 1)),
        (None, last) => (size.saturating_sub(last.unwrap()), size),
    };
    (start < size).then_some((start, end.min(size)))
}

fn write_entry(xml: &mut String, name: &str, object: Option<&Object>) {
    let name = escaped(name);
    let Some(object) = object else {
        write!(xml, "<CommonPrefixes><Prefix>{name}</Prefix></CommonPrefixes>").unwrap();
        return;
    };
    let modified = object.modified.format("%Y-%m-%dT%H:%M:%S.000Z");
    let (etag, size) = (escaped(&object.etag), object.bytes.len());
    let about =
        format!("<LastModified>{modified}</LastModified><ETag>{etag}</ETag><Size>{size}</Size>");
    write!(xml, "<Contents><Key>{name}</Key>{about}</Contents>").unwrap();
}

/// Answers that something was not done.
pub(super) fn refusal(status: u16, code: &str) -> Answer {
    let mut answer =
        document(&format!("<Error><Code>{code}</Code><Message>as S3 says it</Message></Error>"));
    *answer.status_mut() = StatusCode::from_u16(status).unwrap();
    answer
}

fn document(xml: &str) -> Answer {
    Response::new(Bytes::from(format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>{xml}")))
}

fn empty(status: StatusCode) -> Answer {
    let mut answer = Response::new(Bytes::new());
    *answer.status_mut() = status;
    answer
}

fn set(answer: &mut Answer, name: HeaderName, value: &str) {
    answer.headers_mut().insert(name, HeaderValue::from_str(value).unwrap());
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}

fn unescaped(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&apos;", "'")
        .replace("&amp;", "&")
}

#[expect(clippy::disallowed_methods, reason = "a store dates its objects itself")]
fn now() -> DateTime<Utc> {
    std::time::SystemTime::now().into()
}
